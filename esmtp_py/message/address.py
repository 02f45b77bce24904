"""Addresses as people and programs write them, read in one pass (RFC 5321, 5322, 6531).

Header values (-t, From:) and command line words become Mailboxes here, and
only Mailboxes go into an envelope.  What cannot be read without guessing is an
AddressError, for a guess would send mail to someone nobody named.

Read as well, because callers write it: comments anywhere, nested; groups;
routes (dropped); white space around ``@`` and dots; dots in phrases
(``J. R. Doe <x@y>``); empty list items; words without a domain (local names);
local parts with odd dots (``joe..doe``); a domain with a dot at its end.  A
phrase that is an address is taken only if it is the same one (``a@x <a@x>``).

Limits: a domain has at most DOMAIN_LIMIT octets, an address ADDRESS_LIMIT.
The 64 octets of RFC 5321 section 4.5.3.1.1 for a local part are what every
server must take, not what it may: VERP and SRS senders are longer, so a longer
local part is left to the server to judge.
"""

from esmtp_py.message.lexer import ATOM, END, LITERAL, QUOTED, Lexer
from esmtp_py.message.lexer import AddressError as AddressError
from esmtp_py.message.mailbox import LETTER_DIGIT_HYPHEN, NOT_ATEXT
from esmtp_py.message.mailbox import Mailbox as Mailbox
from esmtp_py.message.mailbox import quote_local as quote_local

DOMAIN_LIMIT = 255  # octets, RFC 5321 section 4.5.3.1.2
ADDRESS_LIMIT = 498  # octets: MAIL FROM:<...> and its CRLF fit into 512 (section 4.5.3.1.4)

_NO_GROUP = -1

# One word or dot of a phrase or local part: kind, value, spaced, offset.
_Part = tuple[str, str, bool, int]


def parse_mailboxes(text: bytes) -> list[Mailbox]:
    """The mailboxes of an address list: an unfolded header value, or a word of the command line.

    Group members count, group names do not; [] for an empty list.  Raises
    AddressError for anything else, and then no address of it may be used.
    """
    return _Reader(text).mailboxes


def bare_ends(text: bytes) -> list[int]:
    """Where each address without a domain ends in an address list, as offsets in ``text``.  AddressError as above."""
    bare = _Reader(text).bare
    if text.isascii():
        return bare
    characters = text.decode("utf-8", "surrogateescape")
    ends, octets, at = [], 0, 0
    for end in bare:
        octets += len(characters[at:end].encode("utf-8", "surrogateescape"))
        at = end
        ends.append(octets)
    return ends


def parse_reverse_path(text: bytes) -> Mailbox | None:
    """The one address of -f, as ``a@x``, ``<a@x>`` or ``Me <a@x>``; None, the null path, for "" and ``<>``.

    Raises AddressError for anything else.
    """
    if text.strip(b" \t") in (b"", b"<>"):
        return None
    reader = _Reader(text)
    if len(reader.mailboxes) != 1 or reader.groups:
        raise reader.lexer.error("one address is wanted here", 0)
    return reader.mailboxes[0]


def format_mailbox(name: str, address: str) -> bytes:
    """The value of a From: field: encoded, quoted and folded where that is needed (RFC 5322, 2047).

    Control characters of the name are dropped; in the address they raise AddressError.
    """
    if not _printable(address):
        raise AddressError("control character in an address", 0)
    words = name.split()
    short = len(name) + len(address) < 60  # no line of more than 78 columns comes of it
    if short and name.isascii() and all(map(NOT_ATEXT.isdisjoint, words)) and "=?" not in name:
        phrase = " ".join(words)
        return (f"{phrase} <{address}>" if phrase else address).encode()
    from esmtp_py.message.phrase import format_phrase

    return format_phrase(name, address.encode())


class _Reader:
    """Reads a whole address list.

    mailboxes: what it names.  groups: how many there were.  bare: where addresses without a domain end.
    """

    __slots__ = ("_end", "_group", "bare", "groups", "lexer", "mailboxes")

    def __init__(self, text: bytes) -> None:
        self.lexer = Lexer(text)
        self.mailboxes: list[Mailbox] = []
        self.groups = 0
        self.bare: list[int] = []
        self._end = 0  # of the word or dot read last
        self._group = _NO_GROUP  # else how many mailboxes there were before its members
        while self._item():
            pass

    def _item(self) -> bool:
        """Reads up to the next separator; False at the end."""
        lexer = self.lexer
        parts = self._parts()
        if lexer.kind == ":" and parts and self._group == _NO_GROUP:
            self._group = len(self.mailboxes)
            self.groups += 1
        else:
            self._mailbox(parts)
            self._end_item()
        more = lexer.kind != END
        if more:
            lexer.advance()
        return more

    def _end_item(self) -> None:
        lexer = self.lexer
        if self._group != _NO_GROUP:
            if lexer.kind == ";":
                self._group = _NO_GROUP
                lexer.advance()
            elif lexer.kind == END and len(self.mailboxes) > self._group:  # "undisclosed-recipients:" is seen
                raise lexer.error('a group without its ";"', lexer.at)
        if lexer.kind not in (",", END):
            raise lexer.unexpected()

    def _mailbox(self, parts: list[_Part]) -> None:
        """Reads on from the words of an item to the sign after its address; no words, no address."""
        lexer = self.lexer
        if lexer.kind == "@":
            mailbox = self._addr_spec(parts)
            if lexer.kind == "<":
                mailbox = self._named_by_itself(mailbox)
        elif lexer.kind == "<":
            mailbox = self._angle(parts)
        elif parts:
            mailbox = self._local_name(parts)
        else:
            return
        self.mailboxes.append(mailbox)

    def _parts(self) -> list[_Part]:
        lexer, parts = self.lexer, []
        while lexer.kind in (ATOM, QUOTED, "."):
            parts.append((lexer.kind, lexer.value, lexer.spaced, lexer.at))
            self._end = lexer.after
            lexer.advance()
        return parts

    def _angle(self, phrase: list[_Part]) -> Mailbox:
        lexer, at = self.lexer, self.lexer.at
        lexer.advance()
        if lexer.kind == "@" or lexer.kind == ",":
            self._skip_route()
        parts = self._parts()
        if not parts and lexer.kind == ">":
            raise lexer.error("no address in <>", at)
        mailbox = self._addr_spec(parts) if lexer.kind == "@" else self._local_name(parts)
        if lexer.kind != ">":
            raise lexer.unexpected()
        lexer.advance()
        mailbox.name = _phrase(phrase)
        return mailbox

    def _named_by_itself(self, mailbox: Mailbox) -> Mailbox:
        """``a@x <a@x>`` is one address; ``a@x <b@y>`` was made to be read in two ways."""
        at = self.lexer.at
        other = self._angle([])
        if (other.local, other.domain.lower()) != (mailbox.local, mailbox.domain.lower()):
            raise self.lexer.error("two different addresses in one", at)
        other.name = mailbox.address
        return other

    def _skip_route(self) -> None:
        """``@a,@b:`` (RFC 5322 section 4.4): mail is not source-routed any more."""
        lexer = self.lexer
        while lexer.kind == "@" or lexer.kind == ",":
            is_domain = lexer.kind == "@"
            lexer.advance()
            if is_domain:
                self._domain()
        if lexer.kind != ":":
            raise lexer.unexpected()
        lexer.advance()

    def _addr_spec(self, parts: list[_Part]) -> Mailbox:
        lexer = self.lexer
        if not parts:
            raise lexer.unexpected()
        local = self._local(parts)
        lexer.advance()
        mailbox = Mailbox("", local, self._domain())
        if len(mailbox.address.encode()) > ADDRESS_LIMIT:
            raise lexer.error(f"an address of more than {ADDRESS_LIMIT} octets", parts[0][3])
        return mailbox

    def _local_name(self, parts: list[_Part]) -> Mailbox:
        if not parts:
            raise self.lexer.unexpected()
        local = self._local(parts)
        torn = local.startswith("=?")  # an encoded-word with a comma in it
        if not local or torn or "@" in local or len(local.encode()) > ADDRESS_LIMIT:
            raise self.lexer.error("not a local name", parts[0][3])
        self.bare.append(self._end)
        return Mailbox("", local, "")

    def _local(self, parts: list[_Part]) -> str:
        local, after_word = [], False
        for kind, value, _, at in parts:
            if kind != "." and after_word:
                raise self.lexer.error("two words where one address is wanted", at)
            after_word = kind != "."
            if not _printable(value):
                raise self.lexer.error("a character that no address may have", at)
            local.append(value)
        return "".join(local)

    def _domain(self) -> str:
        """Reads a domain or an address literal."""
        lexer, at = self.lexer, self.lexer.at
        if lexer.kind == LITERAL:
            return self._address_literal()
        labels = [self._label()]
        while lexer.kind == ".":
            lexer.advance()
            if lexer.kind != ATOM:  # the root's dot
                break
            labels.append(self._label())
        domain = ".".join(labels)
        if len(domain.encode("utf-8", "replace")) > DOMAIN_LIMIT:
            raise lexer.error(f"a domain of more than {DOMAIN_LIMIT} octets", at)
        if not (LETTER_DIGIT_HYPHEN.issuperset(domain) or _is_international(domain)):
            raise lexer.error("not a domain name", at)
        return domain

    def _address_literal(self) -> str:
        from esmtp_py.message.literal import is_literal

        literal = self.lexer.value
        if not is_literal(literal[1:-1]):
            raise self.lexer.error("not an address literal ([192.0.2.1] or [IPv6:2001:db8::1])", self.lexer.at)
        self.lexer.advance()
        return literal

    def _label(self) -> str:
        label = self.lexer.value
        if self.lexer.kind != ATOM:
            raise self.lexer.unexpected()
        self.lexer.advance()
        return label


def _phrase(parts: list[_Part]) -> str:
    if not any("=?" in value for kind, value, _, _ in parts):
        phrase = "".join(f" {value}" if spaced else value for _, value, spaced, _ in parts).strip()
        if phrase.isprintable():
            return phrase
    from esmtp_py.message.phrase import decode_phrase

    return decode_phrase([(value, kind == QUOTED, spaced) for kind, value, spaced, _ in parts])


def _printable(word: str) -> bool:
    """No controls, no invisible or directional characters, no bytes that were not UTF-8.

    Joiners are needed to write some languages (RFC 5892 appendix A).
    """
    return word.isprintable() or (not word.isascii() and word.replace("\u200c", "").replace("\u200d", "").isprintable())


def _is_international(domain: str) -> bool:
    """True for a UTF-8 domain that stays one when it is made ASCII: ``a＠b`` would become ``a@b``.

    Its length has been checked: normalizing takes quadratic time.
    """
    if domain.isascii() or not _printable(domain):
        return False
    from unicodedata import normalize

    return all(ch in LETTER_DIGIT_HYPHEN for ch in normalize("NFKC", domain) if ch.isascii())
