"""A run sorts mails into lanes, works them side by side, and ends when it is told to."""

import os
import pathlib
import resource

import pytest

from esmtp_py.cli.raw import unpack
from esmtp_py.errors import MailError
from esmtp_py.queue import runner as module
from esmtp_py.queue.lane import Lane
from esmtp_py.queue.ledger import Ledger
from esmtp_py.queue.runner import FEW_LANES, Run
from esmtp_py.queue.store import Store
from tests.unit.queue.conftest import NOW, Put

NOWHERE = "hostname 127.0.0.1:1\n"


@pytest.fixture(autouse=True)
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def rc(home: pathlib.Path, text: str) -> None:
    path = home / ".esmtprc"
    path.touch(0o600)
    path.write_text(text)


Lanes = list[tuple[str, list[str]]]


def taken(lane: Lane) -> list[str]:
    return list(iter(lane._supply.next, None))


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> Lanes:
    """Instead of being tried, mails are listed: the identity and the names, lane for lane."""
    found: Lanes = []

    def work(lane: Lane) -> None:
        found.append((lane._identity.name, taken(lane)))

    monkeypatch.setattr(Lane, "run", work)
    return found


def run(queue: Store) -> Run:
    return Run(queue, unpack, clock=lambda: NOW + 1000)


def put_all(put: Put, *senders: str) -> list[str]:
    names = []
    for sender in senders:
        locked = put("a@x.org", sender=sender)
        locked.close()
        names.append(locked.name)
    return names


# -- sorting -------------------------------------------------------------------------------------------------------


def test_a_lane_for_each_identity_oldest_first(queue: Store, put: Put, home: pathlib.Path, lanes: Lanes) -> None:
    rc(home, "".join(f"identity {letter}@x.org\n{NOWHERE}" for letter in "ab"))
    names = put_all(put, "a@x.org", "b@x.org", "a@x.org", "stranger@x.org")
    run(queue).all_due()
    assert sorted(lanes) == [("a@x.org", [names[0], names[2], names[3]]), ("b@x.org", [names[1]])]


def test_with_one_identity_no_mail_is_opened_to_sort_it(
    queue: Store, put: Put, home: pathlib.Path, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    rc(home, f"identity a@x.org\n{NOWHERE}")
    names = put_all(put, "a@x.org", "b@x.org")
    monkeypatch.setattr(Ledger, "take", None)
    run(queue).all_due()
    assert lanes == [("a@x.org", names)]


def test_as_many_lanes_as_the_identity_has_connections(
    queue: Store, put: Put, home: pathlib.Path, lanes: Lanes
) -> None:
    rc(home, f"identity a@x.org\n{NOWHERE}connections 3\n")
    names = put_all(put, *["a@x.org"] * 7)
    run(queue).all_due()
    assert len(lanes) == 3
    assert sorted(name for _, found in lanes for name in found) == names


def test_batch_by_batch_and_a_lane_lives_as_long_as_the_run(
    queue: Store, put: Put, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rc(home, f"identity a@x.org\n{NOWHERE}")
    put_all(put, *["a@x.org"] * 5)
    worked: list[tuple[int, int]] = []
    monkeypatch.setattr(Lane, "run", lambda lane: worked.append((id(lane), len(taken(lane)))))
    monkeypatch.setattr(module, "BATCH", 2)
    run(queue).all_due()
    assert [number for _, number in worked] == [2, 2, 1]
    assert len({lane for lane, _ in worked}) == 1


def test_an_rc_is_read_once_for_all_its_mails(
    queue: Store, put: Put, home: pathlib.Path, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    rc(home, "rubbish {")
    put_all(put, *["a@x.org"] * 5)
    real, read = module.load, []
    monkeypatch.setattr(module, "load", lambda path: read.append(path) or real(path))
    tally = run(queue).all_due()
    assert (len(read), tally.deferred, lanes) == (1, 5, [])


def test_a_bug_in_sorting_keeps_that_mail_and_no_other(
    queue: Store, put: Put, home: pathlib.Path, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    rc(home, "".join(f"identity {letter}@x.org\n{NOWHERE}" for letter in "ab"))
    names = put_all(put, "a@x.org", "b@x.org")
    real, calls = module.choose, []

    def choose(*given: object) -> object:
        calls.append(given)
        if len(calls) == 1:
            raise ZeroDivisionError("a bug")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "choose", choose)
    tally = run(queue).all_due()
    assert (tally.deferred, lanes) == (1, [("b@x.org", [names[1]])])


def test_an_empty_queue_and_names_that_are_gone(queue: Store, home: pathlib.Path) -> None:
    rc(home, f"identity a@x.org\n{NOWHERE}")
    assert run(queue).all_due().said == []
    tally = run(queue).these(["1700000000-000000none"])
    assert (tally.said, tally.deferred) == ([], 0)


# -- working -------------------------------------------------------------------------------------------------------


def test_the_lanes_are_told_to_stop_until_they_have(
    queue: Store, put: Put, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes as soon as they run; the first stop() is too early to be heard."""
    rc(home, "".join(f"identity {letter}@x.org\n{NOWHERE}" for letter in "ab"))
    put_all(put, "a@x.org", "b@x.org")
    end = module._thread.allocate_lock()
    end.acquire()
    stops: list[str] = []

    def work(lane: Lane) -> None:
        taken(lane)
        if lane._identity.name == "a@x.org":
            os.kill(os.getpid(), 2)
        assert end.acquire(timeout=30)
        end.release()

    def stop(lane: Lane) -> None:
        stops.append(lane._identity.name)
        if stops.count("a@x.org") == 3 and end.locked():
            end.release()

    monkeypatch.setattr(Lane, "run", work)
    monkeypatch.setattr(Lane, "stop", stop)
    with pytest.raises(KeyboardInterrupt):
        run(queue).all_due()
    assert stops.count("b@x.org") >= 2


def test_but_not_for_ever(queue: Store, put: Put, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rc(home, f"identity a@x.org\n{NOWHERE}")
    put_all(put, "a@x.org")
    end = module._thread.allocate_lock()
    end.acquire()
    monkeypatch.setattr(Lane, "run", lambda lane: os.kill(os.getpid(), 2) or end.acquire(timeout=30))
    monkeypatch.setattr(module, "GRACE", 0.2)
    with pytest.raises(KeyboardInterrupt):
        run(queue).all_due()
    end.release()


def test_without_threads_one_lane_after_the_other(
    queue: Store, put: Put, home: pathlib.Path, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    rc(home, "".join(f"identity {letter}@x.org\n{NOWHERE}" for letter in "ab"))
    put_all(put, "a@x.org", "b@x.org")
    monkeypatch.setattr(module._thread, "start_new_thread", none_left)
    run(queue).all_due()
    assert len(lanes) == 2


def test_many_lanes_may_open_many_files(queue: Store, put: Put, home: pathlib.Path, lanes: Lanes) -> None:
    count = FEW_LANES + 1
    rc(home, "".join(f"identity i{number}@x.org\n{NOWHERE}" for number in range(count)))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = min(before[1], 512)
    if soft == before[1]:
        pytest.skip("the system allows no more than that")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    try:
        put_all(put, *(f"i{number}@x.org" for number in range(count)))
        run(queue).all_due()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(lanes) == count


def test_a_queue_that_cannot_be_listed_is_an_error(queue: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "scandir", fail)
    with pytest.raises(MailError):
        run(queue).all_due()
