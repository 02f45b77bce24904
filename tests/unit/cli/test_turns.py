"""Two processes in turn: the same results in the same order as one, whatever becomes of the second."""

import os
from collections.abc import Callable

import pytest

from esmtp_py.cli import turns
from esmtp_py.cli.turns import WORTH_IT, in_turn
from tests.leftovers import children

HERE = os.getpid()
PARTS = [[str(number)] for number in range(5 * WORTH_IT)]


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_processors", lambda: 2)


def where(part: list[str]) -> bytes:
    return f"{part[0]} {'here' if os.getpid() == HERE else 'there'}".encode()


def test_every_second_part_is_done_elsewhere_and_all_are_in_order() -> None:
    expected = [f"{number} {'there' if number % 2 else 'here'}".encode() for number in range(len(PARTS))]
    assert list(in_turn(PARTS, where)) == expected


@pytest.mark.parametrize("count", [0, 1, WORTH_IT - 1])
def test_a_little_work_is_done_here(count: int) -> None:
    assert list(in_turn(PARTS[:count], where)) == [f"{number} here".encode() for number in range(count)]


def test_results_larger_than_a_pipe() -> None:
    assert [len(done) for done in in_turn(PARTS, lambda part: b"x" * 300_000)] == [300_000] * len(PARTS)


def dying(part: list[str]) -> bytes:
    if part == ["7"] and os.getpid() != HERE:
        os._exit(1)
    return part[0].encode()


def failing(part: list[str]) -> bytes:
    if part == ["7"] and os.getpid() != HERE:
        raise OSError("no file")
    return part[0].encode()


@pytest.mark.parametrize("work", [dying, failing])
def test_what_a_lost_helper_has_not_done_is_done_here(work: Callable[[list[str]], bytes]) -> None:
    assert list(in_turn(PARTS, work)) == [part[0].encode() for part in PARTS]


def test_no_room_for_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "no room")

    monkeypatch.setattr(os, "fork", fork)
    assert list(in_turn(PARTS, where)) == [f"{number} here".encode() for number in range(len(PARTS))]


def test_the_helper_is_gone_when_nobody_reads_on() -> None:
    before = children()
    results = in_turn(PARTS, lambda part: b"x" * 300_000)
    next(results)
    assert children() > before
    results.close()  # type: ignore[attr-defined]
    assert children() == before


def test_errors_of_our_own_part_are_raised() -> None:
    def work(part: list[str]) -> bytes:
        if os.getpid() == HERE:
            raise ValueError(part)
        return b""

    with pytest.raises(ValueError):
        list(in_turn(PARTS, work))
