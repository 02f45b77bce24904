"""A signal when the mail has left: its fate stays what it is, or the caller would send it again."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import way_to
from tests.conftest import Command
from tests.interop.postfix import wait_until
from tests.server import ScriptedServer, SubmissionServer
from tests.server.scripted import script

MAIL = b"From: me@x.org\nSubject: hello\n\nbody\n"
Rc = Callable[[str], Path]


def stopped(esmtp: Command, *args: str, when: Callable[[], bool]) -> tuple[int, str]:
    """Exit status and words of a call that gets a signal then."""
    argv = [str(esmtp.program), *args]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stderr=pipe, env=esmtp.environ, cwd=esmtp.home) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(MAIL)
        process.stdin.close()
        wait_until(when, "the moment for a signal")
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read().decode()
        return process.wait(30), said


def waits_for_lock(box: Path) -> bool:
    """Somebody has opened it, besides us."""
    opened = 0
    for each in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            opened += os.readlink(each) == str(box)
        except OSError:
            continue  # it has ended, or is another user's
    return opened > 1


def test_while_the_copy_waits_for_others(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    box = esmtp.home / "box"
    rc(f"{way_to(server)}record {box}\n")
    with box.open("w") as others:
        box.chmod(0o600)
        fcntl.flock(others, fcntl.LOCK_EX)
        code, said = stopped(esmtp, "a@x.org", when=lambda: waits_for_lock(box))
    assert (code, said) == (0, "esmtp: warning: stopped by a signal before there was a copy\n")
    assert len(server.mails) == 1
    assert box.read_bytes() == b""


def test_in_postconnect(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    mark = esmtp.home / "mark"
    rc(f'{way_to(server)}postconnect "echo >{mark}; exec sleep 30"\n')
    code, said = stopped(esmtp, "a@x.org", when=mark.exists)
    assert (code, said) == (0, "esmtp: warning: postconnect was stopped by a signal\n")
    assert len(server.mails) == 1


def test_while_a_refusal_is_mailed_back(esmtp: Command, rc: Rc) -> None:
    first = script(
        "S: 220 mx", "C: EHLO *", "S: 250 mx", "C: MAIL FROM:<me@x.org>", "S: 250 ok", "C: RCPT TO:<a@x.org>",
        "S: 250 ok", "C: RCPT TO:<no@x.org>", "S: 550 5.1.1 nobody", "C: DATA", "S: 354 go", "= data", "S: 250 taken",
        "C: QUIT", "S: 221 bye",
    )  # fmt: skip
    with ScriptedServer(first, []) as server:
        rc(f"hostname 127.0.0.1:{server.port}\nstarttls disabled\n")
        call = ("-oem", "-f", "me@x.org", "a@x.org", "no@x.org")
        code, said = stopped(esmtp, *call, when=lambda: server.connections == 2)
    assert code == 69
    assert "nothing was sent" not in said
    [refused, saved] = said.splitlines()
    assert refused.startswith("esmtp: no@x.org: failed: ")
    assert saved == f"esmtp: the mail is saved at the end of {esmtp.home}/dead.letter"
