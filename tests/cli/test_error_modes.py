"""-oep prints, -oem mails, -oeq says nothing; the exit status is the same, and no report is lost."""

import email
import mailbox as mboxes
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PIPE, Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
MAIL = b"From: me@x.org\nSubject: report\nBcc: secret@x.org\n\nthe body\n"
NO_USER = {"RCPT a@x.org": "550 5.1.1 No such user"}


@pytest.mark.parametrize("mode", ["-oep", "-oew", "-ep", "-OErrorMode=print"])
def test_printed(esmtp: Command, submission: SubmissionServer, mode: str) -> None:
    submission.replies.update(NO_USER)
    done = esmtp(mode, "a@x.org", stdin=MAIL)
    assert (done.code, done.err.count("\n")) == (67, 1)
    assert submission.mails == []
    assert not (esmtp.home / "dead.letter").exists()


def test_quiet(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies.update(NO_USER)
    done = esmtp("-oeq", "a@x.org", stdin=MAIL)
    assert (done.code, done.err, done.out) == (67, "", "")
    assert submission.mails == []
    assert esmtp("-oeq", "-t", stdin=b"\n").err == ""


@pytest.mark.parametrize("mode", ["-oem", "-oee", "-em", "-OErrorMode=m"])
def test_mailed_to_the_sender(esmtp: Command, submission: SubmissionServer, mode: str) -> None:
    submission.replies.update(NO_USER)
    done = esmtp(mode, "a@x.org", "b@x.org", stdin=MAIL)
    assert (done.code, done.err, done.out) == (69, "", "")
    assert [(mail.sender, mail.recipients) for mail in submission.mails] == [
        ("me@x.org", ["b@x.org"]),
        ("", ["me@x.org"]),
    ]
    report = email.message_from_bytes(submission.mails[1].data)
    assert report.get_content_type() == "multipart/report"
    text, status, original = report.get_payload()
    assert "550 5.1.1 No such user" in text.get_payload()
    assert "b@x.org" not in text.get_payload()
    assert status.get_payload()[1]["Final-Recipient"] == "rfc822; a@x.org"
    assert original.get_payload()[0].get_payload() == "the body\r\n"
    assert report["To"] == "me@x.org"
    assert not (esmtp.home / "dead.letter").exists()


@pytest.mark.parametrize("args", [["-oem"], ["-oem", "-R", "hdrs"], ["-oem", "-R", "full"]])
def test_bcc_is_not_in_the_report(esmtp: Command, submission: SubmissionServer, args: list[str]) -> None:
    submission.replies["RCPT secret@x.org"] = "450 4.2.0 later"
    submission.replies.update(NO_USER)
    esmtp(*args, "-t", "a@x.org", "-Nfailure", stdin=MAIL)
    report = submission.mails[-1]
    assert report.sender == ""
    returned = email.message_from_bytes(report.data).get_payload()[2]
    assert b"secret" not in returned.as_bytes()
    assert (b"the body" in report.data) is ("hdrs" not in args)


def test_temporary_failures_too_for_nobody_will_try_again(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies["RCPT a@x.org"] = "451 4.3.0 later"
    assert esmtp("-oem", "a@x.org", stdin=MAIL).code == 75
    assert [mail.sender for mail in submission.mails] == [""]
    assert b"Status: 4.3.0" in submission.mails[0].data


def test_by_the_mda_to_whoever_runs_it(esmtp: Command, server: SubmissionServer, rc: Rc) -> None:
    rc(f"identity me@x.org\n{way_to(server)}{PIPE}")
    server.replies.update(NO_USER)
    assert esmtp("-oem", "a@x.org", stdin=MAIL).code == 67
    assert server.mails == []
    box = Mailbox(esmtp.home)
    assert box.sender == ""
    assert len(box.recipients) == 1
    assert box.mail.startswith(b"Return-Path: <>\n")
    assert "MAILER-DAEMON@" in box.message["From"]
    assert box.message.get_content_type() == "multipart/report"


@pytest.mark.parametrize("queued", [False, True])
def test_to_the_sender_where_the_mda_gets_no_mail(
    esmtp: Command, server: SubmissionServer, rc: Rc, queued: bool
) -> None:
    """The login name with a qualifydomain may be anybody there."""
    rc(f"identity me@x.org\n{way_to(server)}{PIPE}qualifydomain example.org\n")
    server.replies.update(NO_USER)
    esmtp("-odq" if queued else "-oem", "a@x.org", stdin=MAIL)
    esmtp("-q")
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("", ["me@x.org"])
    assert email.message_from_bytes(mail.data)["From"] == "Mail Delivery System <me@x.org>"


def test_cron_with_a_local_sender(esmtp: Command, server: SubmissionServer, rc: Rc) -> None:
    rc(f"identity me@x.org\n{way_to(server)}{PIPE}")
    server.replies.update(NO_USER)
    cron = ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "-f", "root", "a@x.org"]
    assert esmtp(*cron, stdin=b"Subject: Cron\n\noutput\n").code == 67
    assert Mailbox(esmtp.home).message["To"] == "root"


@pytest.mark.parametrize("args", [["-f", "<>"], ["-f", "me@x.org", "-N", "never"], ["-f", "me@x.org", "-Nsuccess"]])
def test_no_bounce_for_who_wants_none_but_the_mail_is_kept(
    esmtp: Command, submission: SubmissionServer, args: list[str]
) -> None:
    submission.replies.update(NO_USER)
    done = esmtp("-oem", *args, "a@x.org", stdin=MAIL)
    assert done.code == 67
    assert submission.mails == []
    assert "550 5.1.1" in done.err
    saved = list(mboxes.mbox(esmtp.home / "dead.letter"))
    assert [mail["Subject"] for mail in saved] == ["report"]


def test_no_way_back_either(esmtp: Command, local: Mailbox, rc: Rc) -> None:
    rc("identity me@x.org\nhostname 127.0.0.1:1\n")
    for _ in range(2):
        done = esmtp("-oem", "a@x.org", stdin=MAIL)
    assert done.code == 75
    first, second = done.err.splitlines()
    assert first.startswith("esmtp: a@x.org: ")
    assert "dead.letter" in second
    path = esmtp.home / "dead.letter"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [mail.get_payload() for mail in mboxes.mbox(path)] == ["the body\n"] * 2
    assert b"secret" not in path.read_bytes()


def test_broken_rc_does_not_lose_cron_its_report(esmtp: Command, rc: Rc) -> None:
    rc("nonsense\n")
    done = esmtp("-oem", "root", stdin=MAIL)
    assert done.code == 78
    assert "dead.letter" in done.err
    assert b"the body" in (esmtp.home / "dead.letter").read_bytes()


@pytest.mark.parametrize("recipient", ["b@", ""])
def test_bad_recipient_does_not_lose_cron_its_report(esmtp: Command, local: Mailbox, recipient: str) -> None:
    assert esmtp("-oem", recipient, stdin=MAIL).code == 65
    assert b"the body" in (esmtp.home / "dead.letter").read_bytes()


def test_refused_content_is_reported_by_mail_as_far_as_it_was_read(
    esmtp: Command, submission: SubmissionServer
) -> None:
    assert esmtp("-oem", "a@x.org", stdin=MAIL + b"bad \0 byte\n").code == 65
    assert [(mail.sender, mail.recipients) for mail in submission.mails] == [("", ["me@x.org"])]
    assert b"NUL" in submission.mails[0].data


def test_home_that_cannot_be_written(esmtp: Command, rc: Rc) -> None:
    path = rc("identity me@x.org\nhostname 127.0.0.1:1\n")
    done = esmtp("-C", str(path), "-oem", "a@x.org", stdin=MAIL, HOME="/nonexistent")
    assert done.code == 75
    assert "not saved" in done.err.splitlines()[1]


def test_a_bounce_that_is_refused_is_not_bounced(esmtp: Command, submission: SubmissionServer) -> None:
    submission.replies["RCPT"] = "550 5.1.1 No such user"
    done = esmtp("-oem", "a@x.org", stdin=MAIL)
    assert done.code == 67
    assert submission.mails == []
    assert "dead.letter" in done.err
    rcpts = [line for who, line in submission.dialogue if line.startswith(b"RCPT")]
    assert len(rcpts) == 2


def test_our_own_fault_does_not_lose_cron_its_report(esmtp: Command, local: Mailbox) -> None:
    (esmtp.home / "sitecustomize.py").write_text(
        "import esmtp_py.cli.sendmail as s\ndef broken(*a, **k): raise RuntimeError\ns.originate = broken\n"
    )
    assert esmtp("-oem", "joe", stdin=MAIL, PYTHONPATH=str(esmtp.home)).code == 70
    assert b"the body" in (esmtp.home / "dead.letter").read_bytes()
