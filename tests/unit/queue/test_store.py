"""The queue on disk: how a mail gets in, who may have it, how it leaves, and what must not be touched."""

import errno
import fcntl
import os
import pathlib
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue import store as store_module
from esmtp_py.queue.entry import Damaged, Entry
from esmtp_py.queue.listing import FORESEEN
from esmtp_py.queue.locked import FIRST_READ, Locked
from esmtp_py.queue.marks import outcome_mark
from esmtp_py.queue.store import Store
from esmtp_py.queue.writer import BUFFER, Exists
from tests.leftovers import descriptors
from tests.unit.queue.strategies import sealed

NOW = 1_700_000_000
ENTRY = Entry(NOW, "me@x.org", [Recipient("a@x.org"), Recipient("b@x.org")])
TEXT = b"Subject: x\r\n\r\nhello\r\n"
OK = Outcome("delivered", "250 ok")


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "queue"


@pytest.fixture
def store(path: pathlib.Path) -> Iterator[Store]:
    with Store.open(str(path)) as opened:
        yield opened


def enqueue(store: Store, text: bytes = TEXT, entry: Entry = ENTRY, seconds: float = NOW) -> str:
    with store.begin_new(seconds) as writer:
        writer.write(entry.head())
        writer.write(text)
        writer.commit()
    return writer.name


def locked(store: Store, name: str, where: str = "new") -> Locked:
    found = store.lock(name, where)
    assert found is not None
    return found


def files(path: pathlib.Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if not found.is_dir())


Patch = Callable[..., None]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Patch:
    """Lets the n-th call of an os function fail, after or instead of its work."""

    def patch(name: str, number: int, call: int = 1, *, worked: bool = False) -> None:
        real, calls = getattr(os, name), 0

        def failing(*args: object, **more: object) -> object:
            nonlocal calls
            calls += 1
            if calls != call:
                return real(*args, **more)
            if worked:
                real(*args, **more)
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, name, failing)

    return patch


# -- adding --------------------------------------------------------------------------------------------------------


def test_a_committed_mail_is_in_new_and_nowhere_else(store: Store, path: pathlib.Path) -> None:
    name = enqueue(store)
    assert files(path) == [f"new/{name}"]
    assert (path / "new" / name).read_bytes() == sealed(ENTRY, TEXT)
    assert store.ids() == [name]


def test_nobody_else_can_read_it_whatever_the_umask(path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        with Store.open(str(path)) as store:
            name = enqueue(store)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((path / part).stat().st_mode) for part in ("", "tmp", "new", f"new/{name}")]
    assert modes == [0o700, 0o700, 0o700, 0o600]


def test_an_uncommitted_mail_is_not_seen(store: Store, path: pathlib.Path) -> None:
    with store.begin_new(NOW) as writer:
        writer.write(ENTRY.head() + TEXT)
        assert store.ids() == []
    assert files(path) == []


def test_an_error_on_the_way_leaves_nothing(store: Store, path: pathlib.Path) -> None:
    def interrupted() -> None:
        with store.begin_new(NOW) as writer:
            writer.write(b"x" * 2 * BUFFER)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert files(path) == []


def test_short_writes_are_completed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:7])))
    name = enqueue(store, TEXT * 50)
    monkeypatch.undo()
    with locked(store, name) as mail:
        mail.verify()
        assert b"".join(mail.chunks()) == TEXT * 50


def test_large_mails_are_written_in_pieces_and_read_in_pieces(store: Store) -> None:
    text = os.urandom(1000) * 1000
    with store.begin_new(NOW) as writer:
        writer.write(ENTRY.head())
        for at in range(0, len(text), 4001):
            writer.write(text[at : at + 4001])
        writer.commit()
    with locked(store, writer.name) as mail:
        mail.verify()
        chunks = list(mail.chunks())
        assert b"".join(chunks) == text
        assert max(map(len, chunks)) <= 64 * 1024


def test_no_more_than_a_buffer_of_a_mail_is_in_memory(store: Store, path: pathlib.Path) -> None:
    with store.begin_new(NOW) as writer:
        for _ in range(5):
            writer.write(b"x" * (BUFFER // 2))
        assert (path / "tmp" / writer.name).stat().st_size >= BUFFER


def test_a_file_that_cannot_be_locked_is_not_written(
    store: Store, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_lock(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = descriptors()
    monkeypatch.setattr(fcntl, "flock", no_lock)
    with pytest.raises(MailError):
        store.begin_new(NOW)
    assert files(path) == []
    assert descriptors() <= before


@pytest.mark.parametrize(("call", "number"), [("write", errno.ENOSPC), ("fsync", errno.EIO), ("rename", errno.EIO)])
def test_an_error_leaves_nothing_also_without_a_with_block(
    store: Store, path: pathlib.Path, fail: Patch, call: str, number: int
) -> None:
    writer = store.begin_new(NOW)
    writer.write(ENTRY.head())
    fail(call, number)
    with pytest.raises(MailError):
        writer.commit()
    assert files(path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("call", [1, 2])
def test_without_room_nothing_is_queued(store: Store, path: pathlib.Path, fail: Patch, number: int, call: int) -> None:
    fail("write", number, call)
    with pytest.raises(MailError) as caught:
        enqueue(store, b"x" * 2 * BUFFER)
    assert caught.value.kind == "cannot_create"
    assert "not queued" in caught.value.text
    assert files(path) == []


@pytest.mark.parametrize("call", [1, 2])
def test_a_disk_that_fails_to_sync_has_not_taken_the_mail(
    store: Store, path: pathlib.Path, fail: Patch, call: int
) -> None:
    fail("fsync", errno.EIO, call)
    with pytest.raises(MailError) as caught:
        enqueue(store)
    assert caught.value.kind == "io"
    assert "not queued" in caught.value.text
    assert files(path) == []


def test_a_rename_that_says_it_failed_may_have_worked(store: Store, path: pathlib.Path, fail: Patch) -> None:
    fail("rename", errno.EINTR, worked=True)
    with pytest.raises(MailError):
        enqueue(store)
    assert files(path) == []


def test_a_file_system_that_cannot_sync_directories_is_synced_as_a_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch, fail: Patch
) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    fail("fsync", errno.EINVAL, 2)
    name = enqueue(store)
    assert store.ids() == [name]
    assert synced


def test_mails_of_one_moment_have_names_of_their_own(store: Store) -> None:
    names = [enqueue(store) for _ in range(5)]
    assert names == sorted(set(names))
    with store.begin_new(NOW) as one, store.begin_new(NOW) as other:
        assert len({one.name, other.name, *names}) == 7


def test_a_report_is_begun_once(store: Store, path: pathlib.Path) -> None:
    name = f"{NOW}-000000abc-f"
    with store.begin(name) as writer:
        with pytest.raises(Exists), store.begin(name):
            pass
        writer.write(ENTRY.head())
        writer.commit()
    with pytest.raises(Exists):
        store.begin(name)
    with locked(store, name) as mail:
        mail.to_failed()
    with pytest.raises(Exists):
        store.begin(name)
    assert files(path) == [f"failed/{name}"]


def test_what_a_crash_left_makes_way_for_a_report(store: Store, path: pathlib.Path) -> None:
    name = f"{NOW}-000000abc-f"
    (path / "tmp").joinpath(name).write_bytes(b"half a rep")
    with store.begin(name) as writer:
        writer.write(ENTRY.head())
        writer.commit()
    assert files(path) == [f"new/{name}"]


def test_a_name_that_is_taken_meanwhile_is_not_written_over(store: Store, path: pathlib.Path) -> None:
    with store.begin(f"{NOW}-000000abc-f") as writer:
        writer.write(ENTRY.head())
        taken = path / "new" / writer.name
        taken.write_bytes(b"another's")
        with pytest.raises(Exists):
            writer.commit()
    assert taken.read_bytes() == b"another's"
    assert files(path) == [f"new/{writer.name}"]


def test_a_mail_that_is_not_yet_durable_is_not_taken_by_a_runner(
    store: Store, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its name in new/ already, and may still have to be taken back."""
    seen: list[object] = []
    real = os.fsync

    def look(fd: int) -> None:
        real(fd)
        names = store.ids()
        seen.extend(store.lock(name) for name in names)

    monkeypatch.setattr(os, "fsync", look)
    name = enqueue(store)
    monkeypatch.undo()
    assert seen == [None]
    locked(store, name).close()


# -- the directory -------------------------------------------------------------------------------------------------


def test_the_queue_is_in_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESMTP_QUEUE_DIR", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert store_module.place() == "/home/me/.esmtp_queue"
    monkeypatch.setenv("ESMTP_QUEUE_DIR", "/var/queue")
    assert store_module.place() == "/var/queue"


@pytest.mark.parametrize("end", ["", "/", "//", "/.", "/./"])
def test_a_link_is_no_queue_with_a_slash_behind_it_either(
    path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    Store.open(str(path)).close()
    path.with_name("link").symlink_to(path)
    monkeypatch.setenv("ESMTP_QUEUE_DIR", f"{path}{end}")
    Store.open().close()
    monkeypatch.setenv("ESMTP_QUEUE_DIR", f"{path.with_name('link')}{end}")
    with pytest.raises(MailError) as caught:
        Store.open()
    assert caught.value.kind == "system"


@pytest.mark.parametrize("home", ["", "relative"])
def test_without_home_the_passwd_entry_says(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    import pwd

    monkeypatch.delenv("ESMTP_QUEUE_DIR", raising=False)
    monkeypatch.setenv("HOME", home)
    assert store_module.place() == f"{pwd.getpwuid(os.getuid()).pw_dir}/.esmtp_queue"


def test_a_relative_queue_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESMTP_QUEUE_DIR", "queue")
    with pytest.raises(MailError) as caught:
        Store.open()
    assert caught.value.kind == "cannot_create"


def test_a_queue_that_was_never_used_is_empty_and_not_made(path: pathlib.Path) -> None:
    with Store.open(str(path), create=False) as store:
        assert store.ids() == []
        assert list(store.due(NOW)) == []
        assert store.ids("corrupt") == store.ids("failed") == []
        assert store.sweep(NOW) == 0
        assert not store.has("x")
    assert not path.exists()


@pytest.mark.parametrize("part", ["", "new", "tmp"])
@pytest.mark.parametrize("how", ["link", "file", "writable", "fifo"])
def test_a_directory_that_is_not_ours_alone_is_refused_by_name(path: pathlib.Path, part: str, how: str) -> None:
    Store.open(str(path)).close()
    enqueue_once(path)
    wrong = path / part
    wrong.rename(path.parent / "moved")
    if how == "link":
        wrong.symlink_to(path.parent / "moved")
    elif how == "file":
        wrong.write_bytes(b"")
    elif how == "fifo":
        os.mkfifo(wrong)
    else:
        (path.parent / "moved").rename(wrong)
        wrong.chmod(0o770)
    before = descriptors()
    with pytest.raises(MailError) as caught:
        enqueue_once(path)
    assert caught.value.kind == "system"
    assert str(wrong) in caught.value.text
    assert descriptors() <= before


def enqueue_once(path: pathlib.Path) -> None:
    with Store.open(str(path)) as store:
        enqueue(store)


def test_a_directory_of_another_user_is_refused(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue_once(path)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(MailError) as caught:
        enqueue_once(path)
    assert (caught.value.kind, "another user" in caught.value.text) == ("system", True)


def test_a_directory_that_cannot_be_made_is_said(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for queue in (tmp_path / "file" / "queue", tmp_path / "missing" / "queue"):
        with pytest.raises(MailError) as caught:
            Store.open(str(queue))
        assert caught.value.kind == "cannot_create"
        assert str(queue) in caught.value.text


def test_a_queue_that_is_replaced_while_open_is_not_followed(store: Store, path: pathlib.Path) -> None:
    enqueue(store)
    elsewhere = path.parent / "elsewhere"
    Store.open(str(elsewhere)).close()
    path.rename(path.parent / "moved")
    path.symlink_to(elsewhere)
    enqueue(store)
    assert files(elsewhere) == []
    assert len(files(path.parent / "moved")) == 2


# -- finding -------------------------------------------------------------------------------------------------------


def test_ids_are_sorted_and_strangers_are_none(store: Store, path: pathlib.Path) -> None:
    names = [enqueue(store, seconds=NOW + offset) for offset in (5, 1, 3)]
    (path / "new" / "README").write_bytes(b"")
    assert store.ids() == sorted(names)


def due_at(path: pathlib.Path, name: str, moment: float) -> None:
    os.utime(path / "new" / name, (moment, moment))


def test_due_are_those_whose_time_has_come_oldest_first(store: Store, path: pathlib.Path) -> None:
    names = [enqueue(store, seconds=NOW + offset) for offset in range(4)]
    for name, moment in zip(names, [NOW, NOW + 1, NOW - 9, NOW + 60], strict=True):
        due_at(path, name, moment)
    (path / "new" / "README").write_bytes(b"")
    due_at(path, "README", NOW)
    assert list(store.due(NOW)) == [names[0], names[2]]
    assert list(store.due(NOW + 60)) == names


def test_a_time_that_only_a_wrong_clock_has_set_is_looked_into(store: Store, path: pathlib.Path) -> None:
    soon, wrong = enqueue(store), enqueue(store)
    due_at(path, soon, NOW + FORESEEN - 60)
    due_at(path, wrong, NOW + FORESEEN + 60)
    assert list(store.due(NOW)) == [wrong]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_due_names_each_once_whatever_is_kept_in_memory(store: Store, path: pathlib.Path, limit: int) -> None:
    names = [enqueue(store, seconds=NOW + offset * 7 % 10) for offset in range(10)]
    for name in names:
        due_at(path, name, NOW)
    assert list(store.due(NOW, limit)) == sorted(names)


def test_due_goes_on_while_mails_are_removed(store: Store, path: pathlib.Path) -> None:
    names = [enqueue(store, seconds=NOW + offset) for offset in range(6)]
    found = []
    for name in store.due(NOW * 2, 2):
        found.append(name)
        with locked(store, name) as mail:
            mail.remove()
    assert found == names
    assert files(path) == []


# -- reading -------------------------------------------------------------------------------------------------------


def test_read_needs_no_lock(store: Store) -> None:
    name = enqueue(store)
    with locked(store, name):
        entry = store.read(name)
    assert entry
    assert (entry.sender, [r.address for r in entry.recipients]) == ("me@x.org", ["a@x.org", "b@x.org"])
    assert entry.size == len(TEXT)


def test_entries_are_all_of_them_and_what_is_damaged_is_named(store: Store, path: pathlib.Path) -> None:
    names = [enqueue(store, seconds=NOW + offset) for offset in range(4)]
    (path / "new" / names[1]).write_bytes(b"damaged")
    (path / "new" / names[2]).unlink()
    (path / "new" / names[2]).symlink_to(names[0])
    with locked(store, names[3]):
        found = dict(store.entries())
    assert list(found) == names
    assert [isinstance(found[name], Damaged) for name in names] == [False, True, True, False]
    first = found[names[0]]
    assert isinstance(first, Entry)
    assert first.size == len(TEXT)
    assert sorted(os.listdir(path / "new")) == names, "a list changes nothing"
    assert dict(store.entries("corrupt")) == {}


def test_entries_leave_out_what_goes_meanwhile(store: Store, path: pathlib.Path) -> None:
    names = [enqueue(store, seconds=NOW + offset) for offset in range(3)]
    found = store.entries()
    assert next(found)[0] == names[0]
    (path / "new" / names[1]).unlink()
    assert [name for name, _ in found] == [names[2]]


def test_what_has_gone_is_none(store: Store) -> None:
    assert store.read(f"{NOW}-1") is None
    assert store.lock(f"{NOW}-1") is None


@pytest.mark.parametrize("recipients", [1, 100, 5000])
@pytest.mark.parametrize("size", [0, 10, FIRST_READ, 300_000])
@pytest.mark.parametrize("marks", [0, 1, 1000])
def test_envelope_message_and_marks_may_be_of_any_size(store: Store, recipients: int, size: int, marks: int) -> None:
    entry = Entry(NOW, "me@x.org", [Recipient(f"user{number}@example.org") for number in range(recipients)])
    text = b"\nseal 1 blake2b 00\n" * (size // 19)
    name = enqueue(store, text, entry)
    with locked(store, name) as mail:
        mail.verify()
        if marks:
            mail.mark(b"".join(outcome_mark(NOW, [number], OK) for number in range(marks)))
    found = store.read(name)
    assert found
    assert len(found.recipients) == recipients
    assert found.size == len(text)
    assert len(found.marks.fates) == marks
    with locked(store, name) as mail:
        assert b"".join(mail.chunks()) == text
        assert b"".join(mail.chunks(5)) == text[5:]


def test_the_body_begins_where_the_caller_says(store: Store) -> None:
    with locked(store, enqueue(store, b"X: \xe4\r\n\r\nplain\r\n")) as mail:
        mail.verify()
        body = mail.body_from(8)
        assert (body.size, body.eight_bit, b"".join(body.chunks())) == (7, False, b"plain\r\n")
        assert b"".join(body.chunks()) == b"plain\r\n"
        assert mail.body_from(0).eight_bit


@pytest.mark.parametrize("at", [0, 3, 70_000, 199_999])
@pytest.mark.parametrize("verify", [True, False])
def test_a_byte_over_127_is_found_wherever_it_is(store: Store, at: int, verify: bool) -> None:
    text = bytearray(b"x" * 200_000)
    text[at] = 200
    with locked(store, enqueue(store, bytes(text))) as mail:
        if verify:
            mail.verify()
        assert mail.body_from(at).eight_bit
        assert not mail.body_from(at + 1).eight_bit


# -- locking -------------------------------------------------------------------------------------------------------


def test_one_has_it_and_the_others_move_on(store: Store, path: pathlib.Path) -> None:
    name = enqueue(store)
    with Store.open(str(path)) as other:
        with locked(store, name):
            assert other.lock(name) is None
        locked(other, name).close()


TAKE_ALL = """
import sys
from esmtp_py.queue.store import Store
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.read()
    for name in store.due(2 * 10**9):
        mail = store.lock(name)
        if mail:
            with mail:
                mail.remove()
            print(name)
"""


def test_each_mail_is_had_once_whoever_wants_it(store: Store, path: pathlib.Path) -> None:
    names = [enqueue(store) for _ in range(200)]
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_ALL, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for taker in takers:
        assert taker.stdout
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin
        taker.stdin.close()
    had = [name for taker in takers for name in (taker.stdout or "")]
    assert [taker.wait() for taker in takers] == [0] * 6
    assert sorted(had) == [f"{name}\n" for name in names]
    assert files(path) == []


def test_what_was_removed_before_the_lock_was_had_is_nobodys(
    store: Store, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, real = enqueue(store), fcntl.flock

    def late(fd: int, how: int) -> None:
        (path / "new" / name).unlink()
        real(fd, how)

    before = descriptors()
    monkeypatch.setattr(fcntl, "flock", late)
    assert store.lock(name) is None
    assert descriptors() <= before


def test_what_was_replaced_before_the_lock_was_had_is_nobodys(
    store: Store, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, real = enqueue(store), fcntl.flock

    def late(fd: int, how: int) -> None:
        (path / "new" / name).rename(path / "old")
        (path / "new" / name).write_bytes(b"")
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert store.lock(name) is None


def test_no_descriptor_is_left_open(path: pathlib.Path) -> None:
    before = descriptors()
    with Store.open(str(path)) as store:
        name = enqueue(store)
        with locked(store, name):
            store.lock(name)
        store.read(name)
        list(store.due(NOW * 2))
        next(store.entries())
        (path / "new" / name).write_bytes(b"damaged")
        with pytest.raises(Damaged):
            store.lock(name)
        with pytest.raises(Damaged):
            store.read(f"{name}", "corrupt")
        store.begin_new(NOW).abort()
        (path / "tmp" / "left").write_bytes(b"")
        with store.begin_new(NOW) as writer:
            os.utime(path / "tmp" / writer.name, (1, 1))
            store.sweep(NOW * 2)
    assert descriptors() <= before


# -- marks, and the way out ----------------------------------------------------------------------------------------


def test_a_mark_is_there_for_the_next_run_and_for_this_one(store: Store) -> None:
    name = enqueue(store)
    with locked(store, name) as mail:
        mail.mark(outcome_mark(NOW, [0], OK))
        assert mail.entry.marks.fate(0).settled
    with locked(store, name) as mail:
        mail.verify()
        assert [mail.entry.marks.fate(number).settled for number in (0, 1)] == [True, False]


def test_a_mark_behind_a_torn_one_begins_a_line(store: Store, path: pathlib.Path) -> None:
    name = enqueue(store)
    with (path / "new" / name).open("ab") as file:
        file.write(outcome_mark(NOW, [0], OK)[:-12])
    for number in (1, 0):
        with locked(store, name) as mail:
            mail.mark(outcome_mark(NOW, [number], OK))
    found = store.read(name)
    assert found
    assert sorted(found.marks.fates) == [0, 1]


@pytest.mark.parametrize(("call", "number"), [("write", errno.ENOSPC), ("fdatasync", errno.EIO)])
def test_a_mark_that_is_not_durable_ends_the_work_on_this_mail(
    store: Store, fail: Patch, call: str, number: int
) -> None:
    with locked(store, enqueue(store)) as mail:
        fail(call, number)
        for _ in range(2):  # the second time nothing would fail any more, and still nothing may be tried
            with pytest.raises(MailError) as caught:
                mail.mark(outcome_mark(NOW, [0], OK))
            assert caught.value.kind == "io"
            assert "more than once" in caught.value.text
        assert not mail.entry.marks.fates


def test_half_a_mark_is_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    name, real = enqueue(store), os.write
    with locked(store, name) as mail:
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:20]))
        with pytest.raises(MailError):
            mail.mark(outcome_mark(NOW, [0], OK))
    monkeypatch.undo()
    with locked(store, name) as mail:
        mail.verify()
        assert not mail.entry.marks.fates
        mail.mark(outcome_mark(NOW, [1], OK))
    found = store.read(name)
    assert found
    assert list(found.marks.fates) == [1]


def test_set_due_is_what_due_reads(store: Store) -> None:
    name = enqueue(store)
    with locked(store, name) as mail:
        mail.set_due(NOW + 100)
    assert list(store.due(NOW)) == []
    assert list(store.due(NOW + 100)) == [name]


def test_a_removed_mail_is_gone(store: Store, path: pathlib.Path) -> None:
    with locked(store, enqueue(store)) as mail:
        mail.remove()
        mail.remove()
    store.sync()
    assert files(path) == []


def test_to_failed_is_kept_and_shown(store: Store, path: pathlib.Path) -> None:
    name = enqueue(store)
    with locked(store, name) as mail:
        mail.to_failed()
        mail.mark(outcome_mark(NOW, [0], OK))
    assert files(path) == [f"failed/{name}"]
    assert store.ids("failed") == [name]
    found = store.read(name, "failed")
    assert found
    assert found.marks.fate(0).settled
    with locked(store, name, "failed") as mail:
        mail.remove()
    assert files(path) == []


# -- damage --------------------------------------------------------------------------------------------------------


def test_a_message_that_has_changed_is_set_aside_before_it_is_sent(store: Store, path: pathlib.Path) -> None:
    name = enqueue(store)
    file = path / "new" / name
    file.write_bytes(file.read_bytes().replace(b"hello", b"hellp"))
    with locked(store, name) as mail, pytest.raises(Damaged) as caught:
        mail.verify()
    assert name in caught.value.text
    assert files(path) == [f"corrupt/{name}"]
    assert store.ids("corrupt") == [name]


@pytest.mark.parametrize("keep", [0, 5, 40, -1, -20])
def test_a_file_that_was_cut_is_set_aside(store: Store, path: pathlib.Path, keep: int) -> None:
    name = enqueue(store)
    file = path / "new" / name
    cut = file.read_bytes()[:keep]
    file.write_bytes(cut)
    with pytest.raises(Damaged):
        store.read(name)
    assert files(path) == [f"new/{name}"], "a list changes nothing"
    with pytest.raises(Damaged):
        store.lock(name)
    assert (path / "corrupt" / name).read_bytes() == cut
    assert files(path) == [f"corrupt/{name}"]


def test_two_damaged_files_of_one_name_are_both_kept(store: Store, path: pathlib.Path) -> None:
    for content in (b"one", b"two", b"three"):
        file = path / "new" / f"{NOW}-1"
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(Damaged):
            store.lock(file.name)
    assert files(path) == [f"corrupt/{NOW}-1", f"corrupt/{NOW}-1.1", f"corrupt/{NOW}-1.2"]
    assert store.ids("corrupt") == [f"{NOW}-1", f"{NOW}-1.1", f"{NOW}-1.2"]


def test_an_envelope_without_end_is_damage_of_bounded_size(store: Store, path: pathlib.Path) -> None:
    file = path / "new" / f"{NOW}-1"
    file.write_bytes(b"esmtp-queue 1\n" + b"recipient <a@x.org>\n" * 1_000_000)
    file.chmod(0o600)
    with pytest.raises(Damaged):
        store.lock(file.name)


def test_no_seal_is_looked_for_in_all_of_a_large_file(
    store: Store, path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = enqueue(store, b"x" * 1_000_000)
    with (path / "new" / name).open("r+b") as file:
        file.truncate(900_000)
    real, read = os.pread, 0

    def counted(fd: int, length: int, at: int) -> bytes:
        nonlocal read
        read += length
        return real(fd, length, at)

    monkeypatch.setattr(os, "pread", counted)
    monkeypatch.setattr("esmtp_py.queue.locked.MARKS_LIMIT", 32_768)
    with pytest.raises(Damaged):
        store.read(name)
    assert read < 100_000


def symlink(place: pathlib.Path, mail: pathlib.Path) -> None:
    place.symlink_to(mail)


def hard_link(place: pathlib.Path, mail: pathlib.Path) -> None:
    place.hardlink_to(mail)


def fifo(place: pathlib.Path, mail: pathlib.Path) -> None:
    os.mkfifo(place, 0o600)


def directory(place: pathlib.Path, mail: pathlib.Path) -> None:
    place.mkdir()


def unix_socket(place: pathlib.Path, mail: pathlib.Path) -> None:
    here = os.getcwd()
    os.chdir(place.parent)  # its path may be too long for an address
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place.name)
    os.chdir(here)


def open_to_others(place: pathlib.Path, mail: pathlib.Path) -> None:
    place.write_bytes(mail.read_bytes())
    place.chmod(0o644)


@pytest.mark.parametrize("make", [symlink, hard_link, fifo, directory, unix_socket, open_to_others])
def test_what_is_no_file_of_ours_is_neither_read_nor_written(
    store: Store, path: pathlib.Path, make: Callable[[pathlib.Path, pathlib.Path], None]
) -> None:
    mail = path.parent / "mail"
    mail.write_bytes(sealed(ENTRY, TEXT))
    mail.chmod(0o600)
    place = path / "new" / f"{NOW}-1"
    make(place, mail)
    with pytest.raises(Damaged):
        store.read(place.name)
    with pytest.raises(Damaged):
        store.lock(place.name)
    assert os.listdir(path / "new") == []
    assert os.listdir(path / "corrupt") == [place.name]
    assert mail.read_bytes() == sealed(ENTRY, TEXT)
    for again in (store.read, store.lock):
        with pytest.raises(Damaged):
            again(place.name, "corrupt")


def test_a_file_of_another_user_is_not_touched(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    name = enqueue(store)
    store.directory("corrupt", create=True)  # before we are somebody else
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with pytest.raises(Damaged):
        store.lock(name)


# -- sweeping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "swept"), [(0, 0), (86_000, 0), (86_500, 1), (-86_500, 1)])
def test_leftovers_go_after_a_day(store: Store, path: pathlib.Path, age: int, swept: int) -> None:
    left = path / "tmp" / "1700000000-1"
    left.write_bytes(b"half")
    os.utime(left, (NOW - age, NOW - age))
    assert store.sweep(NOW) == swept
    assert left.exists() == (not swept)


def test_a_slow_writer_is_left_alone(store: Store, path: pathlib.Path) -> None:
    with store.begin_new(NOW) as writer:
        writer.write(ENTRY.head())
        os.utime(path / "tmp" / writer.name, (1, 1))
        assert store.sweep(NOW) == 0
        writer.commit()
    assert store.ids() == [writer.name]


@pytest.mark.parametrize("make", [symlink, fifo, unix_socket])
def test_oddities_in_tmp_go_too(
    store: Store, path: pathlib.Path, make: Callable[[pathlib.Path, pathlib.Path], None]
) -> None:
    target = path.parent / "target"
    target.write_bytes(b"mine")
    make(path / "tmp" / "odd", target)
    assert store.sweep(NOW * 2) == 1
    assert files(path) == []
    assert target.read_bytes() == b"mine"


def test_a_directory_in_tmp_is_no_reason_to_stop(store: Store, path: pathlib.Path) -> None:
    (path / "tmp" / "a").mkdir()
    (path / "tmp" / "b").write_bytes(b"")
    assert store.sweep(NOW * 2) == 1


def test_strangers_in_new_are_put_where_they_are_seen(store: Store, path: pathlib.Path) -> None:
    name = enqueue(store)
    for stranger in ("letter.txt", ".nfs0001"):
        (path / "new" / stranger).write_bytes(b"?")
    store.sweep(NOW)
    assert files(path) == ["corrupt/letter.txt", "new/.nfs0001", f"new/{name}"]
    assert store.ids("corrupt") == ["letter.txt"]


# -- a directory that cannot be read to its end --------------------------------------------------------------------


class Unreadable:
    """What os.scandir gives when the disk fails."""

    def __iter__(self) -> "Unreadable":
        return self

    def __next__(self) -> "os.DirEntry[str]":
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_directory_that_cannot_be_read_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "scandir", lambda fd: Unreadable())
    with pytest.raises(MailError, match=f"cannot list {store.path}/new: Input/output error"):
        store.ids()
    with pytest.raises(MailError, match="cannot list"):
        list(store.due(NOW, 10))


def test_sweeping_what_cannot_be_read_waits_for_another_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "scandir", lambda fd: Unreadable())
    assert store.sweep(NOW) == 0


@pytest.mark.parametrize("size", [10, 5000])
@pytest.mark.parametrize("share", [1, 2, 3])
def test_what_is_read_piece_by_piece_is_read_to_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int, share: int
) -> None:
    """Also the marks: with half of them, recipients would be forgotten."""
    name = enqueue(store, TEXT + b"x" * size)
    with locked(store, name) as mail:
        for number in (0, 1):
            mail.mark(outcome_mark(NOW, [number], Outcome("delivered", "words " * 25, reply="250 ok")))
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, length, at: real(fd, -(-length // share), at))
    with locked(store, name) as mail:
        mail.verify()
        assert all(mail.entry.marks.fate(number).settled for number in (0, 1))
