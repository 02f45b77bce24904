"""What a person is told about a broken rc file: everything that is wrong, where, and no password."""

import pathlib
import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esmtp_py.config import driver
from esmtp_py.config.complaint import MOST, report
from esmtp_py.config.reader import interpret
from esmtp_py.config.source import Source
from tests.grammar.corpus import rejected, source_of
from tests.grammar.strategies import anything, statements

ROOT = pathlib.Path(__file__).parents[2]


def told(text: str) -> str:
    source = Source("rc", text, directory="/rc", home="/home/me")
    return report(source, interpret(source)[2])


def test_each_mistake_has_its_line_and_a_caret() -> None:
    assert told("# first\n\tmda one two # three\nidentity me\n  timeout never\n  helo").split("\n") == [
        "rc:2:10: expected a statement; a value with white space or , ; : = must be in quotes",
        "     mda one …",
        "             ^",
        "rc:4:11: expected a number of seconds, found 'never'",
        "      timeout never",
        "              ^",
        "rc:5:7: expected a host name, found the end of the file",
        "      helo",
        "          ^",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("password one two three", "password …"),
        ("password one  two\tthree # four", "password …"),
        ("identity me, you they", "identity me, you …"),
        ("helo x passwrod hunter2", "helo x passwrod …"),
        ("hostnme hunter2 # hunter2", "hostnme …"),
        ("hostnamehunter2 x", "…"),
        ("port hunter2 x", "port …"),
        ("porthunter2 x", "…"),
        ("password hunter2 odd # hunter2\n", "password …"),
        ('helo "x"hunter2', "helo …"),
        ('mda "hunter\\xyz"', "mda …"),
        ('helo me"hunter2 x', "helo me…"),
        ("username 'me\npassword \"hunter2\" ' x", "…"),
        ("username 'me\npassword hunter2", "username …"),
        ("timeout 30s", "timeout 30s"),
    ],
)
def test_what_is_shown_of_a_line(text: str, line: str) -> None:
    """All but what may be a secret, or a part of one."""
    assert line in [shown.removeprefix("    ") for shown in told(text).split("\n")]
    assert "hunter" not in told(text)


def test_statements_of_other_programs() -> None:
    shown = told("identity me\nport 25\nUseTLS on\n")
    assert ":2:1: unknown statement 'port'; the port stands behind the host: hostname HOST:PORT\n" in shown
    assert ":3:1: unknown statement 'UseTLS'; write: starttls required, or: starttls implicit\n" in shown


def test_long_line_is_shown_in_part() -> None:
    message, line, caret = told("mda '" + "x" * 500 + "' helo 1 auth odd # " + "y" * 500).split("\n")
    assert message.startswith("rc:1:520: auth: expected")
    assert len(line) < 120
    assert line[caret.index("^") :] == "odd"
    assert "xxx" in line


def test_what_a_terminal_would_obey_is_escaped() -> None:
    text = told("helo \x1b[2J\x07x\udcff\u2028 mda 'a' odd odd")
    assert r"\x1b[2J\x07x\xff\u2028" in text
    assert text.replace("\n", "").isprintable()


def test_very_many_mistakes_are_counted() -> None:
    lines = told("bad x\n" * (MOST + 50)).split("\n")
    assert len([line for line in lines if line.startswith("rc:")]) == MOST + 1
    assert lines[-1] == "rc: and 50 more"


@rejected
def test_driver_stops_at_a_mistake_that_is_reported(path: pathlib.Path) -> None:
    """The driver's mistake is the first of PLY's (a recovery may find one in a value before it)."""
    source = source_of(path.read_bytes())
    _, _, problems = interpret(source)
    try:
        driver.parse(source.text)
    except driver.Unexpected as unexpected:
        offset = min(unexpected.token.lexpos, len(source.text.rstrip()))
        assert any(problem.offset <= offset for problem in problems)
        assert problems


@given(anything)
@settings(max_examples=300, deadline=None)
def test_any_file_is_read_or_explained(text: str) -> None:
    source = Source("rc", text, directory="/rc", home="/home/me")
    _, _, problems = interpret(source)
    explained = report(source, problems)
    assert bool(explained) == bool(problems)
    for problem in problems:
        assert 0 <= problem.offset <= len(text)
        assert problem.text
    assert [p.offset for p in problems] == sorted(p.offset for p in problems)


@given(st.lists(statements, max_size=6), st.lists(statements, max_size=6))
@settings(max_examples=200, deadline=None)
def test_statements_after_a_mistake_count(before: list[str], after: list[str]) -> None:
    """A mistake hides neither an earlier nor a later one on other lines, if strings are closed."""
    for part in (before, after):
        try:
            read = driver.parse("".join(line + "\n" for line in part))
        except driver.Unexpected:
            return
        if any(value is None or value.fault for statement in read for value in statement.values):
            return
    lines = (*before, "default", "hostnme x", "timeout soon", "starttls odd", *after)
    found = told("".join(line + "\n" for line in lines))
    assert "unknown statement 'hostnme'" in found
    assert "found 'soon'" in found
    assert "expected disabled, enabled, required or implicit" in found


SECRET = "hunter2 Xyzzy"
CHUNKS = ("hunter2", "Xyzzy", "unter", "yzzy")


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """An rc file with a password, in one of the ways to write it, and up to three slips of the keyboard."""
    written = draw(st.sampled_from([f'"{SECRET}"', f"'{SECRET}'", "hunter2Xyzzy", r"hunter2\x20Xyzzy", SECRET]))
    word = draw(st.sampled_from(["password", "pass", "password =", "certificate_passphrase", "password\n"]))
    lines = ["identity me@example.org", "hostname mail.example.org", "username me", f"{word} {written}", "helo x"]
    text = "\n".join(draw(st.permutations(lines)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        slip = draw(st.sampled_from(["", "", "", *"\"'\\#= ;,:\nxP\0", "helo ", "user ", "\n\n"]))
        text = text[:at] + slip + text[at + draw(st.integers(0, 1)) :]
    return text


@given(damaged())
@settings(max_examples=300, deadline=None)
@example('username "me\npassword "hunter2 Xyzzy"\nhelo x')
@example("username 'me\npassword \"hunter2 Xyzzy\"\nhelo 'x'")
@example('identity me\npasswor, "hunter2 Xyzzy"')
@example("ertificate_passphrasehunter2Xyzzy")
@example('username me\x00password"hunter2 Xyzzy"')
@example("user\npass hunter2Xyzzy")
@example("user me\nhunter2Xyzzy")
@example('password"hunter2 Xyzzy"')
def test_no_password_is_ever_shown(text: str) -> None:
    shown = told(text)
    source = Source("rc", text)
    # A slip that makes the secret the value of another statement is not ours to find out.
    values = [
        value.text
        for s in interpret(source)[0]
        if s.name not in ("password", "certificate_passphrase")
        for value in s.values
        if value
    ]
    if not any(chunk in value for chunk in CHUNKS for value in values):
        assert not [chunk for chunk in CHUNKS if chunk in shown]


@pytest.mark.parametrize(
    "character", ['"', "'", "\\", "#", "(", ",", ":", "\n", "\0", "helo\n", "x\n", "user ", "\\ ", "\"'"]
)
def test_hostile_file_takes_linear_time(character: str) -> None:
    def took(size: int) -> float:
        text = character * (size // len(character))
        start = time.process_time()
        told(text)
        return time.process_time() - start

    took(1000)
    # Quadratic would be a factor of 64.
    assert took(160_000) < 25 * max(took(20_000), 0.02)


@pytest.mark.parametrize(("flag", "with_ply"), [("-O", True), ("-OO", False), ("-S", False)])
def test_without_ply_the_first_mistake_is_told(flag: str, with_ply: bool) -> None:
    """``python -OO`` leaves PLY nothing to work on, and ``-S`` hides it."""
    program = (
        "from esmtp_py.config.reader import interpret; from esmtp_py.config.source import Source; import sys\n"
        "print(len(interpret(Source('rc', 'identity me helo x'))[0]))\n"
        "print([(p.offset, p.text) for p in interpret(Source('rc', 'helo a b'))[2]], 'ply' in sys.modules)"
    )
    made = subprocess.run([sys.executable, flag, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    hint = "expected a statement; a value with white space or , ; : = must be in quotes"
    assert made.stdout == f"2\n[(7, '{hint}')] {with_ply}\n"


def test_ply_writes_nothing(tmp_path: pathlib.Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "grammar").glob("*.*")}
    program = (
        "from esmtp_py.config.reader import interpret\n"
        "from esmtp_py.config.source import Source\n"
        "interpret(Source('rc', 'x'))"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert made.stdout + made.stderr == ""
    assert list(tmp_path.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in (ROOT / "grammar").glob("*.*")} == before
    assert not [path for path in before if path.stem.startswith("pars")]  # parsetab.py, parser.out
