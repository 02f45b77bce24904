"""An rc file with mistakes once more, by PLY itself, to find all of them.

Imported only after the driver found one: importing PLY costs more than
queueing a mail.  PLY must never write into the working directory or the
installation, hence ``write_tables=False`` and ``debug=False``.
"""

from typing import Any

from ply import lex, yacc  # type: ignore[import-untyped]

from esmtp_py.config.complaint import MOST, Words
from esmtp_py.config.source import Problem, Source
from esmtp_py.grammar import esmtprc


class Recovery:
    """PLY's parser with a reporter in the place of p_error.

    found: for each mistake the grammar symbol before it, and where it is.
    """

    def __init__(self, text: str) -> None:
        silent = yacc.NullLogger()
        self.lexer = lex.lex(module=esmtprc, errorlog=silent)
        self.parser = yacc.yacc(module=esmtprc, debug=False, write_tables=False, errorlog=silent)
        self.parser.errorfunc = self.on_error
        # Reduce without looking ahead wherever there is no choice, as the driver does: else PLY finds
        # the mistake while it still has the value before it in its hands.
        self.parser.defaulted_states = {
            state: min(row.values())
            for state, row in self.parser.action.items()
            if len(set(row.values())) == 1 and min(row.values()) < 0
        }
        self.text = text
        self.found: list[tuple[str, int]] = []
        self.silent_until = -1

    def statements(self) -> list[esmtprc.Statement]:
        """Every statement that could be made out."""
        self.lexer.begin("INITIAL")
        made = self.parser.parse(self.text, lexer=self.lexer)
        if made is None:  # the end of the file in mid-statement; what was complete lies at the bottom of the stack
            made = next((symbol.value for symbol in self.parser.symstack if symbol.type in ("closed", "open")), [])
        return list(made)

    def on_error(self, token: Any) -> Any:
        """Called by PLY with the wrong token, None at the end; returns the one to go on with."""
        offset = token.lexpos if token else len(self.text)
        if offset > self.silent_until:
            self.found.append((self.parser.symstack[-1].type, offset))
            self.silent_until = offset
        if "error" in self.parser.action[self.parser.statestack[-1]]:
            if token and token.type not in esmtprc.OPENERS:
                # What is left of the line goes with it: one mistake, one message.
                self.silent_until = self.text.find("\n", offset) % (len(self.text) + 1)
            return None  # a production of the grammar with ``error`` takes over
        self.parser.errok()
        return self._skip(token)

    def _skip(self, token: Any) -> Any:
        """The next token that may begin a statement: a keyword that does, or anything that comes first on its line."""
        while token and token.type not in esmtprc.OPENERS:
            end = self.lexer.lexpos
            token = self.parser.token()
            if token and "\n" in self.text[end : token.lexpos]:
                break
        return token


def diagnose(source: Source) -> tuple[list[esmtprc.Statement], list[Problem]]:
    """The statements that could be made out, and what is wrong with the rest."""
    recovery = Recovery(source.text)
    statements = recovery.statements()
    words = Words(source)
    # Past MOST only the number counts, and finding words for them takes time.
    problems = [words.unexpected(after, offset) for after, offset in recovery.found[:MOST]]
    return statements, problems + [Problem(offset, "") for _, offset in recovery.found[MOST:]]
