"""No server makes the client hang, crash, lose a mail or report what is not so."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver import session
from esmtp_py.deliver.pipeline import Parcel, Pipeline
from esmtp_py.deliver.submission import Submission
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.outcome import DEFERRED, DELIVERED, FAILED, Outcome
from esmtp_py.smtp.reply import ReplyParser
from tests.dialogues.script import Octets
from tests.property.model import GARBAGE, MOODS, OK, Circles, ModelServer

ADDRESSES = [f"u{i}@x.org" for i in range(4)]
SIZES = (0, 100, 70_000, 600_000)

moods = st.lists(st.sampled_from([OK] * 8 + list(MOODS)), max_size=14)
offers = st.sets(st.sampled_from(["PIPELINING", "CHUNKING", "SIZE", "8BITMIME"])).map(lambda s: tuple(sorted(s)))


def submit(
    servers: "list[ModelServer | Raw]", *, lmtp: bool = False, recipients: int = 2, size: int = 100
) -> dict[str, Outcome]:
    """One mail through the courier; each connection takes the next server, the last one again and again."""
    left = list(servers)

    def connect(server: object, deadline: float, *route: object) -> object:
        return left.pop(0) if len(left) > 1 else left[0]

    who = Identity(server=Server("mx.example.org", "25", protocol="lmtp" if lmtp else "smtp"), helo="me")
    body = Octets((b"." + b"x" * 62 + b"\r\n") * (size // 65))
    envelope = Envelope("me@x.org", [Recipient(a) for a in ADDRESSES[:recipients]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "connect", connect)
        outcomes = Submission(who).deliver(Message(Header([b"A: b\r\n"]), body), envelope)
    assert sorted(outcomes) == ADDRESSES[:recipients]
    for outcome in outcomes.values():
        assert outcome.kind != "internal", outcome
        assert outcome.text.isprintable()
        assert len(outcome.text) < 5000
    return outcomes


def said_and_done(outcomes: dict[str, Outcome]) -> list[tuple[str, str, str]]:
    return sorted((a, o.kind, o.text) for a, o in outcomes.items())


@given(offers, moods, st.booleans(), st.integers(1, 4), st.sampled_from(SIZES))
@settings(max_examples=400)
def test_what_is_reported_is_what_the_server_meant(
    offered: tuple[str, ...], how: list[str], lmtp: bool, recipients: int, size: int
) -> None:
    server = ModelServer(offered, how, lmtp=lmtp)
    outcomes = submit([server], lmtp=lmtp, recipients=recipients, size=size)
    note(f"{server.said!r}")
    assert server.closed
    for address, outcome in outcomes.items():
        assert (outcome.fate == DELIVERED) == (address in server.taken), outcome
    assert all(times == 1 for times in server.taken.values())


@given(offers, moods, st.booleans(), st.integers(1, 4), st.sampled_from(SIZES), st.sampled_from([1, 2, 7, 100]))
@settings(max_examples=200)
def test_how_the_bytes_are_cut_changes_nothing(
    offered: tuple[str, ...], how: list[str], lmtp: bool, recipients: int, size: int, cut: int
) -> None:
    whole, bits = ModelServer(offered, how, lmtp=lmtp), ModelServer(offered, how, lmtp=lmtp, cut=cut)
    outcomes = [submit([s], lmtp=lmtp, recipients=recipients, size=size) for s in (whole, bits)]
    assert said_and_done(outcomes[0]) == said_and_done(outcomes[1])
    assert whole.heard == bits.heard


slips = st.tuples(st.integers(0, 12), st.sampled_from(["missing", "twice", *GARBAGE]))


@given(offers, moods, st.booleans(), st.integers(1, 4), st.sampled_from(SIZES), slips, st.sampled_from([1, 1 << 30]))
@settings(max_examples=800)
def test_one_reply_too_many_or_too_few_neither_loses_nor_bounces_a_mail(
    offered: tuple[str, ...],
    how: list[str],
    lmtp: bool,
    recipients: int,
    size: int,
    slip: tuple[int, str | bytes],
    cut: int,
) -> None:
    """A server that loses count once: what it has not taken is not delivered, what it has taken does not fail."""
    server = ModelServer(offered, how, lmtp=lmtp, slip=slip, cut=cut)
    outcomes = submit([server], lmtp=lmtp, recipients=recipients, size=size)
    note(f"{server.said!r} {said_and_done(outcomes)}")
    for address, outcome in outcomes.items():
        if outcome.fate == DELIVERED:
            assert address in server.taken
        if address in server.taken:
            assert outcome.fate != FAILED


@given(offers, moods, st.lists(st.tuples(st.integers(1, 4), st.sampled_from(SIZES)), min_size=1, max_size=6))
@settings(max_examples=300)
def test_many_mails_through_one_session_each_get_their_own_fate(
    offered: tuple[str, ...], how: list[str], mails: list[tuple[int, int]]
) -> None:
    server = ModelServer(offered, how)
    settled: dict[str, Outcome] = {}

    def settle(outcomes: dict[str, Outcome]) -> None:
        assert not settled.keys() & outcomes.keys(), "nobody hears twice"
        settled.update(outcomes)

    parcels = []
    for number, (recipients, size) in enumerate(mails):
        message = Message(Header([b"A: b\r\n"]), Octets(b"x" * max(0, size - 2) + b"\r\n"))
        everybody = [Recipient(f"u{i}@mail{number}.org") for i in range(recipients)]
        parcels.append(Parcel(message, Envelope("me@x.org", everybody), settle))
    left = carry(server, parcels)
    for parcel in parcels:
        for address in (r.address for r in parcel.envelope.recipients):
            if address in settled:
                assert (settled[address].fate == DELIVERED) == (address in server.taken), settled[address]
            else:
                assert parcel in left, "nobody is forgotten"
                assert address not in server.taken
    assert all(times == 1 for times in server.taken.values())


def carry(server: ModelServer, parcels: list[Parcel]) -> list[Parcel]:
    """Through one session; returns those that want another one."""
    rest = iter(parcels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "connect", lambda *_: server)
        try:
            opened = session.Session(Identity(server=Server("mx.example.org", "25"), helo="me"))
        except MailError:
            return parcels
        pipeline = Pipeline(opened)
        try:
            return [*pipeline.carry(rest), *rest]
        except MailError:
            return [*pipeline.left, *rest]
        finally:
            opened.close()


class Raw:
    """A server that says any bytes at all, a piece whenever it has heard something."""

    peer = "raw"

    def __init__(self, pieces: list[bytes], cut: int = 1 << 30) -> None:
        self.pieces = list(pieces)
        self.inbox = b""
        self.heard = b""
        self.reads = 0
        self._cut = cut
        self._next()

    def _next(self) -> None:
        if self.pieces:
            self.inbox += self.pieces.pop(0)

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self.heard += bytes(data)
        self._next()

    def receive(self, deadline: float) -> bytes:
        self.reads += 1
        if self.reads > 100_000:
            raise Circles
        if not self.inbox:
            if self.pieces:
                raise MailError("connection_lost", "did not answer in time")
            return b""
        data, self.inbox = self.inbox[: self._cut], self.inbox[self._cut :]
        return data

    def waiting(self) -> bool:
        return bool(self.inbox) or not self.pieces

    def local_address(self) -> str:
        return ""

    def close(self) -> None:
        pass


lines = st.one_of(
    st.sampled_from(
        [
            b"220 mx\r\n",
            b"250 ok\r\n",
            b"250-PIPELINING\r\n",
            b"250-CHUNKING\r\n250 x\r\n",
            b"354 go\r\n",
            b"221 bye\r\n",
        ]
    ),
    st.sampled_from(
        [b"250 ok\r\n250 ok\r\n250 ok\r\n221 bye\r\n", b"421 x\r\n", b"550 5.1.1 x\r\n", b"334 \r\n", b"2", b"5"]
    ),
    st.sampled_from(GARBAGE),
    st.binary(max_size=40),
)
pieces = st.lists(st.lists(lines, max_size=4).map(b"".join), max_size=12)


@given(pieces, st.booleans(), st.sampled_from([1, 3, 1 << 30]), st.sampled_from(SIZES))
@settings(max_examples=500)
def test_any_bytes_end_in_an_outcome(said: list[bytes], lmtp: bool, cut: int, size: int) -> None:
    server = Raw(said, cut)
    outcomes = submit([server], lmtp=lmtp, size=size)
    for outcome in outcomes.values():
        if outcome.fate == DELIVERED:
            assert re.search(rb"(BDAT \d+ LAST\r\n|\r\n\.\r\n)", server.heard), "a message was sent"
            assert re.search(rb"(?:^|\n)2\d\d[ -]", b"".join(said)), "and accepted"
        assert outcome.fate in (DELIVERED, DEFERRED, FAILED)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_replies_do_not_depend_on_the_cuts(octets: bytes, cuts: list[int]) -> None:
    def parsed(pieces: list[bytes]) -> list[str]:
        parser, found = ReplyParser(), []
        try:
            for piece in pieces:
                found += [str(reply) for reply in parser.feed(piece)]
        except MailError as error:
            found.append(f"{error.kind}: {error.text}")
        return found

    at = [0, *sorted(c for c in cuts if c < len(octets)), len(octets)]
    assert parsed([octets]) == parsed([octets[a:b] for a, b in pairwise(at)])
    assert parsed([octets]) == parsed([octets[i : i + 1] for i in range(len(octets))])


def test_the_model_is_a_server() -> None:
    """Or all of the above would be about nothing."""
    for offered in ((), ("PIPELINING",), ("CHUNKING",), ("CHUNKING", "PIPELINING")):
        for lmtp in (False, True):
            for size in SIZES:
                server = ModelServer(offered, [], lmtp=lmtp)
                outcomes = submit([server], lmtp=lmtp, size=size)
                assert {o.kind for o in outcomes.values()} == {"delivered"}, (offered, lmtp, size, outcomes)
