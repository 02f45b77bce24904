"""Regular expressions to one deterministic automaton, for the generator only.

The rules of a lexer state compete: the longest match wins, and of equally
long ones the rule written first.  Understood are the parts of re's syntax
that the token rules use: literals, escapes, classes, ``.``, ``(?:…)``, ``|``,
``*``, ``+``, ``?``.  Anything else is refused, so nothing is compiled wrongly.
"""

# Stands for every character that no rule of the lexer state names.
OTHER = ""

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Characters:
    """A set of characters, or all but those."""

    def __init__(self, named: "Iterable[str]", negated: bool = False) -> None:
        self.named = frozenset(named)
        self.negated = negated

    def __contains__(self, character: str) -> bool:
        return (character in self.named) != self.negated


class Nondeterministic:
    """States with moves on characters and free moves; ``accepts`` says which rule a state completes."""

    def __init__(self) -> None:
        self.moves: list[list[tuple[Characters, int]]] = []
        self.free: list[list[int]] = []
        self.accepts: dict[int, int] = {}
        self.start = self.state()

    def state(self) -> int:
        self.moves.append([])
        self.free.append([])
        return len(self.moves) - 1

    def add_rule(self, number: int, pattern: str) -> None:
        """Let the automaton accept ``pattern`` as rule ``number``; a lower number wins."""
        first, last = Pattern(pattern, self).parse()
        self.free[self.start].append(first)
        self.accepts[last] = number

    def closure(self, states: "Iterable[int]") -> frozenset[int]:
        found = set(states)
        pending = list(found)
        while pending:
            for state in self.free[pending.pop()]:
                if state not in found:
                    found.add(state)
                    pending.append(state)
        return frozenset(found)

    def step(self, states: frozenset[int], character: str) -> frozenset[int]:
        reached = [to for state in states for characters, to in self.moves[state] if character in characters]
        return self.closure(reached)

    def alphabet(self) -> list[str]:
        """Every character that some rule names, in order, and OTHER."""
        named: set[str] = set()
        for moves in self.moves:
            for characters, _ in moves:
                named |= characters.named
        return [*sorted(named), OTHER]


class Pattern:
    """A recursive descent over one regular expression that builds states as it goes."""

    def __init__(self, text: str, into: Nondeterministic) -> None:
        self.text = text
        self.at = 0
        self.into = into

    def parse(self) -> tuple[int, int]:
        """The first and the last state of the whole pattern."""
        ends = self.alternatives()
        if self.at < len(self.text):
            raise ValueError(f"not understood at {self.at}: {self.text}")
        return ends

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.text):
            raise ValueError(f"ends too early: {self.text}")
        self.at += 1
        return self.text[self.at - 1]

    def alternatives(self) -> tuple[int, int]:
        first, last = self.into.state(), self.into.state()
        while True:
            begin, end = self.sequence()
            self.into.free[first].append(begin)
            self.into.free[end].append(last)
            if self.peek() != "|":
                return first, last
            self.take()

    def sequence(self) -> tuple[int, int]:
        first = last = self.into.state()
        while self.peek() not in ("", "|", ")"):
            begin, end = self.repeated()
            self.into.free[last].append(begin)
            last = end
        return first, last

    def repeated(self) -> tuple[int, int]:
        begin, end = self.atom()
        while self.peek() and self.peek() in "*+?":
            sign = self.take()
            first, last = self.into.state(), self.into.state()
            self.into.free[first].append(begin)
            self.into.free[end].append(last)
            if sign in "*?":
                self.into.free[first].append(last)
            if sign in "*+":
                self.into.free[end].append(begin)
            begin, end = first, last
        return begin, end

    def atom(self) -> tuple[int, int]:
        if self.peek() == "(":
            if self.text[self.at : self.at + 3] != "(?:":
                raise ValueError(f"only (?:…) groups: {self.text}")
            self.at += 3
            ends = self.alternatives()
            if self.take() != ")":
                raise ValueError(f"a ) is missing: {self.text}")
            return ends
        begin, end = self.into.state(), self.into.state()
        self.into.moves[begin].append((self.characters(), end))
        return begin, end

    def characters(self) -> Characters:
        character = self.take()
        if character == "[":
            return self.character_class()
        if character == ".":
            return Characters("\n", negated=True)
        if character == "\\":
            return Characters(self.escaped())
        # PLY compiles with re.VERBOSE, to which a bare blank or # is no literal.
        if character in "*+?{}()|^$#" or character.isspace():
            raise ValueError(f"write \\{character}: {self.text}")
        return Characters(character)

    def character_class(self) -> Characters:
        negated = self.peek() == "^"
        self.at += negated
        named: list[str] = []
        while (character := self.take()) != "]":
            if character == "[" or (character == "-" and named and self.peek() != "]"):
                raise ValueError(f"no ranges and no nested classes: {self.text}")
            named.append(self.escaped() if character == "\\" else character)
        return Characters(named, negated)

    def escaped(self) -> str:
        character = self.take()
        if character.isalnum() and character not in _ESCAPES:
            raise ValueError(f"unknown escape \\{character}: {self.text}")
        return _ESCAPES.get(character, character)


class State:
    """One state of the result: where each character leads, and the rule complete here (None: none).

    ``default`` is taken on every character without an entry in ``moves``; None leads nowhere.
    """

    def __init__(self, accepts: int | None, moves: dict[str, int | None]) -> None:
        self.accepts = accepts
        self.default = moves.pop(OTHER)
        self.moves = {character: to for character, to in moves.items() if to != self.default}


def deterministic(patterns: list[str]) -> list[State]:
    """The smallest automaton for the patterns; state 0 is the start, and the order depends on nothing but them."""
    source = Nondeterministic()
    for number, pattern in enumerate(patterns):
        source.add_rule(number, pattern)
    accepts, rows = _subsets(source)
    return _numbered(accepts, rows, _minimal(accepts, rows))


def _subsets(source: Nondeterministic) -> tuple[list[int | None], list[dict[str, int | None]]]:
    alphabet = source.alphabet()
    start = source.closure([source.start])
    numbers = {start: 0}
    pending = [start]
    accepts: list[int | None] = []
    rows: list[dict[str, int | None]] = []
    for states in pending:
        accepts.append(min((source.accepts[state] for state in states if state in source.accepts), default=None))
        row: dict[str, int | None] = {}
        for character in alphabet:
            reached = source.step(states, character)
            if reached and reached not in numbers:
                numbers[reached] = len(numbers)
                pending.append(reached)
            row[character] = numbers[reached] if reached else None
        rows.append(row)
    return accepts, rows


def _minimal(accepts: list[int | None], rows: list[dict[str, int | None]]) -> list[int]:
    """The class of each state, by Moore's refinement: states of one class cannot be told apart."""
    classes = _ranks([(accept,) for accept in accepts])
    while True:
        signatures: list[tuple[object, ...]] = [
            (classes[state], *(None if to is None else classes[to] for to in row.values()))
            for state, row in enumerate(rows)
        ]
        finer = _ranks(signatures)
        if finer == classes:
            return classes
        classes = finer


def _ranks(signatures: "list[tuple[object, ...]]") -> list[int]:
    order = {signature: rank for rank, signature in enumerate(dict.fromkeys(signatures))}
    return [order[signature] for signature in signatures]


def _numbered(accepts: list[int | None], rows: list[dict[str, int | None]], classes: list[int]) -> list[State]:
    """One State per class.  Classes are ranked by first appearance, so the start's is 0."""
    made: list[State] = []
    for state, row in enumerate(rows):
        if classes[state] == len(made):
            made.append(State(accepts[state], {c: None if to is None else classes[to] for c, to in row.items()}))
    return made
