"""The header block as raw fields: found by name, edited as bytes, otherwise left exactly as it came.

Signatures (DKIM, PGP/MIME) cover header bytes, so a field that nobody edits
leaves with its own spelling, folding and trailing white space.  Only its line
ends are made CRLF, and that is done by whoever fills the block (intake).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# RFC 5322 section 2.2: printable US-ASCII without the colon.
_FIELD_NAME = bytes(c for c in range(33, 127) if c != ord(":"))
# RFC 5322 section 2.1.1: no line is longer, so no field name is either.
LINE_LIMIT = 998


def is_field(line: bytes) -> bool:
    """True if ``line`` begins a header field: a name, perhaps white space (obsolete syntax), a colon.

    Only its first LINE_LIMIT + 1 bytes are looked at.
    """
    colon = line.find(b":", 0, LINE_LIMIT + 1)
    name = line[: max(colon, 0)].rstrip(b" \t")
    return bool(name) and not name.translate(None, _FIELD_NAME)


def name_of(field: bytes) -> bytes:
    """The name of a raw field, in lower case."""
    return field[: field.find(b":", 0, LINE_LIMIT + 1)].rstrip(b" \t").lower()


def value_of(field: bytes) -> bytes:
    """What a raw field says: unfolded (RFC 5322 section 2.2.3), without the white space around it."""
    return field.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t")


class Header:
    """The fields of one message, in order.

    fields: raw fields, each with its folding, each line ending in CRLF.

    Names are given without the colon and match in any case.  Edits that add
    bytes raise ValueError for a name that is none, and for a value that would
    end its field (CR, LF or NUL outside of a fold, which is CRLF and white
    space): whoever calls has to refuse such input before.
    """

    __slots__ = ("fields",)

    fields: list[bytes]

    def __init__(self, fields: "Iterable[bytes]" = ()) -> None:
        self.fields = list(fields)

    def get(self, name: bytes) -> bytes | None:
        """The value of the topmost field ``name``, unfolded and stripped; None if there is none."""
        for field in self.named(name):
            return value_of(field)
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        """The values of all fields ``name``, topmost first."""
        return [value_of(field) for field in self.named(name)]

    def named(self, name: bytes) -> "Iterator[bytes]":
        """The raw fields ``name``, topmost first."""
        wanted = name.lower()
        return (field for field in self.fields if name_of(field) == wanted)

    def remove(self, name: bytes) -> None:
        """Takes every field ``name`` out, with its folded lines."""
        wanted = name.lower()
        self.fields = [field for field in self.fields if name_of(field) != wanted]

    def append(self, name: bytes, value: bytes) -> None:
        """Adds a field below all others."""
        self.fields.append(_field(name, value))

    def prepend(self, name: bytes, value: bytes) -> None:
        """Adds a field above all others, where trace fields belong (RFC 5321 section 4.4)."""
        self.fields.insert(0, _field(name, value))

    def replace(self, name: bytes, value: bytes) -> None:
        """Gives the topmost field ``name`` a new value in its place, and takes the others out.

        Appends it where there was none.
        """
        new, wanted = _field(name, value), name.lower()
        kept: list[bytes] = []
        pending = True
        for field in self.fields:
            if name_of(field) != wanted:
                kept.append(field)
            elif pending:
                kept.append(new)
                pending = False
        self.fields = [*kept, new] if pending else kept

    @property
    def eight_bit(self) -> bool:
        """True if a field holds a byte over 127."""
        return not all(field.isascii() for field in self.fields)

    @property
    def size(self) -> int:
        """Bytes of the block, without the blank line that ends it."""
        return sum(len(field) for field in self.fields)

    def __bytes__(self) -> bytes:
        return b"".join(self.fields)

    def __repr__(self) -> str:
        return f"Header({len(self.fields)} fields)"


def conceal(header: Header) -> None:
    """Takes Bcc and Resent-Bcc out, all of them: they must not leave with the message."""
    header.remove(b"Bcc")
    header.remove(b"Resent-Bcc")


def received_count(header: Header) -> int:
    """How many hosts the message has passed (RFC 5321 section 6.3)."""
    return sum(name_of(field) == b"received" for field in header.fields)


def _field(name: bytes, value: bytes) -> bytes:
    if not name or name.translate(None, _FIELD_NAME):
        raise ValueError(f"not a header field name: {name!r}")
    folds = value.replace(b"\r\n ", b" ").replace(b"\r\n\t", b"\t")
    if b"\r" in folds or b"\n" in folds or b"\0" in folds:
        raise ValueError(f"the value of {name.decode()} holds a line break or NUL")
    return b"%b: %b\r\n" % (name, value)
