"""``undo`` holds every mail, whoever queued it, and a run in the background comes back for it; so with --at."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.cli.item import LOCKS
from tests.cli.conftest import way_to
from tests.cli.test_queue_modes import MAIL, queued
from tests.conftest import Command
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer
from tests.server.listener import PATIENCE

Rc = Callable[[str], Path]
WRAPPER = pathlib.Path(__file__).resolve().parents[2] / "scripts/esmtp-wrapper"


def wrapped(esmtp: Command, *args: str) -> "subprocess.CompletedProcess[bytes]":
    link = esmtp.home / "sendmail"
    if not link.is_symlink():
        link.symlink_to(WRAPPER)
    environ = esmtp.environ | {"ESMTP": str(esmtp.program)}
    return subprocess.run([link, *args], input=MAIL, env=environ, cwd=esmtp.home, timeout=60, capture_output=True)


def queue_mail(esmtp: Command, door: str, *args: str) -> None:
    if door == "wrapper":
        done = wrapped(esmtp, *args)
        assert (done.returncode, done.stderr) == (0, b"")
    else:
        assert esmtp(door, *args, stdin=MAIL).code == 0


def sleepers(esmtp: Command) -> list[int]:
    """Processes that wait for mail of this queue."""
    inode = (esmtp.home / ".esmtp_queue/sleeping").stat().st_ino
    lines = [line.split() for line in Path(LOCKS).read_text().splitlines()]
    return [int(words[4]) for words in lines if words[1] == "FLOCK" and words[5].endswith(f":{inode}")]


def one_sleeper(esmtp: Command) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (esmtp.home / ".esmtp_queue/sleeping").exists() and sleepers(esmtp):
            [pid] = sleepers(esmtp)
            return pid
        time.sleep(0.01)
    raise TimeoutError("nobody waits for the mail")


def processes(esmtp: Command) -> list[int]:
    """All that its calls have started and that still run."""
    home, found = b"HOME=" + os.fsencode(esmtp.home), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has just ended
            if home in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def let_go(esmtp: Command) -> None:
    """Whoever waits for mail wakes, and looks at all of it; the rc may say by now that its time has come."""
    for path in (*queued(esmtp), esmtp.home / ".esmtp_queue/sleeping"):
        with contextlib.suppress(FileNotFoundError):  # it has just left
            os.utime(path)


@pytest.mark.parametrize("door", ["-odb", "wrapper", "-om"])
def test_held_that_long_and_then_delivered_without_another_call(
    esmtp: Command, rc: Rc, server: SubmissionServer, door: str
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}undo 2s\n")
    before = int(time.time())  # the wrapper has whole seconds
    queue_mail(esmtp, door, "-f", "me@x.org", "joe@x.org")
    server.wait(1)
    assert time.time() >= before + 2


@pytest.mark.parametrize("door", ["-odb", "-odq", "wrapper"])
def test_a_run_leaves_it_alone_and_it_can_be_taken_back(
    esmtp: Command, rc: Rc, server: SubmissionServer, door: str
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}undo 1h\n")
    queue_mail(esmtp, door, "-f", "me@x.org", "joe@x.org")
    sleeper = one_sleeper(esmtp) if door != "-odq" else 0
    [file] = queued(esmtp)
    content = file.read_bytes()
    assert esmtp("-q").code == 0
    assert file.read_bytes() == content, "no attempt, no mark"
    assert server.sessions == []
    assert "1 not due yet (undo, or --at); the next at " in esmtp("-v", "-q").err
    listed = esmtp("-bp", "-v").out
    assert re.search(
        r"\n    next \w{3} \w{3} .* \(in (60|59) min\); until then it can be taken back \(--undo\)\n", listed
    )
    assert "\n    next " in esmtp("--show", file.name).out
    [described] = [json.loads(line) for line in esmtp("--json").out.splitlines()]
    assert abs(described["next_attempt"] - time.time() - 3600) < 60
    assert described["attempts"] == 0
    taken = esmtp("--undo")
    assert taken.code == 0
    assert queued(esmtp) == []
    assert b"body" in next(esmtp.home.glob("undone-*.eml")).read_bytes()
    if sleeper:
        os.kill(sleeper, signal.SIGTERM)


@pytest.mark.parametrize("args", [["-odq"], ["-odq", "--at", "+2h"]])
def test_only_a_mail_that_is_named_is_sent_before_its_time(
    esmtp: Command, rc: Rc, server: SubmissionServer, args: list[str]
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}undo 1h\n")
    for name in ("joe", "ann"):
        queue_mail(esmtp, *args, "-f", "me@x.org", f"{name}@x.org")
    joe, ann = (file.name for file in queued(esmtp))
    for some in ("-qRjoe", "-qSme", "-q!Rfoo", "-q!Ifoo", "-qI-"):
        assert esmtp(some).code == 0
    for word in ("--hold", "--release", "--release"):
        assert esmtp(word, "ALL").code == 0
    assert esmtp("-q").code == 0
    assert server.mails == []
    assert esmtp(f"-qI{joe}").code == 0
    assert [mail.recipients for mail in server.mails] == [["joe@x.org"]]
    assert esmtp("--retry-now", ann).code == 0
    server.wait(2)


def test_mail_of_another_identity_leaves_at_once_while_one_waits(
    esmtp: Command, rc: Rc, server: SubmissionServer
) -> None:
    way = way_to(server)
    rc(f"identity me@x.org\n{way}undo 1h\nidentity you@x.org\n{way}")
    queue_mail(esmtp, "-odb", "-f", "me@x.org", "joe@x.org")
    pid = one_sleeper(esmtp)
    queue_mail(esmtp, "-odb", "-f", "you@x.org", "ann@x.org")
    server.wait(1)
    assert [mail.recipients for mail in server.mails] == [["ann@x.org"]]
    assert sleepers(esmtp) == [pid]
    os.kill(pid, signal.SIGTERM)


def test_one_process_waits_for_a_series(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(f"identity me@x.org\n{way_to(server)}undo 1h\n")
    for number in range(10):
        queue_mail(esmtp, "-odb", "-f", "me@x.org", f"r{number}@x.org")
    pid = one_sleeper(esmtp)
    wait_until(lambda: processes(esmtp) == [pid], "all but one to end")
    rc(f"identity me@x.org\n{way_to(server)}")

    def here() -> bool:
        let_go(esmtp)
        return len(server.mails) >= 10

    wait_until(here, "ten mails")
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(f"r{number}@x.org" for number in range(10))


def test_a_broken_rc_holds_nothing_back_from_a_list(esmtp: Command, rc: Rc) -> None:
    rc("this is { no rc file")
    queue_mail(esmtp, "-odq", "-f", "me@x.org", "joe@x.org")
    done = esmtp("-bp", "-v")
    assert (done.code, done.err) == (0, "")
    assert "due: the next run tries it" in done.out


@pytest.mark.parametrize("mode", ["-odb", "-om"])
def test_at_needs_no_cron(esmtp: Command, rc: Rc, server: SubmissionServer, mode: str) -> None:
    rc(f"identity me@x.org\n{way_to(server)}")
    before = time.time()
    assert esmtp("--at", "+2s", mode, "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
    server.wait(1)
    assert time.time() >= before + 2


class Slow(SubmissionServer):
    """Greets nobody before the doors are opened."""

    def __init__(self) -> None:
        super().__init__(tls="none", mechanisms=())
        self.doors = threading.Event()

    def serve(self, connection: socket.socket) -> None:
        assert self.doors.wait(PATIENCE)
        super().serve(connection)


def test_a_series_is_delivered_whole(esmtp: Command, rc: Rc) -> None:
    with Slow() as server:
        rc(f"identity me@x.org\n{way_to(server)}")
        for number in range(20):
            queue_mail(esmtp, "wrapper" if number % 2 else "-odb", "-f", "me@x.org", f"r{number}@x.org")
        server.doors.set()
        server.wait(20)
    assert len({mail.recipients[0] for mail in server.mails}) == 20
    assert len(server.sessions) < 20, "most calls found another's run waiting"


def test_a_relative_rc_is_that_of_the_callers_directory(esmtp: Command, server: SubmissionServer) -> None:
    """Also through the wrapper, which cannot keep such a call as it came."""
    place = esmtp.home / "elsewhere"
    place.mkdir()
    rc = place / "my.rc"
    rc.touch(0o600)
    rc.write_text(f"identity me@x.org\n{way_to(server)}")
    link = esmtp.home / "sendmail"
    link.symlink_to(WRAPPER)
    environ = esmtp.environ | {"ESMTP": str(esmtp.program)}
    argv = [link, "-C", "my.rc", "-f", "me@x.org", "joe@x.org"]
    assert subprocess.run(argv, input=MAIL, env=environ, cwd=place, timeout=60).returncode == 0
    server.wait(1)
