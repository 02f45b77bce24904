"""The identity a sender gets."""

import pytest

from esmtp_py.config.build import build
from esmtp_py.config.choose import choose
from esmtp_py.config.driver import parse
from esmtp_py.config.model import Config, without_file
from esmtp_py.config.source import Source


def config(text: str) -> Config:
    made, problems = build(parse(text), Source("rc", text))
    assert problems == []
    return made


def helo(text: str, sender: str) -> str:
    """The helo of the chosen identity; each identity below has its own."""
    identity = choose(config(text), sender)
    return identity.helo if identity else "nobody"


TWO = "identity a@x.org helo first identity b@x.org helo second"


@pytest.mark.parametrize(
    ("sender", "chosen"),
    [
        ("a@x.org", "first"),
        ("b@x.org", "second"),
        ("B@X.Org", "second"),
        ("c@x.org", "first"),
        ("", "first"),
        ("a", "first"),
    ],
)
def test_exact_match_in_any_case_else_the_default(sender: str, chosen: str) -> None:
    assert helo(TWO, sender) == chosen


def test_the_later_of_two_with_one_address_wins() -> None:
    assert helo("identity z helo z identity A@x.org helo one identity a@X.org helo two", "a@x.org") == "two"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("helo z identity a@x.org, b@x.org", ["default", "a@x.org"]),
        ("identity a@x.org, b@x.org identity A@x.org", ["b@x.org", "A@x.org"]),
        ("identity a@x.org helo one identity a@x.org helo two default", ["a@x.org", "a@x.org"]),
        ("identity a@x.org default identity *@x.org, a@x.org", ["default", "*@x.org"]),
    ],
)
def test_an_identity_is_called_by_an_address_that_is_its_own(text: str, names: "list[str]") -> None:
    assert [identity.name for identity in config(text).identities] == names


def test_the_name_of_two_is_that_of_the_one_which_serves() -> None:
    made = config("identity a@x.org helo one identity a@x.org helo two default")
    named = made.named("a@x.org")
    assert named
    assert named.helo == "two"
    assert made.named("default") is None


def test_any_address_of_the_list_serves() -> None:
    text = "identity z helo z identity a@x.org, b@x.org helo list"
    assert [helo(text, sender) for sender in ("a@x.org", "b@x.org", "c@x.org")] == ["list", "list", "z"]


def test_exact_match_beats_a_later_pattern() -> None:
    text = "identity a@x.org helo exact identity *@x.org helo pattern"
    assert [helo(text, sender) for sender in ("a@x.org", "b@X.ORG", "a@sub.x.org", "x.org")] == [
        "exact",
        "pattern",
        "exact",
        "exact",
    ]


def test_the_later_pattern_wins() -> None:
    assert helo("identity z helo z identity *@x.org helo one identity *@x.org helo two", "a@x.org") == "two"


def test_pattern_serves_an_address_with_two_signs() -> None:
    assert helo("identity z helo z identity *@x.org helo pattern", '"a@b"@x.org') == "pattern"


def test_pattern_is_no_exact_match_for_its_own_text() -> None:
    text = "identity *@x.org helo first identity *@x.org helo second"
    assert helo(text, "*@x.org") == "second"


def test_null_sender_can_be_named() -> None:
    assert helo('identity a@x.org helo a identity "" helo null', "") == "null"


def test_nobody_when_the_unmatched_are_refused() -> None:
    text = "unmatched refuse identity a@x.org helo a default identity *@y.org helo y"
    assert [helo(text, sender) for sender in ("a@x.org", "b@y.org", "b@x.org", "")] == ["a", "y", "nobody", "nobody"]


def test_without_a_file_everyone_gets_the_default() -> None:

    made = without_file()
    assert choose(made, "me@x.org") is made.default


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("identity a helo a identity b helo b", "a"),
        ("helo global identity a helo a", "global"),
        ("helo global identity a helo a default", "a"),
        ("identity a helo a default identity b helo b default", "b"),
        ("select_by header identity a helo a", "a"),
        ("default identity a helo a", ""),
        ("helo global default identity a helo a", "global"),
    ],
)
def test_default_identity(text: str, default: str) -> None:
    made = config(text)
    assert made.default.helo == default
    assert [identity for identity in made.identities if identity.is_default] == [made.default]
