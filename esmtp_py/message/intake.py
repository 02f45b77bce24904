"""Where a message comes in, sans I/O: any bytes in, a Header and canonical body bytes out.

The front doors feed what they read (standard input, a socket, a queue file)
and spool what comes back.  From here on every line ends in CRLF and no CR or
LF stands alone, which is what makes SMTP smuggling impossible further on: the
receiver cannot see an end of data that we did not write (see dots).

A Unix message may end its lines with LF, CRLF or CR, also mixed; each one of
them ends a line (RFC 5321 section 2.3.8 allows none but CRLF on the wire).
"""

from esmtp_py.errors import MailError
from esmtp_py.message.header import LINE_LIMIT, Header, is_field

# The header is held in memory and scanned for each edit.  1 MiB is ten times
# what Postfix keeps (header_size_limit, 102400), and a To: of 20,000 addresses.
HEADER_LIMIT = 1 << 20

# Header lines are looked for in pieces of this size, so that one huge feed()
# is not cut into lines beyond its header.
_PIECE = 64 * 1024

# What a line of the header can be.
_FIELD, _FOLDED, _POSTMARK, _BLANK, _BODY = range(5)


class Intake:
    """Reads one message, in chunks of any size; the split never changes the result.

    dot_ends: a line of a single dot ends the message (sendmail without -i).
    binary:   BODY=BINARYMIME (RFC 3030): the body stays exactly as it is, NULs
              and lone CRs included, and dots mean nothing; the header is text.

    header:      complete once ``header_over`` is True, at the latest after finish().
    ended:       the lone dot has been seen: stop reading.
    eight_bit:   a byte over 127 was in the message.

    ``From `` and ``>From `` lines on top (mbox, UUCP) are dropped.  A line that
    can be no header field ends the header as a blank line does, and is itself
    the first of the body.  In text a missing line end is added to the last line.
    """

    __slots__ = (
        "_after_cr",
        "_at_line_start",
        "_dot",
        "_field",
        "_held",
        "_held_is_header",
        "_size",
        "binary",
        "dot_ends",
        "eight_bit",
        "ended",
        "header",
        "header_over",
    )

    def __init__(self, dot_ends: bool, binary: bool = False) -> None:
        self.dot_ends = dot_ends and not binary
        self.binary = binary
        self.header = Header()
        self.header_over = False
        self.ended = False
        self.eight_bit = False
        self._held = bytearray()  # the unfinished last line of the header
        self._held_is_header = False  # known before its end: it is too long to be anything else
        self._field: list[bytes] = []  # lines of the field being read
        self._size = 0  # of the header so far
        self._after_cr = False  # the chunk before ended in CR, already taken as a line end
        self._at_line_start = True
        self._dot = b""  # a dot that began a line at the end of the chunk before

    def feed(self, data: bytes) -> bytes:
        """The body bytes that ``data`` completes, maybe none.  After ``ended`` it takes nothing.

        Raises MailError("content") for a NUL that is not in a binary body, and
        for a header over HEADER_LIMIT; the message is lost to the sender's
        fault then, and the Intake must not be used further.
        """
        if self.ended or not data:
            return b""
        if not self.header_over:
            data = self._take_header(data)
        return self._take_body(data)

    def finish(self) -> bytes:
        """The input is over: the rest of the body.  Once; later calls return b""."""
        out = b""
        if not self.header_over:
            out = self.feed(b"\n")  # as if its last line had ended
            if self.binary:
                out = out[:-1]
            self._end_header()
        elif not self._at_line_start:
            out = self._take_body(b"\n")
        self.ended = True
        return out

    # -- header ---------------------------------------------------------------------------------

    def _take_header(self, data: bytes) -> bytes:
        """Takes header lines off the front; returns what belongs to the body."""
        for start in range(0, len(data), _PIECE):
            end = start + _PIECE
            body = self._take_lines(data[start:end])
            if self.header_over:
                return body + data[end:]
        return b""

    def _take_lines(self, data: bytes) -> bytes:
        if self._held.endswith(b"\r"):  # maybe half of a CRLF
            del self._held[-1:]
            data = b"\r" + data
        lines = data.splitlines(keepends=True)  # of bytes: at LF, CR and CRLF, nothing else
        unfinished = b"" if lines[-1].endswith(b"\n") else lines.pop()
        for number, line in enumerate(lines):
            if self._held:
                line = bytes(self._held) + line
                self._held.clear()
                self._held_is_header = False
            body = self._take_line(line)
            if self.header_over:
                return body + b"".join(lines[number + 1 :]) + unfinished
        self._held += unfinished
        return self._judge_held()

    def _take_line(self, line: bytes) -> bytes:
        """Takes one whole line; returns it if it is the body's first."""
        content = line.rstrip(b"\r\n")
        kind = self._kind(content)
        if kind in (_FIELD, _FOLDED):
            self._add(content, kind)
        elif kind != _POSTMARK:
            self._end_header()
        return line if kind == _BODY else b""

    def _kind(self, content: bytes) -> int:
        """What a line is; of one over LINE_LIMIT, its first LINE_LIMIT + 1 bytes are enough."""
        if not content:
            return _BLANK
        if content[0] in b" \t":
            return _FOLDED if self._field else _BODY
        if is_field(content):
            return _FIELD
        if not self._field and len(content) <= LINE_LIMIT and content.startswith((b"From ", b">From ")):
            return _POSTMARK
        return _BODY

    def _add(self, content: bytes, kind: int) -> None:
        self._size += len(content) + 2
        self._check_size(self._size)
        if b"\0" in content:
            raise _nul()
        if not content.isascii():
            self.eight_bit = True
        if kind == _FIELD:
            self._end_field()
        self._field.append(content + b"\r\n")

    def _judge_held(self) -> bytes:
        """Sees to it that an endless line is held only as long as it is header and within the limit."""
        length = len(self._held) - self._held.endswith(b"\r")
        if length <= LINE_LIMIT:
            return b""
        if not self._held_is_header:
            if self._kind(bytes(self._held[: LINE_LIMIT + 1])) == _BODY:
                self._end_header()
                return bytes(self._held)
            self._held_is_header = True
        self._check_size(self._size + length)
        return b""

    def _check_size(self, size: int) -> None:
        if size > HEADER_LIMIT:
            raise MailError("content", f"the header of the message is over {HEADER_LIMIT} bytes", status="5.3.4")

    def _end_field(self) -> None:
        if self._field:
            self.header.fields.append(b"".join(self._field))
            self._field = []

    def _end_header(self) -> None:
        self._end_field()
        self.header_over = True

    # -- body -----------------------------------------------------------------------------------

    def _take_body(self, data: bytes) -> bytes:
        if not self.binary:
            data = self._lines(data)
            if b"\0" in data:
                raise _nul()
        if not (self.eight_bit or data.isascii()):
            self.eight_bit = True
        return data if self.binary else data.replace(b"\n", b"\r\n")

    def _lines(self, data: bytes) -> bytes:
        """``data`` with LF for every line end, up to the lone dot if that matters."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if self.dot_ends:
            data = self._before_dot(data)
        if data:
            self._at_line_start = data.endswith(b"\n")
        return data

    def _before_dot(self, data: bytes) -> bytes:
        data = self._dot + data
        self._dot = b""
        if self._at_line_start and data.startswith(b".\n"):
            self.ended = True
            return b""
        end = data.find(b"\n.\n")
        if end >= 0:
            self.ended = True
            return data[: end + 1]
        if data.endswith(b"\n.") or data == b".":  # perhaps the lone dot: the next chunk tells
            self._dot = b"."
            return data[:-1]
        return data


def _nul() -> MailError:
    return MailError("content", "the message holds a NUL byte, which only BODY=BINARYMIME can carry", status="5.6.0")
