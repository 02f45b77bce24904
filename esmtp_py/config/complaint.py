"""Words for the mistakes in an rc file.  Imported only when there are some.

A message and the line shown under it come from a file full of passwords, so
only what cannot be one is repeated: keywords, the value right after a
statement that takes no secret, and some words where a statement was expected.
"""

from bisect import bisect_right
from re import sub

from esmtp_py.config.driver import Lexer
from esmtp_py.config.source import Problem, Source
from esmtp_py.grammar.esmtprc import ALL_KEYWORDS, OPENERS, SECRETS, WANTED

# Past this many the file is not a broken rc file but something else.
MOST = 100
# Width of the part of a line that is shown.
SHOWN = 100
HIDDEN = "…"


class Word:
    """One token as it stands in the file.  hidden: may be (part of) a secret."""

    __slots__ = ("end", "fault", "hidden", "start", "type")

    def __init__(self, type: str, start: int, end: int, fault: str) -> None:  # noqa: A002 - as in PLY's tokens
        self.type = type
        self.start = start
        self.end = end
        self.fault = fault
        self.hidden = False


class Words:
    """Every token of a file, to look up what stands at an offset, and what may be shown of a line."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.words = list(_words(source.text))
        self.starts = [word.start for word in self.words]
        _hide(self.words, source.text)

    def unexpected(self, after: str, offset: int) -> Problem:
        """The problem with the token at ``offset`` (the length of the text: its end), which came after the symbol."""
        index = bisect_right(self.starts, offset) - 1
        if offset == len(self.source.text):
            where = self.words[-1].end if self.words else 0
            return Problem(where, f"expected {WANTED.get(after, 'a statement')}, found the end of the file")
        word = self.words[index]
        if after in WANTED:
            return Problem(offset, f"expected {WANTED[after]}, found {self._found(word)}")
        return Problem(offset, self._misplaced(word, self.words[index - 1] if index else None))

    def _found(self, word: Word) -> str:
        if word.type == "COMMA":
            return "a comma"
        if word.type not in ("STRING", "NUMBER"):
            return f"the word {self._text(word)} (to use it as a value, put it in quotes)"
        return "something else" if word.hidden else self._text(word)

    def _misplaced(self, word: Word, before: "Word | None") -> str:
        """For a token in the place of a statement."""
        if word.fault:
            return word.fault
        if word.type not in ("STRING", "NUMBER"):
            return f"expected a statement, found {self._text(word)}"
        text = self.source.text
        if before and before.end == word.start and text[word.start - 1] in "\"'":
            return 'white space is missing after the closing quote; inside quotes write \\" for a quote'
        if before and "\n" not in text[before.end : word.start] and before.type in ("STRING", "NUMBER"):
            if text[before.start : before.end] in ALL_KEYWORDS:
                return f"expected a statement; {self._text(before)} before this was taken as a value that is missing"
            found = "more after the value" if word.hidden else self._text(word)
            return f"expected a statement, found {found}; a value with white space or , ; : = must be in quotes"
        if word.hidden:
            return "expected a statement, found a word that belongs to nothing"
        return f"unknown statement {self._text(word)}{_advice(text[word.start : word.end])}"

    def _text(self, word: Word) -> str:
        text = self.source.text[word.start : min(word.end, word.start + 40)]
        return "'" + _printable(text) + "'" + ("…" if word.end - word.start > 40 else "")

    def excerpt(self, offset: int) -> "tuple[str, str]":
        """The line with the offset, without secrets and comments, and a line with a caret under it."""
        number, column = self.source.position(offset)
        line_start = self.source.starts[number - 1]
        begin = line_start + max(0, column - 1 - SHOWN * 3 // 4)
        end = min(line_start + len(self.source.line(number)), begin + SHOWN)
        left, right = self._shown(begin, min(offset, end)), self._shown(min(offset, end), end)
        if left.rstrip().endswith(HIDDEN):
            right = right.removeprefix(HIDDEN)
        blank = "".join("\t" if character == "\t" else " " for character in left)
        return (left + right).rstrip(), blank + "^"

    def _shown(self, begin: int, end: int) -> str:
        """What may be shown between two offsets of one line: white space, separators and words that are not hidden."""
        made: list[str] = []
        at = begin
        index = max(0, bisect_right(self.starts, begin) - 1)
        while at < end:
            while index < len(self.words) and self.words[index].end <= at:
                index += 1
            word = self.words[index] if index < len(self.words) else None
            gap_end = min(end, word.start) if word else end
            if at < gap_end:
                gap, comment, _ = self.source.text[at:gap_end].partition("#")
                made.append(_printable(gap))
                if comment:
                    break
                at = gap_end
            elif word:
                stop = min(end, word.end)
                made.append(HIDDEN if word.hidden else _printable(self.source.text[at:stop]))
                at = stop
        # Nor does anybody learn how many words a passphrase has.
        return sub(rf"{HIDDEN}(?:\s*{HIDDEN})+", HIDDEN, "".join(made))


def _words(text: str) -> "list[Word]":
    lexer = Lexer(text)
    words = []
    while token := lexer.token():
        fault = token.value.fault
        words.append(Word(token.type, token.lexpos, lexer.at, fault[1] if fault and token.type == "STRING" else ""))
    return words


def _hide(words: "list[Word]", text: str) -> None:
    """Marks what may be (part of) a secret.

    After a password that is everything up to the next statement.  After any
    other value, one stray word is shown, for it is a misspelled statement or
    the rest of an unquoted value; what follows may be a password.  On a later
    line one more is shown, unless the one before could still lack its value.
    A string without an end holds the rest of the file.
    """
    opener, due, fresh, paired, before = "", False, True, False, 0
    for word in words:
        if word.type in OPENERS:
            opener, due, fresh = word.type, word.type != "DEFAULT", True
        elif word.type == "COMMA":
            due = due or opener == "IDENTITY"
        elif word.type in ("STRING", "NUMBER"):
            first = before == 0 or "\n" in text[before : word.start]
            shown = due or fresh or (first and paired)
            if not due:
                fresh, paired = False, not (shown and first)
            elif first or text[word.start : word.end] in ALL_KEYWORDS:
                fresh, paired = False, True  # ``user`` and nothing, then ``pass hunter2``
            word.hidden = not shown or opener in SECRETS or bool(word.fault and word.end == len(text))
            due = False
        before = word.end


def _advice(word: str) -> str:
    """What was probably meant."""
    from difflib import get_close_matches

    known = [text for text, token in ALL_KEYWORDS.items() if token in OPENERS]
    if word.lower() in known:
        return f"; statements are in lower case: {word.lower()}"
    close = get_close_matches(word.lower(), known, 1, 0.7) if len(word) < 40 else []
    return f"; did you mean {close[0]}?" if close else ""


def _printable(text: str) -> str:
    """Tabs stay; what a terminal would obey, or cannot show, is escaped."""
    return "".join(c if c == "\t" or c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def report(source: Source, problems: "list[Problem]") -> str:
    """All problems, each as ``file:line:column: message``, the line, and a caret."""
    words = Words(source)
    lines: list[str] = []
    for problem in problems[:MOST]:
        line, column = source.position(problem.offset)
        lines += (
            f"{source.path}:{line}:{column}: {problem.text}",
            *("    " + shown for shown in words.excerpt(problem.offset)),
        )
    if len(problems) > MOST:
        lines.append(f"{source.path}: and {len(problems) - MOST} more")
    return "\n".join(lines)
