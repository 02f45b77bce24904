"""A sweep: what a program does is looked at once, then it is run again for each call that matters, spoiled there.

A Scenario says how to run the program and what must hold afterwards, however
it ended.  Nothing here knows of mail: the queue's scenarios are in
``scenarios``, a runner with its server may be another.
"""

import pathlib
import shutil
import subprocess
from binascii import crc32
from collections.abc import Callable

from tests.crash.syscalls import FORKS, MAKES, OPENS, READS, REMOVES, SHORTENED, SYNCS, TALKS, WRITES
from tests.crash.tracer import KILL, SHORT, Call, Fault, Run, run

# Which error a call may end with.  What cannot happen in real life is left out: nothing could promise anything then.
ERRORS: dict[str, set[str]] = {
    "ENOSPC": WRITES | MAKES | {"openat", "open", "creat", "fsync", "fdatasync", "fallocate", "utimensat"},
    "EDQUOT": WRITES | MAKES | {"openat", "open", "creat", "fsync", "fdatasync"},
    "EIO": WRITES | READS | MAKES | REMOVES | SYNCS - {"sync"} | {"openat", "open", "utimensat"},
    "EMFILE": OPENS,
    "EINTR": WRITES | READS | MAKES | SYNCS - {"sync"} | TALKS | {"openat", "open", "flock", "accept4"},
    "EAGAIN": FORKS,
    "ECONNRESET": {"connect", "sendto", "recvfrom"},
}
KINDS = (KILL, SHORT, *ERRORS)


class Command:
    """How to run a program: as subprocess.run takes it; nothing of our own environment."""

    def __init__(
        self, argv: list[str], *, env: dict[str, str], stdin: bytes = b"", cwd: pathlib.Path | None = None
    ) -> None:
        self.argv = argv
        self.env = env
        self.stdin = stdin
        self.cwd = cwd

    def traced(self, fault: Fault | None = None) -> Run:
        return run(self.argv, env=self.env, stdin=self.stdin, cwd=self.cwd, fault=fault)

    def plain(self) -> "subprocess.CompletedProcess[bytes]":
        """Once more, without a fault: what a retry, or the next run, would do."""
        return subprocess.run(
            self.argv, input=self.stdin, capture_output=True, env=self.env, cwd=self.cwd, timeout=60, check=False
        )


class Scenario:
    """Derive from it.

    prepare: makes all that the program needs in an empty directory, and says how to run it.  The same
             calls must follow each time.
    matters: True for calls that are to be spoiled.  By default those about the directory, standard
             input and output, sockets, and all that a program may be unable to open or start.
    check:   asserts what must hold after a run that was spoiled, or was not (run.hit is None).
    """

    def prepare(self, home: pathlib.Path) -> Command:
        raise NotImplementedError

    def check(self, home: pathlib.Path, run: Run) -> None:
        raise NotImplementedError

    def matters(self, call: Call, home: pathlib.Path) -> bool:
        if call.name in FORKS | {"pipe", "pipe2", "socket"}:
            return True
        return any(path.startswith((str(home), "socket:", "/memfd:", "pipe:")) for path in call.paths)


def applies(kind: str, call: Call) -> bool:
    """Whether this can happen to that call."""
    if kind == KILL:
        return True
    if kind == SHORT:
        return call.name in SHORTENED and call.args[2] > 1 and (call.result or 0) > 1
    return call.name in ERRORS[kind]


def points(scenario: Scenario, home: pathlib.Path) -> list[Call]:
    """The calls that matter, in the order in which they were made; the run itself is checked, too."""
    home.mkdir()
    clean = scenario.prepare(home).traced()
    assert clean.code == 0, clean
    scenario.check(home, clean)
    return [call for call in clean.calls if scenario.matters(call, home)]


# Whether a pipe is read in one piece or in two is a matter of luck, and numbers the calls behind it anew.
TRIES = 10


def sweep(
    scenario: Scenario, kind: str, tmp_path: pathlib.Path, count: Callable[[int], None], share: tuple[int, int] = (0, 1)
) -> None:
    """Spoils each call that matters, one in each run.  count: told how many there were.

    share: (which, of how many) where several tests do that together; which call is
    in which share does not depend on the others, which may be a few more the next time.
    """
    which, shares = share
    found = {call.point: call for call in points(scenario, tmp_path / "clean") if applies(kind, call)}
    assert found or kind == "EAGAIN"
    calls = [call for point, call in found.items() if crc32(repr(point).encode()) % shares == which]
    for call in calls:
        for attempt in range(TRIES):
            home = tmp_path / f"{call.number % 1000:03}-{attempt}"  # as long as "clean": buffers hold the path
            if spoiled(scenario, home, call, kind):
                break
        else:
            raise AssertionError(f"{call} was not made again in {TRIES} runs")
    count(len(calls))


def spoiled(scenario: Scenario, home: pathlib.Path, call: Call, kind: str) -> bool:
    """Runs it with this call spoiled.  False if another one was, or none: that is no failure, and no success."""
    home.mkdir()
    try:
        ended = scenario.prepare(home).traced(Fault(call.point, kind))
        scenario.check(home, ended)
    except AssertionError as error:
        raise AssertionError(f"{kind} at {call}, {ended}: {error}") from error
    finally:
        shutil.rmtree(home)
    return ended.hit is not None and (ended.hit.name, ended.hit.program) == (call.name, call.program)
