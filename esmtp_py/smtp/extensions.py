"""What a server can do: its answer to EHLO or LHLO (RFC 5321 section 4.1.1.1)."""

from esmtp_py.smtp.reply import Reply


class Extensions:
    """The keywords a server offered, upper case, with their parameters.

    Empty for a server that only understands HELO.
    """

    __slots__ = ("_offered",)

    def __init__(self, offered: dict[str, list[str]]) -> None:
        self._offered = offered

    @classmethod
    def of(cls, reply: Reply) -> "Extensions":
        """From a 250 reply to EHLO; its first line is the server's name."""
        offered: dict[str, list[str]] = {}
        for line in reply.lines[1:]:
            # "AUTH=LOGIN PLAIN" is how servers older than RFC 2554 spell it
            text = line.decode("ascii", "replace").upper().replace("AUTH=", "AUTH ", 1)
            words = text.split()
            if words:
                offered.setdefault(words[0], []).extend(words[1:])
        return cls(offered)

    def without(self, keyword: str) -> "Extensions":
        """All but this one, which is not to be believed here."""
        return Extensions({name: words for name, words in self._offered.items() if name != keyword})

    def __contains__(self, keyword: str) -> bool:
        return keyword in self._offered

    @property
    def size_limit(self) -> int:
        """Largest message in bytes, 0 when not stated (RFC 1870)."""
        words = self._offered.get("SIZE", ())
        return int(words[0]) if words and words[0].isdigit() and len(words[0]) < 20 else 0

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """SASL mechanisms in the order offered (RFC 4954)."""
        return tuple(dict.fromkeys(self._offered.get("AUTH", ())))

    def __str__(self) -> str:
        return ", ".join(" ".join([name, *words]) for name, words in self._offered.items())


NONE = Extensions({})
