"""Fates noted one by one; nothing raises, and each file is closed when its mail is settled."""

import _thread
import os
import pathlib

import pytest

from esmtp_py.cli.raw import unpack
from esmtp_py.config.identity import Identity
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.select import Choice
from esmtp_py.errors import MailError
from esmtp_py.outcome import Outcome
from esmtp_py.queue import removals as module
from esmtp_py.queue.entry import RAW, Damaged
from esmtp_py.queue.ledger import Ledger
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.marks import outcome_mark, retry_mark
from esmtp_py.queue.ready import Ready, read, ready
from esmtp_py.queue.removals import UNSYNCED
from esmtp_py.queue.store import Store
from esmtp_py.queue.tally import Tally
from tests.unit.queue.conftest import NOW, Put

OK = Outcome("delivered", "250 ok")
NO = Outcome("refused", "550 no")
LATER = Outcome("try_again", "451 later")


class Book:
    """A ledger with a clock; ``begin`` readies and begins a mail."""

    def __init__(self, queue: Store) -> None:
        self.now = NOW + 1000
        self.ledger = Ledger(queue, Caller(), lambda: self.now, Tally())

    @property
    def said(self) -> list[str]:
        return self.ledger.tally.said

    @property
    def numbers(self) -> tuple[int, int, int]:
        """delivered, failed, deferred."""
        tally = self.ledger.tally
        return tally.delivered, tally.failed, tally.deferred

    def mail(self, locked: Locked) -> Ready:
        message, _ = read(locked, unpack)
        choice = Choice(Identity(addresses=("me@x.org",)), locked.entry.sender or "", "me@x.org")
        return ready(locked, message, choice, Caller())

    def begin(self, locked: Locked) -> bool:
        return self.ledger.begin(locked, self.mail(locked))


@pytest.fixture
def book(queue: Store) -> Book:
    return Book(queue)


def is_open(locked: Locked) -> bool:
    return locked._fd >= 0


# -- notes ---------------------------------------------------------------------------------------------------------


def test_delivered_and_gone(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org")
    assert book.begin(locked)
    assert book.ledger.note(locked.name, {"a@x.org": OK, "b@x.org": OK})
    book.ledger.close()
    assert (queue.ids(), book.numbers, is_open(locked)) == ([], (1, 0, 0), False)
    assert book.ledger.tally.bytes > 40


def test_in_parts(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org", "c@x.org")
    book.begin(locked)
    assert not book.ledger.note(locked.name, {"b@x.org": OK})
    assert locked.entry.marks.fate(1).outcome is not None, "noted as it comes"
    assert not book.ledger.note(locked.name, {"a@x.org": LATER})
    assert is_open(locked)
    assert book.ledger.note(locked.name, {"c@x.org": OK})
    assert (queue.ids(), book.numbers, is_open(locked)) == ([locked.name], (0, 0, 1), False)


def test_delivered_in_two_parts_is_delivered(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org")
    book.begin(locked)
    book.ledger.note(locked.name, {"a@x.org": OK})
    book.ledger.note(locked.name, {"b@x.org": OK})
    book.ledger.close()
    assert (queue.ids(), book.numbers) == ([], (1, 0, 0))


def test_recipients_of_one_fate_share_a_mark(queue: Store, put: Put, book: Book) -> None:
    locked = put(*(f"{number}@x.org" for number in range(100)))
    book.begin(locked)
    book.ledger.note(locked.name, {f"{number}@x.org": LATER for number in range(100)})
    data = pathlib.Path(queue.path, "new", locked.name).read_bytes()
    assert data.count(b"deferred ") == 1
    assert b" 0-99 " in data


def test_what_nobody_waits_for_changes_nothing(book: Book) -> None:
    assert book.ledger.note("1700000000-000000a", {"a@x.org": OK})
    assert book.numbers == (0, 0, 0)


def test_a_mail_settled_before_is_finished_now(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org")
    locked.mark(outcome_mark(NOW, [0], OK))
    assert not book.begin(locked)
    book.ledger.close()
    assert (queue.ids(), book.numbers, is_open(locked)) == ([], (0, 0, 0), False)


def test_a_failure_nobody_was_told_of_comes_before_anything_new(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org")
    locked.mark(outcome_mark(NOW, [1], NO))
    assert book.begin(locked)
    assert queue.ids() == [locked.name, f"{locked.name}-f1"]
    assert "failure" in locked.entry.marks.fate(1).reported
    book.ledger.note(locked.name, {"a@x.org": OK})
    book.ledger.close()
    assert queue.ids() == [f"{locked.name}-f1"]
    assert book.numbers == (1, 1, 0)


@pytest.mark.parametrize("error", [MailError("io", "the disk"), OSError("the disk"), ZeroDivisionError("the disk")])
def test_what_cannot_be_noted_is_said_and_the_file_stays(
    queue: Store, put: Put, book: Book, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    locked = put("a@x.org", "b@x.org")
    book.begin(locked)
    monkeypatch.setattr(Locked, "mark", fail)
    assert book.ledger.note(locked.name, {"a@x.org": OK}), "nothing more may be tried"
    assert book.ledger.note(locked.name, {"b@x.org": OK})
    [line] = book.said
    assert locked.name in line
    assert "the disk" in line
    assert (queue.ids(), is_open(locked)) == ([locked.name], False)


def test_a_null_sender_is_kept_in_failed(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org", sender="")
    book.begin(locked)
    book.ledger.note(locked.name, {"a@x.org": NO, "b@x.org": LATER})
    assert (queue.ids(), book.numbers) == ([locked.name], (0, 0, 1)), "as long as somebody waits"
    locked = queue.lock(locked.name)  # type: ignore[assignment]
    book.begin(locked)
    book.ledger.note(locked.name, {"b@x.org": OK})
    assert (queue.ids(), queue.ids("failed"), book.numbers) == ([], [locked.name], (0, 1, 1))
    assert len(book.said) == 1


# -- waiting -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_made_ready_waits_with_the_reason(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org")
    book.ledger.wait(locked, MailError("config", "a broken rc"))
    entry = queue.read(locked.name)
    assert entry
    assert [entry.marks.fate(number).outcome.text for number in (0, 1)] == ["a broken rc"] * 2  # type: ignore[union-attr]
    due = os.stat(pathlib.Path(queue.path, "new", locked.name)).st_mtime
    assert book.now + 60 <= due <= book.now + 75
    assert book.ledger.take(locked.name) is None


def test_also_when_nobody_knows_its_recipients(put: Put, book: Book) -> None:
    locked = put(form=RAW, argv=[b"-t"], sender=None)
    book.ledger.wait(locked, MailError("config", "a broken rc"))
    assert book.ledger.take(locked.name) is None, "it has a back-off all the same"


@pytest.mark.parametrize("form", ["wire", RAW])
def test_a_last_word_stays_the_last_one(put: Put, book: Book, form: str) -> None:
    """A killed run may leave a mail that is only to be removed, or reported: nobody gets it again."""
    locked = put("a@x.org", "b@x.org")
    if form == RAW:  # its recipients are only known when it has been read
        locked.entry.form, locked.entry.recipients = RAW, []
    locked.mark(outcome_mark(NOW, [0], OK) + outcome_mark(NOW, [1], NO))
    book.ledger.wait(locked, MailError("config", "a broken rc"))
    assert [fate.outcome.kind for fate in locked.entry.marks.fates.values() if fate.outcome] == ["delivered", "refused"]
    assert book.numbers == (0, 0, 1)


def test_of_a_mail_stored_as_it_came_those_wait_who_waited_before(put: Put, book: Book) -> None:
    locked = put("a@x.org", "b@x.org")
    locked.entry.form, locked.entry.recipients = RAW, []
    locked.mark(outcome_mark(NOW, [0], OK) + outcome_mark(NOW, [1], LATER))
    book.ledger.wait(locked, MailError("config", "a broken rc"))
    assert locked.entry.marks.fate(0).settled
    assert locked.entry.marks.fate(1).tries == 2


def test_a_call_without_sense_goes_to_failed(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org")
    book.ledger.wait(locked, MailError("usage", "no recipients"))
    assert queue.ids("failed") == [locked.name]
    assert "no recipients" in book.said[0]


def test_damage_is_set_aside_once_and_said(queue: Store, put: Put, book: Book) -> None:
    found_here, found_before = put("a@x.org"), put("b@x.org")
    found_before.set_aside()
    for locked in (found_here, found_before):
        book.ledger.wait(locked, Damaged(f"{locked.name}: rotten"))
    assert queue.ids("corrupt") == [found_here.name, found_before.name]
    assert [line.count(":") for line in book.said] == [1, 1], "its name once"
    assert book.numbers == (0, 0, 0)


# -- taking --------------------------------------------------------------------------------------------------------


def test_a_damaged_file_is_said_and_none(queue: Store, put: Put, book: Book) -> None:
    locked = put("a@x.org")
    locked.close()
    pathlib.Path(queue.path, "new", locked.name).write_bytes(b"rubbish")
    assert book.ledger.take(locked.name) is None
    assert locked.name in book.said[0]
    assert book.ledger.take("1700000000-000000none") is None


def test_a_report_waits_until_its_original_knows_of_it(queue: Store, put: Put, book: Book) -> None:
    original = put("a@x.org")
    original.mark(outcome_mark(NOW, [0], NO))
    with queue.begin(f"{original.name}-f0") as writer:
        writer.write(original.entry.head() + b"\r\n")
        writer.commit()
    assert book.ledger.take(writer.name) is None
    original.remove()
    taken = book.ledger.take(writer.name)
    assert taken
    taken.close()


def test_haste_counts_more_than_the_back_off(put: Put, book: Book) -> None:
    locked = put("a@x.org")
    book.ledger.wait(locked, MailError("dns", "away"))
    locked = book.ledger._store.lock(locked.name)  # type: ignore[assignment]
    locked.mark(retry_mark(book.now))
    locked.close()
    taken = book.ledger.take(locked.name)
    assert taken
    taken.close()


# -- durable -------------------------------------------------------------------------------------------------------


def test_one_fsync_for_many_and_all_of_them_at_the_end(
    queue: Store, put: Put, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = [put("a@x.org") for _ in range(2 * UNSYNCED + 3)]
    real, synced = Store.sync, []
    monkeypatch.setattr(Store, "sync", lambda store: synced.append(len(store.ids())) or real(store))
    for locked in mails:
        book.begin(locked)
        book.ledger.note(locked.name, {"a@x.org": OK})
    book.ledger.close()
    assert len(synced) == 3
    assert synced[-1] == 0, "after the last removal"
    assert not any(map(is_open, mails))


def test_a_disk_that_cannot_sync_is_said(put: Put, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(store: Store) -> None:
        raise MailError("io", "the disk failed")

    locked = put("a@x.org")
    book.begin(locked)
    monkeypatch.setattr(Store, "sync", fail)
    book.ledger.note(locked.name, {"a@x.org": OK})
    book.ledger.close()
    assert book.said == ["the disk failed; some mail may be sent more than once"]


def test_without_a_thread_it_is_done_at_once(put: Put, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module._thread, "start_new_thread", none_left)
    mails = [put("a@x.org") for _ in range(UNSYNCED)]
    for locked in mails:
        book.begin(locked)
        book.ledger.note(locked.name, {"a@x.org": OK})
    assert not any(map(is_open, mails))
    book.ledger.close()


def test_the_end_gives_all_mails_free(put: Put, book: Book) -> None:
    mails = [put("a@x.org"), put("b@x.org")]
    for locked in mails:
        book.begin(locked)
    book.ledger.release(mails[0].name)
    assert not is_open(mails[0])
    book.ledger.close()
    assert not is_open(mails[1])
    assert mails[1].entry.marks.fates == {}


# -- the tally -----------------------------------------------------------------------------------------------------


def test_lanes_that_count_at_the_same_time_count_right() -> None:
    tally, threads, each = Tally(), 4, 5000
    ends = [_thread.allocate_lock() for _ in range(threads)]

    def count(end: _thread.LockType) -> None:
        for _ in range(each):
            tally.count(delivered=1, size=3)
        end.release()

    for end in ends:
        end.acquire()
        _thread.start_new_thread(count, (end,))
    for end in ends:
        assert end.acquire(timeout=30)
    assert (tally.delivered, tally.bytes) == (threads * each, threads * each * 3)


def test_no_more_is_said_than_a_person_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esmtp_py.queue.tally.SAID", 2)
    tally = Tally()
    for number in range(9):
        tally.say(str(number))
    assert tally.said == ["0", "1", "and more of the kind"]
