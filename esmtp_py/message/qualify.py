"""Addresses without a domain in a header, given one (the rc's ``domain``): bytes are put in, none are changed.

A field without such an address, and one that cannot be read, leave as they came.
"""

from esmtp_py.message.address import AddressError, bare_ends
from esmtp_py.message.header import LINE_LIMIT, Header, name_of

# RFC 5322 section 3.6: fields that hold addresses, and where a bare name means somebody of ours.
_ADDRESSES = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
FIELDS = frozenset((*_ADDRESSES, *(b"resent-" + name for name in _ADDRESSES)))


def qualify(header: Header, domain: str) -> None:
    """Puts ``@domain`` (ASCII) behind each address that has none."""
    for number, field in enumerate(header.fields):
        if name_of(field) in FIELDS:
            header.fields[number] = qualified(field, domain.encode("ascii"))


def qualified(field: bytes, domain: bytes) -> bytes:
    """The raw field, its bare addresses with a domain.  No line grows past the 998 bytes that SMTP carries."""
    start = field.index(b":") + 1
    try:
        # a fold is white space, and as long as two blanks
        ends = bare_ends(field[start:].replace(b"\r\n", b"  "))
    except AddressError:
        return field
    if not ends:
        return field
    made = _joined(field, start, ends, b"@" + domain)
    if max(map(len, made.split(b"\r\n"))) > LINE_LIMIT:
        # white space may stand behind any address; not where it would be all of a line
        made = _joined(field, start, ends, b"@" + domain, fold=b"\r\n ")
    return made


def _joined(field: bytes, start: int, ends: "list[int]", domain: bytes, fold: bytes = b"") -> bytes:
    parts, at = [], 0
    for end in ends:
        parts += [field[at : start + end], domain, b"" if _ends_line(field, start + end) else fold]
        at = start + end
    return b"".join([*parts, field[at:]])


def _ends_line(field: bytes, at: int) -> bool:
    while field[at] in b" \t":
        at += 1
    return field.startswith(b"\r\n", at)
