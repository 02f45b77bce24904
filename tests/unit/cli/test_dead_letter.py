"""~/dead.letter: an mbox that any mail reader opens, and never a trap."""

import fcntl
import mailbox
import os
import stat
from pathlib import Path

import pytest

from esmtp_py.cli.dead_letter import save
from esmtp_py.deliver import mbox
from esmtp_py.errors import MailError
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.spool import Spool


def message(body: bytes) -> Message:
    spool = Spool()
    spool.write(body)
    spool.finish()
    return Message(Header([b"Subject: x\r\n"]), spool)


def test_appended_as_an_mbox(tmp_path: Path) -> None:
    for body in (b"From me to you\r\nFrom again\r\n", b"no end", b""):
        assert save(message(body), "me@x.org", str(tmp_path)) == str(tmp_path / "dead.letter")
    path = tmp_path / "dead.letter"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"\r" not in path.read_bytes()
    assert path.read_bytes().startswith(b"From me@x.org ")
    mails = list(mailbox.mbox(path))
    assert [mail["Subject"] for mail in mails] == ["x"] * 3
    assert [mail.get_payload() for mail in mails] == [">From me to you\n>From again\n", "no end\n", ""]


def test_null_sender_and_spaces_keep_the_postmark_in_form(tmp_path: Path) -> None:
    save(message(b""), "", str(tmp_path))
    save(message(b""), '"a b"@x', str(tmp_path))
    postmarks = [line for line in (tmp_path / "dead.letter").read_bytes().splitlines() if line.startswith(b"From ")]
    assert [line.split(b" ")[1] for line in postmarks] == [b"MAILER-DAEMON", b'"a_b"@x']


@pytest.mark.parametrize("home", ["", "/nonexistent"])
def test_no_home(home: str) -> None:
    with pytest.raises(MailError):
        save(message(b""), "me@x.org", home)


def test_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "dead.letter").symlink_to(tmp_path / "target")
    with pytest.raises(MailError):
        save(message(b""), "me@x.org", str(tmp_path))
    assert not (tmp_path / "target").exists()


def test_failed_write_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dead.letter").write_text("before\n")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MailError, match="No space left"):
        save(message(b"x" * 100), "me@x.org", str(tmp_path))
    assert (tmp_path / "dead.letter").read_text() == "before\n"


def test_lock_of_another_program_is_respected_but_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mbox, "PATIENCE", 0.0)
    with open(tmp_path / "dead.letter", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(MailError, match="locked"):
            save(message(b""), "me@x.org", str(tmp_path))
    save(message(b""), "me@x.org", str(tmp_path))
