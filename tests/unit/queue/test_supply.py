"""What the lanes of one identity take from, and when the identity is put off."""

import threading

import pytest

from esmtp_py.deliver.pipeline import WINDOW
from esmtp_py.errors import MailError
from esmtp_py.queue.respite import PutOff, Respite
from esmtp_py.queue.supply import Supply


class Lane:
    refused = False


class Heard(Respite):
    """Keeps no file.  begun: with which errors."""

    def __init__(self) -> None:
        self.begun: list[MailError] = []

    def begin(self, error: MailError) -> None:
        self.begun.append(error)


def supply(lanes: int, mails: int, *, logs_in: bool = False, respite: Heard | None = None) -> Supply:
    made = Supply(respite or Heard(), logs_in=logs_in)
    made.lanes = [Lane() for _ in range(lanes)]  # type: ignore[misc]
    made.names.extend(f"m{number}" for number in range(mails))
    return made


@pytest.mark.parametrize(
    ("lanes", "mails", "begun", "window"),
    [(1, 0, 0, WINDOW), (1, 9, 1, WINDOW), (3, 2, 2, 1), (3, 6, 3, 2), (3, 7, 3, 3), (2, 1000, 2, WINDOW)],
)
def test_as_many_lanes_as_there_are_mails_and_none_takes_them_all(
    lanes: int, mails: int, begun: int, window: int
) -> None:
    made = supply(lanes, mails)
    assert len(made.begin()) == begun
    assert made.window == window
    assert made.shared == (begun > 1)


def test_oldest_first_and_what_is_given_back_is_next() -> None:
    made = supply(2, 3)
    assert [made.next(), made.next()] == ["m0", "m1"]
    made.give_back("m1")
    made.give_back("m0")
    assert [made.next() for _ in range(4)] == ["m0", "m1", "m2", None]


def test_put_off_by_the_last_one() -> None:
    made, error = supply(3, 9), MailError("auth", "535")
    made.begin()
    made.refuse(MailError("dns", "away"))
    made.refuse(MailError("dns", "away"))
    assert made.off is None
    made.refuse(error)
    assert made.off is error


def test_the_last_one_is_alone_and_has_a_whole_window() -> None:
    made = supply(3, 3)
    made.begin()
    made.refuse(MailError("dns", "away"))
    assert [made.leave(), made.leave(), made.leave()] == [False, False, True]
    assert not made.shared
    assert made.window == WINDOW
    made.refuse(MailError("dns", "away"))
    assert made.off, "nobody is left"


def test_where_there_is_a_log_in_the_first_one_makes_it_before_the_others_begin() -> None:
    made, began = supply(3, 9, logs_in=True), []
    first, *others = made.begin()
    made.wait(first)
    threads = [threading.Thread(target=lambda lane=lane: (made.wait(lane), began.append(lane))) for lane in others]
    for thread in threads:
        thread.start()
    threads[0].join(0.2)
    assert began == []
    made.enter()
    made.enter()
    for thread in threads:
        thread.join(60)
    assert sorted(map(id, began)) == sorted(map(id, others))
    made.refuse(MailError("dns", "away"))
    assert made.off is None, "the others go on"


def test_when_it_fails_the_others_do_not_try() -> None:
    made, error = supply(3, 9, logs_in=True), MailError("auth", "535", remote="mx", reply="535 no")
    _, *others = made.begin()
    made.refuse(error)
    assert made.off is error
    for lane in others:
        made.wait(lane)


@pytest.mark.parametrize(
    ("error", "noted"),
    [
        (MailError("auth", "no", remote="mx", reply="535 no"), True),
        (MailError("try_again", "no", remote="mx", reply="421 no"), True),
        (MailError("auth", "it says yes too early", remote="mx"), True),
        (PutOff("auth", "no", remote="mx", reply="535 no"), False),
        (MailError("auth", "no token"), False),
        (MailError("try_again", "no", remote="mx", reply="454 no"), False),
        (MailError("unreachable", "no", remote="mx"), False),
        (MailError("tls", "no", remote="mx"), False),
    ],
)
def test_other_runs_hear_of_what_the_server_says(error: MailError, noted: bool) -> None:
    respite = Heard()
    made = supply(2, 2, respite=respite)
    made.begin()
    made.refuse(error)
    assert respite.begun == []
    made.refuse(error)
    assert respite.begun == [error] * noted


def test_who_was_refused_is_not_asked_again_in_the_run_unless_nobody_is_left() -> None:
    made = supply(3, 9)
    made.lanes[0].refused = True  # type: ignore[misc]
    assert made.begin() == made.lanes[1:]
    for lane in made.lanes:
        lane.refused = True  # type: ignore[misc]
    assert made.begin() == made.lanes[:1]
