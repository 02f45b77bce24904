"""-v and -X: what is shown where, and which files are written to."""

import os
import stat
from pathlib import Path

import pytest

from esmtp_py.cli.transcript import Transcript
from esmtp_py.deliver.logfile import open_log
from esmtp_py.errors import MailError


def play(transcript: Transcript) -> None:
    trace = transcript.trace
    assert trace
    trace("*", b"connected")
    trace("S", b"220 \x1b[2J\xff")
    trace("C", b"EHLO x")
    trace("H", b"Subject: gr\xc3\xbc\xc3\x9fe")


def test_nobody_listens() -> None:
    assert Transcript(False, None).trace is None


def test_verbose_on_standard_error_without_the_header(capfd: pytest.CaptureFixture[str]) -> None:
    play(Transcript(True, None))
    assert capfd.readouterr() == ("", "* connected\nS: 220 \\x1b[2J\\xff\nC: EHLO x\n")


def test_file_is_private_and_appended_to(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    for _ in range(2):
        play(Transcript(False, str(path)))
    assert path.read_text() == 2 * "* connected\nS: 220 \\x1b[2J\\xff\nC: EHLO x\nH: Subject: grüße\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capfd.readouterr() == ("", "")


def test_file_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    path.chmod(0o644)
    play(Transcript(False, str(path)))
    assert path.read_text().startswith("before\n* connected\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def link(path: Path) -> None:
    (path.parent / "target").write_text("")
    path.symlink_to(path.parent / "target")


def hard_link(path: Path) -> None:
    (path.parent / "target").write_text("")
    path.hardlink_to(path.parent / "target")


def fifo_with_reader(path: Path) -> None:
    os.mkfifo(path)
    os.open(path, os.O_RDONLY | os.O_NONBLOCK)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (link, "symbolic"),
        (hard_link, "hard link"),
        (Path.mkdir, "directory"),
        (os.mkfifo, "No such device"),
        (fifo_with_reader, "not a regular file"),
    ],
)
def test_nothing_but_a_plain_file_of_ours(tmp_path: Path, make, reason: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "log"
    make(path)
    with pytest.raises(MailError, match=reason) as caught:
        Transcript(False, str(path))
    assert caught.value.kind == "cannot_create"
    assert str(path) in caught.value.text


def test_somebody_elses_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_text("")
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(MailError, match="somebody else"):
        open_log(str(tmp_path / "log"))


@pytest.mark.parametrize("path", ["", "/nonexistent/log", "a\0b"])
def test_path_that_cannot_be(path: str) -> None:
    with pytest.raises(MailError) as caught:
        open_log(path)
    assert caught.value.kind == "cannot_create"


def test_full_disk_ends_the_transcript_not_the_mail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esmtp_py.cli.transcript.open_log", lambda path: os.open("/dev/full", os.O_WRONLY))
    play(Transcript(False, "log"))
    assert capfd.readouterr().err == "esmtp: cannot write to log: No space left on device; the transcript ends here\n"
