"""-v and -X: the dialogue, without secrets and without the body."""

import stat

import pytest

from tests.cli.conftest import Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer

MAIL = b"From: me@x.org\nSubject: the subject\n\nthe body\n"


def test_verbose(esmtp: Command, submission: SubmissionServer) -> None:
    done = esmtp("-v", "a@x.org", stdin=MAIL)
    assert (done.code, done.out) == (0, "")
    lines = done.err.splitlines()
    assert any(line.startswith("S: 220 ") for line in lines)
    assert any(line.startswith("C: EHLO ") for line in lines)
    assert any(line.startswith("C: MAIL FROM:<me@x.org>") for line in lines)
    assert any(line.startswith("* ") for line in lines)
    assert lines[-1].startswith("esmtp: a@x.org: delivered: ")
    assert "the body" not in done.err
    assert "the subject" not in done.err


def test_transcript_file(esmtp: Command, submission: SubmissionServer) -> None:
    for _ in range(2):
        done = esmtp("-X", "log", "a@x.org", stdin=MAIL)
        assert (done.code, done.out, done.err) == (0, "", "")
    path = esmtp.home / "log"
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert text.count("S: 220 ") == 2
    assert text.count("C: MAIL FROM:<me@x.org>") == 2
    assert text.count("H: Subject: the subject\n") == 2
    assert "the body" not in text
    assert all(line[:2] in ("C:", "S:", "H:", "* ") for line in text.splitlines())


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"])
def test_no_secret_is_shown(esmtp: Command, rc, mechanism: str) -> None:  # type: ignore[no-untyped-def]
    with SubmissionServer(tls="none", auth_in_clear=True, mechanisms=(mechanism.upper(),)) as server:
        rc(f"identity me@x.org\n{way_to(server)}username alice\npassword secret\nauth {mechanism}\n")
        done = esmtp("-v", "-X", "log", "a@x.org", stdin=MAIL)
    assert done.code == 0
    shown = done.err + (esmtp.home / "log").read_text()
    assert "AUTH" in shown
    for secret in ("secret", "c2VjcmV0", "AGFsaWNlAHNlY3JldA"):
        assert secret not in shown
    # nor the server's proof in SCRAM, on which passwords could be tried
    assert not any(line.startswith(("S: 334 dj0", "S: 334 dj1")) for line in shown.splitlines())
    assert "v=" not in shown


def test_the_mda_command_is_a_step(esmtp: Command, mailbox: Mailbox) -> None:
    done = esmtp("-v", "joe", stdin=MAIL)
    assert done.err.startswith("* mda: ")
    assert mailbox.body == b"the body\n"


@pytest.mark.parametrize("make", ["symlink", "fifo", "directory"])
def test_transcript_is_not_written_elsewhere(esmtp: Command, mailbox: Mailbox, make: str) -> None:
    import os

    log = esmtp.home / "log"
    if make == "symlink":
        log.symlink_to(esmtp.home / "target")
    elif make == "fifo":
        os.mkfifo(log)
    else:
        log.mkdir()
    done = esmtp("-X", "log", "joe", stdin=MAIL)
    assert done.code == 73
    assert "log" in done.err
    assert mailbox.mail == b""
    assert not (esmtp.home / "target").exists()
