"""One address, and the plain ones that need no parser: nearly all that programs write on a command line.

``address`` reads the others.
"""

# What ends an atom (RFC 5322 section 3.2.3): specials, white space, C0 controls and DEL.
NOT_ATEXT = frozenset('()<>[]:;@\\,."') | frozenset(map(chr, range(33))) | {"\x7f"}

LETTER_DIGIT_HYPHEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_PLAIN_LOCAL = LETTER_DIGIT_HYPHEN | frozenset("+=")
# Short enough for every limit there is on an address or a part of it.
_PLAIN_LIMIT = 255


class Mailbox:
    """One address.

    name:   the display phrase, decoded (RFC 2047), "" if none; no control characters.
    local:  local part, without the quotes it may need.
    domain: as written, a literal with its brackets; "" for a bare local name.
    """

    __slots__ = ("domain", "local", "name")

    def __init__(self, name: str, local: str, domain: str) -> None:
        self.name = name
        self.local = local
        self.domain = domain

    @property
    def address(self) -> str:
        """The canonical form, for envelopes (see there)."""
        local = quote_local(self.local)
        return f"{local}@{self.domain}" if self.domain else local

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mailbox) and (other.name, other.address) == (self.name, self.address)

    def __hash__(self) -> int:
        return hash((self.name, self.address))

    def __repr__(self) -> str:
        return f"Mailbox({self.name!r}, {self.local!r}, {self.domain!r})"


def plain(text: str) -> "Mailbox | None":
    """What ``address.parse_mailboxes`` makes of a bare address, the only one in ``text``; None if it takes a parser."""
    local, at, domain = text.partition("@")
    if len(text) > _PLAIN_LIMIT or not _PLAIN_LOCAL.issuperset(local) or not LETTER_DIGIT_HYPHEN.issuperset(domain):
        return None
    if not all(local.split(".")) or (at and not all(domain.split("."))):
        return None
    return Mailbox("", local, domain)


def quote_local(local: str) -> str:
    """A local part as it is written: quoted only if it must be (RFC 5321 section 4.1.2)."""
    atoms = local.split(".")
    if all(atoms) and all(map(NOT_ATEXT.isdisjoint, atoms)):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
