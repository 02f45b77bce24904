"""The automaton against re, on the token rules and on made-up ones."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esmtp_py.grammar import esmtprc
from esmtp_py.grammar.automaton import State, deterministic


def longest(automaton: list[State], text: str) -> tuple[int | None, int]:
    """The rule with the longest match at the start of the text, and its length."""
    found: tuple[int | None, int] = (None, 0)
    at: int | None = 0
    for length, character in enumerate(text, 1):
        assert at is not None
        at = automaton[at].moves.get(character, automaton[at].default)
        if at is None:
            break
        if automaton[at].accepts is not None:
            found = automaton[at].accepts, length
    return found


def longest_by_re(patterns: list[str], text: str) -> tuple[int | None, int]:
    """The same by trying every prefix with every rule."""
    found: tuple[int | None, int] = (None, 0)
    for length in range(1, len(text) + 1):
        for rule, pattern in enumerate(patterns):
            if re.fullmatch(pattern, text[:length], re.VERBOSE):
                found = rule, length
                break
    return found


PATTERNS = [
    function.__doc__ or "" for name, function in vars(esmtprc).items() if name.startswith("t_") and callable(function)
]
PATTERNS = [pattern for pattern in PATTERNS if pattern]
characters = st.sampled_from("\\\"'#,=;: \t\r\nab0é")


def test_there_are_rules_to_try() -> None:
    assert len(PATTERNS) > 8


@given(st.text(characters, max_size=12), st.sampled_from(PATTERNS))
@settings(max_examples=400, deadline=None)
def test_each_token_rule_by_itself(text: str, pattern: str) -> None:
    assert longest(deterministic([pattern]), text) == longest_by_re([pattern], text)


regexes = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\\\", "[^\\n]", "\\n", "[\\]^-]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@given(st.lists(regexes, min_size=1, max_size=3), st.text(st.sampled_from("ab\\\n]^-x"), max_size=8))
@settings(max_examples=400, deadline=None)
def test_made_up_rules_that_compete(patterns: list[str], text: str) -> None:
    assert longest(deterministic(patterns), text) == longest_by_re(patterns, text)


def test_automaton_is_minimal() -> None:
    assert len(deterministic(["(?:a|b)(?:a|b)", "[ab]c"])) == 4
    assert len(deterministic(["a*", "aa*", "(?:aa)*a"])) == 1


@pytest.mark.parametrize(
    "pattern",
    ["a{2}", "(a)", "(?=a)", "a b", "#a", "^a", "a$", "[a-z]", "[[]", "\\d", "\\bx", "(?:a", "a)", "[a", "*a", "a\\"],
)
def test_syntax_that_is_not_understood_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        deterministic([pattern])
