"""record PATH: the sender's copy, once, of what has left, whatever way it goes."""

import mailbox
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PIPE, way_to
from tests.cli.test_queue_modes import queued
from tests.conftest import Command
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
MAIL = b"From: Me <me@x.org>\nTo: you@y.org\nBcc: blind@y.org\nSubject: x\n\nFrom here\n"


@pytest.fixture(params=["direct", "queue"])
def send(request: pytest.FixtureRequest, esmtp: Command) -> Callable[..., str]:
    """Sends a mail; returns what was said on the way."""

    def sent(*args: str, stdin: bytes = MAIL) -> str:
        if request.param == "direct":
            return esmtp(*args, stdin=stdin).err
        assert esmtp("-odq", *args, stdin=stdin).code == 0
        return esmtp("-q").err

    return sent


def copies(path: Path) -> list[mailbox.Message]:
    box = mailbox.Maildir(path, create=False) if path.is_dir() else mailbox.mbox(path, create=False)
    return list(box)


@pytest.mark.parametrize("path", ["sent/", "sent"])
def test_the_copy_is_what_was_sent(
    send: Callable[..., str], esmtp: Command, server: SubmissionServer, rc: Rc, path: str
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}record {path}\n")
    assert send("-t") == ""
    [mail] = server.mails
    assert mail.recipients == ["you@y.org", "blind@y.org"]
    [copy] = copies(esmtp.home / path)
    assert copy["Message-ID"]
    assert copy["Bcc"] is None
    content = [file for file in (esmtp.home / "sent").rglob("*") if file.is_file()] or [esmtp.home / "sent"]
    text = content[0].read_bytes()
    if path == "sent":
        assert text.startswith(b"From me@x.org ")
        assert (
            text.split(b"\n", 1)[1]
            == mail.data.replace(b"\r\n", b"\n").replace(b"\nFrom here", b"\n>From here") + b"\n"
        )
    else:
        assert text == mail.data.replace(b"\r\n", b"\n")


def test_mail_for_the_mda_has_a_copy_too(send: Callable[..., str], esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\n{PIPE}record sent/\n")
    assert send("joe") == ""
    assert len(copies(esmtp.home / "sent")) == 1


def test_what_nobody_has_got_has_none(send: Callable[..., str], esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT you@y.org": "550 5.1.1 no"}) as server:
        rc(f"identity me@x.org\n{way_to(server)}record sent/\n")
        send("you@y.org")
    assert not (esmtp.home / "sent").exists()


@pytest.mark.parametrize("direct", [True, False])
def test_one_copy_however_many_attempts(esmtp: Command, rc: Rc, direct: bool) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT late@y.org": "450 4.2.1 later"}) as server:
        rc(f"identity me@x.org\n{way_to(server)}record sent/\ndelivery on-failure\n")
        assert esmtp(*([] if direct else ["-odq"]), "you@y.org", "late@y.org", stdin=MAIL).code == 0
        if not direct:
            assert esmtp("-q").code == 0
        [file] = queued(esmtp)
        assert len(copies(esmtp.home / "sent")) == 1
        server.replies.clear()
        assert esmtp(f"-qI{file.name}").code == 0
    assert [mail.recipients for mail in server.mails] == [["you@y.org"], ["late@y.org"]]
    assert len(copies(esmtp.home / "sent")) == 1
    assert queued(esmtp) == []


def test_a_mail_that_nobody_got_at_first_has_its_copy_later(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT late@y.org": "450 4.2.1 later"}) as server:
        rc(f"identity me@x.org\n{way_to(server)}record sent/\ndelivery on-failure\n")
        assert esmtp("late@y.org", stdin=MAIL).code == 0
        assert not (esmtp.home / "sent").exists()
        [file] = queued(esmtp)
        server.replies.clear()
        assert esmtp(f"-qI{file.name}").code == 0
    assert len(copies(esmtp.home / "sent")) == 1


def test_reports_have_none(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT bad@y.org": "550 5.1.1 no"}) as server:
        rc(f"identity me@x.org\n{way_to(server)}record sent/\n")
        assert esmtp("-odq", "you@y.org", "bad@y.org", stdin=MAIL).code == 0
        assert esmtp("-q").code == 0
    assert [mail.sender for mail in server.mails] == ["me@x.org", ""]
    assert len(copies(esmtp.home / "sent")) == 1


@pytest.mark.parametrize("path", ["Mail/all/sent/", "Mail/all/sent"])
def test_what_is_above_the_copy_is_made(
    send: Callable[..., str], esmtp: Command, server: SubmissionServer, rc: Rc, path: str
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}record {path}\n")
    assert send("you@y.org") == ""
    assert len(copies(esmtp.home / path)) == 1
    for directory in ("Mail", "Mail/all"):
        assert (esmtp.home / directory).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("path", ["file/sent", "file/sent/", "link", "link/", "fifo"])
def test_no_copy_is_a_warning_and_the_mail_has_left_once(
    send: Callable[..., str], esmtp: Command, server: SubmissionServer, rc: Rc, path: str
) -> None:
    (esmtp.home / "file").touch()
    (esmtp.home / "target").mkdir()
    (esmtp.home / "link").symlink_to("target")
    os.mkfifo(esmtp.home / "fifo")
    rc(f"identity me@x.org\n{way_to(server)}record {path}\n")
    said = send("you@y.org")
    assert "no copy was kept: " in said
    assert str(esmtp.home / path) in said
    assert said.count("\n") == 1
    assert len(server.mails) == 1
    assert queued(esmtp) == []
    assert list((esmtp.home / "target").iterdir()) == []


def test_a_warning_changes_no_exit_status(esmtp: Command, server: SubmissionServer, rc: Rc) -> None:
    (esmtp.home / "file").touch()
    rc(f"identity me@x.org\n{way_to(server)}record file/sent\n")
    assert esmtp("you@y.org", stdin=MAIL).code == 0
    assert esmtp("-oeq", "you@y.org", stdin=MAIL).err == ""


def waiting(esmtp: Command) -> list[Path]:
    place = esmtp.home / ".esmtp_queue" / "sent"
    return sorted(place.iterdir()) if place.is_dir() else []


IMAP = "record imap\nusername me\npassword secret\nimap_server 127.0.0.1:1\n"


def test_a_copy_for_a_server_is_on_the_disk_until_it_is_there(send: Callable[..., str], esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\n{PIPE}{IMAP}")
    said = send("joe")
    assert said == "" or "the copy of a sent mail waits in " in said
    [copy] = waiting(esmtp)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert b"identity me@x.org\n" in copy.read_bytes()
    assert b"From here" in copy.read_bytes()
    assert b"secret" not in copy.read_bytes()
    why = "cannot connect to 127.0.0.1[127.0.0.1]:1: Connection refused"
    expected = f"esmtp: the copy of a sent mail waits in {copy}: {why}\n"
    # as long as the process behind a direct call has the file, a run leaves it alone
    wait_until(lambda: esmtp("-q").err == expected, "the complaint")
    assert waiting(esmtp) == [copy]
    assert esmtp("-bp").out == "Mail queue is empty\n", "it may be there in a moment"
    copy = copy.rename(copy.with_name(f"1700000000-{copy.name[11:]}"))
    footer = "-- 1 copy of a sent mail waits for the IMAP server: esmtp -q puts it there, or says why not.\n"
    assert esmtp("-bp").out == f"Mail queue is empty\n{footer}"
    assert esmtp("--json").out == ""
    shutil.copy(copy, copy.with_name(f"1700000001-{copy.name[11:]}"))
    assert "\n-- 2 copies of sent mail wait for the IMAP server: esmtp -q puts them there" in esmtp("-bp").out


def test_copies_that_wait_for_long_are_spoken_of(esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\n{PIPE}{IMAP}")
    assert esmtp("joe", stdin=MAIL).err == ""
    [copy] = waiting(esmtp)
    copy.rename(copy.with_name(f"1700000000-{copy.name[11:]}"))
    done = esmtp("joe", stdin=MAIL)
    assert done.code == 0
    assert done.err.startswith("esmtp: warning: copies of sent mail wait in ")
    assert esmtp("-oeq", "joe", stdin=MAIL).err == ""


def test_a_damaged_copy_does_not_hold_up_the_others(esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\n{PIPE}{IMAP}")
    for _ in range(2):
        assert esmtp("joe", stdin=MAIL).code == 0
    first, second = waiting(esmtp)
    first.write_bytes(b"nonsense")

    def left() -> list[Path]:
        assert esmtp("-q").code == 0
        return waiting(esmtp)

    # as long as the process behind a direct call has the file, a run leaves it alone
    wait_until(lambda: left() == [second], "the damaged copy to go")
    assert (esmtp.home / ".esmtp_queue" / "corrupt" / first.name).exists()


def test_an_identity_that_is_gone(esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\n{PIPE}{IMAP}")
    assert esmtp("joe", stdin=MAIL).code == 0
    rc(f"identity you@x.org\n{PIPE}{IMAP}")
    wait_until(lambda: "no identity me@x.org any more" in esmtp("-q").err, "the complaint")  # as above
    assert len(waiting(esmtp)) == 1


def test_no_place_for_a_copy_is_a_warning(esmtp: Command, rc: Rc) -> None:
    rc(f"identity me@x.org\n{PIPE}{IMAP}")
    (esmtp.home / ".esmtp_queue").write_text("in the way")
    done = esmtp("joe", stdin=MAIL)
    assert done.code == 0
    assert "warning: no copy was kept: " in done.err
