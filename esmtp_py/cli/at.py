"""--at TIME: when a mail is to leave, as people write it.

    17:30                         the next time that it is
    +90s +20m +2h +3d             from now
    2026-12-24 18:00[:30]         also with T for the blank, and behind it Z or an
    2026-12-24T18:00+01:00        offset (ISO 8601)

Local time unless it says otherwise.  What can be read in two ways is refused.
"""

import time

from esmtp_py.config.values import duration
from esmtp_py.errors import MailError

_DAY = 86400
# The last second of 9999: a queue file has no room for more digits.
_LATEST = 253402300799
_MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def moment(text: str, now: float) -> float:
    """The time meant, in seconds since 1970 like ``now``.  MailError("usage") when there is none, or it is over."""
    try:
        wanted = _moment(text, now)
    except (ValueError, OverflowError):
        wanted = _LATEST + 1
    if wanted > _LATEST:
        raise MailError("usage", f"--at {text}: a time such as 17:30, +2h or '2026-12-24 18:00' is expected")
    if wanted < now:
        raise MailError("usage", f"--at {text}: that time is over; write one to come, such as 17:30 or +2h")
    return wanted


def _moment(text: str, now: float) -> float:
    if text.startswith("+"):
        return now + _interval(text[1:])
    if len(text) > 10 and text[10] in " T":
        return _dated(_date(text[:10]), text[11:])
    return _next(_clock(text), now)


def _interval(text: str) -> int:
    """With its unit: of a bare number nobody knows whether minutes are meant, as by at(1)."""
    seconds = 0 if text[-1:].isdigit() else duration(text)
    if not seconds:
        raise ValueError(text)
    return seconds


def _next(clock: int, now: float) -> float:
    """The next moment when a clock shows that."""
    today = time.localtime(now)
    date = (today.tm_year, today.tm_mon, today.tm_mday)
    wanted = _local(date, clock)
    # mktime knows which month has a 32nd
    return wanted if wanted >= now else _local((*date[:2], date[2] + 1), clock)


def _dated(date: "tuple[int, int, int]", text: str) -> float:
    if text.endswith("Z"):
        return _universal(date) + _clock(text[:-1])
    for sign, factor in (("+", 1), ("-", -1)):
        clock, found, offset = text.partition(sign)
        if found:
            return _universal(date) + _clock(clock) - factor * _offset(offset)
    return _local(date, _clock(text))


def _date(text: str) -> "tuple[int, int, int]":
    if text[4] + text[7] != "--":
        raise ValueError(text)
    year, month = _number(text[:4], 4, 1970, 9999), _number(text[5:7], 2, 1, 12)
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return year, month, _number(text[8:], 2, 1, _MONTHS[month - 1] + leap)


def _clock(text: str) -> int:
    """Seconds since midnight at HH:MM or HH:MM:SS."""
    hour, minute, *rest = text.split(":")
    second = _number(rest.pop(), 2, 0, 59) if rest else 0
    if rest:
        raise ValueError(text)
    return _number(hour, 2, 0, 23) * 3600 + _number(minute, 2, 0, 59) * 60 + second


def _offset(text: str) -> int:
    """Seconds east of Greenwich in 01:00, 0100 or 01."""
    minutes = text[3:] if text[2:3] == ":" else text[2:] or "00"
    return _number(text[:2], 2, 0, 14) * 3600 + _number(minutes, 2, 0, 59) * 60


def _number(text: str, digits: int, least: int, most: int) -> int:
    if len(text) != digits or not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise ValueError(text)
    return int(text)


def _local(date: "tuple[int, int, int]", clock: int) -> float:
    """What the clock skips in spring is an hour later."""
    return time.mktime((*date, clock // 3600, clock // 60 % 60, clock % 60, 0, 0, -1))


def _universal(date: "tuple[int, int, int]") -> int:
    """Midnight in Greenwich; in the Gregorian calendar with years from March on, the leap day is the last one."""
    year, month = date[0] - (date[1] < 3), (date[1] + 9) % 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + date[2] - 1
    return (days - 719468) * _DAY
