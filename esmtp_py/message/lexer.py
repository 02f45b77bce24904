"""The words and signs an address field is made of (RFC 5322 section 3.2), one at a time, in one pass."""

from esmtp_py.message.mailbox import NOT_ATEXT

ATOM, QUOTED, LITERAL, END = "atom", "quoted", "literal", "end"

_SIGNS = frozenset("<>@,:;.")
_EXCERPT = 60  # characters of the text that an error shows


class AddressError(ValueError):
    """An address that cannot be read, or must not be used.

    text: one line for people, safe to print.  offset: character where it stopped making sense.
    """

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset


class Lexer:
    """Walks over ``text``.

    kind:   ATOM, QUOTED, LITERAL, END, or the sign itself, one of ``< > @ , : ; .``
    value:  the word without its quotes; a literal with its brackets; the sign.
    spaced: white space or a comment stood before it.   at: its offset.   after: that of what follows it.

    Each character is looked at once; nesting is counted, not recursed into.
    Controls other than CR, LF and NUL are let through in comments and quoted
    strings (obsolete syntax): in a display name they do no harm, and whoever
    makes an address of a word has to look for them.
    """

    __slots__ = ("_text", "after", "at", "kind", "spaced", "value")

    def __init__(self, text: bytes) -> None:
        # Surrogates stand for bytes that are not UTF-8: harmless in a phrase, refused in an address.
        self._text = text.decode("utf-8", "surrogateescape")
        self.after = 0
        for ch, called in (("\r", "CR"), ("\n", "LF"), ("\0", "NUL")):
            if ch in self._text:
                raise self.error(f"{called} in an address", self._text.index(ch))
        self.advance()

    def advance(self) -> None:
        """On to the next word or sign.  Raises AddressError for a character that begins none."""
        self._skip_space()
        at = self.at
        ch = self._text[at : at + 1]
        if ch in _SIGNS:
            self.kind, self.value, self.after = ch, ch, at + 1
        elif not ch:
            self.kind, self.value = END, ""
        elif ch == '"':
            self._quoted()
        elif ch == "[":
            self._literal()
        elif ch in NOT_ATEXT:
            raise self.error(f"unexpected {_shown(ch)}", at)
        else:
            self._atom()

    def error(self, problem: str, at: int) -> AddressError:
        """The error to raise: what is wrong, where, and in what."""
        start = max(0, min(at - _EXCERPT // 2, len(self._text) - _EXCERPT))
        excerpt = self._text[start : start + _EXCERPT]
        shown = "".join(ch if ch.isprintable() else "?" for ch in excerpt)
        before = "…" if start else ""
        after = "…" if start + _EXCERPT < len(self._text) else ""
        return AddressError(f"{problem}, at character {at + 1} of '{before}{shown}{after}'", at)

    def unexpected(self) -> AddressError:
        """The error for a word or sign that may not stand here."""
        found = "end" if self.kind == END else _shown(self.value[:_EXCERPT])
        return self.error(f"unexpected {found}", self.at)

    def _skip_space(self) -> None:
        text, at, end = self._text, self.after, len(self._text)
        while at < end:
            ch = text[at]
            if ch == " " or ch == "\t":
                at += 1
            elif ch == "(":
                at = self._comment_end(at)
            else:
                break
        self.spaced = at > self.after
        self.at = self.after = at

    def _comment_end(self, start: int) -> int:
        text, at, end = self._text, start, len(self._text)
        depth = 0
        while at < end:
            ch = text[at]
            if ch == "(":
                depth += 1
            elif ch == ")":
                depth -= 1
            elif ch == "\\":
                at += 1
            at += 1
            if not depth:
                return at
        raise self.error('a comment without its ")"', start)

    def _quoted(self) -> None:
        text, at, end = self._text, self.at + 1, len(self._text)
        kept: list[str] = []
        while at < end:
            ch = text[at]
            if ch == '"':
                self.kind, self.value, self.after = QUOTED, "".join(kept), at + 1
                return
            if ch == "\\":
                at += 1
                ch = text[at : at + 1]
            kept.append(ch)
            at += 1
        raise self.error("a quotation mark without its partner", self.at)

    def _literal(self) -> None:
        text, at, end = self._text, self.at + 1, len(self._text)
        while at < end and text[at] not in '[]\\"':
            at += 1
        if text[at : at + 1] != "]":
            raise self.error('an address literal without its "]"', self.at)
        self.kind, self.after = LITERAL, at + 1
        self.value = text[self.at : at + 1].replace(" ", "").replace("\t", "")

    def _atom(self) -> None:
        text, at, end = self._text, self.at, len(self._text)
        while at < end and text[at] not in NOT_ATEXT:
            at += 1
        self.kind, self.value, self.after = ATOM, text[self.at : at], at


def _shown(text: str) -> str:
    return f'"{text}"' if text.isprintable() else "a control character"
