"""One SMTP reply, and the parser that finds replies in a stream of bytes.

A reply is believed only when it is well formed to its last line (RFC 5321
section 4.2): one code on every line, three digits, first digit 2 to 5.
Anything else is a protocol error, which is temporary: the mail is kept.
"""

from esmtp_py.errors import MailError

# RFC 5321 section 4.5.3.1.5 allows 512; servers that quote a policy page go
# past it.  8 KiB is 16 times that, and small enough to keep for 200 lines.
MAX_LINE = 8192
# The longest EHLO reply seen has about 30 lines; policy texts have fewer.
MAX_LINES = 200
# Characters of a reply that people get to see: more than any policy text, and
# still one line of a log.
MAX_SHOWN = 1000
# What a trace shows where a secret stands.
MASKED = b"*"
# "v=" in base64: the server's proof in SCRAM (RFC 5802).  Who reads it beside the rest of the exchange can
# try passwords on it at leisure.
_PROOFS = (b"dj0", b"dj1")


class Reply:
    """One whole reply.

    code: 200 to 599.  lines: the text of each line, without code and line
    end.  status: the enhanced status "c.s.d" (RFC 2034) of the first line, "".
    """

    __slots__ = ("_veiled", "code", "lines", "status")

    def __init__(self, code: int, lines: list[bytes], veiled: "Callable[[bytes], bytes] | None" = None) -> None:
        """veiled: makes of a line with its code what people may see; asked when one does, for few replies are read."""
        self.code = code
        self.lines = lines
        self._veiled = veiled
        self.status = _status(code, lines[0])

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 400

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    def __str__(self) -> str:
        """The reply as one printable line, code first, for people and reports; cut at MAX_SHOWN."""
        lines = self.lines
        if self._veiled:
            lines = [self._veiled(b"%d %b" % (self.code, line))[4:] for line in lines]
        return f"{self.code} {printable(b'; '.join(lines), MAX_SHOWN)}".rstrip()

    def __repr__(self) -> str:
        return f"Reply({str(self)!r})"


def printable(line: bytes, limit: int = 500) -> str:
    """A peer's bytes as text that is safe on a terminal, in a log and in a header.

    Control characters and bytes that are not UTF-8 become ``\\xNN``; more than
    ``limit`` characters end in an ellipsis.
    """
    # four bytes make a character at most, and one beyond the limit shows that there are more
    text = line[: 4 * limit + 4].decode("utf-8", "backslashreplace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= limit else text[:limit] + "…"


def _status(code: int, line: bytes) -> str:
    """The enhanced status code a reply line begins with, if its class fits the code."""
    word = line.split(b" ", 1)[0]
    parts = word.split(b".")
    if len(parts) != 3 or len(word) > 9 or not all(p.isdigit() and len(p) <= 3 for p in parts):
        return ""
    return word.decode("ascii") if parts[0] == b"%d" % (code // 100) else ""


class ReplyParser:
    """Cuts a stream into replies.  ``trace`` is told each line as it came, but for secrets."""

    __slots__ = ("_buffer", "_code", "_lines", "_scanned", "_secrets", "_trace", "_veil")

    def __init__(self, trace: "Trace | None" = None) -> None:
        self._buffer = bytearray()
        self._scanned = 0  # of the buffer, without finding the end of a line
        self._code = 0
        self._lines: list[bytes] = []
        self._secrets: list[bytes] = []
        self._veil: Veil | None = None
        self._trace = trace

    @property
    def idle(self) -> bool:
        """True when not one byte of a further reply has come."""
        return not self._buffer and not self._lines

    def conceal(self, secret: bytes) -> None:
        """From here on the server may quote ``secret`` back at us, but it goes no further than here."""
        if len(secret) > 3:  # base64 has no shorter word, and "=" or "*" is none
            self._secrets.append(secret)

    def veil(self, secret: bytes) -> None:
        """The same for what never stood on the wire as it is: a password, a token."""
        from esmtp_py.smtp.veil import Veil

        self._veil = self._veil or Veil()
        self._veil.add(secret)

    def feed(self, data: bytes) -> "Iterator[Reply]":
        """The replies that are now complete.  Raises MailError("protocol"), after those before the error."""
        self._buffer += data
        while (end := self._buffer.find(b"\n", self._scanned)) >= 0:
            line = bytes(self._buffer[: min(end, MAX_LINE + 2)]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            self._scanned = 0
            reply = self._line(line)
            if reply:
                yield reply
        self._scanned = len(self._buffer)
        if self._scanned > MAX_LINE + 1:  # a CR may be the last of it
            self._line(bytes(self._buffer[: MAX_LINE + 2]))

    def _line(self, line: bytes) -> Reply | None:
        if self._trace:
            self._trace("S", self._veiled(line)[:MAX_LINE])
        if len(line) > MAX_LINE or len(self._lines) >= MAX_LINES:
            raise MailError("protocol", "the server's reply is too long to be one")
        code = line[:3]
        if not (len(code) == 3 and code.isdigit() and b"2" <= code[:1] <= b"5" and line[3:4] in (b"", b" ", b"-")):
            raise MailError(
                "protocol", f"the server said something that is no reply: {printable(self._veiled(line), 80)}"
            )
        if b"\0" in line:
            raise MailError("protocol", f"the server's reply has a NUL in it: {printable(self._veiled(line), 80)}")
        if self._lines and int(code) != self._code:
            raise MailError("protocol", f"the server mixed codes in one reply: {self._code} and {int(code)}")
        self._code = int(code)
        self._lines.append(line[4:])
        if line[3:4] == b"-":
            return None
        reply = Reply(self._code, self._lines, self._veiled if self._secrets or self._veil else None)
        self._lines = []
        return reply

    def _veiled(self, line: bytes) -> bytes:
        """The line as it may be shown; code and enhanced status stay, for they are nobody's secret."""
        kept = 0
        if line[:3].isdigit() and line[3:4] in (b"", b" ", b"-"):
            kept = 4 + len(_status(int(line[:3]), line[4:]))
        text = line[kept:]
        if text.startswith(_PROOFS):
            return line[:kept] + MASKED
        for secret in self._secrets:
            text = text.replace(secret, MASKED)
        return line[:kept] + (self._veil.over(text) if self._veil else text)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmtp_py.smtp.veil import Veil

    Trace = Callable[[str, bytes], None]
