"""Words for the mistakes in an rc file.  Imported only when there are some.

A message and the line shown under it come from a file full of passwords, so
only what cannot be one is repeated: keywords, misspelled ones, and the value
right after a statement that takes no secret.
"""

from bisect import bisect_right
from difflib import get_close_matches
from re import sub

from esmtp_py.config.driver import Lexer
from esmtp_py.config.source import Problem, Source
from esmtp_py.grammar.esmtprc import ALL_KEYWORDS, OPENERS, SECRETS, WANTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Past this many the file is not a broken rc file but something else.
MOST = 100
# Width of the part of a line that is shown.
SHOWN = 100
HIDDEN = "…"
STATEMENTS = [text for text, token in ALL_KEYWORDS.items() if token in OPENERS]
SECRET_WORDS = [text for text in STATEMENTS if ALL_KEYWORDS[text] in SECRETS and text != "pass"]
# Statements of other programs, which nobody has for a password, and what to write here.
ELSEWHERE = {
    **dict.fromkeys(("mailhub", "server"), "write: hostname HOST:PORT"),
    "port": "the port stands behind the host: hostname HOST:PORT",
    **dict.fromkeys(("account", "from", "defaults"), "write: identity ADDRESS"),
    **dict.fromkeys(("tls_starttls", "usetls", "usestarttls"), "write: starttls required, or: starttls implicit"),
    "tls_trust_file": "write: ca_file PATH",
    "tls_fingerprint": "write: fingerprint SHA256:...",
    **dict.fromkeys(("passwordeval", "passcmd"), "write: password_command COMMAND"),
    **dict.fromkeys(("authuser", "login"), "write: username NAME"),
    "logfile": "write: log PATH",
    "maildomain": "write: qualifydomain DOMAIN",
}
LISTS = ("IDENTITY", "DSN_NOTIFY")
VALUES = ("STRING", "NUMBER")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"


class Word:
    """One token as it stands in the file.  secret, stray: whether it may be shown."""

    __slots__ = ("end", "fault", "secret", "start", "stray", "type")

    def __init__(self, type: str, start: int, end: int, fault: str) -> None:  # noqa: A002 - as in PLY's tokens
        self.type = type
        self.start = start
        self.end = end
        self.fault = fault
        self.secret = self.stray = False

    def visible(self, text: str) -> int:
        """Where what may be (part of) a secret begins: at start, end or between."""
        if self.secret:
            return self.start
        word = text[self.start : self.end]
        # Not all of them are looked at, for that takes time.
        return self.start + (_harmless(word) if self.stray else _unquoted(word))


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
        return self._text(word) or "something else"

    def _misplaced(self, word: Word, before: "Word | None") -> str:
        """For a token in the place of a statement."""
        text = self.source.text
        beside = before and before.type in ("STRING", "NUMBER", "COMMA") and "\n" not in text[before.end : word.start]
        if before and beside and text[before.start : before.end] in ALL_KEYWORDS:
            return f"expected a statement; {self._text(before)} before this was taken as a value that is missing"
        if word.fault:
            return word.fault
        if word.type not in ("STRING", "NUMBER"):
            return f"{self._text(word)} is not a statement"
        if beside:
            return "expected a statement; a value with white space or , ; : = must be in quotes"
        return f"unknown statement{_advice(text[word.start : word.visible(text)])}"

    def _text(self, word: Word) -> str:
        """The word for a message, "" if it may not be shown."""
        end = min(word.visible(self.source.text), word.start + 40)
        text = _printable(self.source.text[word.start : end])
        if not text:
            return ""
        return (text if text[0] in "\"'" else f"'{text}'") + (HIDDEN if end < word.end else "")

    def excerpt(self, offset: int) -> "tuple[str, str]":
        """The line with the offset, without secrets and comments, and a line with a caret under it."""
        number, column = self.source.position(offset)
        line_start = self.source.starts[number - 1]
        begin = line_start + max(0, column - 1 - SHOWN * 3 // 4)
        end = min(line_start + len(self.source.line(number)), begin + SHOWN)
        left, right = self._shown(begin, min(offset, end)), self._shown(min(offset, end), end)
        if left.rstrip().endswith(HIDDEN):
            right = right.removeprefix(HIDDEN)
        return (left + right).rstrip(), " " * len(left) + "^"

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
                made.append(_printable(self.source.text[at:gap_end].partition("#")[0]))
                at = gap_end
            elif word:
                stop, visible = min(end, word.end), word.visible(self.source.text)
                made.append(_printable(self.source.text[at : min(stop, visible)]))
                if visible < stop:
                    made.append(HIDDEN)
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
    """Marks what may be (part of) a secret: what follows a password up to the next statement, and every stray word.

    That is, all but keywords and the values of statements that take no secret.
    A string that is wrong, or goes on in the next line, may lack a quote, and
    then holds whatever comes.
    """
    opener, due = "", False
    for word in words:
        if due and (opener, word.type) == ("PASSWORD_FROM", "CREDENTIAL"):
            continue
        if due and (opener, word.type) == ("FROM_HEADER", "FORCE"):
            due = False
            continue
        if word.type in OPENERS and not (due and word.type in VALUES):
            opener, due = word.type, word.type != "DEFAULT"
        elif word.type == "COMMA":
            due = due or opener in LISTS
        elif word.type in VALUES:
            word.secret = opener in SECRETS or bool(word.fault) or "\n" in text[word.start : word.end]
            word.stray = not due
            if word.stray and opener in LISTS:
                opener = ""  # no comma brings another address now
            due = False


def _harmless(word: str) -> int:
    """How much of a stray word may be shown: as much as looks like the name of a statement."""
    if word.lower() in ELSEWHERE:
        return len(word)
    for secret in SECRET_WORDS:
        if word.lower().startswith(secret):
            return len(secret)
    letters = len(word) - len(word.lstrip(_LETTERS))
    # A slip of the keyboard adds one letter, not the begin of a value.
    return letters if letters <= 1 + len(_closest(word[:letters], STATEMENTS, 0.7)) > 1 else 0


def _unquoted(word: str) -> int:
    """How much of a value may be shown: what comes after a quote within a bare word was begun as a string."""
    if word[0] in "\"'":
        return len(word)
    return min((at for at in (word.find('"'), word.find("'")) if at > 0), default=len(word))


def _advice(word: str) -> str:
    """What was probably meant by a word in the place of a statement."""
    if not word:
        return ""
    if word.lower() in STATEMENTS:
        return f" '{word}'; the statement is {word.lower()}, in lower case and with white space after it"
    if word.lower() in ELSEWHERE:
        return f" '{word}'; {ELSEWHERE[word.lower()]}"
    return f" '{word}'; did you mean {_closest(word, STATEMENTS, 0.7)}?"


def _closest(word: str, known: "Sequence[str]", least: float) -> str:
    return next(iter(get_close_matches(word.lower(), known, 1, least)), "")


def _printable(text: str) -> str:
    """What a terminal would obey, or cannot show, is escaped; a tab is a blank, so that carets stay in place."""
    return "".join(c if c.isprintable() else " " if c == "\t" else _escaped(c) for c in text)


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
