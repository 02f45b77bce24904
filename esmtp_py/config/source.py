"""The text of an rc file, and which line is where."""


class Source:
    """path as messages show it; text without a byte order mark, bytes that are no UTF-8 as surrogates.

    directory: what relative paths in the file are relative to.
    home:      what ``~`` stands for, "" if there is none.
    """

    __slots__ = ("_starts", "directory", "home", "path", "text")

    def __init__(self, path: str, text: str, *, directory: str = "/", home: str = "") -> None:
        self.path = path
        self.text = text
        self.directory = directory
        self.home = home
        self._starts: list[int] = []

    @property
    def starts(self) -> list[int]:
        """The offset of the first character of each line."""
        if not self._starts:
            start = 0
            while start >= 0:
                self._starts.append(start)
                start = self.text.find("\n", start) + 1 or -1
        return self._starts

    def position(self, offset: int) -> "tuple[int, int]":
        """Line and column of an offset, both from 1."""
        starts = self.starts
        low, high = 0, len(starts)
        while high - low > 1:
            middle = (low + high) // 2
            if starts[middle] <= offset:
                low = middle
            else:
                high = middle
        return low + 1, offset - starts[low] + 1

    def where(self, offset: int) -> str:
        """``file:line``."""
        return f"{self.path}:{self.position(offset)[0]}"

    def line(self, number: int) -> str:
        """The text of a line, without its end."""
        start = self.starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


class Problem:
    """Something wrong in the file: where, and what, without any secret of the file."""

    __slots__ = ("offset", "text")

    def __init__(self, offset: int, text: str) -> None:
        self.offset = offset
        self.text = text

    def __repr__(self) -> str:
        return f"Problem({self.offset}, {self.text!r})"
