"""Standard input that breaks off, is closed, is a terminal: all of a message or nothing."""

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Mailbox
from tests.conftest import Command

MAIL = b"From: me@x.org\n\nbody\n"


def start(esmtp: Command, *args: str, **more) -> "subprocess.Popen[bytes]":  # type: ignore[no-untyped-def]
    more.setdefault("stdin", subprocess.PIPE)
    return subprocess.Popen([esmtp.program, *args], env=esmtp.environ, cwd=esmtp.home, stderr=subprocess.PIPE, **more)


def reading(process: "subprocess.Popen[bytes]") -> None:
    """Until it waits for input: its read is in the kernel, all that was written is taken."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if Path(f"/proc/{process.pid}/syscall").read_text().startswith("0 0x0 "):
            return
        os.sched_yield()
    raise TimeoutError


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_while_reading_sends_nothing(esmtp: Command, mailbox: Mailbox, number: signal.Signals) -> None:
    with start(esmtp, "joe") as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(MAIL)
        process.stdin.flush()
        reading(process)
        process.send_signal(number)
        assert process.wait(30) == 66
        assert b"nothing was sent" in process.stderr.read()
    assert mailbox.mail == b""


def test_killed_while_reading_sends_nothing(esmtp: Command, mailbox: Mailbox) -> None:
    with start(esmtp, "joe") as process:
        assert process.stdin
        process.stdin.write(MAIL)
        process.stdin.flush()
        reading(process)
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
    assert mailbox.mail == b""


def test_hangup_that_is_ignored_stays_ignored(esmtp: Command, mailbox: Mailbox) -> None:
    with start(esmtp, "joe", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as process:
        assert process.stdin
        process.stdin.write(MAIL)
        process.stdin.flush()
        reading(process)
        process.send_signal(signal.SIGHUP)
        process.stdin.close()
        assert process.wait(30) == 0
    assert mailbox.body == b"body\n"


def test_closed_input_is_no_empty_message(esmtp: Command, mailbox: Mailbox) -> None:
    done = esmtp.run("/bin/sh", "-c", f"exec {esmtp.program} joe <&-")
    assert done.code == 66
    assert mailbox.mail == b""


def test_directory_as_input(esmtp: Command, mailbox: Mailbox) -> None:
    descriptor = os.open(esmtp.home, os.O_RDONLY)
    with start(esmtp, "joe", stdin=descriptor) as process:
        assert process.wait(30) != 0  # the interpreter itself refuses to start
    os.close(descriptor)
    assert mailbox.mail == b""


def test_read_error(esmtp: Command, mailbox: Mailbox) -> None:
    """/proc/self/mem at address 0 answers every read with EIO."""
    descriptor = os.open("/proc/self/mem", os.O_RDONLY)
    with start(esmtp, "joe", stdin=descriptor) as process:
        assert process.wait(30) == 74
    os.close(descriptor)
    assert mailbox.mail == b""


def test_input_that_does_not_block(esmtp: Command, mailbox: Mailbox) -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    with start(esmtp, "joe", stdin=read) as process:
        deadline = time.monotonic() + 30
        while "select" not in (wchan := Path(f"/proc/{process.pid}/syscall").read_text()) and not wchan.startswith(
            ("270 ", "23 ", "7 ", "271 ")
        ):
            assert time.monotonic() < deadline
            os.sched_yield()
        os.write(write, MAIL)
        os.close(write)
        assert process.wait(30) == 0
    os.close(read)
    assert mailbox.body == b"body\n"


@pytest.mark.parametrize("end", [b".\n", b"\x04"])
def test_typed_at_a_terminal(esmtp: Command, mailbox: Mailbox, end: bytes) -> None:
    ours, theirs = pty.openpty()
    with start(esmtp, "joe", stdin=theirs, start_new_session=True) as process:
        os.write(ours, b"Subject: typed\n\nby hand\n" + end)
        assert process.wait(30) == 0
    os.close(ours)
    os.close(theirs)
    assert mailbox.message["Subject"] == "typed"
    assert mailbox.body == b"by hand\n"


def test_writer_is_heard_out_when_the_rc_is_broken(esmtp: Command) -> None:
    """A caller that is still writing would die of SIGPIPE and never see our exit status."""
    (esmtp.home / ".esmtprc").write_text("nonsense\n")
    (esmtp.home / ".esmtprc").chmod(0o600)
    with start(esmtp, "joe") as process:
        assert process.stdin
        for _ in range(100):
            process.stdin.write(b"x" * 65536)
        process.stdin.close()
        assert process.wait(30) == 78


def test_no_temporary_file_is_left(esmtp: Command, mailbox: Mailbox) -> None:
    temporary = esmtp.home / "tmp"
    temporary.mkdir()
    assert esmtp("joe", stdin=MAIL + b"x" * 2_000_000 + b"\n", TMPDIR=str(temporary)).code == 0
    assert len(mailbox.body) > 2_000_000
    assert list(temporary.iterdir()) == []


def test_no_room_for_the_message(esmtp: Command, mailbox: Mailbox) -> None:
    limit = "ulimit -f 100; exec "
    done = esmtp.run("/bin/sh", "-c", f"{limit} {esmtp.program} joe", stdin=MAIL + b"x" * 2_000_000)
    assert done.code == 74
    assert "TMPDIR" in done.err
    assert mailbox.mail == b""
