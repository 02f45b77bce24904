"""The words of a muttrc's line: quotes, backslashes, variables, and commands in backticks, which are not run."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Mutt's own buffer for a line; a value that contains others may not outgrow it either.
LONGEST = 8192
# What is said of one value; a file that was made to do harm could go on for ever.
_MOST_NOTES = 8
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_BLANKS = " \t"


class Value:
    """text: what is known of it.  command: what prints all of it, or "".  notes: what people should know."""

    __slots__ = ("command", "notes", "text")

    def __init__(self, text: str, command: str = "", notes: "tuple[str, ...]" = ()) -> None:
        self.text = text
        self.command = command
        self.notes = notes


class Words:
    """A line, word by word: a variable has the value that it has when its word is read."""

    __slots__ = ("_at", "_line", "_look_up")

    def __init__(self, line: str, look_up: "Callable[[str], Value]") -> None:
        self._line = line
        self._at = 0
        self._look_up = look_up

    def more(self) -> bool:
        """Whether the command has another word."""
        self.skip(_BLANKS)
        return self._at < len(self._line) and self._line[self._at] not in ";#"

    def skip(self, characters: str) -> None:
        while self._at < len(self._line) and self._line[self._at] in characters:
            self._at += 1

    def equals(self) -> bool:
        """Whether the sign comes next; it is passed over."""
        self.skip(_BLANKS)
        there = self._line.startswith("=", self._at)
        self._at += there
        return there

    def commands(self) -> "Iterator[str]":
        """The name of each; what is not read of its other words is skipped."""
        self.skip(";" + _BLANKS)
        while self.more():
            yield self.word().text
            while self.more():
                self.word()
            self.skip(";" + _BLANKS)

    def word(self, ends: str = "") -> Value:
        """The next one, which blanks, ``;``, ``#`` and ``ends`` end where they are not quoted."""
        parts: list[Value] = []
        quote = ""
        while self._at < len(self._line):
            character = self._line[self._at]
            if not quote and character in _BLANKS + ";#" + ends:
                break
            self._at += 1
            if character == quote:
                quote = ""
            elif character in "'\"" and not quote:
                quote = character
            elif quote == "'":
                parts.append(Value(character))
            else:
                parts.append(self._part(character))
        return _joined(parts)

    def _part(self, character: str) -> Value:
        if character == "\\":
            return Value(self._escaped())
        if character == "`":
            return Value("", self._until("`"))
        if character == "$":
            return self._variable()
        return Value(character)

    def _escaped(self) -> str:
        escaped = self._line[self._at : self._at + 1]
        self._at += 1
        return _CONTROLS.get(escaped, escaped)

    def _until(self, end: str) -> str:
        stop = self._line.find(end, self._at)
        found = self._line[self._at : stop if stop >= 0 else len(self._line)]
        self._at += len(found) + 1
        return found

    def _variable(self) -> Value:
        """``$name`` or ``${name}``; a dollar sign before anything else is one."""
        if self._line.startswith("{", self._at):
            self._at += 1
            return self._look_up(self._until("}"))
        begin = self._at
        while self._at < len(self._line) and (self._line[self._at].isalnum() or self._line[self._at] == "_"):
            self._at += 1
        return self._look_up(self._line[begin : self._at]) if self._at > begin else Value("$")


def _joined(parts: list[Value]) -> Value:
    if len(parts) == 1:
        return parts[0]
    text = "".join(part.text for part in parts)
    notes = dict.fromkeys(note for part in parts for note in (*part.notes, *_not_run(part)))
    if len(text) > LONGEST:
        text, notes = "", {f"more than {LONGEST} characters": None}
    return Value(text, notes=tuple(notes)[:_MOST_NOTES])


def _not_run(part: Value) -> "tuple[str, ...]":
    return (f"`{part.command}` is not run, and nothing stands for what it prints",) if part.command else ()
