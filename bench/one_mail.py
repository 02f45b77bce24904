"""What one mail costs: turns, wall clock at 50 ms and on loopback, processor time, memory, imports, system calls."""

import os
import pathlib
import shutil
import statistics
import subprocess
import threading
from collections.abc import Iterator

from bench import mail
from bench.contestant import Contestant
from bench.gauge import Run, run
from bench.installation import real_python
from bench.relay import Relay
from tests.interop.mailserver import MailServer

RECIPIENT = "bench@example.test"
DISCARDED = "bench@discard.test"  # the server takes it and throws it away
GAUGE = str(pathlib.Path(__file__).with_name("gauge.py"))
GIGABYTE = 1_000_000_000


class Times:
    """What a contestant needed, run by run, in seconds."""

    def __init__(self, runs: list[Run]) -> None:
        self.wall = [one.wall for one in runs]
        self.cpu = [one.cpu for one in runs]


class OneMail:
    """Measures with a server that runs, and a directory to write in."""

    def __init__(self, server: MailServer, directory: pathlib.Path) -> None:
        self.server = server
        self.directory = directory
        self.mail = mail.as_file(str(directory), mail.small())
        self.output = directory / "output"

    def turns(self, contestant: Contestant) -> int:
        """How often it waited for the server (see bench.relay)."""
        with Relay(self.server.ports["submission"], rtt=0.02) as relay:
            self._send(contestant, relay.port)
            return relay.trips()[0].turns

    def at_distance(self, contestants: tuple[Contestant, ...], rtt: float, rounds: int) -> list[Times]:
        """The server ``rtt`` seconds away."""
        with Relay(self.server.ports["submission"], rtt=rtt) as relay:
            return self._take_turns(contestants, relay.port, rounds, floor=False)

    def on_loopback(self, contestants: tuple[Contestant, ...], rounds: int) -> list[Times]:
        """As the server is; after the contestants the bare interpreter, in the same rounds."""
        return self._take_turns(contestants, self.server.ports["submission"], rounds, floor=True)

    def _take_turns(self, contestants: tuple[Contestant, ...], port: int, rounds: int, floor: bool) -> list[Times]:
        """A B A B …, after two rounds that do not count."""
        runs: list[list[Run]] = [[] for _ in (*contestants, *([None] if floor else []))]
        for turn in range(rounds + 2):
            for number, one in enumerate(contestants):
                made = self._send(one, port)
                if turn >= 2:
                    runs[number].append(made)
            if floor:
                made = self._spawn([real_python(), "-I", "-S", "-c", "pass"], {})
                if turn >= 2:
                    runs[-1].append(made)
        return [Times(one) for one in runs]

    def _send(self, contestant: Contestant, port: int) -> Run:
        made = self._spawn(contestant.argv(port, RECIPIENT), contestant.environ)
        self.server.postfix.settle()  # or the next one would share the processor with this one's delivery
        return made

    def _spawn(self, argv: list[str], environ: dict[str, str]) -> Run:
        with open(self.mail, "rb") as stdin, open(self.output, "wb") as output:
            made = run(argv, environ, stdin=stdin.fileno(), output=output.fileno())
        self._check(argv, made.code)
        return made

    def _check(self, argv: list[str], code: int) -> None:
        if code:
            said = self.output.read_text(errors="replace")
            raise RuntimeError(f"{argv[0]} ended with {code}: {said}")

    def delivered(self) -> int:
        """How many mails have arrived so far."""
        return len(self.server.mails(RECIPIENT))

    def peak(self, contestant: Contestant, listener: str, size: int) -> int:
        """Peak memory in kB for a mail of that size from a pipe."""
        argv = contestant.argv(self.server.ports[listener], DISCARDED)
        result = self.directory / "peak"
        readable, writable = os.pipe()
        pourer = threading.Thread(target=mail.pour, args=(size, writable))
        with open(self.output, "wb") as output:
            made = run(
                [real_python(), "-I", "-S", GAUGE, str(result), *argv],
                contestant.environ,
                stdin=readable,
                output=output.fileno(),
                meanwhile=pourer.start,
            )
        os.close(readable)
        pourer.join()
        self._check(argv, made.code)
        self.server.postfix.settle()
        return int(result.read_text())

    def modules(self, contestant: Contestant) -> int:
        """How many modules were imported, those of the interpreter's own start included."""
        return self._imports(contestant.argv(self.server.ports["submission"], RECIPIENT), contestant.environ)

    def modules_of_python(self, contestant: Contestant) -> int:
        """The same for its interpreter with nothing to do."""
        return self._imports([str(pathlib.Path(contestant.program).with_name("python")), "-c", "pass"], {})

    def _imports(self, argv: list[str], environ: dict[str, str]) -> int:
        self._spawn(argv, environ | {"PYTHONPROFILEIMPORTTIME": "1"})
        said = self.output.read_text(errors="replace").splitlines()
        return sum(line.startswith("import time:") for line in said) - 1  # the first line is the head of the table

    def system_calls(self, contestant: Contestant) -> int | None:
        """How many system calls, its children's included; None without strace."""
        strace = shutil.which("strace")
        if not strace:
            return None
        counts = self.directory / "strace"
        argv = [strace, "-f", "-c", "-o", str(counts), *contestant.argv(self.server.ports["submission"], RECIPIENT)]
        self._spawn(argv, contestant.environ)
        *_, total = (line.split() for line in counts.read_text().splitlines() if line.endswith("total"))
        return int(total[2] if len(total) < 6 else total[3])


def middle(values: list[float]) -> float:
    return statistics.median(values)


def spread(values: list[float], scale: float = 1000) -> str:
    """min / median / max, in milliseconds."""
    return " / ".join(f"{value * scale:.1f}" for value in (min(values), middle(values), max(values)))


def versions(contestants: tuple[Contestant, ...]) -> Iterator[str]:
    """A line for each program that takes part."""
    for one in contestants:
        yield f"{one.name}: {one.version} ({one.settings})"


def surroundings() -> Iterator[str]:
    """The same for what is around them: the server, the interpreter, the machine."""
    for name, *argv in (
        ("Postfix", "postconf", "-d", "-h", "mail_version"),
        ("Dovecot", "dovecot", "--version"),
        ("Python", real_python(), "--version"),
    ):
        done = subprocess.run(argv, capture_output=True, text=True)
        yield f"{name}: {done.stdout.strip()}"
    machine = os.uname()
    yield f"machine: {os.cpu_count()} processors, {machine.machine}, {machine.sysname} {machine.release}"
    load = os.getloadavg()[0]
    yield f"load: {load:.1f}" + ("; too busy for times to mean much" if load > 0.5 * (os.cpu_count() or 1) else "")
