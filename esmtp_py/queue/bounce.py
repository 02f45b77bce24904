"""The report that tells a sender which recipients did not get the mail, and why (RFC 3464, 3462).

Pure: the clock, the host name and the boundary are arguments.  The original is
streamed, so a report on a large mail needs no memory for it.  What the peers
said is escaped on its way into header fields; nothing they say can add one.
"""

from esmtp_py.message.address import format_mailbox
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import CHUNK, Message
from esmtp_py.outcome import DELIVERED, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# A field has to stay below the 998 octets of RFC 5322 section 2.1.1, name included.
_FIELD = 900

DAEMON = "Mail Delivery System"

# Bytes of an original that are worth sending back, which is what Postfix returns (bounce_size_limit).
RETURNED = 50_000

_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")


# What has happened, RFC 3464 section 2.3.3: "failed", "delayed", "delivered" here, or "relayed" to a server
# that reports no further.
_SUBJECT = {
    "failed": b"Your mail could not be delivered",
    "delayed": b"Your mail is delayed",
    "delivered": b"Your mail has been delivered",
    "relayed": b"Your mail has been handed on",
}
_OPENING = {
    "failed": [
        "Your mail could not be delivered to the recipients below.  Nobody will try",
        "again; send it once more when the reason is out of the way.",
    ],
    "delayed": [
        "Your mail could not yet be delivered to the recipients below.  You need not",
        "do anything: it is tried again, and you will hear if that is in vain.",
    ],
    "delivered": ["Your mail has been delivered to the recipients below, as you wanted to know."],
    "relayed": [
        "Your mail has been accepted for the recipients below by a server that does",
        "not report any further.",
    ],
}


def wanted(envelope: Envelope, outcomes: "dict[str, Outcome]") -> list[Recipient]:
    """The recipients the sender wants to hear about: not delivered, and NOTIFY does not forbid it.

    None for the null reverse path: a bounce never bounces (RFC 5321 section 4.5.5).
    """
    if not envelope.sender:
        return []
    return [
        recipient
        for recipient in envelope.recipients
        if outcomes[recipient.address].fate != DELIVERED and (not recipient.notify or "FAILURE" in recipient.notify)
    ]


def bounce(
    envelope: Envelope,
    outcomes: "dict[str, Outcome]",
    original: Message,
    *,
    author: str,
    host: str,
    date: bytes,
    boundary: str,
    action: str = "failed",
) -> Message:
    """A report to ``envelope.sender`` about each recipient of the envelope, which ``wanted`` chose.

    original: without Bcc already.  Of a failure all of it is returned, or its
              header if envelope.ret is HDRS, if its body is no text, if it was to go
              over TLS only, or if it is so big that the report might be refused.
    author:   address for From:.  host: the name of this machine.
    date:     the value for Date:.  boundary: a word that nobody could foresee;
              it also makes the Message-ID.
    action:   "failed", "delayed", "delivered" or "relayed".

    To be sent with the null reverse path.
    """
    # RFC 3461 section 4.3: RET is for failures, all other reports return the header.
    headers_only = action != "failed" or _header_is_enough(envelope, outcomes, original)
    returned = Message(original.header, _Nothing()) if headers_only else original
    head = _preamble(envelope, outcomes, host, boundary, action)
    head += _status(envelope, outcomes, host, date, boundary, action)
    head += _part(boundary, b"text/rfc822-headers" if headers_only else b"message/rfc822", returned.eight_bit)
    body = _Report(head, returned, boundary)
    return Message(_header(envelope.sender, author, host, date, boundary, action, body.eight_bit), body)


def _header_is_enough(envelope: Envelope, outcomes: "dict[str, Outcome]", original: Message) -> bool:
    # RFC 8689 section 5: as if RET=HDRS were said, for the report may have to go without TLS.
    if envelope.ret == "HDRS" or envelope.body == "BINARYMIME" or envelope.requiretls:
        return True
    # what was too big for the server is too big for it in a report, too
    return original.size > RETURNED or any(_is_too_big(outcomes[each.address]) for each in envelope.recipients)


def _is_too_big(outcome: Outcome) -> bool:
    """RFC 3463: X.3.4 of the system, X.2.3 of the mailbox."""
    return outcome.status[1:] in (".3.4", ".2.3") or outcome.reply.startswith("552")


def _header(to: str, author: str, host: str, date: bytes, boundary: str, action: str, eight_bit: bool) -> Header:
    header = Header()
    header.append(b"From", format_mailbox(DAEMON, author))
    header.append(b"To", format_mailbox("", to))
    header.append(b"Subject", _SUBJECT[action])
    header.append(b"Date", date)
    header.append(b"Message-ID", f"<{boundary}@{host}>".encode("ascii", "replace"))
    # RFC 3834 section 5: keeps vacation programs and ticket systems quiet
    header.append(b"Auto-Submitted", b"auto-replied")
    header.append(b"MIME-Version", b"1.0")
    kind = f'multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"'
    header.append(b"Content-Type", kind.encode())
    if eight_bit:
        header.append(b"Content-Transfer-Encoding", b"8bit")
    return header


def _part(boundary: str, kind: bytes, eight_bit: bool) -> bytes:
    encoding = b"Content-Transfer-Encoding: 8bit\r\n" if eight_bit else b""
    return b"\r\n--%b\r\nContent-Type: %b\r\n%b\r\n" % (boundary.encode(), kind, encoding)


def _preamble(envelope: Envelope, outcomes: "dict[str, Outcome]", host: str, boundary: str, action: str) -> bytes:
    lines = [f"This is the mail program esmtp on {host}.", "", *_OPENING[action]]
    for recipient in envelope.recipients:
        outcome = outcomes[recipient.address]
        lines += ["", f"<{recipient.address}>", f"    {outcome.text or outcome.kind}"]
    text = "".join(_visible(line) + "\r\n" for line in lines).encode("utf-8", "backslashreplace")
    return _part(boundary, b"text/plain; charset=utf-8", not text.isascii()) + text


def _status(
    envelope: Envelope, outcomes: "dict[str, Outcome]", host: str, date: bytes, boundary: str, action: str
) -> bytes:
    """The machine's part, RFC 3464 section 2."""
    groups = [_about_message(envelope, host)]
    for recipient in envelope.recipients:
        moment = date.decode("ascii", "replace")
        groups.append(_about_recipient(recipient, outcomes[recipient.address], moment, action))
    text = "\r\n".join("".join(f"{name}: {_ascii(value)}\r\n" for name, value in group) for group in groups)
    return _part(boundary, b"message/delivery-status", False) + text.encode("ascii")


def _about_message(envelope: Envelope, host: str) -> list[tuple[str, str]]:
    fields = [("Reporting-MTA", f"dns; {host}")]
    if envelope.envid:
        fields.insert(0, ("Original-Envelope-Id", envelope.envid))
    return fields


def _about_recipient(recipient: Recipient, outcome: Outcome, date: str, action: str) -> list[tuple[str, str]]:
    fields = [("Final-Recipient", _typed(recipient.address)), ("Action", action), ("Status", outcome.status)]
    if recipient.orcpt:
        fields.insert(0, ("Original-Recipient", _typed(recipient.orcpt)))
    if outcome.remote and _HOST.issuperset(outcome.remote):
        fields.append(("Remote-MTA", f"dns; {outcome.remote}"))
    diagnostic = f"smtp; {outcome.reply}" if outcome.reply else f"x-esmtp; {outcome.text}"
    fields += [("Diagnostic-Code", diagnostic), ("Last-Attempt-Date", date)]
    return fields


def _typed(address: str) -> str:
    """With its address type; one beyond ASCII in the 7-bit form of RFC 6533 section 3."""
    if address.isascii():
        return f"rfc822; {address}"
    return "utf-8; " + "".join(char if char.isascii() else f"\\x{{{ord(char):X}}}" for char in address)


def _visible(line: str) -> str:
    line = line[:_FIELD]
    return line if line.isprintable() else "".join(char if char.isprintable() else "?" for char in line)


def _ascii(value: str) -> str:
    return _visible(value).encode("ascii", "backslashreplace").decode("ascii")[:_FIELD]


class _Nothing:
    """The body of a header returned alone."""

    size = 0
    eight_bit = False

    def chunks(self) -> "Iterator[bytes]":
        return iter(())


class _Report:
    """A Body: the parts made here around the original, which is streamed."""

    __slots__ = ("_head", "_original", "_tail", "eight_bit", "size")

    def __init__(self, head: bytes, original: Message, boundary: str) -> None:
        self._head = head
        self._original = original
        self._tail = b"\r\n--%b--\r\n" % boundary.encode()
        self.size = len(head) + original.size + len(self._tail)
        self.eight_bit = original.eight_bit or not head.isascii()

    def chunks(self) -> "Iterator[bytes]":
        for start in range(0, len(self._head), CHUNK):
            yield self._head[start : start + CHUNK]
        yield from self._original.chunks()
        yield self._tail
