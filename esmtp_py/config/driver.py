"""Walks the generated tables over the text of an rc file: the ordinary way in.

The t_ and p_ functions are those of grammar/esmtprc.py; what PLY would do with
them, and no more than a correct file needs, is done here without importing it.
At the first error this stops, and esmtp_py.config.diagnose takes over.
"""

from esmtp_py.config._esmtprc_tables import ACTION, AUTOMATA, GOTO, PRODUCTIONS
from esmtp_py.grammar import esmtprc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RULES = vars(esmtprc)


class Token:
    """What a t_ function receives and returns; PLY calls the attributes so."""

    __slots__ = ("lexer", "lexpos", "type", "value")

    type: str
    value: "Any"
    lexpos: int
    lexer: "Lexer"

    def __init__(self, lexer: "Lexer", lexpos: int, type: str, value: "Any") -> None:  # noqa: A002 - PLY's name
        self.lexer = lexer
        self.lexpos = lexpos
        self.type = type
        self.value = value


class Unexpected(Exception):
    """The text is not in the language.  token is the first wrong one, ``$end`` at the end of the file.

    after is the grammar symbol before it.
    """

    def __init__(self, after: str, token: Token) -> None:
        super().__init__(after, token.type, token.lexpos)
        self.after = after
        self.token = token


class Lexer:
    """The tokens of a text.  at: where the next one is looked for."""

    __slots__ = ("_automaton", "at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.begin("INITIAL")

    def begin(self, state: str) -> None:
        self._automaton: "tuple[tuple[int, dict[str, int], str | None], ...]" = AUTOMATA[state]

    def token(self) -> "Token | None":
        """The next token, None at the end."""
        text = self.text
        while self.at < len(text):
            start = self.at
            rule, self.at = _longest(self._automaton, text, start)
            if rule:
                made: Token | None = RULES[rule](Token(self, start, "", text[start : self.at]))
                if made:
                    return made
        return None


def _longest(automaton: "tuple[Any, ...]", text: str, start: int) -> "tuple[str, int]":
    """The rule with the longest match from ``start`` on, and its end.  The generator proves that there is one."""
    default, moves, rule = automaton[0]
    found, end = "", start
    for at in range(start, len(text)):
        state = moves.get(text[at], default)
        if state < 0:
            break
        default, moves, rule = automaton[state]
        if rule is not None:
            found, end = rule, at + 1
    return found, end


def parse(text: str) -> "list[esmtprc.Statement]":
    """The statements of an rc file, in order.  Raises Unexpected at the first syntax error."""
    lexer = Lexer(text)
    states, symbols = [0], [""]
    values: list[Any] = [None]
    token: Token | None = None
    while True:
        row = ACTION[states[-1]]
        if isinstance(row, int):
            step = row
        else:
            token = token or lexer.token() or Token(lexer, len(text), "$end", None)
            if token.type not in row:
                raise Unexpected(symbols[-1], token)
            step = row[token.type]
        if step > 0 and token:
            states.append(step)
            symbols.append(token.type)
            values.append(token.value)
            token = None
        elif step < 0:
            _reduce(-step, states, symbols, values)
        else:
            return values[-1]  # type: ignore[no-any-return]


def _reduce(production: int, states: list[int], symbols: list[str], values: "list[Any]") -> None:
    name, length, action = PRODUCTIONS[production]
    kept = len(values) - length
    items = [None, *values[kept:]]
    RULES[action](items)
    del states[kept:], symbols[kept:], values[kept:]
    states.append(GOTO[name][states[-1]])
    symbols.append(name)
    values.append(items[0])
