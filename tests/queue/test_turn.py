"""Runs behind callers' backs: one after the other, no mail without a run that sees it, also when some are killed."""

import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.queue.turn import RUNNING, SLEEPING, WAITING
from tests.queue.conftest import HOUR, Queue
from tests.server import SubmissionServer

# A process whose runs are recorded in "log", with what there was to be seen, and last until "go" is written to.
PROGRAM = """
import os, sys
from esmtp_py.queue import turn
from esmtp_py.queue.store import Store

turn.PATIENCE = float(sys.argv[1])

def look():
    line = " ".join([str(os.getpid()), *sorted(os.listdir("mails"))])
    with open("log", "a") as log:
        log.write(line + "\\n")
    with open("go") as go:
        go.read()
    return 0

with Store.open() as store:
    turn.take_turns(store, look)
"""

SLEEPER = """
import sys, time
from esmtp_py.queue import turn
from esmtp_py.queue.store import Store

with Store.open() as store:
    woken = turn._sleep(store, float(sys.argv[1]))
print(woken, time.time())
"""

# The command, which waits for the run before it as long as we like.
PATIENT = """
import sys
from esmtp_py.cli import main
from esmtp_py.queue import turn

turn.PATIENCE = 600
sys.argv[0] = "esmtp"
main.run()
"""


def until(condition: "Callable[[], object]", seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this has not come about"
        time.sleep(0.01)


class Crowd:
    """Processes that all want to run the queue."""

    def __init__(self, queue: Queue) -> None:
        self.home = queue.home
        self.locks = pathlib.Path(queue.store.path)
        self.processes: list[subprocess.Popen[bytes]] = []
        (self.home / "mails").mkdir()
        os.mkfifo(self.home / "go")

    def join(self, mail: str, patience: float = 60) -> "subprocess.Popen[bytes]":
        """A mail is queued, and then a run started."""
        (self.home / "mails" / mail).touch()
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(patience)], cwd=self.home)
        self.processes.append(process)
        return process

    def sleep(self, moment: float) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", SLEEPER, str(moment)], cwd=self.home, stdout=subprocess.PIPE)
        self.processes.append(process)
        return process

    def log(self) -> list[list[str]]:
        """Of each run that began, the process and what it saw."""
        path = self.home / "log"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def go(self) -> None:
        """Lets the run end that goes on."""
        with (self.home / "go").open("w") as go:
            go.write("x")

    def alive(self) -> "list[subprocess.Popen[bytes]]":
        return [process for process in self.processes if process.poll() is None]

    def held(self, name: str) -> bool:
        """Somebody has that lock.  To try it out would be to have it, and others would go home because of that."""
        path = self.locks / name
        if not path.exists():
            return False
        inode = str(path.stat().st_ino)
        locks = [line.split() for line in pathlib.Path("/proc/locks").read_text().splitlines()]
        return any(lock[1] == "FLOCK" and lock[5].split(":")[-1] == inode for lock in locks)

    def wakes(self) -> float:
        """When the one that sleeps is to wake, as it stands in the file."""
        path = self.locks / SLEEPING
        return path.stat().st_mtime if path.exists() else 0

    def wake(self, moment: float) -> None:
        """As one would whose mail is due then."""
        os.utime(self.locks / SLEEPING, (moment, moment))

    def kill(self, process: "subprocess.Popen[bytes]") -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(60)


@pytest.fixture
def crowd(queue: Queue) -> Iterator[Crowd]:
    made = Crowd(queue)
    yield made
    for process in made.alive():
        made.kill(process)


def grown(crowd: Crowd, number: int) -> list[str]:
    """One run goes on, one waits for its end, all others have gone home; the names of all mails."""
    first = crowd.join("m0")
    until(lambda: len(crowd.log()) == 1)
    names = ["m0"]
    for each in range(1, number):
        names.append(f"m{each}")
        crowd.join(names[-1])
        if each == 1:
            until(lambda: crowd.held(WAITING))
    until(lambda: len(crowd.alive()) == 2)
    assert first in crowd.alive()
    return names


def test_a_series_is_two_runs_and_the_second_sees_all(crowd: Crowd) -> None:
    names = grown(crowd, 30)
    assert crowd.log() == [[str(crowd.processes[0].pid), "m0"]]
    crowd.go()
    until(lambda: len(crowd.log()) == 2)
    assert crowd.log()[1][1:] == sorted(names)
    crowd.go()
    until(lambda: not crowd.alive())
    assert len(crowd.log()) == 2
    assert [process.returncode for process in crowd.processes] == [0] * 30


def test_when_the_run_is_killed_the_one_behind_it_goes_on(crowd: Crowd) -> None:
    names = grown(crowd, 5)
    crowd.kill(crowd.processes[0])
    until(lambda: len(crowd.log()) == 2)
    assert crowd.log()[1][1:] == sorted(names)
    crowd.go()


def test_when_the_one_behind_is_killed_the_next_takes_its_place(crowd: Crowd) -> None:
    grown(crowd, 5)
    [waiting] = [process for process in crowd.alive() if process is not crowd.processes[0]]
    crowd.kill(waiting)
    crowd.join("last")
    until(lambda: crowd.held(WAITING))
    crowd.go()
    until(lambda: len(crowd.log()) == 2)
    assert crowd.log()[1][1:] == ["last", "m0", "m1", "m2", "m3", "m4"]
    crowd.go()


def test_once_a_run_has_begun_to_look_another_may_wait(crowd: Crowd) -> None:
    """Or its mail would be seen by nobody."""
    crowd.join("m0")
    until(lambda: len(crowd.log()) == 1)
    assert not crowd.held(WAITING)
    assert crowd.held(RUNNING)
    crowd.go()


def test_a_run_that_hangs_is_not_waited_for_without_end(crowd: Crowd) -> None:
    crowd.join("m0")
    until(lambda: len(crowd.log()) == 1)
    began = time.monotonic()
    crowd.join("m1", patience=0.5)
    until(lambda: len(crowd.log()) == 2)
    assert time.monotonic() >= began + 0.5
    assert crowd.log()[1][1:] == ["m0", "m1"]
    assert len(crowd.alive()) == 2


@pytest.mark.parametrize("name", [WAITING, RUNNING])
def test_without_a_lock_everybody_runs(crowd: Crowd, name: str) -> None:
    (crowd.locks / name).mkdir()
    crowd.join("m0")
    until(lambda: len(crowd.log()) == 1)
    crowd.go()
    until(lambda: not crowd.alive())
    assert crowd.processes[0].returncode == 0


def test_the_last_look_of_a_run_finds_the_mail_of_one_that_was_killed_waiting(queue: Queue, crowd: Crowd) -> None:
    """The real command: one run is busy, the one behind it is killed, and nobody comes after that."""
    with SubmissionServer(tls="none", mechanisms=()) as server:
        hold = server.planned

        def planned(what: str, subject: str) -> "str | None":
            if what == "MAIL" and not server.mails:
                until(lambda: killed)
            return hold(what, subject)

        killed: list[int] = []
        server.planned = planned  # type: ignore[method-assign]
        queue.way(server)
        queue.now = time.time()
        queue.put("a@x.org")
        argv = [os.path.join(os.path.dirname(sys.executable), "esmtp"), "-qb"]
        first = subprocess.Popen(argv)
        until(lambda: server.sessions)
        second_mail = queue.put("b@x.org")
        second = subprocess.Popen([sys.executable, "-c", PATIENT, "-qb"])
        until(lambda: crowd.held(WAITING))
        crowd.kill(second)
        killed.append(1)
        assert first.wait(60) == 0
    assert [mail.recipients for mail in server.mails] == [["a@x.org"], ["b@x.org"]]
    assert second_mail not in queue.ids()


# -- asleep --------------------------------------------------------------------------------------------------------


def ended(process: "subprocess.Popen[bytes]") -> tuple[bool, float]:
    out, _ = process.communicate(timeout=60)
    woken, moment = out.split()
    return woken == b"True", float(moment)


def test_one_sleeps_for_all(crowd: Crowd) -> None:
    """For an hour: however slowly they start, none of them is late."""
    sleepers = [crowd.sleep(time.time() + HOUR + number / 100) for number in range(6)]
    until(lambda: len(crowd.alive()) == 1)
    [last] = crowd.alive()
    moment = time.time() + 1
    crowd.wake(moment)
    ends = [ended(process) for process in sleepers]
    assert [woken for woken, _ in ends] == [process is last for process in sleepers]
    assert all(at >= moment for woken, at in ends if woken)


def test_a_sleeper_wakes_earlier_for_another(crowd: Crowd) -> None:
    first = crowd.sleep(time.time() + 3 * HOUR)
    until(lambda: crowd.held(SLEEPING) and crowd.wakes() > time.time() + 2 * HOUR)
    sooner = time.time() + HOUR
    assert not ended(crowd.sleep(sooner))[0]
    assert crowd.wakes() == pytest.approx(sooner, abs=0.001)
    moment = time.time() + 1
    crowd.wake(moment)
    woken, at = ended(first)
    assert woken
    assert at >= moment


def test_when_the_sleeper_is_killed_the_next_one_sleeps(crowd: Crowd) -> None:
    first = crowd.sleep(time.time() + 60)
    until(lambda: crowd.held(SLEEPING))
    crowd.kill(first)
    assert ended(crowd.sleep(time.time() + 1))[0]


def test_whose_time_has_come_does_not_sleep(crowd: Crowd) -> None:
    crowd.sleep(time.time() + 60)
    until(lambda: crowd.held(SLEEPING))
    assert ended(crowd.sleep(time.time() - 1))[0]


def test_a_queue_that_is_gone_is_not_slept_for(crowd: Crowd) -> None:
    process = crowd.sleep(time.time() + 60)
    until(lambda: crowd.held(SLEEPING))
    (crowd.locks / SLEEPING).unlink()
    for name in ("new", "tmp"):
        (crowd.locks / name).rmdir()
    crowd.locks.rmdir()
    assert not ended(process)[0]
