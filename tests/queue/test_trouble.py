"""What goes wrong on this side: the disk, the clock, the rc, other runs, and mails that are damaged."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import RAW, Entry
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.marks import hold_mark, outcome_mark
from esmtp_py.queue.schedule import UNNOTED
from esmtp_py.queue.writer import Writer
from tests.queue.conftest import DAY, HOUR, TEXT, YEAR, Queue, section
from tests.server import ScriptedServer, SubmissionServer
from tests.server.scripted import script

NO_SPACE = OSError(28, os.strerror(28))


@pytest.fixture
def server() -> SubmissionServer:
    return SubmissionServer(tls="none", mechanisms=())


# -- the disk ------------------------------------------------------------------------------------------------------


def test_a_mark_that_finds_no_room_stops_that_mail_and_says_so(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    server.replies["RCPT no@x.org"] = "550 5.1.1 no such user"
    with server:
        queue.way(server)
        name = queue.put("yes@x.org", "no@x.org")
        queue.put("other@x.org")

        def full(fd: int, data: bytes) -> int:
            if b"delivered " in bytes(data):
                raise NO_SPACE
            return real(fd, data)

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            tally = queue.run()
    assert tally.delivered == 1
    assert queue.ids() == [name]
    assert queue.fates(name) == ["", ""]
    [line] = tally.said
    assert name in line
    assert "No space left on device" in line
    assert "it may be sent more than once" in line


def test_a_mark_that_finds_no_room_stops_what_is_left_of_that_mail(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recipients that the server had no room for would each get it twice, too."""
    server.recipient_limit = 2
    marked = Locked.mark
    with server:
        queue.way(server)
        name = queue.put(*(f"r{number}@x.org" for number in range(10)))
        queue.put("other@x.org")

        def full(locked: Locked, lines: bytes) -> None:
            locked._broken = True
            marked(locked, lines)

        monkeypatch.setattr(Locked, "mark", full)
        tally = queue.run()
    assert queue.ids() == [name]
    assert [mail.recipients for mail in server.mails] == [["r0@x.org", "r1@x.org"], ["other@x.org"]]
    assert (tally.delivered, len(tally.said)) == (1, 1)


def test_a_file_that_cannot_be_removed_is_said_and_not_sent_again(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, os.strerror(1))

    with server:
        queue.way(server)
        names = [queue.put("a@x.org"), queue.put("b@x.org")]
        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", refuse)
            for delivered in (2, 0):
                tally = queue.run()
                assert queue.ids() == names
                assert tally.delivered == delivered
                assert [line.count("cannot remove") for line in tally.said] == [1, 1]
                assert "more than once" not in "".join(tally.said)
        queue.run()
    assert queue.ids() == []
    assert [mail.recipients for mail in server.mails] == [["a@x.org"], ["b@x.org"]]


def test_for_as_long_as_there_is_no_room_for_a_mark_not_every_run_sends_it(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if b"delivered " in bytes(data):
            raise NO_SPACE
        return real(fd, data)

    server.replies["RCPT later@x.org"] = "451 4.2.0 later"
    with server:
        queue.way(server)
        queue.put("yes@x.org", "later@x.org")
        monkeypatch.setattr(os, "write", full)
        for _ in range(3):
            queue.run()
            queue.later(UNNOTED / 4)
        assert len(server.mails) == 1
        queue.later(UNNOTED / 4)
        queue.run()
    assert len(server.mails) == 2


def test_a_report_that_finds_no_room_keeps_the_original(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(writer: Writer, data: bytes) -> None:
        raise NO_SPACE

    server.replies["RCPT no@x.org"] = "550 5.1.1 no such user"
    with server:
        queue.way(server)
        name = queue.put("no@x.org")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda fd, data, real=os.write: _only_marks(fd, data, real))
            tally = queue.run()
        assert tally.delivered == 0
        assert queue.ids() == [name]
        assert queue.fates(name) == ["unknown_user"]
        [line] = tally.said
        assert "me@x.org" in line
        assert "No space left on device" in line
        tally = queue.run()
        server.settle()
    assert queue.ids() == []
    assert [(mail.sender, mail.recipients) for mail in server.mails] == [("", ["me@x.org"])]
    recipients = [line for session in server.sessions for line in session.commands if line.startswith(b"RCPT")]
    assert recipients == [b"RCPT TO:<no@x.org>", b"RCPT TO:<me@x.org>"], "nobody is asked again who has refused"


def _only_marks(fd: int, data: bytes, real: object) -> int:
    if bytes(data[:12]) == b"esmtp-queue ":
        raise NO_SPACE
    return real(fd, data)  # type: ignore[operator, no-any-return]


def test_a_sick_disk_does_not_fill_the_memory_with_complaints(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esmtp_py.queue.tally.SAID", 3)
    with server:
        queue.way(server)
        for _ in range(6):
            damage(queue, queue.put("a@x.org"))
        assert len(queue.run().said) == 4


# -- poison --------------------------------------------------------------------------------------------------------


def damage(queue: Queue, name: str) -> None:
    data = queue.file(name).read_bytes()
    queue.file(name).write_bytes(data.replace(b"Subject: hello", b"Subject: hullo"))


def test_poisonous_mails_never_stop_the_others(queue: Queue, server: SubmissionServer) -> None:
    """Each kind, before a good one."""
    with server:
        queue.way(server)
        changed, cut, headless, nothing = (queue.put("a@x.org") for _ in range(4))
        damage(queue, changed)
        queue.file(cut).write_bytes(queue.file(cut).read_bytes()[:-60])
        queue.file(nothing).write_bytes(b"")
        with queue.store.begin_new(queue.now) as writer:
            writer.write(Entry(queue.now, "me@x.org", [Recipient("a@x.org")]).head() + b"Subject: no end\r\n")
            writer.commit()
        headless = writer.name
        unsayable = queue.put(Recipient("a b@x.org"))
        bad_call = queue.put(form=RAW, argv=[b"--no-such-option"], sender=None)
        no_identity = queue.put("a@x.org", sender="-x@x.org")
        queue.put("good@x.org")
        tally = queue.run()
    assert [mail.recipients for mail in server.mails if mail.sender] == [["a@x.org"], ["good@x.org"]]
    assert set(queue.store.ids("corrupt")) == {changed, cut, headless, nothing}
    assert {name for line in tally.said for name in (changed, cut, headless, nothing) if name in line} == {
        changed, cut, headless, nothing,
    }  # fmt: skip
    assert set(queue.ids("failed")) == {bad_call, no_identity}
    assert [mail.recipients for mail in server.mails if not mail.sender] == [["me@x.org"]], unsayable
    assert queue.ids() == []


def test_a_file_that_becomes_shorter_while_it_is_sent(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server:
        queue.way(server)
        names = [queue.put(f"{letter}@x.org") for letter in "abc"]
        real = Locked.chunks

        def chunks(locked: Locked, offset: int = 0) -> object:
            if locked.name == names[0] and offset:
                os.truncate(queue.file(names[0]), locked.entry.offset + offset)
            return real(locked, offset)

        with monkeypatch.context() as patch:
            patch.setattr(Locked, "chunks", chunks)
            queue.run()
        queue.later(600)
        queue.run()
    assert sorted(mail.recipients[0] for mail in server.mails) == ["b@x.org", "c@x.org"]
    assert queue.ids("corrupt") == [names[0]]


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (24, "system", "Too many open files: allow more with ulimit -n, or write fewer connections"),
        (5, "io", "Input/output error: the log of this machine may say what is broken"),
    ],
)
def test_what_fails_in_the_system_is_no_bug(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch, number: int, kind: str, said: str
) -> None:
    """Wherever it is met: here, where a module is to be loaded."""

    def full(*_: object) -> None:
        raise OSError(number, "what the system says", "/usr/lib/python3/hashlib.py")

    monkeypatch.setattr("esmtp_py.queue.lane.ready", full)
    with server:
        queue.way(server)
        name = queue.put("a@x.org")
        queue.run()
    assert queue.fates(name) == [kind]
    assert queue.words(name) == said


@pytest.mark.parametrize("seconds", ["9000000000000", "253402300800"])
def test_a_time_that_never_comes_is_damage(queue: Queue, server: SubmissionServer, seconds: str) -> None:
    with server:
        queue.way(server)
        name = queue.put("a@x.org", not_before=float(seconds))
        tally = queue.run()
    assert queue.ids("corrupt") == [name]
    [said] = tally.said
    assert "further ahead than any time" in said


@pytest.mark.parametrize("place", ["choose", "ready", "plan", "Session", "Ledger._note"])
def test_a_bug_of_ours_is_a_line_for_a_person_and_the_others_go_on(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    from esmtp_py.queue import lane, ledger

    where = ledger.Ledger if "." in place else lane
    function = place.rpartition(".")[2]
    real, calls = getattr(where, function), 0

    def faulty(*given: object, **more: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError("a bug")
        return real(*given, **more)

    with server:
        queue.way(server)
        first = queue.put("a@x.org")
        queue.put("b@x.org")
        with monkeypatch.context() as patch:
            patch.setattr(where, function, faulty)
            tally = queue.run()
        told = [*tally.said, *(queue.words(name) for name in queue.ids() if queue.fates(name)[0])]
        assert any("ZeroDivisionError" in line for line in told)
        queue.later(600)
        queue.run()
    assert {mail.recipients[0] for mail in server.mails} >= {"b@x.org"}
    assert first not in queue.ids()


# -- the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-10 * YEAR, 10 * YEAR])
@pytest.mark.parametrize("back", [False, True])
def test_a_clock_that_jumps_ten_years_bounces_nothing_untried(
    queue: Queue, server: SubmissionServer, jump: float, back: bool
) -> None:
    server.replies["RCPT"] = "451 4.2.0 later"
    with server:
        queue.way(server)
        name = queue.put("a@x.org")
        queue.now += jump
        tally = queue.run()
        assert (queue.fates(name), tally.failed) == (["try_again"], 0), "neither given up nor forgotten"
        if back:
            queue.now -= jump
        server.replies.clear()
        queue.later(HOUR)
        queue.run()  # no endless wait
    assert name not in queue.ids()


def test_a_jump_between_two_attempts_counts_no_more_than_a_day(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT"] = "451 4.2.0 later"
    with server:
        queue.way(server)
        name = queue.put("a@x.org")
        queue.run()
        queue.later(10 * YEAR)
        queue.run()
    assert queue.fates(name) == ["try_again"]


# -- the rc --------------------------------------------------------------------------------------------------------


def test_a_broken_rc_keeps_all_mail_and_is_read_once(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from esmtp_py.queue import runner

    read = []
    monkeypatch.setattr(runner, "load", lambda path, load=runner.load: read.append(path) or load(path))
    queue.rc("this is { no rc file")
    names = [queue.put(f"{letter}@x.org") for letter in "abc"]
    tally = queue.run()
    assert (tally.deferred, queue.ids(), len(read)) == (3, names, 1)
    assert [queue.fates(name) for name in names] == [["config"]] * 3
    assert ".esmtprc:1:" in queue.words(names[0])
    with server:
        queue.way(server)
        queue.later(600)
        assert queue.run().delivered == 3


@pytest.mark.parametrize("identities", [1, 2])
def test_a_mail_with_an_rc_of_its_own_leaves_by_that(queue: Queue, server: SubmissionServer, identities: int) -> None:
    with server, SubmissionServer(tls="none", mechanisms=()) as another:
        queue.rc("".join(section(server, address=f"me{n or ''}@x.org") for n in range(identities)))
        own = str(queue.rc(section(another), "own"))
        queue.put("a@x.org", rc=own)
        queue.put(form=RAW, argv=[b"-C", os.fsencode(own), b"b@x.org"], sender=None, text=b"From: me@x.org\n\nhi\n")
        queue.put("c@x.org")
        assert queue.run().delivered == 3
    assert [mail.recipients for mail in another.mails] == [["a@x.org"], ["b@x.org"]]
    assert [mail.recipients for mail in server.mails] == [["c@x.org"]]


def test_so_does_the_report_on_it(queue: Queue, server: SubmissionServer) -> None:
    with server, SubmissionServer(tls="none", mechanisms=(), replies={"RCPT a@x.org": "550 5.1.1 no"}) as another:
        queue.way(server)
        queue.put("a@x.org", rc=str(queue.rc(section(another), "own")))
        queue.run()
        queue.run()
    assert [(mail.sender, mail.recipients) for mail in another.mails] == [("", ["me@x.org"])]
    assert server.mails == []


def test_preconnect_and_postconnect_once_for_all_mails(queue: Queue, server: SubmissionServer) -> None:
    with server:
        log = queue.home / "log"
        queue.way(server, f"preconnect 'echo before >>{log}'", f"postconnect 'echo after >>{log}; exit 3'")
        for number in range(5):
            queue.put(f"{number}@x.org")
        tally = queue.run()
    assert log.read_text() == "before\nafter\n"
    assert tally.delivered == 5
    [line] = tally.said
    assert "postconnect" in line


def test_a_preconnect_that_fails_puts_the_identity_off(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server, "preconnect false")
        names = [queue.put("a@x.org"), queue.put("b@x.org")]
        assert queue.run().deferred == 2
    assert [queue.fates(name) for name in names] == [["try_again"], ["try_again"]]
    assert server.sessions == []


# -- other runs ----------------------------------------------------------------------------------------------------

RUNNER = """
import sys
from esmtp_py.cli.raw import unpack
from esmtp_py.queue.runner import Run
from esmtp_py.queue.store import Store
sys.stdin.readline()
with Store.open() as store:
    tally = Run(store, unpack).all_due()
print(tally.delivered, tally.deferred, tally.failed, *tally.said)
"""


def start_runner() -> "subprocess.Popen[str]":
    """It goes when it gets a line."""
    return subprocess.Popen([sys.executable, "-c", RUNNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def put_now(queue: Queue, *recipients: str) -> str:
    """As ``put``, by the clock on the wall, which other processes have."""
    queue.now = time.time() - 60
    return queue.put(*recipients)


def test_sixteen_runs_over_a_thousand_mails_each_exactly_once(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda fd: None)  # a thousand of them are not what this is about
        for number in range(1000):
            put_now(queue, f"r{number}@x.org")
    with server:
        queue.way(server)
        runners = [start_runner() for _ in range(16)]
        for runner in runners:
            assert runner.stdin
            runner.stdin.write("\n")
            runner.stdin.flush()
        tallies = [runner.communicate()[0].split() for runner in runners]
    assert sum(int(delivered) for delivered, *_ in tallies) == 1000
    assert all(rest == ["0", "0"] for _, *rest in tallies)
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(f"r{number}@x.org" for number in range(1000))
    assert queue.ids() == []


def test_a_killed_run_leaves_no_lock_and_no_mail_behind(queue: Queue, server: SubmissionServer) -> None:
    """The first server takes one mail, and does not answer for the second."""
    steps = script(
        "S: 220 mx", "C: EHLO *", "S: 250 mx", "C: MAIL FROM:*", "S: 250 ok", "C: RCPT TO:<a@x.org>", "S: 250 ok",
        "C: DATA", "S: 354 go", "= data", "S: 250 taken", "C: MAIL FROM:*", "S: 250 ok",
        "C: RCPT TO:<b@x.org>", "S: 250 ok", "C: DATA", "S: 354 go", "= data",
    )  # fmt: skip
    runner = start_runner()

    def kill(talk: object) -> None:
        runner.kill()
        runner.wait()

    with ScriptedServer([*steps, kill]) as first:
        queue.way(first)
        put_now(queue, "a@x.org")
        names = [queue.put(f"{letter}@x.org") for letter in "bc"]
        runner.communicate("\n")
    queue.now += 60
    assert runner.returncode == -signal.SIGKILL
    assert queue.ids() == names
    assert [queue.fates(name) for name in names] == [[""], [""]]
    with server:
        queue.way(server)
        assert queue.run().delivered == 2
    assert [mail.recipients for mail in server.mails] == [["b@x.org"], ["c@x.org"]]


@pytest.mark.parametrize("identities", [1, 3])
def test_a_signal_ends_a_run_at_once_and_what_is_known_is_noted(queue: Queue, identities: int) -> None:
    """The server has taken the first of three mails and is silent about the second."""
    steps = script(
        "S: 220 mx", "C: EHLO *", "S: 250-mx", "S: 250-PIPELINING", "S: 250 CHUNKING",
        *(f"C: {line}" for line in ("MAIL FROM:*", "RCPT TO:<a@x.org>", "BDAT * LAST")), "= take 113",
    )  # fmt: skip
    program = RUNNER.replace("tally = ", "\n    try:\n        tally = ").replace(
        "all_due()\n", "all_due()\n    except KeyboardInterrupt:\n        sys.exit(130)\n"
    )
    runner = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, text=True)

    def interrupt(talk: object) -> None:
        runner.send_signal(signal.SIGINT)

    with ScriptedServer([*steps[:6], interrupt]) as server:
        queue.rc("".join(section(server, address=f"me{n or ''}@x.org") for n in range(identities)))
        put_now(queue, "a@x.org")
        for letter in "bc":
            queue.put(f"{letter}@x.org")
        begin = time.monotonic()
        runner.communicate("\n")
        assert time.monotonic() - begin < 8
        server.mismatches.clear()
    assert runner.returncode == 130
    assert len(queue.ids()) == 3
    assert queue.fates(queue.ids()[0]) == ["connection_lost"]


def test_a_signal_ends_an_mda(queue: Queue) -> None:
    ready = queue.home / "ready"
    queue.rc(f"identity me@x.org\nmda 'touch {ready}; exec sleep 60'\n")
    put_now(queue, "joe")
    program = RUNNER.replace("tally = ", "\n    try:\n        tally = ").replace(
        "all_due()\n", "all_due()\n    except KeyboardInterrupt:\n        sys.exit(130)\n"
    )
    runner = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, text=True)
    assert runner.stdin
    runner.stdin.write("\n")
    runner.stdin.flush()
    while not ready.exists():
        assert runner.poll() is None
        os.sched_yield()
    runner.send_signal(signal.SIGINT)
    assert runner.wait(15) == 130
    assert queue.fates(queue.ids()[0]) == ["try_again"]


def test_a_mail_that_another_run_has_is_left_to_it(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        name = queue.put("a@x.org")
        locked = queue.store.lock(name)
        assert locked
        queue.put("b@x.org")
        queue.now += 1
        from esmtp_py.cli.raw import unpack
        from esmtp_py.queue.runner import Run

        assert Run(queue.store, unpack, clock=lambda: queue.now).all_due().delivered == 1
        locked.close()
    assert queue.ids() == [name]
    assert queue.fates(name) == [""]


def test_mails_that_are_held_or_not_due_are_not_tried(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        held, later, tried = (
            queue.put("a@x.org"),
            queue.put("b@x.org", not_before=queue.now + DAY),
            queue.put("c@x.org"),
        )
        for name, mark in (
            (held, hold_mark(queue.now)),
            (tried, outcome_mark(queue.now, [0], Outcome("try_again", "451"))),
        ):
            locked = queue.store.lock(name)
            assert locked
            with locked:
                locked.mark(mark)
        assert queue.run().delivered == 0
        queue.later(DAY + HOUR)
        queue.run()
    assert queue.ids() == [held]
    assert sorted(mail.recipients[0] for mail in server.mails) == ["b@x.org", "c@x.org"]
    assert later not in queue.ids()


# -- many ----------------------------------------------------------------------------------------------------------


def test_the_names_in_memory_and_the_files_open_are_bounded(
    queue: Queue, server: SubmissionServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from esmtp_py.deliver.pipeline import WINDOW
    from esmtp_py.queue import lane
    from tests.queue.conftest import open_files

    most = 0

    def count(*given: object, real: object = lane.read) -> object:
        nonlocal most
        most = max(most, len(open_files(queue.home)))
        return real(*given)  # type: ignore[operator]

    monkeypatch.setattr(lane, "read", count)
    with server:
        queue.way(server, "mda 'cat >/dev/null'")
        for number in range(200):
            queue.put(f"{number}@x.org", "joe")
            queue.put("ann")
        assert queue.run().delivered == 400
    assert most <= WINDOW + lane.MIXED + 3


@pytest.fixture(autouse=True)
def _our_modules_in_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(__file__).parents[2]))


assert TEXT
