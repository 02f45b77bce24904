r"""A dialogue: who wants to send what, what is said on the wire, and what becomes of each recipient.

A ``NAME.dialogue`` file is read from top to bottom.  "#" begins a comment, and
the comment at its head says why the dialogue is there.  First the settings:

    server mx.example.org:587     or lmtp:host:port, lmtp:/path, /path
    starttls, username, password, certificate, auth, helo, timeout WORD
                                  as in the rc; the helo name is client.example.org unless told
    from ADDRESS                  <> for the null reverse path; me@example.org unless told
    to ADDRESS [notify=WORD,WORD] [orcpt=ADDRESS]
                                  one line each; bob@example.org unless told
    ret, envid, body-type WORD    of the envelope
    requiretls yes|report         the same, for a mail or for a report about one
    body TEXT                     after the escapes of a Python literal, or "N bytes"

then the dialogue:

    C: text      the client's line, exactly; {size} stands for the size of the message
    S: text      the server's line
    s: text      exactly these bytes of the server, after the escapes of a Python literal
    S*N: text    the line N times;  {x*N} in a text of C, S or s is N times the "x", and
                 {base64 TEXT} that of TEXT, after the escapes of a Python literal
    = message    the message as it is (BDAT)
    = data       the message as DATA takes it, with its final dot
    = dot        the final dot alone
    = take N     the next N bytes of the message, as it is
    = rest       whatever else the client sends on this connection
    = meanwhile  the server's next lines do not wait for the client to be done, nor the client for them
    = tls        TLS handshake; "= tls-fails WORDS" for one that ends so
    = close      the server ends the connection     = reset   a RST     = stall   it says no more
    = connect    the client's next connection starts here
    = refused WORDS  the client's next connection cannot be made

and its outcome, a line for each recipient, and perhaps the exit code of the run:

    > ADDRESS KIND EXIT: words | other words | not words
    exit EXIT

What the words say must be in the outcome's text; after "not" it must not.
"""

import base64
import pathlib
import re

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import CHUNK, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = ("server", "starttls", "username", "password", "certificate", "auth", "helo", "timeout")
ENVELOPE = ("from", "to", "ret", "envid", "body-type", "body", "requiretls")


class Octets:
    """A Body in memory."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.size = len(octets)
        self.eight_bit = not octets.isascii()

    def chunks(self) -> "Iterator[bytes]":
        for start in range(0, self.size, CHUNK):
            yield self.octets[start : start + CHUNK]


class Event:
    """One line of the dialogue: its kind (C, S or a word after "="), its bytes or argument, and where it stands."""

    def __init__(self, kind: str, data: bytes, text: str, line: int) -> None:
        self.kind = kind
        self.data = data
        self.text = text
        self.line = line


class Expected:
    """What must become of one recipient."""

    def __init__(self, text: str) -> None:
        head, _, words = text.partition(": ")
        self.address, self.kind, code = head.split()
        self.exit_code = int(code)
        self.words = [w.strip() for w in words.split(" | ") if w.strip()]


class Dialogue:
    """A file, read.  ``connections`` holds the events of each connection in order."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.expected: list[Expected] = []
        self.exit_code: int | None = None
        self.connections: list[list[Event]] = [[]]
        self._settings: dict[str, str] = {}
        self._recipients: list[Recipient] = []
        self._envelope: dict[str, str] = {}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                self._read(line, number)
        if not self.expected:
            raise ValueError(f"{path}: no outcome is expected")

    def _read(self, line: str, number: int) -> None:
        word, _, rest = line.partition(" ")
        if word in SETTINGS:
            self._settings[word] = rest
        elif word == "to":
            self._recipients.append(_recipient(rest))
        elif word in ENVELOPE:
            self._envelope[word] = rest
        elif word == ">":
            self.expected.append(Expected(rest))
        elif word == "exit":
            self.exit_code = int(rest)
        else:
            self._hear(word, rest, number)

    def _hear(self, word: str, rest: str, number: int) -> None:
        events = self.connections[-1]
        text = re.sub(r"\{(.)\*(\d+)\}", lambda m: m[1] * int(m[2]), rest.replace("{size}", str(self.message.size)))
        text = re.sub(r"\{base64 (.*?)\}", lambda m: base64.b64encode(literal(m[1])).decode(), text)
        if word == "C:":
            events.append(Event("C", text.encode() + b"\r\n", rest, number))
        elif word == "s:":
            events.append(Event("S", literal(text), rest, number))
        elif repeated := re.fullmatch(r"S(?:\*(\d+))?:", word):
            events.append(Event("S", (text.encode() + b"\r\n") * int(repeated[1] or 1), rest, number))
        elif word == "=" and rest == "connect":
            self.connections.append([])
        elif word == "=":
            kind, _, argument = rest.partition(" ")
            events.append(Event(kind, self._payload(kind, argument), argument, number))
        else:
            raise ValueError(f"{self.path}:{number}: no such line: {word} {rest}")

    def _payload(self, kind: str, argument: str) -> bytes:
        octets = b"".join(self.message.chunks())
        match kind:
            case "message":
                return octets
            case "data":
                return stuffed(octets)
            case "dot":
                return b".\r\n"
            case "take":
                return octets[: int(argument)]
            case "rest" | "meanwhile" | "tls" | "tls-fails" | "close" | "reset" | "stall" | "refused":
                return b""
        raise ValueError(f"{self.path}: no such directive: {kind}")

    @property
    def secrets(self) -> list[str]:
        """What no trace and no outcome may show."""
        return [s for s in (self._settings.get("password", ""),) if s]

    @property
    def identity(self) -> Identity:
        given = self._settings
        return Identity(
            server=server(given.get("server", "mx.example.org:587")),
            starttls=given.get("starttls", "automatic"),
            username=given.get("username", ""),
            password=Secret(literal(given["password"]).decode()) if "password" in given else None,
            certificate=given.get("certificate", ""),
            auth=given.get("auth", "automatic"),
            helo=given.get("helo", "client.example.org"),
            timeout=int(given.get("timeout", "0")),
            origin={"hostname": "rc:1"},
        )

    @property
    def envelope(self) -> Envelope:
        sender = self._envelope.get("from", "me@example.org")
        return Envelope(
            "" if sender == "<>" else sender,
            self._recipients or [Recipient("bob@example.org")],
            ret=self._envelope.get("ret", ""),
            envid=self._envelope.get("envid", ""),
            body=self._envelope.get("body-type", ""),
            requiretls="requiretls" in self._envelope,
            report=self._envelope.get("requiretls") == "report",
        )

    @property
    def message(self) -> Message:
        given = self._envelope.get("body", r"Hello.\r\n")
        count, _, unit = given.partition(" ")
        if unit == "bytes":
            lines = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"
            size = int(count)
            body = (lines * (size // 64 + 1))[: size - 2] + b"\r\n"
        else:
            body = literal(given)
        return Message(Header([b"Subject: test\r\n"]), Octets(body))


def literal(text: str) -> bytes:
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


def stuffed(octets: bytes) -> bytes:
    """RFC 5321 section 4.5.2, line by line."""
    lines = octets.split(b"\r\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


def server(text: str) -> Server:
    protocol = "smtp"
    if text.startswith("lmtp:"):
        protocol, text = "lmtp", text.removeprefix("lmtp:")
    if text.startswith("/"):
        return Server("", "", protocol=protocol, path=text)
    host, _, service = text.rpartition(":")
    return Server(host.strip("[]"), service, protocol=protocol)


def _recipient(text: str) -> Recipient:
    address, *options = text.split()
    given = dict(option.split("=", 1) for option in options)
    notify = tuple(given["notify"].split(",")) if "notify" in given else ()
    return Recipient(address, notify, given.get("orcpt", ""))
