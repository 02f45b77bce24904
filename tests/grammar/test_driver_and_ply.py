"""The driver and PLY read every file alike: the same tokens, the same statements, the same first mistake."""

import pathlib

from hypothesis import example, given, settings

from esmtp_py.config import driver
from tests.grammar import ply_alone
from tests.grammar.corpus import everything, source_of
from tests.grammar.strategies import anything, files


def driver_tokens(text: str) -> list[tuple[str, int, str]]:
    lexer = driver.Lexer(text)
    made = []
    while token := lexer.token():
        made.append((token.type, token.lexpos, repr(token.value)))
    return made


def outcome_by_driver(text: str) -> str | int:
    try:
        return repr(driver.parse(text))
    except driver.Unexpected as unexpected:
        return unexpected.token.lexpos


def outcome_by_ply(text: str) -> str | int:
    try:
        return ply_alone.parse(text)
    except ply_alone.Stopped as stopped:
        return stopped.offset


def agree(text: str) -> None:
    assert driver_tokens(text) == ply_alone.tokens(text)
    assert outcome_by_driver(text) == outcome_by_ply(text)


@everything
def test_on_the_corpus(path: pathlib.Path) -> None:
    agree(source_of(path.read_bytes()).text)


@given(anything)
@settings(max_examples=400, deadline=None)
@example("helo \\")
@example('"a\\')
@example("user")
@example("identity a,\\\n'b'c\"")
def test_on_generated_files(text: str) -> None:
    agree(text)


@given(files)
@settings(max_examples=200, deadline=None)
def test_on_files_cut_off_anywhere(text: str) -> None:
    for end in range(0, len(text), 1 + len(text) // 10):
        agree(text[:end])


def test_generated_files_are_of_both_kinds() -> None:
    """Neither of the tests above is only about mistakes, or only about none."""
    seen: set[type] = set()

    @given(files)
    @settings(max_examples=200, database=None)
    def look(text: str) -> None:
        seen.add(type(outcome_by_driver(text)))

    look()
    assert seen == {str, int}
