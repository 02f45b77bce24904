"""The report to the sender, read back with the standard library's MIME parser."""

import email
import email.message
import email.policy

import pytest

from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import CHUNK, Message
from esmtp_py.outcome import Outcome
from esmtp_py.queue.bounce import RETURNED, bounce, wanted

DATE = b"Sat, 21 Nov 2026 08:00:00 +0000"
BOUNDARY = "0123456789abcdef"


class Text:
    def __init__(self, text: bytes) -> None:
        self.text = text
        self.size = len(text)
        self.eight_bit = not text.isascii()

    def chunks(self):  # type: ignore[no-untyped-def]
        yield self.text


def original(body: bytes = b"the body\r\n", *fields: bytes) -> Message:
    return Message(Header([b"From: me@x.org\r\n", b"Subject: mine\r\n", *fields]), Text(body))


def report(
    outcomes: dict[str, Outcome], message: Message | None = None, **wishes: str
) -> tuple[email.message.Message, bytes]:
    envelope = Envelope("me@x.org", [Recipient(address) for address in outcomes], **wishes)  # type: ignore[arg-type]
    made = bounce(
        envelope,
        outcomes,
        message or original(),
        author="MAILER-DAEMON@host.x",
        host="host.x",
        date=DATE,
        boundary=BOUNDARY,
    )
    wire = b"".join(made.chunks())
    assert len(wire) == made.size
    assert made.eight_bit == (not wire.isascii())
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    return email.message_from_bytes(wire, policy=email.policy.compat32), wire


REFUSED = Outcome(
    "unknown_user",
    "mx.y.org said in reply to RCPT TO: 550 5.1.1 No such user",
    status="5.1.1",
    remote="mx.y.org",
    reply="550 5.1.1 No such user",
)


def test_three_parts_that_any_mail_reader_understands() -> None:
    parsed, _ = report({"joe@y.org": REFUSED})
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert not parsed.defects
    text, status, returned = parsed.get_payload()
    assert text.get_content_type() == "text/plain"
    assert "<joe@y.org>" in text.get_payload()
    assert "550 5.1.1 No such user" in text.get_payload()
    assert status.get_content_type() == "message/delivery-status"
    assert returned.get_content_type() == "message/rfc822"
    assert returned.get_payload()[0]["Subject"] == "mine"
    assert returned.get_payload()[0].get_payload() == "the body\r\n"


def test_its_own_header() -> None:
    parsed, _ = report({"joe@y.org": REFUSED})
    assert parsed["To"] == "me@x.org"
    assert parsed["From"] == "Mail Delivery System <MAILER-DAEMON@host.x>"
    assert parsed["Date"] == DATE.decode()
    assert parsed["Message-ID"] == f"<{BOUNDARY}@host.x>"
    assert parsed["Auto-Submitted"] == "auto-replied"
    assert parsed["MIME-Version"] == "1.0"


def test_the_machine_readable_part() -> None:
    waiting = Outcome("dns", "mx.z.org: no answer from the name server")
    parsed, _ = report({"joe@y.org": REFUSED, "ann@z.org": waiting}, envid="a+b")
    about, joe, ann = parsed.get_payload()[1].get_payload()
    assert about.items() == [("Original-Envelope-Id", "a+b"), ("Reporting-MTA", "dns; host.x")]
    assert joe.items() == [
        ("Final-Recipient", "rfc822; joe@y.org"),
        ("Action", "failed"),
        ("Status", "5.1.1"),
        ("Remote-MTA", "dns; mx.y.org"),
        ("Diagnostic-Code", "smtp; 550 5.1.1 No such user"),
        ("Last-Attempt-Date", DATE.decode()),
    ]
    assert ann["Status"] == "4.4.3"
    assert ann["Remote-MTA"] is None
    assert ann["Diagnostic-Code"] == "x-esmtp; mx.z.org: no answer from the name server"


def test_original_recipient_is_repeated() -> None:
    envelope = Envelope("me@x.org", [Recipient("joe@y.org", orcpt="old@y.org")])
    made = bounce(envelope, {"joe@y.org": REFUSED}, original(), author="a@h", host="h", date=DATE, boundary=BOUNDARY)
    assert b"\r\nOriginal-Recipient: rfc822; old@y.org\r\n" in b"".join(made.chunks())


@pytest.mark.parametrize("wishes", [{"ret": "HDRS"}, {"body": "BINARYMIME"}])
def test_headers_only(wishes: dict[str, str]) -> None:
    parsed, wire = report({"joe@y.org": REFUSED}, original(b"secret\0body"), **wishes)
    returned = parsed.get_payload()[2]
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "Subject: mine" in returned.get_payload()
    assert b"secret" not in wire


@pytest.mark.parametrize(
    ("size", "outcome", "whole"),
    [
        (RETURNED - 100, REFUSED, True),
        (RETURNED + 1, REFUSED, False),
        (100, Outcome("too_big", "the message has 100 bytes and mx takes no more than 99"), False),
        (100, Outcome("refused", "no", status="5.3.4"), False),
        (100, Outcome("refused", "no", status="5.2.3"), False),
        (100, Outcome("content", "no", status="5.0.0", reply="552 no"), False),
    ],
)
def test_no_more_is_returned_than_the_server_may_take(size: int, outcome: Outcome, whole: bool) -> None:
    body = b"x" * 98 + b"\r\n" * (size // 2 - 48)
    parsed, wire = report({"ann@y.org": REFUSED, "joe@y.org": outcome}, original(body))
    *_, returned = parsed.get_payload()
    assert returned.get_content_type() == ("message/rfc822" if whole else "text/rfc822-headers")
    assert (b"xxx" in wire) == whole
    assert b"Subject: mine" in wire


def test_eight_bit_original_is_declared() -> None:
    parsed, _ = report({"joe@y.org": REFUSED}, original("grüße\r\n".encode()))
    assert parsed["Content-Transfer-Encoding"] == "8bit"
    assert parsed.get_payload()[2]["Content-Transfer-Encoding"] == "8bit"
    assert parsed.get_payload()[0]["Content-Transfer-Encoding"] is None
    assert (
        report({"joe@y.org": REFUSED}, original("grüße".encode()), ret="HDRS")[0]["Content-Transfer-Encoding"] is None
    )


def test_hostile_words_add_no_field_and_no_line() -> None:
    evil = "550 no\r\nX-Evil: 1\r\n\r\n--0123456789abcdef--\x1b[2J\0é" + "x" * 100_000
    parsed, wire = report({"joe@y.org": Outcome("refused", evil, remote="a\r\nb", reply=evil)}, envid="x\r\ny: z")
    status = parsed.get_payload()[1].get_payload()
    assert len(status) == 2
    assert "X-Evil" not in status[1]
    assert status[1]["Remote-MTA"] is None
    assert "y" not in status[0]
    assert b"\r\nX-Evil" not in wire
    assert b"\x1b" not in wire
    assert b"\0" not in wire
    assert len(parsed.get_payload()) == 3
    assert len(wire) < 5000


def test_address_beyond_ascii_in_the_seven_bit_form() -> None:
    parsed, _ = report({"jörg@y.org": REFUSED})
    assert parsed.get_payload()[1].get_payload()[1]["Final-Recipient"] == r"utf-8; j\x{F6}rg@y.org"
    assert "<jörg@y.org>" in parsed.get_payload()[0].get_payload(decode=True).decode()


def test_many_recipients_stay_within_the_chunk_size() -> None:
    envelope = Envelope("me@x.org", [Recipient(f"u{n}@y.org") for n in range(2000)])
    outcomes = {recipient.address: REFUSED for recipient in envelope.recipients}
    made = bounce(envelope, outcomes, original(), author="a@h", host="h", date=DATE, boundary=BOUNDARY)
    sizes = [len(chunk) for chunk in made.chunks()]
    assert sum(sizes) == made.size > 2 * CHUNK
    assert max(sizes) <= CHUNK


def test_it_can_be_read_twice() -> None:
    envelope = Envelope("me@x.org", [Recipient("joe@y.org")])
    made = bounce(envelope, {"joe@y.org": REFUSED}, original(), author="a@h", host="h", date=DATE, boundary=BOUNDARY)
    assert b"".join(made.chunks()) == b"".join(made.chunks())


@pytest.mark.parametrize(
    ("notify", "kind", "told"),
    [
        ((), "refused", True),
        ((), "try_again", True),
        ((), "delivered", False),
        (("NEVER",), "refused", False),
        (("SUCCESS",), "refused", False),
        (("SUCCESS", "FAILURE"), "refused", True),
    ],
)
def test_who_is_reported(notify: tuple[str, ...], kind: str, told: bool) -> None:
    envelope = Envelope("me@x.org", [Recipient("joe@y.org", notify)])
    assert bool(wanted(envelope, {"joe@y.org": Outcome(kind)})) is told


def test_the_null_sender_is_never_told() -> None:
    assert wanted(Envelope("", [Recipient("joe@y.org")]), {"joe@y.org": REFUSED}) == []
