"""esmtprc(5) and sample.esmtprc say what the grammar says."""

import io
import pathlib
import re
import shutil

import pytest

from esmtp_py.cli.assistant.check_rc import check_rc
from esmtp_py.config.build import FILE_WIDE, SETTINGS
from esmtp_py.config.reader import interpret
from esmtp_py.config.source import Source
from esmtp_py.config.values import MECHANISMS, POLICIES
from esmtp_py.grammar.esmtprc import ALL_KEYWORDS, OPENERS

ROOT = pathlib.Path(__file__).parents[3]
PAGE = (ROOT / "man" / "esmtprc.5").read_text()
SAMPLE = ROOT / "sample.esmtprc"

# Words of the language that open no statement by themselves.
PARTS = {"reverse_path", "credential", "disabled", "enabled", "required"}


def section(title: str) -> list[str]:
    return PAGE.split(f"\n.Sh {title}\n")[1].split("\n.Sh ")[0].split("\n")


def documented() -> list[tuple[list[str], list[str]]]:
    """For each entry the spellings of its statement, and the lines about it."""
    entries: list[tuple[list[str], list[str]]] = []
    for line in section("STATEMENTS"):
        if line.startswith(".It Cm "):
            if not entries or entries[-1][1]:
                entries.append(([], []))
            entries[-1][0].append(line.removeprefix(".It Cm "))
        elif entries:
            entries[-1][1].append(line)
    return entries


def mistakes(text: str) -> list[str]:
    source = Source("rc", text, home="/home/me")
    return [problem.text for problem in interpret(source)[2]]


def unquoted(line: str) -> str:
    return line.removeprefix(".Dl ").replace("\\(dq", '"')


def test_every_statement_of_the_grammar_is_documented_and_no_other() -> None:
    words = {spelling.split(" ")[0] for spellings, _ in documented() for spelling in spellings}
    assert words == {word for word, token in ALL_KEYWORDS.items() if token in OPENERS}
    assert set(ALL_KEYWORDS) - words == PARTS
    every = [spelling for spellings, _ in documented() for spelling in spellings]
    forced = {spelling.split(" ")[1] for spelling in every if spelling.startswith("force ")}
    assert {f"force_{word}" for word in forced} == {
        name for name in SETTINGS if name in ("force_reverse_path", "force_sender")
    }


def test_spellings_of_one_statement_are_documented_together() -> None:
    for spellings, _ in documented():
        tokens = {ALL_KEYWORDS[spelling.split(" ")[0]] for spelling in spellings}
        assert len(tokens) == 1 or tokens in ({"CA_FILE", "CA_DIR"}, {"PRECONNECT", "POSTCONNECT"})


@pytest.mark.parametrize(
    ("spellings", "about"), documented(), ids=lambda part: part[0] if isinstance(part, list) else ""
)
def test_every_statement_has_a_default_and_an_example_that_is_right(spellings: list[str], about: list[str]) -> None:
    if not spellings[0].startswith("identity"):
        assert any(line.startswith("Default:") for line in about)
    examples = [unquoted(line) for line in about if line.startswith(".Dl ")]
    words = {spelling.split(" ")[0] for spelling in spellings}
    assert {example.split(" ")[0] for example in examples} & words
    for example in examples:
        assert mistakes(example) == []


def test_values_are_documented() -> None:
    text = " ".join(section("STATEMENTS") + section("LOGIN MECHANISMS"))
    for word in (*POLICIES, *MECHANISMS, *FILE_WIDE, "envelope", "header", "refuse"):
        assert f" {word} " in text


def test_longer_examples_are_right() -> None:
    blocks = [block.split(".Ed")[0] for block in PAGE.split(".Bd -literal -offset indent\n")[1:]]
    assert len(blocks) >= 3
    for block in blocks:
        assert mistakes(block) == []


def test_sample_is_a_good_rc_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "rc"
    shutil.copyfile(SAMPLE, path)
    path.chmod(0o600)
    out = io.StringIO()
    assert check_rc(str(path), out) == 0
    assert "warning: " not in out.getvalue()


def test_sample_shows_every_statement_and_is_right_when_all_are_used() -> None:
    """``#`` and no blank is a statement to switch on; ``# `` is a remark."""
    source = Source("rc", re.sub(r"(?m)^( *)#(?=[a-z])", r"\1", SAMPLE.read_text()), home="/home/me")
    statements, _, problems = interpret(source)
    assert [problem.text for problem in problems] == []
    assert {statement.name for statement in statements} == {*SETTINGS, *FILE_WIDE, "identity", "default"}


def test_rows_of_check_rc_have_the_order_of_the_page() -> None:
    names = [spelling.split(" ") for spellings, _ in documented() for spelling in spellings]
    written = ["_".join(name[:2]) if name[0] == "force" else name[0] for name in names]
    assert [name for name in dict.fromkeys(written) if name in SETTINGS] == [
        name for name in SETTINGS if name != "credential"
    ]


def readme() -> list[str]:
    """What stands in the README as an rc file, or as a choice of statements: then each of them."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^\n((?:    .*\n|\n(?=    ))+)", text, re.MULTILINE)
    blocks = [block for block in blocks if block.split()[0] in {"identity", *SETTINGS}]
    return [part for block in blocks for part in ([block] if "hostname" in block else block.splitlines())]


@pytest.mark.parametrize("block", readme(), ids=lambda block: block.split()[0])
def test_the_readme_shows_good_rc_files(block: str) -> None:
    assert mistakes(block) == []


def test_the_readme_shows_some() -> None:
    assert len(readme()) >= 5
