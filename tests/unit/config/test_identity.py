"""An Identity as a value: frozen, complete, and nothing but what it knows."""

import pytest

from esmtp_py.config.identity import UNSAID, Identity


def test_what_is_not_said_is_as_in_the_table() -> None:
    identity = Identity()
    assert {name: getattr(identity, name) for name in UNSAID} == UNSAID


def test_it_has_no_attribute_that_nobody_knows() -> None:
    with pytest.raises(TypeError, match="no user_name"):
        Identity(user_name="me")


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError):
        Identity().username = "me"


def test_another_one_like_it() -> None:
    first = Identity(username="me", helo="box", origin={"helo": "rc:1"})
    other = first.but(username="you")
    assert (other.username, other.helo, other.origin) == ("you", "box", {"helo": "rc:1"})
    assert first.username == "me"
