"""An mbox: what is put in comes out again, whatever it looks like, and other programs' locks are respected."""

import fcntl
import mailbox
import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.deliver import mbox
from esmtp_py.deliver.mbox import append, quoted
from esmtp_py.errors import MailError
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.spool import Spool

PIECES = st.sampled_from([b"From ", b">", b">From x", b"\n", b"From", b"Fro", b" ", b"x", b"\r", b">>", b"\nFrom \n"])
TEXT = st.lists(PIECES, max_size=14).map(b"".join)


def message(body: bytes) -> Message:
    spool = Spool()
    spool.write(body)
    spool.finish()
    return Message(Header([b"Subject: x\r\n"]), spool)


def unquoted(text: bytes) -> bytes:
    return re.sub(rb"^>(>*From )", rb"\1", text, flags=re.MULTILINE)


@given(TEXT, st.integers(1, 9))
def test_quoting_can_be_undone_and_does_not_depend_on_the_pieces(text: bytes, size: int) -> None:
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    made = b"".join(quoted(chunks))
    assert made == re.sub(rb"^(>*From )", rb">\1", text, flags=re.MULTILINE)
    assert unquoted(made) == text
    assert not re.search(rb"^From ", made, re.MULTILINE)


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_mails_are_told_apart_again(tmp_path_factory: pytest.TempPathFactory, texts: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("mbox") / "sent"
    bodies = [text.replace(b"\r", b"").replace(b"\n", b"\r\n") for text in texts]
    for body in bodies:
        append(str(path), message(body), "me@x.org")
    mails = list(mailbox.mbox(path))
    assert [mail["Subject"] for mail in mails] == ["x"] * len(bodies)
    found = [unquoted(mail.get_payload(decode=True)) for mail in mails]  # type: ignore[arg-type]
    assert [text.rstrip(b"\n") for text in found] == [body.replace(b"\r\n", b"\n").rstrip(b"\n") for body in bodies]


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n", b"\n\n\n"])
def test_what_another_program_has_torn_is_ended_first(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "sent"
    old = b"From a@b Thu Jan  1 00:00:00 2026\nSubject: old\n\ntext"
    path.write_bytes(old + end)
    append(str(path), message(b"new\r\n"), "me@x.org")
    assert path.read_bytes().startswith(old + max(end, b"\n\n") + b"From me@x.org ")
    assert [mail["Subject"] for mail in mailbox.mbox(path)] == ["old", "x"]


def test_endless_lines_take_linear_time() -> None:
    def seconds(count: int, text: bytes) -> float:
        start = time.process_time()
        for _ in quoted([text * 100] * count):
            pass
        return time.process_time() - start

    for text in (b">", b"x", b"From ", b"\n"):
        small, large = min(seconds(500, text) for _ in range(3)), min(seconds(5000, text) for _ in range(2))
        assert large < small * 40 + 0.05


def test_the_file_is_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "sent"
    append(str(path), message(b"x\r\n"), "me@x.org")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "directory", "missing directory", "hard link"])
def test_what_is_no_file_of_ours_is_refused(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "sent", tmp_path / "target"
    if kind == "link":
        target.write_bytes(b"")
        path.symlink_to(target)
    elif kind == "dangling":
        path.symlink_to(target)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "hard link":
        target.write_bytes(b"")
        os.link(target, path)
    else:
        path = tmp_path / "none" / "sent"
    with pytest.raises(MailError):
        append(str(path), message(b"x\r\n"), "me@x.org")
    assert not target.exists() or target.read_bytes() == b""


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_locks_of_others_are_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(mbox, "PATIENCE", 0.0)
    path = tmp_path / "sent"
    path.write_bytes(b"before\n")
    path.chmod(0o600)
    source = (
        f"import fcntl, sys; f = open({str(path)!r}, 'r+'); fcntl.{call}(f, fcntl.LOCK_EX); print(flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        with pytest.raises(MailError, match="locked"):
            append(str(path), message(b"x\r\n"), "me@x.org")
        other.stdin.close()
    assert path.read_bytes() == b"before\n"
    append(str(path), message(b"x\r\n"), "me@x.org")
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_lock_that_is_never_given_free_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each mail of a run over the queue would wait for it."""
    path = tmp_path / "sent"
    slept: list[float] = []
    now = [1000.0]
    monkeypatch.setattr(mbox.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(mbox.time, "sleep", lambda seconds: (slept.append(seconds), now.append(now.pop() + seconds)))
    append(str(path), message(b"x\r\n"), "me@x.org")
    with open(path, "rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        for _ in range(3):
            with pytest.raises(MailError, match="locked"):
                append(str(path), message(b"x\r\n"), "me@x.org")
        assert sum(slept) == pytest.approx(mbox.PATIENCE + 2 * mbox.SHORT, abs=0.2)
        now[0] += mbox.VAIN
        with pytest.raises(MailError, match="locked"):
            append(str(path), message(b"x\r\n"), "me@x.org")
    assert sum(slept) == pytest.approx(2 * mbox.PATIENCE + 2 * mbox.SHORT, abs=0.3)
    append(str(path), message(b"x\r\n"), "me@x.org")
    assert path.read_bytes().count(b"From ") == 2


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sent"
    append(str(path), message(b"x\r\n"), "me@x.org")
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MailError, match="No space left"):
        append(str(path), message(b"x" * 100), "me@x.org")
    assert path.read_bytes() == before
