"""A leaf: the type that keeps a password out of sight."""


class Secret:
    """Wraps a password so that no repr, str, format or traceback shows it.

    ``reveal()`` is the only way to the text: grep for it to audit the uses.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for an authentication exchange and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
