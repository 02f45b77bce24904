"""What dialogues do not reach: sizes at the border, wishes that make no sense, fates when a session ends."""

from collections.abc import Iterator

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.smtp.client import OutOfStep
from esmtp_py.smtp.command import Command
from esmtp_py.smtp.extensions import Extensions
from esmtp_py.smtp.reply import Reply
from esmtp_py.smtp.transaction import ONE_FLIGHT, Transaction
from tests.dialogues.script import Octets

ALL = "PIPELINING CHUNKING SIZE 8BITMIME SMTPUTF8 DSN"


def message(size: int = 100) -> Message:
    header = Header([b"A: b\r\n"])
    return Message(header, Octets(b"x" * (size - header.size - 2)))


def transaction(offered: str, *, size: int = 100, lmtp: bool = False, recipients: int = 1) -> Transaction:
    envelope = Envelope("me@x.org", [Recipient(f"u{i}@x.org") for i in range(recipients)])
    extensions = Extensions({word: [] for word in offered.split()})
    return Transaction(message(size), envelope, extensions, "mx.example.org", lmtp=lmtp)


def verbs(commands: list[Command]) -> list[str]:
    return [c.verb for c in commands]


@pytest.mark.parametrize(
    ("offered", "size", "lmtp", "flight"),
    [
        (ALL, ONE_FLIGHT, False, ["MAIL", "RCPT", "BDAT LAST"]),
        (ALL, ONE_FLIGHT + 1, False, ["MAIL", "RCPT"]),
        (ALL, 100, True, ["MAIL", "RCPT"]),
        ("PIPELINING", ONE_FLIGHT + 1, False, ["MAIL", "RCPT", "DATA"]),
        ("PIPELINING", 100, True, ["MAIL", "RCPT"]),
        ("CHUNKING", 100, False, ["MAIL"]),
        ("", 100, False, ["MAIL"]),
    ],
)
def test_first_flight(offered: str, size: int, lmtp: bool, flight: list[str]) -> None:
    assert verbs(transaction(offered, size=size, lmtp=lmtp).opening()) == flight


def test_the_announced_size_is_that_of_the_chunks() -> None:
    bdat = transaction(ALL, size=300).opening()[-1]
    assert bdat.payload
    assert bdat.line == b"BDAT 300 LAST\r\n"
    assert sum(map(len, bdat.payload.chunks())) == 300
    assert sum(map(len, bdat.payload.chunks())) == 300, "afresh at each call"


@pytest.mark.parametrize(("size", "taken"), [(1000, True), (1001, False)])
def test_the_largest_message_a_server_takes(size: int, taken: bool) -> None:
    t = Transaction(message(size), Envelope("", [Recipient("a@x.org")]), Extensions({"SIZE": ["1000"]}), "mx")
    if taken:
        assert t.opening()[0].line == b"MAIL FROM:<> SIZE=1000\r\n"
        return
    with pytest.raises(MailError) as raised:
        t.opening()
    assert raised.value.kind == "too_big"


def mail_for(body_type: str, octets: bytes, offered: str) -> bytes:
    envelope = Envelope("", [Recipient("a@x.org")], body=body_type)
    extensions = Extensions({word: [] for word in offered.split()})
    return Transaction(Message(Header([]), Octets(octets)), envelope, extensions, "mx").opening()[0].line


@pytest.mark.parametrize(
    ("body_type", "octets", "offered", "line"),
    [
        ("", b"a", "8BITMIME", b"MAIL FROM:<>\r\n"),
        ("7BIT", b"a", "8BITMIME", b"MAIL FROM:<>\r\n"),
        ("8BITMIME", b"a", "8BITMIME", b"MAIL FROM:<> BODY=8BITMIME\r\n"),
        ("7BIT", b"\xe9", "8BITMIME", b"MAIL FROM:<> BODY=8BITMIME\r\n"),
        ("8BITMIME", b"\xe9", "", b"MAIL FROM:<>\r\n"),
        ("BINARYMIME", b"\0", "BINARYMIME CHUNKING 8BITMIME", b"MAIL FROM:<> BODY=BINARYMIME\r\n"),
    ],
)
def test_what_is_said_of_the_body(body_type: str, octets: bytes, offered: str, line: bytes) -> None:
    assert mail_for(body_type, octets, offered) == line


@pytest.mark.parametrize("offered", ["BINARYMIME", "CHUNKING", "8BITMIME CHUNKING"])
def test_binary_needs_both_extensions(offered: str) -> None:
    with pytest.raises(MailError) as raised:
        mail_for("BINARYMIME", b"\0", offered)
    assert (raised.value.kind, raised.value.status) == ("content", "5.6.1")


@pytest.mark.parametrize(
    ("octets", "offered", "code", "warning", "action"),
    [
        (b"\xe9", "CHUNKING PIPELINING", 250, "8BITMIME", "relayed"),
        (b"\xe9", "CHUNKING PIPELINING", 550, "", ""),
        (b"\xe9", "CHUNKING PIPELINING 8BITMIME DSN", 250, "", ""),
        (b"a", "CHUNKING PIPELINING", 250, "", "relayed"),
    ],
)
def test_what_a_sender_should_know_besides(octets: bytes, offered: str, code: int, warning: str, action: str) -> None:
    envelope, extensions = Envelope("", [Recipient("a@x.org")]), Extensions({w: [] for w in offered.split()})
    t = Transaction(Message(Header([]), Octets(octets)), envelope, extensions, "mx")
    mail, rcpt, bdat = t.opening()
    for command, reply in ((mail, 250), (rcpt, 250), (bdat, code)):
        answer(t, command, reply)
    fate = t.outcomes["a@x.org"]
    assert (warning in fate.warning, bool(fate.warning), fate.action) == (True, bool(warning), action)


class Changed(Octets):
    """A body that is not what it was when it was measured."""

    def __init__(self, size: int, octets: bytes) -> None:
        super().__init__(octets)
        self.size = size
        self.octets = octets

    def chunks(self) -> Iterator[bytes]:
        yield from (self.octets[:5], self.octets[5:])


@pytest.mark.parametrize("octets", [b"hello", b"hello hello\r\nQUIT\r\n", b""])
def test_a_message_that_has_another_size_is_not_sent_to_its_end(octets: bytes) -> None:
    """What is too much would be read as a command, and what is too little would swallow one."""
    changed = Message(Header([b"A: b\r\n"]), Changed(10, octets))
    t = Transaction(changed, Envelope("", [Recipient("a@x.org")]), Extensions({w: [] for w in ALL.split()}), "mx")
    payload = t.opening()[-1].payload
    assert payload
    sent: list[bytes] = []
    with pytest.raises(MailError) as raised:
        sent.extend(payload.chunks())
    assert raised.value.kind == "internal"
    assert len(b"".join(sent)) < changed.size
    assert b"QUIT" not in b"".join(sent)


def answer(t: Transaction, c: Command, code: int, text: bytes = b"x") -> list[Command]:
    c.replies -= 1
    return t.answered(c, Reply(code, [text]))


def test_nobody_is_left_without_a_fate() -> None:
    t = transaction(ALL, recipients=3)
    mail, *rcpts, bdat = t.opening()
    answer(t, mail, 250)
    for code, rcpt in zip((250, 550, 452), rcpts, strict=True):
        answer(t, rcpt, code)
    assert not t.done
    answer(t, bdat, 250)
    assert t.done
    assert {a: o.kind for a, o in t.outcomes.items()} == {"u0@x.org": "delivered", "u1@x.org": "refused"}
    assert [r.address for r in t.remaining] == ["u2@x.org"]


def test_lost_tells_a_doubtful_message_from_one_that_never_left() -> None:
    error = MailError("connection_lost", "gone")
    t = transaction(ALL)
    t.opening()
    t.lost(error)
    assert "more than once" not in t.outcomes["u0@x.org"].text
    t = transaction(ALL)
    t.opening()[-1].sent = True
    t.lost(error)
    assert "may be sent more than once" in t.outcomes["u0@x.org"].text
    assert t.done


@pytest.mark.parametrize("kind", ["try_again", "content", "too_big"])
def test_no_doubt_where_the_server_spoke_or_nothing_was_sent(kind: str) -> None:
    t = transaction(ALL)
    t.opening()[-1].sent = True
    t.lost(MailError(kind, "no"))
    assert "more than once" not in t.outcomes["u0@x.org"].text


def test_lost_leaves_what_is_known() -> None:
    t = transaction("PIPELINING", recipients=3)
    mail, *rcpts, _data = t.opening()
    answer(t, mail, 250)
    for code, rcpt in zip((250, 550, 452), rcpts, strict=True):
        answer(t, rcpt, code)
    t.lost(MailError("connection_lost", "gone"))
    kinds = {a: o.kind for a, o in t.outcomes.items()}
    assert kinds == {"u0@x.org": "connection_lost", "u1@x.org": "refused"}
    assert [r.address for r in t.remaining] == ["u2@x.org"]


def test_doubt_takes_back_whatever_the_server_said() -> None:
    """A refusal may be another recipient's as well; only what we found ourselves stays."""
    envelope = Envelope("me@x.org", [Recipient("a@x.org"), Recipient("b@x.org"), Recipient("a>b@x.org")])
    t = Transaction(message(), envelope, Extensions({w: [] for w in ALL.split()}), "mx")
    mail, one, two, bdat = t.opening()
    bdat.sent = True
    for command, code in ((mail, 250), (one, 250), (two, 550), (bdat, 250)):
        answer(t, command, code)
    t.doubt(OutOfStep("out of step", Reply(550, [b"x"])))
    kinds = {a: o.kind for a, o in t.outcomes.items()}
    assert kinds == {"a@x.org": "protocol", "b@x.org": "protocol", "a>b@x.org": "bad_address"}
    assert "may be sent more than once" in t.outcomes["a@x.org"].text


def test_many_recipients_are_lost_in_linear_time() -> None:
    t = transaction("PIPELINING", recipients=20_000)
    mail, *rcpts, _data = t.opening()
    answer(t, mail, 250)
    answer(t, rcpts[0], 250)
    for rcpt in rcpts[1:]:
        answer(t, rcpt, 452)
    assert len(t.remaining) == 19_999
    t.lost(MailError("connection_lost", "gone"))
    assert len(t.outcomes) == 1


@pytest.mark.parametrize("broken", ["a>b@x.org", "", "a\r\nQUIT@x.org", "\ud800@x.org", "-\udcff\n@x.org"])
def test_an_address_that_cannot_be_said_fails_alone(broken: str) -> None:
    envelope = Envelope("me@x.org", [Recipient("a@x.org"), Recipient(broken), Recipient("b@x.org")])
    t = Transaction(message(), envelope, Extensions({"PIPELINING": []}), "mx")
    opening = t.opening()
    assert [c.subject for c in opening if c.verb == "RCPT"] == ["a@x.org", "b@x.org"]
    assert t.outcomes[broken].kind == "bad_address"
    assert t.outcomes[broken].text.isprintable()


def test_a_sender_that_cannot_be_said_concerns_the_message() -> None:
    t = Transaction(message(), Envelope("a\nb@x.org", [Recipient("a@x.org")]), Extensions({}), "mx")
    with pytest.raises(MailError) as raised:
        t.opening()
    assert raised.value.kind == "bad_address"
