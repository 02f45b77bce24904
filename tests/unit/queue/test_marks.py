"""What became of a queued mail, appended line by line; torn lines and other people's words among them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.outcome import TABLE, Outcome
from esmtp_py.queue.marks import (
    DELAY,
    FAILURE,
    Marks,
    at_mark,
    hold_mark,
    outcome_mark,
    release_mark,
    reported_mark,
    retry_mark,
)
from tests.unit.queue.strategies import outcomes

OK = Outcome("delivered", "250 ok")
LATER = Outcome("try_again", "451 busy", status="4.3.2", remote="mx.x.org", reply="451 4.3.2 busy")
NEVER = Outcome("unknown_user", "nobody of that name", reply="550 5.1.1 no")


def folded(*lines: bytes) -> Marks:
    return Marks(b"".join(lines))


def test_a_person_can_read_them() -> None:
    line = outcome_mark(1700000000.9, [0, 1, 2, 7], LATER)
    words, sum_ = line.rstrip(b"\n").rsplit(b" #", 1)
    assert words == b"deferred 1700000000 0-2,7 try_again 4.3.2 mx.x.org 451 busy\t451 4.3.2 busy"
    assert len(sum_) == 8
    assert hold_mark(5).startswith(b"hold 5 #")


def test_recipients_without_a_mark_wait() -> None:
    fate = Marks().fate(3)
    assert (fate.outcome, fate.tries, fate.settled, fate.reported) == (None, 0, False, ())


def test_each_recipient_has_its_own_fate() -> None:
    marks = folded(outcome_mark(1, [0], OK), outcome_mark(2, [1], NEVER), outcome_mark(2, [2, 3], LATER))
    assert [marks.fate(i).settled for i in range(5)] == [True, True, False, False, False]
    kinds = [outcome.kind for i in range(4) if (outcome := marks.fate(i).outcome)]
    assert kinds == ["delivered", "unknown_user", "try_again", "try_again"]
    assert marks.fate(1).time == 2


def test_tries_are_counted_for_the_recipient_who_waits_longest() -> None:
    marks = folded(outcome_mark(1, [0, 1], LATER), outcome_mark(2, [1], LATER), outcome_mark(3, [0], OK))
    assert (marks.fate(0).tries, marks.fate(1).tries, marks.tries) == (1, 2, 2)
    assert marks.times == [1, 2, 3]


def test_recipients_of_one_attempt_make_one_time() -> None:
    assert folded(outcome_mark(7, [0], OK), outcome_mark(7.8, [1], LATER)).times == [7]


def test_reports_are_remembered_by_kind() -> None:
    marks = folded(outcome_mark(1, [0], LATER), reported_mark(2, [0, 1], DELAY), reported_mark(3, [0], FAILURE))
    assert marks.fate(0).reported == (DELAY, FAILURE)
    assert marks.fate(1).reported == (DELAY,)
    assert folded(*[reported_mark(2, [0], DELAY)] * 3).fate(0).reported == (DELAY,)


@pytest.mark.parametrize(
    ("lines", "held", "hurry", "at"),
    [
        ([hold_mark(1)], True, False, 0),
        ([hold_mark(1), release_mark(2)], False, False, 0),
        ([release_mark(1)], False, False, 0),
        ([hold_mark(1), retry_mark(2)], True, True, 0),
        ([retry_mark(1)], False, True, 0),
        ([retry_mark(1), hold_mark(2), release_mark(3)], False, True, 0),
        ([at_mark(1, 99), hold_mark(2), release_mark(3)], False, False, 99),
        ([at_mark(1, 99)], False, False, 99),
        ([at_mark(1, 99), at_mark(2, 50)], False, False, 50),
        ([at_mark(1, 99), retry_mark(2)], False, True, 0),
        ([hold_mark(1), at_mark(2, 99)], True, False, 99),
        ([retry_mark(1), outcome_mark(2, [0], LATER)], False, False, 0),
    ],
)
def test_hold_release_retry_and_at(lines: list[bytes], held: bool, hurry: bool, at: int) -> None:
    marks = folded(*lines)
    assert (marks.held, marks.hurry, marks.at) == (held, hurry, at)


@given(outcomes, st.sets(st.integers(0, 500), min_size=1), st.integers(0, 10**10))
def test_what_is_written_is_read(outcome: Outcome, recipients: set[int], when: int) -> None:
    line = outcome_mark(when, recipients, outcome)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    marks = Marks(line)
    assert set(marks.fates) == recipients
    for number in recipients:
        found = marks.fates[number].outcome
        assert found
        assert (found.kind, found.status) == (outcome.kind, outcome.status)
        expected = outcome.text.encode("utf-8", "backslashreplace").decode()
        assert found.text == expected
        assert found.remote == outcome.remote
        assert found.reply == outcome.reply.encode("utf-8", "backslashreplace").decode()


@given(st.lists(outcomes, min_size=1, max_size=4), st.data())
def test_a_cut_leaves_whole_marks_and_never_another_fate(all_of_them: list[Outcome], data: st.DataObject) -> None:
    lines = [outcome_mark(1, [number], outcome) for number, outcome in enumerate(all_of_them)]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    marks = Marks(whole[:cut])
    for number, fate in marks.fates.items():
        assert fate.outcome
        assert fate.outcome.kind == all_of_them[number].kind
    assert len(marks.fates) >= whole[:cut].count(b"\n")
    assert marks.torn == (cut > 0 and whole[cut - 1 : cut] != b"\n")


@given(outcomes, st.data())
def test_a_flipped_bit_takes_the_mark_away(outcome: Outcome, data: st.DataObject) -> None:
    line = bytearray(outcome_mark(1, [0], outcome))
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= 1 << data.draw(st.integers(0, 7))
    found = Marks(bytes(line))
    assert not found.fates


def test_the_mark_behind_a_torn_one_counts() -> None:
    torn = outcome_mark(1, [0], OK)[:-9]
    assert Marks(torn).torn
    assert not Marks(torn).fates
    marks = Marks(torn + b"\n" + outcome_mark(2, [1], NEVER))
    assert list(marks.fates) == [1]
    assert not marks.torn


@given(st.binary(max_size=300))
def test_noise_is_no_mark(noise: bytes) -> None:
    marks = Marks(noise)
    assert not marks.fates
    assert not marks.held


@pytest.mark.parametrize(
    "text",
    [
        "delivered",
        "delivered x 0 delivered 2.0.0 - ok",
        "delivered 1 -1 delivered 2.0.0 - ok",
        "delivered 1 x delivered 2.0.0 - ok",
        "delivered 1 0-99999999999 delivered 2.0.0 - ok",
        "delivered 1 5-2 delivered 2.0.0 - ok",
        "delivered 1 0-x delivered 2.0.0 - ok",
        "delivered 1 0,x delivered 2.0.0 - ok",
        "then 1 5",
        "delivered 1 0 delivered 2.0.0 -",
        "eaten 1 0 delivered 2.0.0 - ok",
        "at 1 x",
        "at 1",
        "",
    ],
)
def test_a_line_with_a_sound_sum_and_no_sense_changes_nothing(text: str) -> None:
    from binascii import crc32

    line = b"%b #%08x\n" % (text.encode(), crc32(text.encode()))
    marks = Marks(line)
    assert not marks.fates
    assert not marks.at


def test_a_kind_of_a_later_version_still_settles() -> None:
    from binascii import crc32

    text = b"failed 1 0 swallowed 5.0.0 - by %zz a whale"
    marks = Marks(b"%b #%08x\n" % (text, crc32(text)))
    outcome = marks.fate(0).outcome
    assert outcome
    assert (outcome.kind, outcome.text) == ("refused", "by %zz a whale")


def test_long_words_are_cut_and_stay_one_line() -> None:
    line = outcome_mark(1, [0], Outcome("refused", "x" * 100_000, reply="y\n" * 100_000, remote="z" * 100_000))
    assert len(line) < 10_000
    assert Marks(line).fate(0).settled


def test_a_status_that_is_none_is_replaced() -> None:
    outcome = Marks(outcome_mark(1, [0], Outcome("refused", status="5 x"))).fate(0).outcome
    assert outcome
    assert outcome.status == TABLE["refused"][1]


def test_ten_thousand_recipients_of_one_outcome_are_one_short_line() -> None:
    line = outcome_mark(1, range(10_000), LATER)
    assert len(line) < 200
    assert len(Marks(line).fates) == 10_000


@pytest.mark.parametrize("unit", [b"\n", b" ", b" #", b"x", b"\0", b"at 1 5 #00000000\n", outcome_mark(1, [0], LATER)])
def test_a_megabyte_takes_linear_time(unit: bytes) -> None:
    def seconds(size: int) -> float:
        data = unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            began = time.process_time()
            Marks(data)
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(1 << 17), seconds(1 << 20)
    assert large < 30 * small + 0.05, "eight times as much took more than thirty times as long"
    assert large < 5
