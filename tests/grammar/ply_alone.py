"""PLY on its own: what the driver is measured against.  Nothing of the driver or its tables is used."""

import functools
from typing import Any

from ply import lex, yacc  # type: ignore[import-untyped]

from esmtp_py.grammar import esmtprc


class Stopped(Exception):
    """PLY called p_error."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


@functools.cache
def _built() -> tuple[Any, Any]:
    silent = yacc.NullLogger()
    lexer = lex.lex(module=esmtprc, errorlog=silent)
    parser = yacc.yacc(module=esmtprc, debug=False, write_tables=False, errorlog=silent)
    return lexer, parser


def tokens(text: str) -> list[tuple[str, int, str]]:
    """Type, offset and value of every token."""
    lexer, _ = _built()
    lexer.begin("INITIAL")
    lexer.input(text)
    return [(token.type, token.lexpos, repr(token.value)) for token in lexer]


def parse(text: str) -> str:
    """The statements as text.  Raises Stopped where the first wrong token is."""
    lexer, parser = _built()
    lexer.begin("INITIAL")

    def stop(token: Any) -> None:
        raise Stopped(token.lexpos if token else len(text))

    parser.errorfunc = stop
    return repr(parser.parse(text, lexer=lexer))
