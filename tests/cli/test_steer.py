"""--cancel, --hold, --release, --retry-now, --show, --undo: each says what it did; no mail in delivery is touched."""

import os
import pathlib
import shutil
from collections.abc import Callable

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import kept_mark, outcome_mark
from tests.cli.queue import NOW, TEXT, Queue, queue
from tests.conftest import Command
from tests.server import SubmissionServer

__all__ = ["queue"]

BUSY = Outcome("try_again", "451 busy")
WORDS = ["--cancel", "--hold", "--release", "--retry-now", "--show"]


def test_cancel_says_what_it_removed(esmtp: Command, queue: Queue) -> None:
    names = queue.add(), queue.call(b"-t", text=b"To: tom@x.org\n\nx\n")
    kept = queue.add()
    done = esmtp("--cancel", *names)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        f"{names[0]}: removed: {len(TEXT)} bytes from me@x.org to a@x.org",
        f"{names[1]}: removed: 17 bytes to tom@x.org",
    ]
    assert queue.store.ids() == [kept]


def test_cancel_removes_failed_and_damaged_mail(esmtp: Command, queue: Queue) -> None:
    failed, damaged = queue.add(), queue.add()
    queue.store.move(failed, "new", "failed")
    queue.store.set_aside(damaged)
    assert esmtp("--cancel", failed, damaged).code == 0
    assert queue.files() == []


@pytest.mark.parametrize("place", ["new", "corrupt"])
def test_cancel_removes_whatever_it_is(esmtp: Command, queue: Queue, place: str) -> None:
    queue.store.directory("corrupt", create=True)
    directory = queue.path / place
    (directory / "d/e").mkdir(parents=True)
    (directory / "d/e/f").write_bytes(b"?")
    (directory / ".hidden").write_bytes(b"?")
    (directory / "we ird").symlink_to(esmtp.home)
    damaged = f"{NOW}-x"
    (directory / damaged).write_bytes(b"?")
    done = esmtp("--cancel", "d", ".hidden", "we ird", damaged)
    assert (done.code, done.err) == (0, "")
    assert done.out.count(": removed") == 4
    assert list(directory.iterdir()) == []
    assert esmtp.home.exists()


@pytest.mark.parametrize("word", ["--hold", "--release", "--retry-now"])
def test_what_is_no_mail_stays_where_it_is(esmtp: Command, queue: Queue, word: str) -> None:
    (queue.path / "new/.nfs0001").write_bytes(b"?")
    done = esmtp(word, ".nfs0001")
    assert (done.code, done.out) == (65, "")
    assert "no mail of esmtp" in done.err
    assert queue.files() == ["new/.nfs0001"]


def test_hold_release_retry(esmtp: Command, queue: Queue) -> None:
    name = queue.add(marks=outcome_mark(NOW, [0], BUSY))
    assert esmtp("--hold", name).out == f"{name}: on hold\n"
    assert queue.entry(name).marks.held
    assert "already" in esmtp("--hold", name).out
    os.utime(queue.path / "new" / name, (NOW, 4_000_000_000))
    assert esmtp("--release", name).out == f"{name}: released\n"
    marks = queue.entry(name).marks
    assert (marks.held, marks.hurry) == (False, False)
    assert (queue.path / "new" / name).stat().st_mtime < 4_000_000_000, "the next run looks whether it is due"
    before = (queue.path / "new" / name).read_bytes()
    assert esmtp("--release", name).out == f"{name}: was not on hold\n"
    assert (queue.path / "new" / name).read_bytes() == before
    esmtp("--hold", name)
    assert "on hold" in esmtp("--retry-now", name).out  # last, for its run takes the mail in hand at some time
    marks = queue.entry(name).marks
    assert (marks.held, marks.hurry) == (True, False)


def test_retry_now_delivers(esmtp: Command, queue: Queue, rc: Callable[[str], pathlib.Path]) -> None:
    fifo = esmtp.home / "done"
    os.mkfifo(fifo)
    rc(f'identity me@x.org\nmda "cat >/dev/null; echo >{fifo}"\nforce_mda joe\n')
    queue.add(marks=outcome_mark(NOW, [0], BUSY))
    done = esmtp("--retry-now", "ALL")
    assert done.code == 0
    assert done.out.endswith(": due now\n")
    fifo.read_bytes()  # as soon as the mda has it


def test_all_does_not_name_a_mail_that_waits_for_its_time(esmtp: Command, queue: Queue) -> None:
    tried = queue.add(marks=outcome_mark(NOW, [0], BUSY))
    later = queue.add(Entry(NOW, "me@x.org", [Recipient("a@x.org")], not_before=4_000_000_000))
    done = esmtp("--retry-now", "ALL")
    assert done.code == 0
    assert done.out.splitlines() == [
        f"{tried}: due now",
        f"{later}: goes when its time has come; esmtp --retry-now {later} does not wait for that",
    ]
    assert not queue.entry(later).marks.hurry


@pytest.mark.parametrize("word", ["--hold", "--release", "--retry-now"])
def test_all(word: str, esmtp: Command, queue: Queue) -> None:
    assert (esmtp(word, "ALL").code, esmtp(word, "ALL").out) == (0, "Mail queue is empty\n")
    names = [queue.add(), queue.add()]
    done = esmtp(word, "ALL")
    assert done.code == 0
    assert [line.partition(":")[0] for line in done.out.splitlines()] == names


@pytest.mark.parametrize("word", ["--cancel", "--show"])
def test_not_all(word: str, esmtp: Command, queue: Queue) -> None:
    name = queue.add()
    assert esmtp(word, "ALL").code == 64
    assert queue.store.ids() == [name]


@pytest.mark.parametrize("word", WORDS)
def test_unknown_id(word: str, esmtp: Command, queue: Queue) -> None:
    (esmtp.home / "canary").write_text("x")
    for wrong in ("", "1-x", str(esmtp.home / "canary"), ".", "..", "../../canary", "../tmp", "a\nb", "1700000000-1"):
        done = esmtp(word, wrong)
        assert (done.code, done.out) == (65, ""), wrong
        assert done.err.count("\n") == 1
    assert (esmtp.home / "canary").exists()


@pytest.mark.parametrize("word", WORDS)
def test_no_queue(word: str, esmtp: Command) -> None:
    assert esmtp(word, "1-x").code == 65
    assert list(esmtp.home.iterdir()) == []


@pytest.mark.parametrize("word", ["--cancel", "--hold", "--release", "--retry-now"])
def test_mail_in_delivery_is_left_alone_and_the_others_are_done(word: str, esmtp: Command, queue: Queue) -> None:
    busy, free = queue.add(), queue.add()
    before = (queue.path / "new" / busy).read_bytes()
    with queue.lock(busy):
        done = esmtp(word, busy, "1-x", free)
        after = (queue.path / "new" / busy).read_bytes()  # a run that --retry-now has started may take it afterwards
    assert done.code == 75
    assert f"esmtp: {busy}: in delivery" in done.err
    assert done.out.startswith(f"{free}: ")
    assert after == before


def test_one_thing_at_a_time(esmtp: Command, queue: Queue) -> None:
    name = queue.add()
    assert esmtp("--hold", name, "--cancel", name).code == 64
    assert not queue.entry(name).marks.held


@pytest.mark.parametrize(("word", "place"), [("--hold", "failed"), ("--release", "failed"), ("--retry-now", "corrupt")])
def test_what_is_set_aside_cannot_be_told_when_to_go(esmtp: Command, queue: Queue, word: str, place: str) -> None:
    name = queue.add()
    queue.store.move(name, "new", place)
    done = esmtp(word, name)
    assert done.code == 65
    assert f"{place}/" in done.err


# -- show ----------------------------------------------------------------------------------------------------------


def test_show(esmtp: Command, queue: Queue) -> None:
    text = b"Subject: x\r\n\r\n\x1b\xff" + b"y" * 100_000 + b"\r\n"
    name = queue.add(Entry(NOW, "me@x.org", [Recipient("a@x.org")]), text, marks=outcome_mark(NOW, [0], BUSY))
    done = esmtp("--show", name)
    head, _, message = done.out.partition("\n\n")
    assert head.startswith(name)
    assert "(451 busy; status 4.0.0)" in head
    assert message == "Subject: x\n\n\x1b\\xff" + "y" * 100_000 + "\n"


def test_show_of_a_damaged_file_says_why(esmtp: Command, queue: Queue) -> None:
    name = queue.add()
    (queue.path / "new" / name).write_bytes(b"rubbish")
    done = esmtp("--show", name)
    assert (done.code, "(damaged: " in done.out) == (0, True)


# -- undo ----------------------------------------------------------------------------------------------------------


def test_undo_takes_the_last_one_back(esmtp: Command, queue: Queue) -> None:
    first = queue.add()
    last = queue.add(Entry(NOW + 1, "me@x.org", [Recipient("a@X.org"), Recipient("hidden@x.org")]))
    tried = queue.add(Entry(NOW + 2, "me@x.org", [Recipient("a@x.org")]), marks=outcome_mark(NOW, [0], BUSY))
    done = esmtp("--undo")
    path = esmtp.home / f"undone-{last}.eml"
    assert done.code == 0
    assert done.out.splitlines() == [
        f"{last}: taken back into {path.name}: {len(TEXT)} bytes from me@x.org to a@X.org, hidden@x.org",
        f"to send it after all: esmtp -ti -f me@x.org <{path.name}",
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b"Bcc: hidden@x.org\nTo: a@x.org\nSubject: x\n\nhello\n"
    assert queue.store.ids() == [first, tried]
    assert esmtp("--undo", "back").code == 0
    assert (esmtp.home / "back").exists()
    nothing = esmtp("--undo")
    assert nothing.code == 65
    assert "nothing was taken back" in nothing.err


def test_undo_takes_no_report_back(esmtp: Command, queue: Queue) -> None:
    name = queue.add()
    with queue.store.begin(f"{name}-f0") as writer:
        writer.write(Entry(NOW, "", [Recipient("me@x.org")]).head() + TEXT)
        writer.commit()
    assert esmtp("--undo").out.startswith(f"{name}: ")
    assert queue.store.ids() == [f"{name}-f0"]


def test_the_file_is_durable_before_the_mail_goes(esmtp: Command, queue: Queue) -> None:
    name = queue.add()
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    done = esmtp.run("strace", "-y", "-e", "trace=fsync,unlinkat,unlink", str(esmtp.program), "--undo", "back")
    calls = [line for line in done.err.splitlines() if line.startswith(("fsync", "unlink"))]
    assert [call.partition("(")[0] for call in calls] == ["fsync", "fsync", "unlinkat", "fsync"]
    assert "/back>" in calls[0]
    assert f"{esmtp.home}>" in calls[1]
    assert name in calls[2]


def test_undone_mail_goes_to_the_same_people_again(esmtp: Command, queue: Queue) -> None:
    queue.call(b"-i", b"joe@x.org", text=b"From me@x.org Sat\nTo: a@x.org\nBcc: bob@x.org\n\n.\nx\n")
    esmtp("--undo", "back")
    again = (esmtp.home / "back").read_bytes()
    assert again == b"From me@x.org Sat\nBcc: joe@x.org\nTo: a@x.org\nBcc: bob@x.org\n\n.\nx\n"
    assert esmtp("-odq", "-ti", stdin=again).code == 0
    out = esmtp("-bp").out
    assert all(name in out for name in ("joe@x.org", "a@x.org", "bob@x.org"))


COMMAND = "to send it after all: "
ODD = '"o\'x $y"@x.org'


@pytest.mark.parametrize(
    ("entry", "text", "others"),
    [
        (Entry(NOW, "me@x.org", [Recipient("a@x.org"), Recipient("hidden@x.org")]), TEXT, ""),
        (Entry(NOW, "me@x.org", [Recipient("bob@x.org")]), TEXT, "a@x.org"),
        (Entry(NOW, "", [Recipient("bob@x.org"), Recipient("joe")], aliases="no"), TEXT, "a@x.org"),
        (Entry(NOW, None, [Recipient("-x@x.org"), Recipient(ODD)], full_name="O'Me"), TEXT, "a@x.org"),
        (Entry(NOW, "me@x.org", [Recipient("a@x.org")]), b"To: \xff\xfe<<\r\n\r\n.\r\nx\r\n", ""),
        (Entry(NOW, "me@x.org", [Recipient("jürgen'@x.org")], full_name="\\'\a\udcfc"), TEXT, "a@x.org"),
        (
            Entry(
                NOW,
                "me@x.org",
                [Recipient("bob@x.org", ("FAILURE", "DELAY"))],
                ret="HDRS",
                envid="a b",
                body="8BITMIME",
            ),
            b"To: list@x.org, A <b@x.org>\r\n\r\n.\r\nx\r\n",
            "list@x.org, b@x.org",
        ),
    ],
)
def test_the_command_that_it_prints_sends_it_to_the_same_people_alone(
    esmtp: Command, queue: Queue, entry: Entry, text: bytes, others: str
) -> None:
    """Whatever the header says, and whatever the shell makes of the words."""
    name = queue.add(entry, text)
    before = queue.entry(name)
    done = esmtp("--undo", "my mail's file.eml")
    *lines, last = done.out.splitlines()
    assert (done.code, done.err, last.partition(COMMAND)[0]) == (0, "", "")
    assert len(lines) == 1 + bool(others)
    assert f"also names {others}, who would not have got it" in lines[-1] or not others
    (esmtp.home / "bin").mkdir()
    (esmtp.home / "bin/esmtp").write_text(f'#!/bin/sh\nexec {esmtp.program} -odq "$@"\n')
    (esmtp.home / "bin/esmtp").chmod(0o755)
    path = f"{esmtp.home}/bin:{esmtp.environ['PATH']}"
    sent = esmtp.run("bash", "-c", last.removeprefix(COMMAND), PATH=path)
    assert (sent.code, sent.err) == (0, "")
    [again] = queue.store.ids()
    after = queue.entry(again)
    for word in ("sender", "ret", "envid", "full_name", "aliases", "body"):
        assert getattr(after, word) == getattr(before, word), word
    assert {(r.address, r.notify) for r in after.recipients} == {(r.address, r.notify) for r in before.recipients}
    with queue.lock(again) as mail:
        assert b"".join(mail.chunks()).partition(b"\r\n\r\n")[2] == text.partition(b"\r\n\r\n")[2]


def test_resent_mail_is_resent_again(esmtp: Command, queue: Queue) -> None:
    entry = Entry(NOW, "me@x.org", [Recipient("new@x.org"), Recipient("hidden@x.org")])
    queue.add(entry, b"Resent-To: new@x.org\r\nTo: old@x.org\r\n\r\nx\r\n")
    esmtp("--undo", "back")
    assert (esmtp.home / "back").read_bytes().startswith(b"Resent-Bcc: hidden@x.org\nResent-To: new@x.org\n")


@pytest.mark.parametrize("path", ["taken", "missing/dir", "link"])
def test_undo_writes_over_nothing(path: str, esmtp: Command, queue: Queue) -> None:
    name = queue.add()
    (esmtp.home / "taken").write_text("mine")
    (esmtp.home / "link").symlink_to(esmtp.home / "target")
    done = esmtp("--undo", path)
    assert done.code == 73
    assert path in done.err
    assert queue.store.ids() == [name]
    assert (esmtp.home / "taken").read_text() == "mine"
    assert not (esmtp.home / "target").exists()


def test_undo_of_the_last_mail_when_it_is_in_delivery(esmtp: Command, queue: Queue) -> None:
    """Another one, which nobody thinks of, is not taken in its place."""
    queue.add()
    last = queue.add(Entry(NOW + 1, "me@x.org", [Recipient("a@x.org")]))
    with queue.lock(last):
        done = esmtp("--undo")
    assert done.code == 75
    assert len(queue.store.ids()) == 2


def test_a_mail_in_failed_is_tried_again_when_somebody_says_so(
    esmtp: Command, queue: Queue, submission: SubmissionServer
) -> None:
    name = queue.add(marks=outcome_mark(NOW, [0], Outcome("refused", "550 no")) + kept_mark(NOW))
    queue.store.move(name, "new", "failed")
    assert "--retry-now tries it again" in esmtp("--hold", name).err
    done = esmtp("--retry-now", name)
    assert (done.code, done.out, done.err) == (0, f"{name}: due now\n", "")
    submission.wait(1)
    assert submission.mails[0].recipients == ["a@x.org"]
