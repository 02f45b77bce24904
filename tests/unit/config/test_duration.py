"""A TIME of the rc, and of --at."""

import pytest

from esmtp_py.config.values import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5d", 432000),
        ("12h", 43200),
        ("90m", 5400),
        ("3600s", 3600),
        ("3600", 3600),
        ("007", 7),
        ("999999999", 999999999),
    ],
)
def test_what_is_one(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "d", "0", "0s", "-5d", "+5d", "5w", "5D", "5 d", " 5", "1h30m", "1.5h", "٥d", "²d"]
)
def test_what_is_none(text: str) -> None:
    assert duration(text) == 0


def test_a_long_one_is_none_and_takes_no_time() -> None:
    assert duration("9" * 1_000_000) == duration("9" * 1_000_000 + "d") == duration("1000000000") == 0
