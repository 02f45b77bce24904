"""What it costs the caller to have a mail queued: -odq and the wrapper, beside an interpreter with nothing to do."""

import os
import pathlib
import shutil
import statistics
import tempfile
import time

from bench import mail
from bench.gauge import Run, run
from bench.installation import real_python
from bench.table import judged, line

MEMORY = "/dev/shm"


class Caller:
    """A command that takes a mail from standard input, in a home of its own."""

    def __init__(self, home: pathlib.Path, name: str, argv: list[str]) -> None:
        self.name, self.argv, self.home = name, argv, home
        home.mkdir(parents=True, exist_ok=True)
        self.environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        self.wall: list[float] = []
        self.cpu: list[float] = []

    @property
    def middle(self) -> float:
        """Of the wall clock, in milliseconds."""
        return statistics.median(self.wall) * 1000

    @property
    def middle_cpu(self) -> float:
        """Of the processor time, that of its children included, in milliseconds."""
        return statistics.median(self.cpu) * 1000

    def __str__(self) -> str:
        return " / ".join(f"{value * 1000:.1f}" for value in (min(self.wall), self.middle / 1000, max(self.wall)))


class Enqueue:
    """Runs callers with the same mail, in a directory to write in."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.mail = mail.as_file(str(directory), mail.of_two_kilobytes())
        self.output = directory / "output"

    def take_turns(self, callers: list[Caller], rounds: int) -> None:
        """A B C A B C …; two rounds do not count."""
        for turn in range(rounds + 2):
            for caller in callers:
                made = self.call(caller.argv, caller.environ)
                if turn >= 2:
                    caller.wall.append(made.wall)
                    caller.cpu.append(made.cpu)

    def call(self, argv: list[str], environ: dict[str, str]) -> Run:
        """RuntimeError when it says that it failed."""
        with open(self.mail, "rb") as stdin, open(self.output, "wb") as output:
            made = run(argv, environ, stdin=stdin.fileno(), output=output.fileno())
        if made.code:
            raise RuntimeError(f"{argv} ended with {made.code}: {self.output.read_text(errors='replace')}")
        return made

    def system_calls(self, caller: Caller) -> dict[str, int]:
        """How many of each, its children's included; {} without strace."""
        strace = shutil.which("strace")
        if not strace:
            return {}
        counts = self.directory / "strace"
        self.call([strace, "-f", "-c", "-U", "calls,name", "-o", str(counts), *caller.argv], caller.environ)
        rows = (row.split() for row in counts.read_text().splitlines())
        return {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[0].isdigit() and row[1] != "total"}

    def modules(self, argv: list[str], environ: dict[str, str]) -> int:
        """How many were imported, those of the interpreter's own start included."""
        self.call(argv, environ | {"PYTHONPROFILEIMPORTTIME": "1"})
        said = self.output.read_text(errors="replace").splitlines()
        return sum(row.startswith("import time:") for row in said) - 1  # the first line is the head of the table


def callers(directory: pathlib.Path, esmtp: str) -> list[Caller]:
    """Python with nothing to do; -odq; the wrapper under the shells that are here.

    The wrapper is called as it would be as sendmail, with -odq, too: a run of
    the queue in the background would be measured with the next call.
    """
    name = directory / "links" / "sendmail"
    name.parent.mkdir()
    name.symlink_to(pathlib.Path(esmtp).with_name("esmtp-wrapper"))
    call = ["-odq", "-i", "-f", "alice@example.test", "bench@discard.test"]
    found = [
        Caller(directory / "python", "python3 -I -S -c pass", [real_python(), "-I", "-S", "-c", "pass"]),
        Caller(directory / "odq", "esmtp -odq", [esmtp, *call]),
    ]
    for shell in (["dash"], ["busybox", "sh"]):
        program = shutil.which(shell[0], path="/usr/bin:/bin")
        if program:
            label = f"wrapper, {shell[0]}"
            found.append(Caller(directory / shell[0], label, [program, *shell[1:], str(name), *call]))
    return found


def measure(directory: pathlib.Path, esmtp: str, quick: bool) -> None:
    """Prints a line for each."""
    bench = Enqueue(directory)
    floor, *others = callers(directory, esmtp)
    bench.take_turns([floor, *others], 10 if quick else 60)
    line("a mail of 2 kB into the queue", "ms", "system calls", "ratio", "goal")
    line(floor.name, str(floor), counted(bench.system_calls(floor)))
    for caller in others:
        ratio = caller.middle / floor.middle
        goal = judged(ratio, 1.6, "at most 1.60:")
        line(caller.name, str(caller), counted(bench.system_calls(caller)), f"{ratio:.2f}", goal)
    for caller in others[1:]:
        ratio = caller.middle / others[0].middle
        line(f"{caller.name}, beside -odq", "", "", f"{ratio:.2f}", judged(ratio, 1.0, "at most 1.00:"))
    without_disk(esmtp, quick)
    for caller in others:
        ratio = caller.middle_cpu / floor.middle_cpu
        line(f"{caller.name}, CPU alone", f"{caller.middle_cpu:.1f}", f"{floor.middle_cpu:.1f}", f"{ratio:.2f}")
    ours, python = others[0], str(pathlib.Path(esmtp).with_name("python"))
    modules, bare = bench.modules(ours.argv, ours.environ), bench.modules([python, "-c", "pass"], ours.environ)
    line("modules imported by -odq", str(modules), "", "", f"{bare} without a program")
    line("the disk alone (ms)", f"{disk(directory) * 1000:.1f}", "", "", "fsync of a new file, then of its directory")


def without_disk(esmtp: str, quick: bool) -> None:
    """The same with the queue in memory: what is left is ours, and not the disk's."""
    if not os.access(MEMORY, os.W_OK):
        return
    with tempfile.TemporaryDirectory(prefix="esmtp-bench-", dir=MEMORY) as name:
        directory = pathlib.Path(name)
        floor, *others = callers(directory, esmtp)
        Enqueue(directory).take_turns([floor, *others], 10 if quick else 60)
    for caller in others:
        ratio = caller.middle / floor.middle
        goal = judged(ratio, 1.6, "at most 1.60:")
        line(f"{caller.name}, queue in memory", str(caller), str(floor), f"{ratio:.2f}", goal)


def counted(calls: dict[str, int]) -> str:
    """The sum, and what is dear."""
    if not calls:
        return "no strace"
    dear = sum(calls.get(name, 0) for name in ("fsync", "fdatasync", "syncfs", "sync"))
    started = sum(calls.get(name, 0) for name in ("fork", "vfork", "clone", "clone3"))
    return f"{sum(calls.values())}, {dear} syncs, {started} forks"


def disk(directory: pathlib.Path, rounds: int = 20) -> float:
    """Seconds for what every queued mail has to wait for; no program can be faster than that."""
    data, times = mail.of_two_kilobytes(), []
    parent = os.open(directory, os.O_RDONLY)
    for number in range(rounds):
        began = time.perf_counter()
        with open(directory / f"alone{number}", "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.fsync(parent)
        times.append(time.perf_counter() - began)
    os.close(parent)
    return statistics.median(times)
