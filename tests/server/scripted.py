"""A server that follows a script to the letter, for replies no real server gives.

    steps = script(
        "S: 220 mx.example.test",
        "C: EHLO *",
        "S: 250-mx.example.test",
        "S: 250 STARTTLS",
        "C: STARTTLS",
        r"s: 220 go\\r\\n250 injected\\r\\n",
    )
    with ScriptedServer(steps) as server:  # its end raises AssertionError when the client left the script
        ...
    assert server.tail == b""              # what the client said after the end of the script

Steps are small callables; ``script`` makes them from lines, and a test may mix
in its own: anything that takes the Conversation.
"""

import fnmatch
import socket
import ssl
import struct
from collections.abc import Callable, Sequence

from tests.server.authority import shared_certificate
from tests.server.listener import Listener
from tests.server.wire import Gone, Wire


class Mismatch(Gone):
    """The client did not say what the script expects."""


class Over(Gone):
    """The script ends the connection here."""


class Conversation:
    """One connection while its script is played: what a step works on."""

    def __init__(self, server: "ScriptedServer", connection: socket.socket) -> None:
        self.server = server
        self.wire = Wire(connection)


Step = Callable[[Conversation], None]


def say(text: bytes) -> Step:
    """Send these bytes, in one write."""
    return lambda talk: talk.wire.connection.sendall(text)


def drip(text: bytes) -> Step:
    """Send these bytes one by one, each in its own segment."""

    def step(talk: Conversation) -> None:
        for at in range(len(text)):
            talk.wire.connection.sendall(text[at : at + 1])

    return step


def hear(pattern: str) -> Step:
    """Read a line, which must match: letter by letter, with "*" and "?" as in a shell."""

    def step(talk: Conversation) -> None:
        line = talk.wire.line()
        talk.server.heard.append(line.rstrip(b"\r\n"))
        text = line.decode("utf-8", "backslashreplace")
        if not text.endswith("\r\n") or not fnmatch.fnmatchcase(text[:-2], pattern):
            raise Mismatch(f"expected {pattern!r}, the client said {text!r}")

    return step


def take_data(talk: Conversation) -> None:
    """Read a message up to its lone dot."""
    talk.server.data.append(talk.wire.until_dot())


def take(size: int) -> Step:
    """Read so many bytes."""

    def step(talk: Conversation) -> None:
        talk.server.data.append(talk.wire.count(size))

    return step


def start_tls(talk: Conversation) -> None:
    """TLS handshake, with the certificate of ScriptedServer."""
    talk.wire.connection = talk.server.start_tls(talk.wire.connection, talk.server.context)


def stall(talk: Conversation) -> None:
    """Say nothing more until the client gives up."""
    talk.server.tail += bytes(talk.wire.pending)
    talk.wire.pending.clear()
    try:
        while data := talk.wire.connection.recv(65536):
            talk.server.tail += data
    except OSError:
        pass  # the client left in a hurry
    raise Over


def flood(talk: Conversation) -> None:
    """Send one endless line until the client closes, or has taken 64 MiB of it, which is its fault."""
    for _ in range(1024):
        talk.wire.connection.sendall(b"x" * 65536)
    raise Mismatch("the client reads for ever")


def reset(talk: Conversation) -> None:
    """Close with an RST, as a crashed server or a firewall does."""
    talk.wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.wire.connection.close()
    raise Over


def close(talk: Conversation) -> None:
    """End the connection here, in clear text or without TLS's close_notify; what the client still sends is read."""
    socket.socket.shutdown(talk.wire.connection, socket.SHUT_WR)
    stall(talk)


WORDS: dict[str, Step] = {
    "tls": start_tls,
    "data": take_data,
    "stall": stall,
    "flood": flood,
    "reset": reset,
    "close": close,
}


def script(*lines: str) -> list[Step]:
    """Steps from lines.

    "S: text"  sends text and CRLF; several in a row leave in one write.
    "s: text"  sends exactly this, after the escapes of a Python literal ("\\r\\n" for CRLF); raw strings help.
    "d: text"  the same, byte by byte.
    "C: text"  expects a line; "*" and "?" as in a shell.
    "= word"   tls, data, stall, flood, reset, close, or "take N".
    """
    steps: list[Step] = []
    block = b""
    for line in lines:
        kind, _, text = line.partition(" ")
        if kind == "S:":
            block += text.encode() + b"\r\n"
            continue
        if block:
            steps.append(say(block))
            block = b""
        steps.append(_step(kind, text))
    return [*steps, say(block)] if block else steps


def _step(kind: str, text: str) -> Step:
    match kind, text.split():
        case "C:", _:
            return hear(text)
        case "s:", _:
            return say(_literal(text))
        case "d:", _:
            return drip(_literal(text))
        case "=", ["take", size]:
            return take(int(size))
        case "=", [word] if word in WORDS:
            return WORDS[word]
    raise ValueError(f"no such step: {kind} {text}")


def _literal(text: str) -> bytes:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


class ScriptedServer(Listener):
    """Plays one script for each connection, the last one again for further ones.

    heard:       the client's lines, all connections together.
    data:        message bodies that "= data" and "= take N" read.
    tail:        what the client sent after the end of the script, or while it stalled.
    connections: how many there were.
    unplayed:    for each connection, in the order they ended, how many steps the client's leaving cut off.
    """

    def __init__(self, *scripts: Sequence[Step], path: str = "", context: ssl.SSLContext | None = None) -> None:
        super().__init__(path=path)
        self.scripts = scripts
        self.context = context or shared_certificate().server_context()
        self.heard: list[bytes] = []
        self.data: list[bytes] = []
        self.tail = b""
        self.connections = 0
        self.unplayed: list[int] = []
        self.mismatches: list[str] = []

    def check(self) -> None:
        """Raises AssertionError when the client has said something the script does not expect."""
        assert not self.mismatches, "\n".join(self.mismatches)

    def __exit__(self, kind: object, *rest: object) -> None:
        super().__exit__(kind, *rest)
        if kind is None:
            self.check()

    def serve(self, connection: socket.socket) -> None:
        steps = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        talk = Conversation(self, connection)
        played = 0
        try:
            for step in steps:
                step(talk)
                played += 1
            stall(talk)
        except Mismatch as error:
            self.mismatches.append(str(error))
        except Over:
            played += played < len(steps)
        except Gone:
            pass
        finally:
            self.unplayed.append(len(steps) - played)
