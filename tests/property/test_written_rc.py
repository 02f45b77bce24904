"""An rc file that we write says what it was to say: each value is read as itself, and none begins a statement."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esmtp_py.config.build import SETTINGS
from esmtp_py.config.driver import parse
from esmtp_py.config.writing import Section, text
from esmtp_py.grammar.esmtprc import ALL_KEYWORDS

# what says something to the lexer, and what a file can hold besides; a NUL no value has
pieces = st.sampled_from([*"\\\"'=;:,#- \t\r\n\x85\u2028\x1b%$`(*9", "\\\n", "disabled", "hostname", "host", "timeout"])
words = st.one_of(pieces, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4))
values = st.lists(words | st.sampled_from(["\udc80", "\udcff"]), min_size=1, max_size=6).map("".join).filter(bool)

# Those with a value of any text behind one word.
NAMES = sorted(name for name in ALL_KEYWORDS if name in SETTINGS)
FREE = [n for n in NAMES if n not in ("timeout", "connect_timeout", "connections", "dsn_notify", "credential")]


def read_back(*sections: Section, origin: str = "x") -> list[tuple[str, list[str]]]:
    statements = parse(text(list(sections), origin))
    assert all(value and not value.fault for statement in statements for value in statement.values)
    return [(statement.name, [value.text for value in statement.values if value]) for statement in statements]


def test_there_are_statements() -> None:
    assert {"password", "password_command", "starttls", "hostname", "log"} < set(FREE)


@given(st.lists(st.tuples(st.sampled_from(FREE), values), max_size=5))
@example([("starttls", "hostname"), ("date", "disabled"), ("helo", "timeout"), ("password", "x\\")])
def test_every_value(said: list[tuple[str, str]]) -> None:
    section = Section()
    for name, value in said:
        section.say(name, value)
    assert read_back(section) == [(name, [value]) for name, value in said]


@given(st.lists(values, min_size=1, max_size=4))
@example(["$(x)", "a b", "hostname", "-", ",", "'"])
def test_every_address(addresses: list[str]) -> None:
    section = Section(*addresses)
    section.say("mda", "true")
    assert read_back(section) == [("identity", addresses), ("mda", ["true"])]


@given(st.lists(values.map(lambda value: value.replace(",", "").strip()), min_size=1, max_size=4))
@example(["success hostname evil.example password_command x"])
@example(["success", "hostname", "timeout", "\\"])
def test_a_list_stays_one(given_words: list[str]) -> None:
    said = [word for word in given_words if word] or ["never"]
    section = Section()
    section.say("dsn_notify", ",".join(said))
    assert read_back(section) == [("dsn_notify", said)]


@given(values, values)
@example("a\nhostname evil.example", "b\r\n\x1b[2Jidentity x")
def test_a_remark_is_one_line_of_comment(remark: str, origin: str) -> None:
    section = Section("me@x.org")
    section.remarks.append(remark)
    assert read_back(section, origin=origin) == [("identity", ["me@x.org"])]
    assert all(line.isprintable() for line in text([section], origin).split("\n"))


@pytest.mark.parametrize("name", FREE)
def test_no_keyword_as_value_is_taken_for_a_statement(name: str) -> None:
    for word in ALL_KEYWORDS:
        section = Section()
        section.say(name, word)
        assert read_back(section) == [(name, [word])]
