"""Plays a dialogue against the submission courier, in this process and without a socket."""

import base64

import pytest

from esmtp_py.deliver import login, session
from esmtp_py.deliver.submission import Submission
from esmtp_py.errors import MailError
from esmtp_py.net import tls
from esmtp_py.outcome import Outcome, exit_code
from tests.dialogues.script import Dialogue, Event

WHOLE, BYTEWISE = 1 << 30, 1
# Bytes of one flight; beyond it a message goes out piece by piece.
ONE_WRITE = 200_000

ENDS = ("close", "reset", "stall")

# What a dialogue's TLS connection gives a login to be bound to: RFC 5802 has no example of it.
BINDINGS = {"tls-server-end-point": b"the server's certificate"}
# And its nonce is that of the example there.
NONCE = "fyko+d2lbbFgONRv9qkxdawL"


class Mismatch(BaseException):
    """The client left the dialogue; nothing on the way may catch it."""


class ScriptedStream:
    """The methods of net.stream.Stream; says and expects what the events tell.

    What the server says can be read as soon as all that stands before it has
    come from the client; the client must have read it before it says more.
    """

    def __init__(self, dialogue: Dialogue, events: list[Event], cut: int) -> None:
        self.peer = "mx.example.org[192.0.2.25]:587"
        self.closed = False
        self._dialogue = dialogue
        self._events = list(events)
        self._cut = cut
        self._inbox = b""
        self._heard = b""  # of the event that comes next
        self._meanwhile = False
        self._writes = self._flight = 0
        self._said: list[str] = []
        self._advance()

    # -- the methods of Stream -----------------------------------------------

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        if self._over() == "reset":
            raise self._lost("Connection reset by peer")
        self._writes += 1
        self._flight += len(data)
        self._heard += bytes(data)
        if self._writes > 1 and self._flight < ONE_WRITE:
            raise self._mismatch("the client writes twice in one flight")
        self._match()

    def receive(self, deadline: float) -> bytes:
        self._writes = self._flight = 0
        if self._inbox:
            data, self._inbox = self._inbox[: self._cut], self._inbox[self._cut :]
            return data
        match self._over():
            case "close":
                return b""
            case "reset":
                raise self._lost("Connection reset by peer")
            case "stall":
                raise self._lost("it did not answer in time")
        raise self._mismatch("the client waits for the server")

    def waiting(self) -> bool:
        if not self._inbox and self._over() == "reset":
            raise self._lost("Connection reset by peer")
        return bool(self._inbox) or self._over() == "close"

    def local_address(self) -> str:
        return "192.0.2.1"

    def close(self) -> None:
        self.closed = True

    # -- TLS --------------------------------------------------------------------

    def handshake(self) -> None:
        event = self._events.pop(0) if self._events else None
        if self._inbox or not event or event.kind not in ("tls", "tls-fails"):
            raise self._mismatch("the client begins a TLS handshake", event)
        self._said.append("= " + event.kind)
        if event.kind == "tls-fails":
            raise MailError("tls", f"no secure connection to {self.peer}: {event.text}", remote=self.peer)
        self._advance()

    # -- the script ---------------------------------------------------------------

    def check(self) -> None:
        """The client has said all that it should."""
        if not self.closed:
            raise self._mismatch("the client did not close the connection")
        left = [e for e in self._events if e.kind not in (*ENDS, "rest")]
        if left or self._heard:
            raise self._mismatch("the client is gone", left[0] if left else None)

    def _over(self) -> str:
        kind = self._events[0].kind if self._events else ""
        return kind if kind in ENDS else ""

    def _swallows(self) -> bool:
        return bool(self._events) and self._events[0].kind == "rest"

    def _advance(self) -> None:
        """Up to the next thing that the client has to do."""
        while self._events and self._events[0].kind in ("S", "meanwhile"):
            event = self._events.pop(0)
            self._inbox += event.data
            self._meanwhile = event.kind == "meanwhile" or (self._meanwhile and event.kind == "S")
            self._said.append("= meanwhile" if event.kind == "meanwhile" else "S: " + event.text)

    def _match(self) -> None:
        while self._heard:
            if self._inbox and not self._meanwhile:
                raise self._mismatch("the client speaks before it has heard the server")
            if self._over() or self._swallows():
                # a server that is gone hears nothing; the first to notice is the client's next read
                self._heard = b""
                return
            event = self._events[0] if self._events else None
            if event is None or event.kind in ("tls", "tls-fails", "refused"):
                raise self._mismatch("the client says too much", event)
            if not self._heard.startswith(event.data):
                if event.data.startswith(self._heard):
                    return  # the rest is yet to come
                raise self._mismatch("the client says something else", event)
            self._heard = self._heard[len(event.data) :]
            self._said.append(f"C: {event.text}" if event.kind == "C" else f"= {event.kind} {event.text}")
            self._events.pop(0)
            self._meanwhile = False
            self._advance()

    def _lost(self, why: str) -> MailError:
        return MailError("connection_lost", f"lost the connection to {self.peer}: {why}", remote=self.peer)

    def _mismatch(self, what: str, event: Event | None = None) -> Mismatch:
        event = event or (self._events[0] if self._events else None)
        where = f"{self._dialogue.path}:{event.line if event else 'end'}"
        expected = f"{event.kind}: {event.data[:200]!r} {event.text}" if event else "nothing"
        lines = [f"{where}: {what}", *("    " + s for s in self._said)]
        lines += [f"  + client:   {self._heard[:200]!r}", f"  - expected: {expected}"]
        if self._inbox:
            lines.append(f"    unread:   {self._inbox[:200]!r}")
        return Mismatch("\n".join(lines))


class FakeTlsStream:
    """net.tls.TlsStream where ``= tls`` stands: the same stream, from then on trusted."""

    description = "TLSv1.3 TLS_AES_256_GCM_SHA384"

    def __new__(cls, stream: ScriptedStream, context: object, host: str, deadline: float, pin: str) -> "FakeTlsStream":
        stream.handshake()
        stream.description = cls.description  # type: ignore[attr-defined]
        stream.binding = BINDINGS.get  # type: ignore[attr-defined]
        return stream  # type: ignore[return-value]


class Result:
    """What a play gave: the outcomes, and the trace a person would have seen."""

    def __init__(self, outcomes: dict[str, Outcome], trace: list[tuple[str, bytes]]) -> None:
        self.outcomes = outcomes
        self.trace = trace

    @property
    def comparable(self) -> object:
        fates = {a: (o.kind, o.text, o.status, o.remote, o.reply) for a, o in self.outcomes.items()}
        return fates, self.trace


def play(dialogue: Dialogue, cut: int, patch: pytest.MonkeyPatch) -> Result:
    """Runs the dialogue with reads of at most ``cut`` bytes; raises Mismatch where the client leaves it."""
    connections = list(dialogue.connections)
    streams: list[ScriptedStream] = []

    def connect(server: object, deadline: float, *route: object) -> ScriptedStream:
        if not connections:
            raise Mismatch(f"{dialogue.path}: the client connects once more")
        events = connections.pop(0)
        if events and events[0].kind == "refused":
            raise MailError("unreachable", f"cannot connect to mx.example.org: {events[0].text}")
        streams.append(ScriptedStream(dialogue, events, cut))
        return streams[-1]

    patch.setattr(session, "connect", connect)
    patch.setattr(login, "urandom", lambda count: base64.b64decode(NONCE)[:count])
    patch.setattr(tls, "TlsStream", FakeTlsStream)
    patch.setattr(tls, "client_context", lambda trust: None)
    trace: list[tuple[str, bytes]] = []
    courier = Submission(dialogue.identity, lambda tag, line: trace.append((tag, line)))
    outcomes = courier.deliver(dialogue.message, dialogue.envelope)
    for stream in streams:
        stream.check()
    if connections:
        raise Mismatch(f"{dialogue.path}: the client connects only {len(streams)} times")
    return Result(outcomes, trace)


def judge(dialogue: Dialogue, result: Result) -> None:
    """Compares the outcomes with what the dialogue expects; no secret is anywhere."""
    shown = "\n".join(f"  {a}: {o.kind} {o.exit_code}: {o.text}" for a, o in result.outcomes.items())
    assert list(result.outcomes) == [e.address for e in dialogue.expected] or set(result.outcomes) == {
        e.address for e in dialogue.expected
    }, shown
    for expected in dialogue.expected:
        fate = result.outcomes[expected.address]
        assert (fate.kind, fate.exit_code) == (expected.kind, expected.exit_code), shown
        for words in expected.words:
            if words.startswith("not "):
                assert words.removeprefix("not ") not in fate.text, shown
            else:
                assert words in fate.text, shown
        assert fate.text.isprintable(), shown
    if dialogue.exit_code is not None:
        assert exit_code(list(result.outcomes.values())) == dialogue.exit_code, shown
    _no_secret(dialogue, result)


def _no_secret(dialogue: Dialogue, result: Result) -> None:
    user = dialogue.identity.username
    everything = (
        b"\n".join(line for _, line in result.trace)
        + repr([(o.text, o.reply, o.status, repr(o)) for o in result.outcomes.values()]).encode()
    )
    for secret in dialogue.secrets:
        for form in (secret, *(base64.b64encode(t.encode()).decode() for t in (secret, f"\0{user}\0{secret}"))):
            assert form.encode() not in everything, f"{form} is shown"
