"""What a message says of itself, and what it still needs, when it starts its way here.

Pure: the clock, the host name and the user come as arguments.  RFC 6409
section 8 lets a submission agent do all of this, RFC 5322 says how.
"""

from esmtp_py.errors import MailError
from esmtp_py.message.address import AddressError, Mailbox, parse_mailboxes
from esmtp_py.message.header import Header, name_of, value_of

_DESTINATIONS = (b"To", b"Cc", b"Bcc")
_DAYS = (b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun")
_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
# RFC 5322 section 3.6.6: once in each resent block.
_ONCE = (b"resent-date", b"resent-from", b"resent-sender", b"resent-message-id")
_UNIQUE_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._+=")


def recipients_of(header: Header) -> list[Mailbox]:
    """Whom the header names (-t): To, Cc, Bcc, or their Resent- forms if the message is resent.  Each once.

    Of several resent blocks the topmost counts.  Raises MailError("bad_address")
    when one of the fields cannot be read: then none of them may be used.
    """
    block = _resent_block(header)
    prefix = b"Resent-" if block else b""
    names = [(prefix + name).lower() for name in _DESTINATIONS]
    found: dict[tuple[str, str], Mailbox] = {}
    for name in names:
        for field in block or header.fields:
            if name_of(field) == name:
                for mailbox in _read(field):
                    found.setdefault((mailbox.local, mailbox.domain.lower()), mailbox)
    return list(found.values())


def sender_of(header: Header) -> Mailbox | None:
    """Whose message it is: From:, or Sender: when From: names several or nobody; the Resent- ones if resent.

    None when neither field says; a field that cannot be read says nothing.
    """
    block = _resent_block(header)
    fields, prefix = (block, b"resent-") if block else (header.fields, b"")
    authors = _first(fields, prefix + b"from")
    senders = _first(fields, prefix + b"sender")
    if len(authors) == 1 or not senders:
        return authors[0] if authors else None
    return senders[0]


def complete(header: Header, *, date: bytes, message_id: bytes, from_line: bytes, undisclosed: bool = True) -> None:
    """Makes the header fit to leave: adds Date, From and Message-ID where they are missing or empty.

    All three are field values; an empty one adds nothing.  A resent block gets
    its own (RFC 5322 section 3.6.6).  Return-Path belongs to final delivery and
    goes.  With ``undisclosed`` a To: that is empty says ``undisclosed-recipients:;``
    when no To or Cc names anyone (Bcc does not count: see header.conceal).
    """
    header.remove(b"Return-Path")
    values = ((b"Date", date), (b"From", from_line), (b"Message-ID", message_id))
    for name, value in values:
        if value and not any(header.get_all(name)):
            header.replace(name, value)
    _complete_resent(header, values)
    if not undisclosed or header.get(b"To") is None:
        return
    if not any(_says_something(header, name) for name in (b"To", b"Cc")):
        header.replace(b"To", b"undisclosed-recipients:;")


def author_of(header: Header) -> Mailbox | None:
    """The one author of the message, or who resends it; None for none or several, or when that cannot be read."""
    block = _resent_block(header)
    fields, name = (block, b"resent-from") if block else (header.fields, b"from")
    authors = _first(fields, name)
    # a second field would be what some readers show
    alone = sum(name_of(field) == name for field in fields) == 1
    return authors[0] if alone and len(authors) == 1 else None


def force_author(header: Header, value: bytes) -> None:
    """Makes ``value`` the From: of the message; of a resent one the topmost Resent-From:, if there is one."""
    block = _resent_block(header)
    if not block:
        header.replace(b"From", value)
        return
    made = Header()
    made.append(b"Resent-From", value)
    for number, field in enumerate(header.fields):
        if name_of(field) == b"resent-from" and any(field is own for own in block):
            header.fields[number] = made.fields[0]


def date_line(seconds: float, utc_offset_seconds: int) -> bytes:
    """The value of a Date: field (RFC 5322 section 3.3).  seconds: since 1970 UTC; the zone counts in whole minutes."""
    offset = int(utc_offset_seconds / 60)
    days, second = divmod(int(seconds // 1) + offset * 60, 86400)
    year, month, day = _civil(days)
    hours, minutes = divmod(abs(offset), 60)
    sign = b"-" if offset < 0 else b"+"
    clock = b"%02d:%02d:%02d" % (second // 3600, second // 60 % 60, second % 60)
    weekday = _DAYS[(days + 3) % 7]
    return b"%b, %02d %b %04d %b %b%02d%02d" % (weekday, day, _MONTHS[month - 1], year, clock, sign, hours, minutes)


def message_id(unique: str, host: str) -> bytes:
    """``<unique@host>`` (RFC 5322 section 3.6.4); what may not stand there is left out."""
    left, right = _dot_atom(unique), _dot_atom(host)
    return b"<%b@%b>" % (left or b"unknown", right or b"localhost")


def _resent_block(header: Header) -> list[bytes]:
    """The raw fields of the topmost resent block, [] if there is none.

    Blocks are told apart by what lies between them (a Received of the hop).  Where
    nothing does, a field that every block must have and has only once marks the
    next; that one begins then with the first field the topmost has already.
    Other fields in between are somebody's untidiness.
    """
    block: list[bytes] = []
    names: set[bytes] = set()
    end = -1
    for field in header.fields:
        name = name_of(field)
        if name.startswith(b"resent-"):
            if name in names:
                end = len(block) if end < 0 else end
                if name in _ONCE:
                    return block[:end]
            names.add(name)
            block.append(field)
        elif block and name in (b"received", b"return-path"):
            break
    return block


def _complete_resent(header: Header, values: "tuple[tuple[bytes, bytes], ...]") -> None:
    block = _resent_block(header)
    if not block:
        return
    names = {name_of(field) for field in block}
    missing = Header()
    for name, value in values:
        if value and b"resent-" + name.lower() not in names:
            missing.append(b"Resent-" + name, value)
    at = next(number for number, field in enumerate(header.fields) if field is block[0])
    header.fields[at:at] = missing.fields


def _read(field: bytes) -> list[Mailbox]:
    try:
        return parse_mailboxes(value_of(field))
    except AddressError as error:
        name = field.partition(b":")[0].rstrip().decode()
        raise MailError("bad_address", f"the {name}: field cannot be read: {error.text}") from error


def _first(fields: list[bytes], name: bytes) -> list[Mailbox]:
    for field in fields:
        if name_of(field) == name:
            try:
                return parse_mailboxes(value_of(field))
            except AddressError:
                return []
    return []


def _says_something(header: Header, name: bytes) -> bool:
    return any(value.strip(b" \t,") for prefix in (b"", b"Resent-") for value in header.get_all(prefix + name))


def _civil(days: int) -> "tuple[int, int, int]":
    """Year, month, day of a day since 1970-01-01 in the Gregorian calendar; eras of 400 years, years from March."""
    era, day = divmod(days + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return era * 400 + year + (month > 9), (month + 2) % 12 + 1, day - (153 * month + 2) // 5 + 1


def _dot_atom(text: str) -> bytes:
    kept = bytes(octet for octet in text.encode("ascii", "ignore") if octet in _UNIQUE_SAFE)
    return b".".join(filter(None, kept.split(b".")))
