"""Many mails through one session: how many turns it takes, and that none is forgotten when it ends early."""

from collections.abc import Iterator

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver import session
from esmtp_py.deliver.pipeline import WINDOW, WINDOW_BYTES, Parcel, Pipeline
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.outcome import Outcome
from tests.dialogues.script import Octets
from tests.property.model import CLOSING, GONE, NEVER, OK, ModelServer

FAST = ("PIPELINING", "CHUNKING")


class Turns(ModelServer):
    """Counts how often the client waited, and remembers each flight."""

    def __init__(self, extensions: tuple[str, ...], moods: list[str]) -> None:
        self.flights: list[bytes] = []
        self._flight = b""
        super().__init__(extensions, moods)

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self._flight += bytes(data)
        super().send(data, deadline)

    def receive(self, deadline: float) -> bytes:
        if self._flight:
            self.flights.append(self._flight)
            self._flight = b""
        return super().receive(deadline)


class Haraka(Turns):
    """Refuses each line that comes together with the end of a message."""

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        message, end, behind = bytes(data).partition(b"\r\n.\r\n")
        super().send(message + end, deadline)
        self._inbox += b"503 Bad sequence of commands - pipelined after end of DATA\r\n" * behind.count(b"\r\n")


class Run:
    """What became of mails number 0, 1, 2…"""

    def __init__(self, server: Turns, patch: pytest.MonkeyPatch) -> None:
        self.server = server
        patch.setattr(session, "connect", lambda *_: server)
        self.session = Session(Identity(server=Server("mx.example.org", "25"), helo="me"))
        server.flights.clear()
        self.pipeline = Pipeline(self.session)
        self.settled: dict[str, str] = {}

    def parcel(self, number: int, *, size: int = 100, recipients: int = 1) -> Parcel:
        message = Message(Header([b"A: b\r\n"]), Octets(b"x" * size + b"\r\n"))
        envelope = Envelope("me@x.org", [Recipient(f"{number}.{i}@x.org") for i in range(recipients)])
        return Parcel(message, envelope, self.hear)

    def hear(self, outcomes: dict[str, Outcome]) -> None:
        assert not self.settled.keys() & outcomes.keys()
        self.settled.update((address, outcome.kind) for address, outcome in outcomes.items())

    def carry(self, *parcels: Parcel, farewell: bool = True) -> list[Parcel]:
        return self.pipeline.carry(iter(parcels), farewell=farewell)


def test_a_window_of_mails_is_one_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns(FAST, []), monkeypatch)
    assert run.carry(*(run.parcel(n) for n in range(20))) == []
    assert list(run.settled.values()) == ["delivered"] * 20
    assert len(run.server.flights) == 1
    assert run.server.flights[0].endswith(b"QUIT\r\n")
    assert run.server.flights[0].count(b"RSET") == 19


@pytest.mark.parametrize(("count", "size"), [(WINDOW * 2 + 5, 100), (60, WINDOW_BYTES // 20)])
def test_a_window_has_an_end(count: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns(FAST, []), monkeypatch)
    run.carry(*(run.parcel(n, size=size) for n in range(count)))
    assert list(run.settled.values()) == ["delivered"] * count
    assert max(f.count(b"MAIL FROM") for f in run.server.flights) <= WINDOW
    assert max(map(len, run.server.flights)) < 2 * WINDOW_BYTES


def test_without_chunking_the_end_of_one_goes_with_the_begin_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns(("PIPELINING",), []), monkeypatch)
    run.carry(*(run.parcel(n) for n in range(3)))
    assert list(run.settled.values()) == ["delivered"] * 3
    assert len(run.server.flights) == 4
    assert run.server.flights[1].startswith(b"A: b\r\n")
    assert run.server.flights[1].endswith(b"DATA\r\n")
    assert run.server.flights[3].endswith(b".\r\nQUIT\r\n")


def test_courier_hears_nothing_behind_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would never answer that: it forgets what it has read together with the end of a message."""
    run = Run(Turns(("PIPELINING", "XVERP=Courier"), [OK, OK, OK, NEVER]), monkeypatch)
    run.carry(run.parcel(0), run.parcel(1))
    assert run.settled == {"0.0@x.org": "refused", "1.0@x.org": "delivered"}
    assert [f.split()[0] for f in run.server.flights] == [b"MAIL", b"RSET", b"MAIL", b"A:", b"QUIT"]
    assert run.server.flights[2].endswith(b"DATA\r\n")
    assert run.server.flights[3].endswith(b"x\r\n.\r\n")


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_server_that_refuses_what_is_behind_a_message_gets_it_again(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(Haraka(("PIPELINING",), []), monkeypatch)
    assert run.carry(*(run.parcel(n) for n in range(count))) == []
    assert list(run.settled.values()) == ["delivered"] * count
    assert list(run.server.taken.values()) == [1] * count
    assert run.server.heard.count(b"MAIL FROM") == count


def test_a_server_without_pipelining_hears_one_command_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns((), [OK, OK, OK, OK, NEVER]), monkeypatch)
    run.carry(run.parcel(0), run.parcel(1))
    assert run.settled == {"0.0@x.org": "refused", "1.0@x.org": "delivered"}
    lines = [f for f in run.server.flights if not f.startswith(b"A: b")]
    assert all(f.count(b"\r\n") == 1 for f in lines)
    assert [f.split()[0] for f in lines] == [b"MAIL", b"RCPT", b"DATA", b"RSET", b"MAIL", b"RCPT", b"DATA", b"QUIT"]


def test_the_parcels_are_asked_for_as_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue of a hundred thousand is not read at once."""
    run = Run(Turns((), []), monkeypatch)
    asked: list[int] = []

    def parcels() -> Iterator[Parcel]:
        for number in range(5):
            asked.append(len(run.settled))
            yield run.parcel(number)

    run.pipeline.carry(parcels())
    assert asked == [0, 0, 1, 2, 3]


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",), ("CHUNKING",)])
@pytest.mark.parametrize("mood", [CLOSING, GONE])
def test_a_session_that_ends_early_forgets_nobody(
    extensions: tuple[str, ...], mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(2, 14):
        with monkeypatch.context() as patch:
            run = Run(Turns(extensions, [OK] * at + [mood]), patch)
            rest = iter([run.parcel(n) for n in range(4)])
            try:
                left = run.pipeline.carry(rest)
            except MailError:
                left = run.pipeline.left
        waiting = {r.address for parcel in [*left, *rest] for r in parcel.envelope.recipients}
        assert not waiting & run.settled.keys()
        assert waiting | run.settled.keys() == {f"{n}.0@x.org" for n in range(4)}
        assert {a for a, kind in run.settled.items() if kind == "delivered"} == run.server.taken.keys()


def test_a_mail_that_is_not_for_this_server_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns((*FAST, "SIZE 1000"), []), monkeypatch)
    run.carry(run.parcel(0), run.parcel(1, size=2000), run.parcel(2))
    assert run.settled == {"0.0@x.org": "delivered", "1.0@x.org": "too_big", "2.0@x.org": "delivered"}


def test_without_a_farewell_the_session_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns(FAST, []), monkeypatch)
    run.carry(run.parcel(0), farewell=False)
    run.carry(run.parcel(1), farewell=False)
    assert list(run.settled.values()) == ["delivered"] * 2
    assert b"QUIT" not in run.server.heard
    run.session.close()
    assert run.server.heard.endswith(b"QUIT\r\n")


def test_more_recipients_than_every_server_takes_keep_quit_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be a further transaction for the rest."""
    run = Run(Turns(FAST, []), monkeypatch)
    run.carry(run.parcel(0, recipients=101))
    assert len(run.server.flights) == 2
    assert run.server.flights[1] == b"QUIT\r\n"
    assert len(run.server.taken) == 101


def test_no_mail_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Turns(FAST, []), monkeypatch)
    assert run.carry() == []
    assert run.server.flights == [b"QUIT\r\n"]
