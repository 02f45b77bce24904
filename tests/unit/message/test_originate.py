"""What is added to a message that starts here, what is taken out, and who is named in it."""

import email.utils
import itertools
import random
import time

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.header import Header, conceal, received_count
from esmtp_py.message.intake import Intake
from esmtp_py.message.originate import (
    complete,
    date_line,
    message_id,
    recipients_of,
    sender_of,
)


def header(text: bytes) -> Header:
    intake = Intake(dot_ends=False)
    assert intake.feed(text) == b""
    intake.finish()
    return intake.header


def recipients(text: bytes) -> list[str]:
    return [mailbox.address for mailbox in recipients_of(header(text))]


# -- recipients ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"Subject: a@x\nReply-To: a@x\n", []),
        (b"To: a@x, B <b@x>\nCc: c@x\nBcc: d@x\n", ["a@x", "b@x", "c@x", "d@x"]),
        (b"Bcc: d@x\nCc: c@x\nTo: a@x\nSubject: last\n", ["a@x", "c@x", "d@x"]),
        (b"To:t@x\n", ["t@x"]),
        (b"TO\t:\n\tt@x,\n u@x\n", ["t@x", "u@x"]),
        (b"To: a@x", ["a@x"]),
        (b"To: a@x\nTo: b@x\n", ["a@x", "b@x"]),
        (b"To: a@x, a@X\nCc: A <a@x>, A@x\n", ["a@x", "A@x"]),
        (b"To: friends: a@x, b@x;, root\n", ["a@x", "b@x", "root"]),
        (b"To:\nCc: ,\nBcc: undisclosed-recipients:;\n", []),
        (b'To: "evil@x" <a@x>\n', ["a@x"]),
    ],
)
def test_recipients(text: bytes, expected: list[str]) -> None:
    assert recipients(text) == expected


RECEIVED = b"Received: from here by there; now\n"
OLD = b"Resent-From: old@x\nResent-To: gone@x\nResent-Bcc: gone2@x\nResent-Date: then\n"
ORIGINAL = b"To: a@x\nCc: c@x\nBcc: d@x\n"


@pytest.mark.parametrize(
    "text",
    [
        b"Resent-To: r@x\n" + ORIGINAL,
        ORIGINAL + b"Resent-To: r@x\n",
        b"To: a@x\nresent-from: me@x\nSubject: between\nRESENT-CC : r@x\n",
        b"Resent-From: me@x\nResent-Bcc: r@x\n" + RECEIVED + OLD + ORIGINAL,
        b"Resent-Date: now\nResent-To: r@x\nResent-From: me@x\n" + OLD + ORIGINAL,
        b"Resent-From: me@x\nResent-To: r@x\nResent-To: gone@x\nResent-From: old@x\n",
        b"Resent-From: me@x\nResent-To: r@x\nResent-To: gone@x\nResent-Cc: gone2@x\nResent-From: old@x\n",
        RECEIVED + b"Resent-From: me@x\nResent-To: r@x\nReturn-Path: <me@x>\nResent-To: gone@x\n",
    ],
)
def test_resent_recipients_are_those_of_the_topmost_block(text: bytes) -> None:
    assert recipients(text) == ["r@x"]


def test_a_resent_field_may_be_repeated_within_a_block() -> None:
    assert recipients(b"Resent-From: me@x\nResent-To: r@x\nResent-To: s@x\nTo: a@x\n") == ["r@x", "s@x"]


def test_resent_without_recipients_names_nobody() -> None:
    assert recipients(b"Resent-From: me@x\nTo: a@x\n") == []


def test_a_field_that_cannot_be_read_spoils_them_all() -> None:
    with pytest.raises(MailError) as raised:
        recipients(b"To: a@x\nCC : b@x)c@y\n")
    assert raised.value.kind == "bad_address"
    assert raised.value.text == "the CC: field cannot be read: unexpected \")\", at character 4 of 'b@x)c@y'"


# -- sender ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", None),
        (b"From: Me <me@x>\n", "me@x"),
        (b"From: me@x\nSender: other@x\n", "me@x"),
        (b"From: me@x, you@x\nSender: other@x\n", "other@x"),
        (b"From: me@x, you@x\n", "me@x"),
        (b"Sender: other@x\n", "other@x"),
        (b"From: \nSender: other@x\n", "other@x"),
        (b"From: a b c\nSender: other@x\n", "other@x"),
        (b"From: a b c\n", None),
        (b"From: a b c\nSender: d e\n", None),
        (b"From: root (Cron Daemon)\n", "root"),
        (b"Resent-From: me@x\nFrom: author@x\nSender: s@x\n", "me@x"),
        (b"Resent-From: me@x, you@x\nResent-Sender: he@x\nFrom: author@x\n", "he@x"),
        (b"Resent-To: r@x\nFrom: author@x\n", None),
    ],
)
def test_sender(text: bytes, expected: str | None) -> None:
    mailbox = sender_of(header(text))
    assert (mailbox.address if mailbox else None) == expected


# -- conceal ---------------------------------------------------------------------------------------

SPELLINGS = [
    b"Bcc: secret@x\n",
    b"bcc:secret@x\n",
    b"BCC :secret@x\n",
    b"bCc\t \t: secret@x\n",
    b"Bcc:\n secret@x,\n\tsecret@y\n",
    b"Bcc: \n \n secret@x\n",
    b"Bcc: a,\r\n secret@x\r\n",
    b"Bcc: a,\r secret@x\r",
    b"Resent-Bcc: secret@x\n",
    b"RESENT-bcc \t:\n secret@x\n",
    b"Bcc: secret@x\nBcc: secret@x\nbcc: secret@x\n",
    b"Bcc: secret@x\nResent-Bcc: secret@x\nBcc:secret@y\n",
    b"Bcc:" + b" secret@x,\n" * 1000 + b" secret@x\n",
]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: repr(s[:40]))
def test_no_bcc_leaves(spelling: bytes) -> None:
    others = [b"To:\tx\r\n", b"Subject: a\r\n bcc: b\r\n", b"X-Bcc: not me\r\n"]
    for place in range(4):
        text = b"".join([*others[:place], spelling, *others[place:]])
        for end in (b"", b"\n"):
            edited = header(text + end)
            conceal(edited)
            assert edited.fields == others


def test_a_bcc_that_ends_with_the_input_is_concealed() -> None:
    edited = header(b"To: a@x\nBcc: secret@x")
    conceal(edited)
    assert edited.fields == [b"To: a@x\r\n"]


# -- complete --------------------------------------------------------------------------------------

OURS = {"date": b"now", "message_id": b"<1@x>", "from_line": b"Me <me@x>"}
ADDED = [b"Date: now\r\n", b"From: Me <me@x>\r\n", b"Message-ID: <1@x>\r\n"]


def completed(text: bytes, **values: bytes) -> list[bytes]:
    edited = header(text)
    complete(edited, **{**OURS, **values})
    return edited.fields


def test_what_is_missing_is_added() -> None:
    assert completed(b"") == ADDED
    assert completed(b"Subject : x \n  y\n") == [b"Subject : x \r\n  y\r\n", *ADDED]


@pytest.mark.parametrize("values", list(itertools.product([b"", b"x"], repeat=3)))
def test_an_empty_value_adds_nothing(values: tuple[bytes, bytes, bytes]) -> None:
    date, message, sender = values
    fields = completed(b"A: b\n", date=date, message_id=message, from_line=sender)
    names = {field.partition(b":")[0] for field in fields} - {b"A"}
    assert names == {n for n, v in ((b"Date", date), (b"Message-ID", message), (b"From", sender)) if v}


def test_nothing_is_doubled() -> None:
    text = b"MESSAGE-id:<a@b>\r\ndate\t: yesterday\r\nfrom :\r\n you@x\r\n"
    assert b"".join(completed(text)) == text


def test_an_empty_field_is_filled_in_its_place() -> None:
    assert completed(b"From: \nDate:\nA: b\nMessage-Id:\n \n") == [ADDED[1], ADDED[0], b"A: b\r\n", ADDED[2]]


def test_a_second_field_with_content_counts() -> None:
    fields = completed(b"From:\nFrom: you@x\n")
    assert fields == [b"From:\r\n", b"From: you@x\r\n", ADDED[0], ADDED[2]]


def test_return_path_goes() -> None:
    assert completed(b"Return-Path: <a@x>\nreturn-path :\n <b@x>\n") == ADDED


UNDISCLOSED = b"To: undisclosed-recipients:;\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"To:\n", [UNDISCLOSED]),
        (b"To: \n\t\n", [UNDISCLOSED]),
        (b"to : ,\n", [UNDISCLOSED]),
        (b"To:\nTo:\n", [UNDISCLOSED]),
        (b"To:\nCc:\n", [UNDISCLOSED, b"Cc:\r\n"]),
        (b"To:\nCc: c@x\n", [b"To:\r\n", b"Cc: c@x\r\n"]),
        (b"To:\nTo: a@x\n", [b"To:\r\n", b"To: a@x\r\n"]),
        (b"To: g:;\n", [b"To: g:;\r\n"]),
        (b"Cc:\n", [b"Cc:\r\n"]),
        (b"Subject: nobody asked for a To\n", [b"Subject: nobody asked for a To\r\n"]),
        (b"To:\nBcc: b@x\n", [UNDISCLOSED]),
    ],
)
def test_undisclosed_recipients(text: bytes, expected: list[bytes]) -> None:
    edited = header(text)
    conceal(edited)
    complete(edited, date=b"", message_id=b"", from_line=b"")
    assert edited.fields == expected


def test_undisclosed_recipients_before_bcc_is_out() -> None:
    edited = header(b"To:\nBcc: b@x\n")
    complete(edited, date=b"", message_id=b"", from_line=b"")
    assert edited.fields[0] == UNDISCLOSED


def test_a_resent_message_keeps_its_own_fields_and_its_block_is_completed() -> None:
    original = b"From: a@x\r\nDate: then\r\nMessage-ID: <0@x>\r\nTo:\r\n"
    fields = completed(RECEIVED + b"Resent-To: r@x\n" + original)
    assert fields == [
        RECEIVED.replace(b"\n", b"\r\n"),
        b"Resent-Date: now\r\n",
        b"Resent-From: Me <me@x>\r\n",
        b"Resent-Message-ID: <1@x>\r\n",
        b"Resent-To: r@x\r\n",
        *original.splitlines(keepends=True),
    ]


def test_an_empty_value_adds_nothing_to_a_resent_block() -> None:
    fields = completed(b"Resent-To: r@x\n", date=b"", message_id=b"", from_line=b"")
    assert fields == [b"Resent-To: r@x\r\n"]


def test_a_resent_block_is_not_doubled() -> None:
    text = (
        b"Resent-from: a@x\r\nResent-Date: d\r\nresent-message-id: <m@x>\r\nFrom: a\r\nDate: d\r\nMessage-Id: <i@x>\r\n"
    )
    assert b"".join(completed(text)) == text


# -- the rest --------------------------------------------------------------------------------------


def test_received_count() -> None:
    assert received_count(header(b"Received: a\n b\nX-Received: c\nRECEIVED\t: d\n")) == 2
    assert received_count(header(b"")) == 0


@pytest.mark.parametrize(
    ("seconds", "offset", "line"),
    [
        (0, 0, b"Thu, 01 Jan 1970 00:00:00 +0000"),
        (0.999, 0, b"Thu, 01 Jan 1970 00:00:00 +0000"),
        (-0.001, 0, b"Wed, 31 Dec 1969 23:59:59 +0000"),
        (0, 3600, b"Thu, 01 Jan 1970 01:00:00 +0100"),
        (0, -3600, b"Wed, 31 Dec 1969 23:00:00 -0100"),
        (0, -34200, b"Wed, 31 Dec 1969 14:30:00 -0930"),
        (0, 20700, b"Thu, 01 Jan 1970 05:45:00 +0545"),
        (951827696, 0, b"Tue, 29 Feb 2000 12:34:56 +0000"),
        (4107542400, 0, b"Mon, 01 Mar 2100 00:00:00 +0000"),
        (0, 1172, b"Thu, 01 Jan 1970 00:19:00 +0019"),
        (0, -1172, b"Wed, 31 Dec 1969 23:41:00 -0019"),
    ],
)
def test_date_line(seconds: float, offset: int, line: bytes) -> None:
    assert date_line(seconds, offset) == line


def test_date_line_is_what_the_standard_library_writes() -> None:
    dice = random.Random(5322)
    for _ in range(3000):
        seconds = dice.randrange(-2_208_988_800, 253_402_300_800)
        assert date_line(seconds, 0) == email.utils.formatdate(seconds).replace("-0000", "+0000").encode()


@pytest.mark.parametrize(
    ("unique", "host", "expected"),
    [
        ("5f.1a.00ff", "mail.example.org", b"<5f.1a.00ff@mail.example.org>"),
        ("a", "", b"<a@localhost>"),
        ("", "x", b"<unknown@x>"),
        ("a>b\r\n", "x\r\nBcc: y", b"<ab@xBccy>"),
        ("a..b.", ".x..y.", b"<a.b@x.y>"),
        ("a", "exämple.org", b"<a@exmple.org>"),
        ("a", "[::1]", b"<a@1>"),
    ],
)
def test_message_id(unique: str, host: str, expected: bytes) -> None:
    assert message_id(unique, host) == expected


HUGE = [
    b"a:\n",
    b"To:a\n",
    b"Bcc:a\n",
    b"Resent-To:a\n",
    b"Resent-From:a\n",
    b"From:\n",
    b"To:" + b"a," * 500_000 + b"\n",
]


@pytest.mark.parametrize("unit", HUGE, ids=lambda unit: repr(unit[:20]))
def test_the_largest_header_is_handled_in_seconds(unit: bytes) -> None:
    """Quadratic would be minutes."""
    edited = header(unit * (900_000 // (len(unit) + 1) or 1))
    begin = time.process_time()
    recipients_of(edited)
    sender_of(edited)
    received_count(edited)
    conceal(edited)
    complete(edited, **OURS)
    assert time.process_time() - begin < 20
