"""What is added to a header, what is taken out, and that the rest leaves as it came."""

import calendar
import os
import pwd
import re
import time

import pytest

from tests.cli.conftest import Mailbox
from tests.conftest import Command

WHOLE = b"Date: Fri, 1 Jan 2010 00:00:00 +0000\nFrom: Me <me@x.org>\nMessage-ID: <1@x>\nTo: joe\n"


def test_whole_header_is_left_alone(esmtp: Command, mailbox: Mailbox) -> None:
    odd = WHOLE + b"X-odd :  two\n\tfolded   \n  lines\nsubject:none\nDKIM-Signature: v=1; b=a\n\tb\n"
    assert esmtp("-F", "Somebody Else", "joe", stdin=odd + b"\nbody\n").code == 0
    assert mailbox.mail == b"Return-Path: <me@x.org>\n" + odd + b"\nbody\n"


def test_what_is_missing_is_added_once(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", stdin=b"Subject: x\n\nbody\n").code == 0
    names = [name for name, _ in mailbox.fields]
    assert sorted(names) == ["Date", "From", "Message-ID", "Subject"]
    assert re.fullmatch(r"<[\w.+-]+@[\w.-]+>", mailbox.message["Message-ID"])
    then = calendar.timegm(time.strptime(mailbox.message["Date"], "%a, %d %b %Y %H:%M:%S +0000"))
    assert abs(time.time() - then) < 100


def test_date_has_the_local_zone(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", TZ="XXX-05:30").code == 0
    assert mailbox.message["Date"].endswith(" +0530")


def test_message_ids_differ(esmtp: Command, mailbox: Mailbox) -> None:
    for _ in range(2):
        assert esmtp("joe", stdin=b"Subject: x\n\nbody\n").code == 0
    ids = re.findall(rb"^Message-ID: (.*)$", mailbox.mail, re.MULTILINE)
    assert len(set(ids)) == 2


def test_message_id_disabled(esmtp: Command, mailbox: Mailbox) -> None:
    with (esmtp.home / ".esmtprc").open("a") as file:
        file.write("message_id disabled\n")
    assert esmtp("joe").code == 0
    assert mailbox.message["Message-ID"] is None


@pytest.mark.parametrize(
    ("args", "author"),
    [
        (["-F", "Cron Daemon"], "Cron Daemon <me@x.org>"),
        (["-FCronDaemon"], "CronDaemon <me@x.org>"),
        (["-F", ""], "me@x.org"),
        (["-F", "Doe, Joe"], '"Doe, Joe" <me@x.org>'),
        (["-F", "Jörg"], "=?utf-8?q?J=C3=B6rg?= <me@x.org>"),
        (["-F", "x\r\nBcc: evil@x.org"], '"xBcc: evil@x.org" <me@x.org>'),
        (["-F", "Root", "-f", "alias@x.org"], "Root <alias@x.org>"),
        (["-F", "Root", "-f", "Some One <alias@x.org>"], "Root <alias@x.org>"),
        (["-F", "Root", "-f", "<>"], "Root <me@x.org>"),
    ],
)
def test_from_line_that_is_added(esmtp: Command, mailbox: Mailbox, args: list[str], author: str) -> None:
    assert esmtp(*args, "joe", stdin=b"\nbody\n").code == 0
    assert mailbox.message.get_all("From") == [author]
    assert mailbox.message["Bcc"] is None


def test_from_line_without_f_has_the_passwd_name(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", stdin=b"\nbody\n").code == 0
    gecos = pwd.getpwuid(os.getuid()).pw_gecos.partition(",")[0]
    assert mailbox.message["From"] == (f"{gecos} <me@x.org>" if gecos else "me@x.org")


def test_bare_f_is_qualified_in_the_from_line(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("-F", "", "-f", "root", "joe", stdin=b"\nbody\n").code == 0
    assert re.fullmatch(r"root@[\w.-]+", mailbox.message["From"])
    assert mailbox.sender == "root"


BCC = [
    b"Bcc: secret@x.org\n",
    b"bcc: secret@x.org\n",
    b"BCC : secret@x.org\n",
    b"Bcc:secret@x.org\n",
    b"Bcc:\n secret@x.org\n",
    b"Bcc: a@x.org,\n\tsecret@x.org,\n b@x.org\n",
    b"Bcc: a@x.org\nX-Y: z\nBcc: secret@x.org\n",
    b"Resent-Bcc: secret@x.org\n",
    b"Bcc: secret@x.org\r\n",
    b"Bcc\t:\r\n\tsecret@x.org\r\n",
]


@pytest.mark.parametrize("field", BCC)
@pytest.mark.parametrize("before", [b"To: joe\n", b""])
@pytest.mark.parametrize("end", [b"Subject: last\n\nbody\n", b"\nbody\n", b""])
@pytest.mark.parametrize("args", [["joe"], ["-t", "joe"]])
def test_bcc_never_leaves(
    esmtp: Command, mailbox: Mailbox, field: bytes, before: bytes, end: bytes, args: list[str]
) -> None:
    assert esmtp(*args, stdin=before + field + end).code == 0
    assert b"secret" not in mailbox.mail
    assert b"bcc:" not in mailbox.mail.lower().replace(b" ", b"").replace(b"\t", b"")
    assert b"Return-Path" in mailbox.mail


@pytest.mark.parametrize(
    ("header", "to"),
    [
        (b"To:\nBcc: joe\n", "undisclosed-recipients:;"),
        (b"To: \n\nbody", "undisclosed-recipients:;"),
        (b"To:\nCc: joe\n", ""),
        (b"Cc: joe\n", None),
        (b"Bcc: joe\n", None),
        (b"To: undisclosed-recipients:;\n", "undisclosed-recipients:;"),
    ],
)
def test_empty_to(esmtp: Command, mailbox: Mailbox, header: bytes, to: str | None) -> None:
    assert esmtp("joe", stdin=header + b"\nbody\n").code == 0
    assert mailbox.message["To"] == to


@pytest.mark.parametrize(
    "postmark", [b"From me@x.org Fri Jan  1 00:00:00 2010\n", b">From me x\n", b"From a b\n>From c d\n"]
)
def test_mbox_lines_are_dropped(esmtp: Command, mailbox: Mailbox, postmark: bytes) -> None:
    assert esmtp("joe", stdin=postmark + WHOLE + b"\nFrom here on\n").code == 0
    assert mailbox.mail == b"Return-Path: <me@x.org>\n" + WHOLE + b"\nFrom here on\n"


def test_return_path_is_final_deliverys(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", stdin=b"Return-Path: <old@x.org>\n" + WHOLE + b"\n").code == 0
    assert mailbox.mail == b"Return-Path: <me@x.org>\n" + WHOLE + b"\n"


def test_headers_that_end_with_the_input(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("-t", stdin=WHOLE[:-1]).code == 0
    assert mailbox.mail == b"Return-Path: <me@x.org>\n" + WHOLE + b"\n"


@pytest.mark.parametrize("text", [b"just text\n", b"a line: no field\nmore\n", b" folded into nothing\n"])
def test_text_without_header_loses_nothing(esmtp: Command, mailbox: Mailbox, text: bytes) -> None:
    assert esmtp("joe", stdin=text).code == 0
    assert mailbox.body == text


def test_line_that_is_no_field_begins_the_body(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", stdin=WHOLE + b"not a field\nX-After: 1\n\nend\n").code == 0
    assert mailbox.mail == b"Return-Path: <me@x.org>\n" + WHOLE + b"\nnot a field\nX-After: 1\n\nend\n"


def test_empty_input_is_an_empty_mail(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe").code == 0
    assert mailbox.message["From"]
    assert mailbox.body == b""


def test_forced_sender_field(esmtp: Command, mailbox: Mailbox) -> None:
    with (esmtp.home / ".esmtprc").open("a") as file:
        file.write("force sender owner@x.org\n")
    assert esmtp("joe", stdin=b"Sender: old@x.org\nsender: older@x.org\n" + WHOLE + b"\n").code == 0
    assert mailbox.message.get_all("Sender") == ["owner@x.org"]


def test_resent_fields_are_completed(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("-F", "", "-t", stdin=b"Resent-To: joe\n" + WHOLE + b"\n").code == 0
    assert mailbox.message["Resent-From"] == "me@x.org"
    assert mailbox.message["Resent-Date"]
    assert mailbox.message["Resent-Message-ID"]
    assert mailbox.message.get_all("From") == ["Me <me@x.org>"]


def test_no_long_line_is_made(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("-F", "Jörg " * 60, "joe", stdin=b"\nbody\n").code == 0
    assert max(map(len, mailbox.mail.split(b"\n"))) <= 78
