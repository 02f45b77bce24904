"""The committed tables are those of the grammar, and the grammar has no defect."""

import os
import pathlib
import subprocess
import sys
import types

import pytest

from esmtp_py.grammar import esmtprc
from esmtp_py.grammar.__main__ import TABLES, TITLE
from esmtp_py.grammar.tables import Defects, render


def test_committed_tables_are_what_the_generator_makes() -> None:
    assert pathlib.Path(TABLES).read_text() == render(esmtprc, TITLE)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_tables_do_not_depend_on_the_hash_seed(seed: str) -> None:
    program = "from esmtp_py.grammar import __main__ as m; print(m.render(m.esmtprc, m.TITLE), end='')"
    made = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        check=True,
    ).stdout
    assert made == pathlib.Path(TABLES).read_bytes()


def test_generator_leaves_nothing_but_the_tables(tmp_path: pathlib.Path) -> None:
    grammar = pathlib.Path(esmtprc.__file__).parent
    before = {*grammar.glob("*.*")}
    program = "from esmtp_py.grammar import __main__ as m; m.render(m.esmtprc, m.TITLE)"
    root = pathlib.Path(__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, check=True
    )
    assert list(tmp_path.iterdir()) == []
    assert {*grammar.glob("*.*")} == before


def rules(**changes: object) -> types.ModuleType:
    """The rule module with something changed."""
    module = types.ModuleType(esmtprc.__name__)
    module.__dict__.update({**vars(esmtprc), **changes})
    return module


def rule(text: str) -> types.FunctionType:
    """A p_ function with a production, with a place in a file as PLY wants one."""

    def p_made(p: object) -> None: ...

    p_made.__doc__ = text
    return p_made  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"p_other": rule("statement : DEFAULT value\n| DEFAULT")}, "Duplicate"),
        ({"p_other": rule("statement : MDA other\nother : value\n| value COMMA")}, "shift/reduce conflict"),
        ({"p_other": rule("statement : MDA other\nother : value")}, "reduce/reduce conflict"),
        ({"tokens": (*esmtprc.tokens, "SURPLUS")}, "'SURPLUS' defined, but not used"),
        ({"p_other": rule("other : value")}, "'other' defined, but not used"),
        ({"p_other": rule("statement : MDA nothing")}, "'nothing' used, but not defined"),
        ({"t_value_ignore": ""}, "state value: a character can begin no token"),
        ({"t_EXTRA": "extra"}, "for an unspecified token EXTRA"),
    ],
)
def test_a_defect_of_the_grammar_is_an_error(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(Defects) as raised:
        render(rules(**changes), TITLE)
    assert complaint in str(raised.value)
