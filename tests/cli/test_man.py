"""esmtp(1) names every flag, setting, name and exit status, and none that does not exist."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from esmtp_py.cli.flags import FLAGS, INERT, LATER, LONG, MODES, NONE, OWN_NAMES, SETTINGS
from esmtp_py.cli.inert import LETTERS, NAMES
from esmtp_py.outcome import TABLE

PAGE = Path(__file__).resolve().parents[2] / "man" / "esmtp.1"
TEXT = PAGE.read_text()
INERT_PART = TEXT.partition(".Ss Accepted without effect\n")[2].partition(".Sh ")[0]


def items(text: str) -> dict[str, str]:
    """{flag: the rest of its line} of every .It Fl."""
    return dict(re.findall(r"^\.It Fl (\S+)(.*)$", text, re.MULTILINE))


def test_flags_are_those_of_the_tables() -> None:
    modes = {"b" + letter for letter in MODES}
    assert set(items(TEXT)) == {*FLAGS, *modes, *("-" + name for name in LONG)}
    assert len(re.findall(r"^\.It Fl ", TEXT, re.MULTILINE)) == len(items(TEXT))


def test_arguments_too() -> None:
    for name, rest in items(TEXT).items():
        flag = FLAGS.get(name) or LONG.get(name[1:])
        if flag is not None:
            assert ("Ar" in rest) == (flag.takes != NONE), name
            assert ("Op" in rest and "x Ns Op" not in rest) == flag.argument.startswith("["), name


def test_flags_without_effect_are_said_to_be() -> None:
    assert set(items(INERT_PART)) == {flag.name for flag in FLAGS.values() if flag.group == INERT}


def test_settings_with_effect() -> None:
    named = dict(re.findall(r"^\.It Cm (\S+)(.*)$", TEXT, re.MULTILINE))
    assert named == {s.name: f" Pq Fl o{s.letter}" if s.letter else "" for s in SETTINGS}


def test_settings_without_effect() -> None:
    lines = re.findall(r"^\.Cm (\w+)(?: Pq (.*))? [,.]$", INERT_PART, re.MULTILINE)
    written = {name: set(re.findall(r"Fl o(\S)", letters)) for name, letters in lines}
    expected = {name: {letter} if letter else set() for name, letter in NAMES.items()}
    for letter, name in LETTERS.items():
        expected.setdefault(name, set()).add(letter)
    assert written == expected


@pytest.mark.parametrize(
    "flag", ["-" + name for name, (mode, _) in (("b" + k, v) for k, v in MODES.items()) if mode == LATER]
)
def test_what_is_not_available_yet_is_said_to_be(flag: str) -> None:
    paragraph = TEXT.partition(f".It Fl {flag[1:]}\n")[2].partition(".It ")[0]
    assert "Not available yet in this version." in paragraph


@pytest.mark.parametrize("name", [*OWN_NAMES, "esmtp", "sendmail"])
def test_names(name: str) -> None:
    assert f".Nm {name}" in TEXT.partition(".Sh SYNOPSIS")[0]


def test_exit_statuses() -> None:
    part = TEXT.partition(".Sh EXIT STATUS\n")[2].partition(".Sh ")[0]
    assert {int(code) for code in re.findall(r"^\.It (\d+)$", part, re.MULTILINE)} == {row[2] for row in TABLE.values()}


def test_environment_is_what_the_program_reads() -> None:
    part = TEXT.partition(".Sh ENVIRONMENT\n")[2].partition(".Sh ")[0]
    package = PAGE.parents[1] / "esmtp_py"
    source = "".join(path.read_text() for path in package.rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\"(\w+)\"", source))
    assert set(re.findall(r"^\.It Ev (\w+)$", part, re.MULTILINE)) == read


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_mandoc_has_no_complaint() -> None:
    done = subprocess.run(["mandoc", "-Tlint", PAGE], capture_output=True, text=True)
    # pages of the same package, and of others, need not be installed where the tests run
    assert [line for line in done.stdout.splitlines() if "referenced manual not found" not in line] == []


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
@pytest.mark.parametrize("page", sorted(PAGE.parent.iterdir()), ids=lambda page: page.name)
def test_groff_shows_it_to_its_end(page: Path) -> None:
    """What man(1) calls on most systems; a word that is also a macro once cost the last sections of esmtp(1)."""
    done = subprocess.run(["groff", "-Tascii", "-P-cbou", "-mandoc", "-ww", page], capture_output=True, text=True)
    assert [line for line in done.stderr.splitlines() if "can't break line" not in line] == []
    last = page.read_text().rpartition("\n.Sh ")[2].partition("\n")[0].strip('"')
    assert last in done.stdout
