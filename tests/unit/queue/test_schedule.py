"""When a mail is tried again, and when no more; with clocks that jump."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.message.envelope import NEVER as NOTIFY_NEVER
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue import schedule
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.listing import FORESEEN
from esmtp_py.queue.marks import DELAY, at_mark, hold_mark, outcome_mark, release_mark, reported_mark, retry_mark

NOW = 1_700_000_000
NAME = "1700000000-000000abc"
DAY, YEAR = 86400, 365 * 86400
LATER = Outcome("try_again", "451")


def entry(*attempts: int, marks: bytes = b"", **options: float) -> Entry:
    """Submitted at NOW, deferred at these moments."""
    made = Entry(NOW, "me@x.org", [Recipient("a@x.org")], **options)  # type: ignore[arg-type]
    made.marks.fold(b"".join(outcome_mark(moment, [0], LATER) for moment in attempts) + marks)
    return made


# -- back-off ------------------------------------------------------------------------------------------------------


def test_it_doubles_from_a_minute_to_four_hours() -> None:
    steps = [schedule.backoff(tries, "") for tries in range(1, 12)]
    for step, whole in zip(steps, [60, 120, 240, 480, 960, 1920, 3840, 7680, 14400, 14400, 14400], strict=True):
        assert whole <= step <= whole * 1.25


@given(st.integers(1, 10**9), st.text(max_size=30))
def test_no_wait_is_shorter_or_longer_than_stated(tries: int, name: str) -> None:
    assert schedule.SHORTEST <= schedule.backoff(tries, name) <= schedule.LONGEST * 1.25 < FORESEEN


def test_before_the_first_attempt_there_is_nothing_to_wait_for() -> None:
    assert schedule.backoff(0, NAME) == 0


def test_mails_that_failed_together_come_back_apart() -> None:
    assert len({schedule.backoff(9, f"{number}") for number in range(100)}) > 50


def test_the_wait_is_the_same_for_every_runner() -> None:
    assert schedule.backoff(5, NAME) == schedule.backoff(5, NAME)


# -- due -----------------------------------------------------------------------------------------------------------


def test_a_new_mail_is_due() -> None:
    assert schedule.due(entry(), NAME, NOW) <= NOW


def test_a_mail_for_later_has_not_been_tried_before() -> None:
    later = NOW + 6 * 3600
    asked = entry(later, not_before=later)
    assert schedule.age(asked, later + 60) == 60
    assert schedule.late(asked, asked.recipients, later + 60) == []
    assert schedule.late(asked, asked.recipients, later + schedule.WARNING + 1) == [0]


def test_a_new_mail_can_be_undone_for_a_while() -> None:
    assert schedule.due(entry(), NAME, NOW, undo=30) == NOW + 30
    assert schedule.due(entry(NOW + 31), NAME, NOW + 31, undo=30) == NOW + 31 + schedule.backoff(1, NAME)


def test_a_deferred_mail_waits() -> None:
    due = schedule.due(entry(NOW), NAME, NOW)
    assert due == NOW + schedule.backoff(1, NAME)
    assert schedule.due(entry(NOW, NOW + 99), NAME, NOW + 99) == NOW + 99 + schedule.backoff(2, NAME)


def test_a_held_mail_is_never_due() -> None:
    assert schedule.due(entry(marks=hold_mark(NOW)), NAME, NOW + YEAR) == schedule.NEVER


def test_a_released_mail_is_due_when_it_would_have_been() -> None:
    once = hold_mark(NOW) + release_mark(NOW)
    assert schedule.due(entry(marks=once), NAME, NOW, undo=30) == NOW + 30
    assert schedule.due(entry(NOW, marks=once), NAME, NOW) == NOW + schedule.backoff(1, NAME)
    assert schedule.due(entry(marks=once, not_before=NOW + YEAR), NAME, NOW) == NOW + YEAR
    assert schedule.due(entry(marks=at_mark(NOW, NOW + YEAR) + once), NAME, NOW) == NOW + YEAR


def test_only_an_attempt_makes_a_back_off() -> None:
    assert not schedule.is_backing_off(entry(), NOW)
    assert schedule.is_backing_off(entry(NOW), NOW)
    assert not schedule.is_backing_off(entry(NOW, not_before=NOW + YEAR), NOW)
    assert not schedule.is_backing_off(entry(NOW, marks=at_mark(NOW, NOW + YEAR)), NOW)


def test_a_time_that_was_asked_for_is_kept_however_far() -> None:
    assert schedule.due(entry(not_before=NOW + YEAR), NAME, NOW) == NOW + YEAR
    assert schedule.due(entry(marks=at_mark(NOW, NOW + YEAR)), NAME, NOW) == NOW + YEAR
    assert schedule.due(entry(marks=at_mark(NOW, NOW - YEAR)), NAME, NOW) <= NOW


def test_retry_is_for_now_and_for_once() -> None:
    assert schedule.due(entry(NOW, marks=retry_mark(NOW), not_before=NOW + YEAR), NAME, NOW) <= NOW
    again = entry(NOW, marks=retry_mark(NOW) + outcome_mark(NOW + 1, [0], LATER))
    assert schedule.due(again, NAME, NOW + 1) > NOW + 1


@pytest.mark.parametrize("jump", [-10 * YEAR, -DAY, DAY, 10 * YEAR])
def test_a_clock_that_was_set_makes_nobody_wait_for_it(jump: int) -> None:
    """Whatever the clock was at submission and at the attempts: a back-off from now is the longest wait."""
    for mail in (entry(), entry(NOW), entry(NOW, NOW + 60)):
        assert schedule.due(mail, NAME, NOW + jump) <= NOW + jump + schedule.LONGEST * 1.25


@given(st.lists(st.integers(0, 4 * NOW), max_size=6), st.integers(0, 4 * NOW))
def test_nothing_waits_longer_than_the_longest_step(attempts: list[int], now: int) -> None:
    assert schedule.due(entry(*attempts), NAME, now) <= now + schedule.LONGEST * 1.25


# -- the end -------------------------------------------------------------------------------------------------------


def retried(until: int, step: int = 4 * 3600) -> Entry:
    return entry(*range(NOW, NOW + until, step))


def test_it_ends_after_five_days() -> None:
    assert not schedule.expired(retried(5 * DAY), NOW + 5 * DAY - 60)
    assert schedule.expired(retried(5 * DAY), NOW + 5 * DAY + 60)
    assert schedule.expired(retried(DAY), NOW + DAY + 60, lifetime=DAY)


@pytest.mark.parametrize("now", [NOW - 10 * YEAR, NOW, NOW + 6 * DAY, NOW + 10 * YEAR])
def test_nothing_is_given_up_without_an_attempt(now: int) -> None:
    assert not schedule.expired(entry(), now)
    assert not schedule.expired(entry(), now, lifetime=0)
    assert schedule.late(entry(), entry().recipients, now) == []


def test_a_jump_of_ten_years_counts_as_a_day() -> None:
    assert schedule.age(entry(NOW), NOW + 10 * YEAR) == DAY
    assert not schedule.expired(entry(NOW, NOW + 60), NOW + 10 * YEAR)
    assert not schedule.expired(entry(NOW + 10 * YEAR), NOW + 10 * YEAR)


def test_a_jump_back_does_not_stop_the_end_from_coming() -> None:
    back = NOW - 10 * YEAR
    mail = entry(NOW, *range(back, back + 5 * DAY, 3600))
    assert schedule.expired(mail, back + 5 * DAY + 3600)


@given(st.lists(st.integers(0, 4 * NOW), max_size=6), st.integers(0, 4 * NOW))
def test_age_is_no_more_than_a_day_for_each_interval(attempts: list[int], now: int) -> None:
    times = len(entry(*attempts).marks.times)
    assert 0 <= schedule.age(entry(*attempts), now) <= DAY * (times + 1)


# -- warning -------------------------------------------------------------------------------------------------------


def test_the_sender_hears_of_a_delay_after_four_hours_and_once() -> None:
    mail = entry(NOW, NOW + 3600)
    assert schedule.late(mail, mail.recipients, NOW + 4 * 3600 - 1) == []
    assert schedule.late(mail, mail.recipients, NOW + 4 * 3600 + 1) == [0]
    mail.marks.fold(reported_mark(NOW, [0], DELAY))
    assert schedule.late(mail, mail.recipients, NOW + DAY) == []


def test_only_recipients_who_wait_and_want_it_are_named() -> None:
    wishes = [(), NOTIFY_NEVER, ("FAILURE",), ("DELAY",), ("SUCCESS", "DELAY"), ()]
    recipients = [Recipient(f"{number}@x", wish) for number, wish in enumerate(wishes)]
    mail = entry(NOW)
    mail.marks.fold(outcome_mark(NOW + 5, [5], Outcome("delivered")))
    assert schedule.late(mail, recipients, NOW + DAY) == [0, 3, 4]
