"""Which mails -qI, -qR and -qS TEXT mean, for a run over the queue and for a list of it."""

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.item import Item


class Selection:
    """asked: what is behind -q.  MailError("usage") when it names no text."""

    __slots__ = ("_kind", "_negated", "_text")

    def __init__(self, asked: str) -> None:
        self._negated = asked.startswith("!")
        self._kind, self._text = asked[self._negated : self._negated + 1], asked[self._negated + 1 :]
        if self._kind not in ("I", "R", "S") or not self._text:
            raise MailError("usage", f"-q{asked}: -qI, -qR or -qS and a text to look for is expected")

    def has(self, item: "Item") -> bool:
        """True for a mail that is meant."""
        return any(self._text in word for word in self._words(item)) != self._negated

    def names(self, name: str) -> bool:
        """True when it asks for this one mail, by its whole id."""
        return self._kind == "I" and self._text == name and not self._negated

    def _words(self, item: "Item") -> list[str]:
        if self._kind == "I":
            return [item.name]
        if not item.entry:
            return []
        if self._kind == "S":
            return [item.entry.sender or ""]
        return [recipient.address for recipient in item.entry.recipients]
