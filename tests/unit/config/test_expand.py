"""The % forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.config.expand import expand, unknown_form


def expanded(text: str) -> str:
    return expand(text, login="me%u", host="h.x.org", domain="x.org")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a@b", "a@b"),
        ("%u@%h", "me%u@h.x.org"),
        ("%u@%d", "me%u@x.org"),
        ("%%u", "%u"),
        ("%%%u%%", "%me%u%"),
        ("%u%u", "me%ume%u"),
        ("%x%", "%x%"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert expanded(text) == expected


@pytest.mark.parametrize(("text", "form"), [("%u%h%d%%", ""), ("a%", "%"), ("%%%", "%"), ("%u%q%z", "%q"), ("%%q", "")])
def test_unknown_form(text: str, form: str) -> None:
    assert unknown_form(text) == form


@given(st.text(st.sampled_from("%uhdx")))
def test_nothing_else_is_changed(text: str) -> None:
    """Against a reader that goes character by character."""
    made, characters = "", iter(text)
    for character in characters:
        if character == "%":
            form = next(characters, "")
            made += {"u": "me%u", "h": "h.x.org", "d": "x.org", "%": "%"}.get(form, "%" + form)
        else:
            made += character
    assert expanded(text) == made
