"""A leaf: the type that keeps a password out of sight."""


class Secret:
    """Wraps a password so that no repr, str, format or traceback shows it.

    ``reveal()`` is the only way to the text: grep for it to audit the uses.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for an authentication exchange and nothing else.

        From then on a crash of this process leaves no core file.
        """
        _no_core_file()
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


_done = False


def _no_core_file() -> None:
    """The soft limit, so that a child with a use for core files can have them."""
    global _done
    if _done:
        return
    _done = True
    try:
        from resource import RLIMIT_CORE, getrlimit, setrlimit

        setrlimit(RLIMIT_CORE, (0, getrlimit(RLIMIT_CORE)[1]))
    except (ImportError, ValueError, OSError):
        pass  # a Python without it; and no mail is late for a core file that may never be
