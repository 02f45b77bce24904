"""Commands as bytes.  What is made here is one command line and never two.

Every value that comes from outside passes ``_word`` or ``_path``: CR, LF, NUL
and other control characters cannot reach the wire, nor can an address bring
parameters of its own (RFC 5321 section 4.1.2, RFC 6531, RFC 3461).
"""

from esmtp_py.errors import MailError
from esmtp_py.smtp.reply import MASKED, printable

# The reply to the connection itself is owed like any other, to this verb.
GREETING = "GREETING"
EHLO, HELO, LHLO = "EHLO", "HELO", "LHLO"
STARTTLS, AUTH, MAIL, RCPT, DATA, BDAT, RSET, NOOP, QUIT = (
    "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT",
)  # fmt: skip
BDAT_LAST = "BDAT LAST"  # ends a transaction, which BDAT alone does not
RESPONSE = "AUTH response"  # a line of an AUTH exchange, not a command of its own
BODY = "end of data"  # what follows 354; its reply is the message's fate


# RFC 5321 section 4.5.3.1.4, with CRLF.  An AUTH with more is to be cut in two (RFC 4954 section 4),
# and then every server takes 12288 bytes and most take more.
MAX_COMMAND = 512


class Payload:
    """Message bytes that follow a command.

    chunks: called when it is time to send; each call streams afresh.
    header: the header block, for the trace; the body is never traced.
    """

    __slots__ = ("chunks", "header")

    def __init__(self, chunks: "Callable[[], Iterable[bytes]]", header: bytes = b"") -> None:
        self.chunks = chunks
        self.header = header


class Command:
    """Something that is owed ``replies`` replies.

    verb: one of the names above.  line: bytes with CRLF, empty for GREETING
    and BODY.  shown: what a trace may see.  secret: what in it no trace and
    no error may show, should the server quote it.  owner: who wants to know the reply.
    sent: all of it, payload included, may have reached the server.
    whole: all of it has been handed to the kernel.
    """

    __slots__ = ("line", "owner", "payload", "replies", "secret", "sent", "shown", "subject", "verb", "whole")

    def __init__(
        self,
        verb: str,
        line: bytes = b"",
        *,
        shown: bytes | None = None,
        secret: bytes = b"",
        payload: Payload | None = None,
        replies: int = 1,
        subject: str = "",
        owner: "Owner | None" = None,
    ) -> None:
        self.verb = verb
        self.line = line + b"\r\n" if line else b""
        self.shown = line if shown is None else shown
        self.secret = secret
        self.payload = payload
        self.replies = replies
        self.subject = subject
        self.sent = False
        self.whole = False
        self.owner = owner

    def __repr__(self) -> str:
        return f"Command({self.verb} {self.subject})"


def hello(verb: str, name: str) -> Command:
    return Command(verb, b"%s %s" % (verb.encode("ascii"), _word(name, "the helo name", "config")))


def plain(verb: str) -> Command:
    """STARTTLS, DATA, RSET, NOOP, QUIT: a verb and nothing else."""
    return Command(verb, verb.encode("ascii"))


def auth(mechanism: str, response: bytes | None) -> Command:
    """AUTH, with the base64 initial response if there is one ("=" when it is empty, RFC 4954)."""
    line = b"AUTH " + _word(mechanism, "the mechanism", "config")
    if response is None:
        return Command(AUTH, line)
    return Command(AUTH, line + b" " + (response or b"="), shown=line + b" " + MASKED, secret=response)


def fits_auth(mechanism: str, response: bytes | None) -> bool:
    """May this initial response stand in the AUTH command?  Else it answers the 334 to an AUTH without one."""
    return len("AUTH  \r\n") + len(mechanism) + len(response or b"=") <= MAX_COMMAND


def auth_response(response: bytes) -> Command:
    """The next base64 line of an AUTH exchange; the empty one is an empty line."""
    command = Command(RESPONSE, response, shown=MASKED, secret=response)
    command.line = response + b"\r\n"
    return command


def mail(sender: str, parameters: list[str], owner: "Owner | None" = None) -> Command:
    return Command(MAIL, _with(b"MAIL FROM:" + _path(sender), parameters), owner=owner)


def rcpt(recipient: str, parameters: list[str], owner: "Owner | None" = None) -> Command:
    if not recipient:
        raise MailError("bad_address", "an empty recipient")
    return Command(RCPT, _with(b"RCPT TO:" + _path(recipient), parameters), subject=recipient, owner=owner)


def bdat(size: int, payload: Payload, replies: int = 1, owner: "Owner | None" = None) -> Command:
    """The whole message as one last chunk (RFC 3030)."""
    return Command(BDAT_LAST, b"BDAT %d LAST" % size, payload=payload, replies=replies, owner=owner)


def body(payload: Payload, replies: int = 1, owner: "Owner | None" = None) -> Command:
    """The dot-stuffed message and its final dot, after a 354."""
    return Command(BODY, payload=payload, replies=replies, owner=owner)


def xtext(text: str) -> str:
    """RFC 3461 section 4: printable ASCII but "+" and "=" as is, the rest +XX."""
    return "".join(chr(byte) if 33 <= byte <= 126 and byte not in b"+=" else f"+{byte:02X}" for byte in _octets(text))


def typed_address(address: str) -> str:
    """The value of ORCPT: ``rfc822;`` and xtext, or ``utf-8;`` in its form for every server (RFC 6533 section 3)."""
    if address.isascii() or any("\ud800" <= c <= "\udfff" for c in address):
        return "rfc822;" + xtext(address)
    return "utf-8;" + "".join(c if "!" <= c <= "~" and c not in "+=\\" else f"\\x{{{ord(c):X}}}" for c in address)


def _with(line: bytes, parameters: list[str]) -> bytes:
    return b" ".join([line, *(_word(p, "an SMTP parameter") for p in parameters)])


def _word(text: str, what: str, kind: str = "usage") -> bytes:
    """One word of a command line: no space, no control character."""
    encoded = _octets(text)
    if not encoded or any(byte <= 32 or byte == 127 for byte in encoded):
        raise MailError(kind, f"{what} cannot be said in SMTP: {printable(encoded, 80)!r}")
    return encoded


def _octets(text: str) -> bytes:
    """UTF-8, and bytes that came undecoded as they came; half a character becomes a NUL, which passes nowhere."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"\0"


def _path(address: str) -> bytes:
    """``<address>``, refused unless a server can only read it as one address."""
    encoded = bare = _octets(address)
    if encoded.startswith(b'"'):
        end = _end_of_quoted(encoded)
        bare = encoded[end:] if end and encoded[end : end + 1] in (b"@", b"") else b"<"
    if any(byte < 32 or byte == 127 for byte in encoded) or any(byte in b' <>"' for byte in bare):
        raise MailError("bad_address", f"not an address that SMTP can carry: {printable(encoded, 80)!r}")
    return b"<" + encoded + b">"


def _end_of_quoted(text: bytes) -> int:
    """Offset just after the quoted string that ``text`` begins with, 0 if it does not end."""
    at = 1
    while at < len(text):
        if text[at] == 0x5C:
            at += 1
        elif text[at] == 0x22:
            return at + 1
        at += 1
    return 0


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol

    from esmtp_py.message.envelope import Recipient
    from esmtp_py.smtp.reply import Reply

    class Owner(Protocol):
        @property
        def remaining(self) -> list[Recipient]: ...
        def answered(self, answered: Command, reply: Reply) -> list[Command]: ...
