"""--at: every form of a time, and all that is none."""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.cli.at import moment
from esmtp_py.errors import MailError

# Saturday, 10:30:15 in Berlin, where winter is an hour east of Greenwich
NOW = datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC).timestamp()


@pytest.fixture(autouse=True, scope="module")
def _zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("17:30", utc(2026, 11, 21, 16, 30)),
        ("10:31", utc(2026, 11, 21, 9, 31)),
        ("10:30", utc(2026, 11, 22, 9, 30)),
        ("10:30:15", NOW),
        ("00:00", utc(2026, 11, 21, 23)),
        ("+45s", NOW + 45),
        ("+90m", NOW + 5400),
        ("+2h", NOW + 7200),
        ("+3d", NOW + 3 * 86400),
        ("2026-12-24 18:00", utc(2026, 12, 24, 17)),
        ("2026-12-24T18:00", utc(2026, 12, 24, 17)),
        ("2026-12-24 18:00:59", utc(2026, 12, 24, 17, 0, 59)),
        ("2027-07-01 18:00", utc(2027, 7, 1, 16)),
        ("2026-12-24T18:00Z", utc(2026, 12, 24, 18)),
        ("2026-12-24 18:00:30Z", utc(2026, 12, 24, 18, 0, 30)),
        ("2026-12-24T18:00+05:30", utc(2026, 12, 24, 12, 30)),
        ("2026-12-24T18:00-0800", utc(2026, 12, 25, 2)),
        ("2026-12-24T18:00+01", utc(2026, 12, 24, 17)),
        ("2028-02-29T00:00Z", utc(2028, 2, 29)),
        ("2027-03-28 02:30", utc(2027, 3, 28, 1, 30)),  # the clock shows 03:30 then
        ("9999-12-31T23:59:59Z", utc(9999, 12, 31, 23, 59, 59)),
    ],
)
def test_forms(text: str, wanted: float) -> None:
    assert moment(text, NOW) == wanted


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "soon", "noon", "now", "-", "+", "+2", "+h", "+2w", "+-2h", "+2h30m", "+0s", "+ 2h", "+2.5h", "2h"),
        *(
            "9:30",
            "24:00",
            "10:60",
            "10:30:60",
            "10:30:00:00",
            "1030",
            "10:",
            ":30",
            "10.30",
            " 17:30",
            "17:30 ",
            "5pm",
        ),
        *("2026-12-24", "2026-12-24 ", "2026-12-24  18:00", "2026-12-24t18:00", "24.12.2026 18:00", "2026/12/24 18:00"),
        *("2026-13-01 10:00", "2026-00-01 10:00", "2026-12-00 10:00", "2026-11-31 10:00", "2027-02-29 10:00"),
        *("2100-02-29 10:00", "12026-12-24 18:00", "2026-12-24T18:00z", "2026-12-24T18:00+1", "2026-12-24T18:00+01:0"),
        *("2026-12-24T18:00+15:00", "2026-12-24T18:00+01:60", "2026-12-24T18:00+", "2026-12-24T18:00-01:00:00"),
        *("2026-12-24T18:00.5", "2026-12-24T18", "٢٠٢٦-١٢-٢٤ ١٨:٠٠", "١٧:٣٠", "²¹:³⁰", "+٢h", "+999999999d"),
        *("9999-12-31T23:59:59-01:00", "+" + "9" * 100000 + "h", "9" * 100000),
    ],
)
def test_everything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(MailError) as raised:
        moment(text, NOW)
    assert raised.value.kind == "usage"
    assert raised.value.text.endswith("a time such as 17:30, +2h or '2026-12-24 18:00' is expected")


@pytest.mark.parametrize("text", ["2026-11-21 10:30", "2020-01-01T00:00Z", "1970-01-01T00:00+14:00"])
def test_what_is_over(text: str) -> None:
    with pytest.raises(MailError, match="that time is over"):
        moment(text, NOW)


@given(st.datetimes(datetime(2026, 11, 22), datetime(9999, 12, 30)))
def test_any_date_in_greenwich(date: datetime) -> None:
    date = date.replace(microsecond=0, tzinfo=UTC)
    assert moment(date.strftime("%Y-%m-%dT%H:%M:%SZ"), NOW) == date.timestamp()


@given(st.text(max_size=30) | st.text("0123456789-+: TZhms", max_size=30))
def test_no_text_does_anything_else(text: str) -> None:
    with contextlib.suppress(MailError):
        assert moment(text, NOW) >= NOW
