"""Where protocol and socket meet: deadlines, the pieces of a large message, and how it ends."""

import time
from collections.abc import Iterator

import pytest

from esmtp_py.deliver.conversation import WRITE_SIZE, Conversation
from esmtp_py.errors import MailError
from esmtp_py.net.stream import Stream
from esmtp_py.smtp import command
from esmtp_py.smtp.client import OutOfStep
from esmtp_py.smtp.command import Command, Payload
from esmtp_py.smtp.patience import Patience
from esmtp_py.smtp.reply import Reply


class Line(Stream):
    """A Stream whose other end is a list of pieces; remembers every deadline.

    A piece is read at once; an exception among the pieces is raised.
    """

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.peer = "mx[192.0.2.1]:25"
        self.pieces = list(pieces)
        self.sent: list[bytes] = []
        self.reading: list[float] = []
        self.writing: list[float] = []
        self.closed = False
        self.writes = 1 << 30  # that will succeed

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self.writing.append(deadline)
        if len(self.sent) >= self.writes:
            raise MailError("connection_lost", "lost the connection to mx: Broken pipe", remote=self.peer)
        self.sent.append(bytes(data))

    def receive(self, deadline: float) -> bytes:
        self.reading.append(deadline)
        if not self.pieces:
            raise MailError("connection_lost", "lost the connection to mx: it did not answer in time", remote=self.peer)
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def waiting(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def drip(text: bytes) -> list[bytes]:
    return [bytes([c]) for c in text]


NOW = 1000.0


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at it finds it a second later."""
    seconds = iter(range(1_000_000))
    monkeypatch.setattr(time, "monotonic", lambda: NOW + next(seconds))


def talking(line: Line, *, timeout: int = 0, end: float = 1e9) -> Conversation:
    return Conversation(line, Patience(timeout), end, "mx", None)


def greeted(line: Line, *, timeout: int = 0, end: float = 1e9) -> Conversation:
    line.pieces[:0] = [b"220 mx\r\n", b"250 mx\r\n"]
    talk = talking(line, timeout=timeout, end=end)
    talk.expect(None)
    talk.expect(command.hello("EHLO", "me"))
    for seen in (line.sent, line.reading, line.writing):
        seen.clear()
    return talk


class Owner:
    """Of a message: hears what became of it."""

    remaining: list[object] = []

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    def answered(self, answered: Command, reply: Reply) -> list[Command]:
        self.heard.append((answered.verb, reply.code))
        return []


def message(chunks: list[bytes] | Iterator[bytes], owner: Owner) -> list[Command]:
    size = 10 << 20
    mail, rcpt = command.mail("a@b", [], owner), command.rcpt("c@d", [], owner)  # type: ignore[arg-type]
    return [mail, rcpt, command.bdat(size, Payload(lambda: chunks), owner=owner)]  # type: ignore[arg-type]


def test_a_chore_is_done_while_the_server_thinks() -> None:
    """Once, when all is said and before anything is heard."""
    line = Line(b"250 ok\r\n", b"250 ok\r\n")
    talk = greeted(line)
    seen: list[tuple[int, int]] = []
    talk.meanwhile(lambda: seen.append((len(line.sent), len(line.reading))))
    talk.expect(command.plain("NOOP"))
    talk.expect(command.plain("NOOP"))
    assert seen == [(1, 0)]


# -- deadlines ------------------------------------------------------------------------------


def test_a_byte_at_a_time_does_not_move_the_deadline() -> None:
    line = Line(*drip(b"220 a very long greeting\r\n"))
    talking(line).expect(None)
    assert len(line.reading) == 26
    assert len(set(line.reading)) == 1
    assert line.reading[0] == pytest.approx(NOW + 300, abs=5)


def test_each_reply_has_its_own() -> None:
    line = Line(b"250 ok\r\n", b"250 ok\r\n")
    talk = greeted(line, timeout=7)
    talk.expect(command.plain("NOOP"))
    talk.expect(command.plain("NOOP"))
    assert line.reading[0] < line.reading[1] < NOW + 100


def test_no_deadline_is_behind_the_end_of_the_session() -> None:
    line = Line(b"250 ok\r\n")
    greeted(line, end=NOW + 3).expect(command.plain("NOOP"))
    assert set(line.reading + line.writing) == {NOW + 3}


def test_the_last_words_of_a_server_have_one_deadline_too() -> None:
    """It hung up on us, and may drip for ever."""
    line = Line(*drip(b"554-no " + b"x" * 5000))
    talk = greeted(line)
    line.writes = 0
    with pytest.raises(MailError, match="Broken pipe, while sending"):
        talk.ask(command.plain("NOOP"))
    assert len(line.reading) > 5000
    assert len(set(line.reading)) == 1
    assert line.reading[0] - line.writing[0] < 10


def test_a_piece_of_a_message_has_the_patience_of_a_piece() -> None:
    owner = Owner()
    line = Line(b"250 m\r\n250 r\r\n250 ok\r\n")
    talk = greeted(line)
    talk.say(message([b"x" * 65536] * 16, owner))
    talk.exchange()
    assert len(line.writing) > 3
    assert all(180 <= deadline - NOW < 250 for deadline in line.writing)


# -- pieces ------------------------------------------------------------------------------------


def test_a_flight_is_one_write() -> None:
    owner = Owner()
    line = Line(b"250 m\r\n250 r\r\n250 ok\r\n")
    talk = greeted(line)
    talk.say(message([b"hello", b" world"], owner))
    talk.exchange()
    assert line.sent == [b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 10485760 LAST\r\nhello world"]
    assert owner.heard == [("MAIL", 250), ("RCPT", 250), ("BDAT LAST", 250)]


def test_a_large_message_is_never_held_as_a_whole() -> None:
    line = Line(b"250 m\r\n250 r\r\n250 ok\r\n")
    talk = greeted(line)
    talk.say(message((b"x" * 65536 for _ in range(160)), Owner()))
    talk.exchange()
    assert sum(map(len, line.sent)) > 10 << 20
    assert max(map(len, line.sent)) <= WRITE_SIZE


def test_a_message_that_breaks_off_is_not_ended() -> None:
    def torn() -> Iterator[bytes]:
        yield b"half"
        raise MailError("io", "the disk is gone")

    owner = Owner()
    line = Line(b"250 m\r\n", b"250 r\r\n", b"354 go\r\n")
    talk = greeted(line)
    sender, rcpt, data = command.mail("a@b", [], owner), command.rcpt("c@d", [], owner), command.plain("DATA")  # type: ignore[arg-type]
    data.owner = owner  # type: ignore[assignment]
    talk.say([sender, rcpt, data])
    for _ in range(3):
        talk.exchange()
    talk.say([command.body(Payload(torn), owner=owner)])  # type: ignore[arg-type]
    with pytest.raises(MailError) as raised:
        talk.exchange()
    assert raised.value.kind == "io"
    assert talk.over
    assert not talk.idle, "no QUIT in the middle of a message"
    assert b"half" not in b"".join(line.sent)


# -- what is owed -----------------------------------------------------------------------------


def test_a_positive_answer_to_a_message_that_did_not_go_out_whole() -> None:
    """The last words may be heard after a write that failed: nobody knows how much of it arrived."""
    owner = Owner()
    line = Line(b"250 m\r\n250 r\r\n250 taken\r\n")
    talk = greeted(line)
    line.writes = 1
    talk.say(message([b"x" * 65536] * 8, owner))
    with pytest.raises(MailError, match="Broken pipe"):
        talk.exchange()
    assert ("BDAT LAST", 250) not in owner.heard
    assert talk.over


def test_a_refusal_among_the_last_words_counts() -> None:
    owner = Owner()
    line = Line(b"250 m\r\n250 r\r\n552 too big\r\n")
    talk = greeted(line)
    line.writes = 1
    talk.say(message([b"x" * 65536] * 8, owner))
    with pytest.raises(MailError):
        talk.exchange()
    assert owner.heard[-1] == ("BDAT LAST", 552)


def test_a_message_whose_end_may_be_out_is_known_as_such() -> None:
    owner = Owner()
    line = Line()
    talk = greeted(line)
    line.writes = 0
    commands = message([b"hello"], owner)
    talk.say(commands)
    with pytest.raises(MailError):
        talk.exchange()
    assert (commands[-1].sent, commands[-1].whole) == (True, False)


def test_one_whose_end_is_not_out_is_known_as_well() -> None:
    owner = Owner()
    line = Line()
    talk = greeted(line)
    line.writes = 1
    commands = message([b"x" * 65536] * 16, owner)
    talk.say(commands)
    with pytest.raises(MailError):
        talk.exchange()
    assert not commands[-1].sent


def test_nothing_more_is_asked_when_it_is_broken() -> None:
    line = Line(b"garbage\r\n")
    talk = greeted(line)
    with pytest.raises(MailError):
        talk.ask(command.plain("NOOP"))
    assert talk.over
    assert not talk.owes
    with pytest.raises(MailError):
        talk.ask(command.plain("NOOP"))
    assert line.sent == [b"NOOP\r\n"]


def test_protocol_errors_say_whose_they_are() -> None:
    talk = greeted(Line(b"garbage\r\n"))
    with pytest.raises(MailError) as raised:
        talk.ask(command.plain("NOOP"))
    assert (raised.value.kind, raised.value.remote) == ("protocol", "mx")


def test_out_of_step_stays_what_it_is() -> None:
    talk = greeted(Line(b"250 m\r\n", b"354 go\r\n"))
    talk.ask(command.plain("NOOP"))
    with pytest.raises(OutOfStep):
        talk.ask(command.plain("NOOP"))


def test_a_lost_connection_says_at_which_step() -> None:
    talk = greeted(Line(b""))
    with pytest.raises(MailError, match="closed the connection, while waiting for the reply to NOOP") as raised:
        talk.ask(command.plain("NOOP"))
    assert raised.value.kind == "connection_lost"
