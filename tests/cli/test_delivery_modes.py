"""What the rc says of the queue: delivery, undo, queue_lifetime, connections; and --at."""

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import outcome_mark
from esmtp_py.queue.reading import read_head
from esmtp_py.queue.store import Store
from tests.cli.conftest import way_to
from tests.cli.test_queue_modes import MAIL, queued
from tests.cli.test_undo_window import Slow
from tests.conftest import Command
from tests.server import SubmissionServer
from tests.server.listener import PATIENCE

Rc = Callable[[str], Path]
LATER = "451 4.3.0 come back later"
NOBODY = "550 5.1.1 no such user"
NOWHERE = "hostname 127.0.0.1:1\n"


def section(server: SubmissionServer, more: str) -> str:
    return f"identity me@x.org\n{way_to(server)}{more}\n"


def entry_of(file: Path) -> Entry:
    entry = read_head(file.read_bytes())
    assert entry
    return entry


def field(data: bytes, name: str) -> str:
    [value] = re.findall(rf"(?m)^{name}: (.*)\r$", data.decode())
    return str(value)


# -- delivery on-failure -------------------------------------------------------------------------------------------


def test_what_is_deferred_is_queued_and_the_others_have_it_now(
    esmtp: Command, rc: Rc, server: SubmissionServer
) -> None:
    rc(section(server, "delivery on-failure"))
    server.replies["RCPT joe@x.org"] = LATER
    done = esmtp("joe@x.org", "ann@x.org", stdin=b"From: me@x.org\n\nbody\n")
    [file] = queued(esmtp)
    assert (done.code, done.out) == (0, "")
    assert re.fullmatch(rf"esmtp: queued as {file.name}: joe@x\.org: .*come back later.*\n", done.err)
    assert [mail.recipients for mail in server.mails] == [["ann@x.org"]]
    entry = entry_of(file)
    assert [recipient.address for recipient in entry.recipients] == ["joe@x.org"]
    assert (entry.sender, entry.identity) == ("me@x.org", "me@x.org")
    assert b"\ndeferred " in file.read_bytes()

    server.replies.clear()
    assert esmtp("-q").code == 0
    assert len(server.mails) == 1, "its first attempt was the one of just now"
    assert esmtp("-qRjoe").code == 0
    assert queued(esmtp) == []
    first, second = server.mails
    assert (second.sender, second.recipients) == ("me@x.org", ["joe@x.org"])
    assert field(first.data, "Message-ID") == field(second.data, "Message-ID")
    assert field(first.data, "Date") == field(second.data, "Date")


def test_the_rest_keeps_the_sender_that_was_chosen(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    """Also when the rc would choose another one for that sender."""
    way = way_to(server)
    text = f"identity me@x.org\n{way}delivery on-failure\nforce reverse_path box@x.org\nidentity box@x.org\n{NOWHERE}"
    rc(text)
    server.replies["RCPT"] = LATER
    assert esmtp("-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
    server.replies.clear()
    assert esmtp("-qRjoe").code == 0
    assert [mail.sender for mail in server.mails] == ["box@x.org"]


@pytest.mark.parametrize(
    ("sender", "text"),
    [
        ("me@x.org", "identity me@x.org\nNOWHERE\nidentity me@x.org\nHERE"),
        ("box@x.org", "identity me@x.org, box@x.org\nHERE\nidentity me@x.org\nNOWHERE"),
        ("stranger@x.org", "identity me@x.org\nHERE\ndefault\nidentity me@x.org\nNOWHERE"),
    ],
)
def test_the_rest_leaves_by_the_section_that_the_others_left_by(
    esmtp: Command, rc: Rc, server: SubmissionServer, sender: str, text: str
) -> None:
    """Of two sections for one address the later one serves it, and the earlier one what else it names."""
    rc(text.replace("NOWHERE", NOWHERE).replace("HERE", f"{way_to(server)}delivery on-failure\n"))
    server.replies["RCPT joe@x.org"] = LATER
    assert esmtp("-f", sender, "joe@x.org", "ann@x.org", stdin=MAIL).code == 0
    server.replies.clear()
    assert esmtp("-qRjoe").code == 0
    assert [mail.recipients for mail in server.mails] == [["ann@x.org"], ["joe@x.org"]]


def test_a_permanent_failure_still_counts(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(section(server, "delivery on-failure"))
    server.replies.update({"RCPT joe@x.org": LATER, "RCPT bad@x.org": NOBODY})
    done = esmtp("-f", "me@x.org", "joe@x.org", "bad@x.org", stdin=MAIL)
    assert done.code == 67
    assert "bad@x.org: failed: " in done.err
    assert "joe@x.org: not delivered" not in done.err
    assert [recipient.address for recipient in entry_of(*queued(esmtp)).recipients] == ["joe@x.org"]


def test_a_server_that_is_down_is_no_failure(esmtp: Command, rc: Rc) -> None:
    rc(f"{NOWHERE}delivery on-failure\n")
    done = esmtp("-f", "me@x.org", "joe@x.org", "ann@x.org", stdin=MAIL)
    assert done.code == 0
    assert done.err.count("esmtp: queued as ") == 2
    assert len(queued(esmtp)) == 1


def test_now_means_now(esmtp: Command, rc: Rc) -> None:
    for mode in ("on-failure", "queue", "background", "interactive"):
        rc(f"{NOWHERE}delivery {mode}\nundo 1d\n")
        assert esmtp("-odi", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 75
    assert queued(esmtp) == []


def test_interactive_keeps_nothing(esmtp: Command, rc: Rc) -> None:
    rc(f"{NOWHERE}delivery interactive\n")
    assert esmtp("-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 75
    assert queued(esmtp) == []


def test_errors_quiet_is_quiet(esmtp: Command, rc: Rc) -> None:
    rc(f"{NOWHERE}delivery on-failure\n")
    done = esmtp("-oeq", "-f", "me@x.org", "joe@x.org", stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert len(queued(esmtp)) == 1


@pytest.mark.parametrize(("mode", "code"), [("on-failure", 75), ("queue", 71), ("interactive undo 5s", 71)])
def test_a_queue_that_cannot_be_made(esmtp: Command, rc: Rc, mode: str, code: int) -> None:
    (esmtp.home / ".esmtp_queue").write_bytes(b"")
    rc(f"{NOWHERE}delivery {mode}\n")
    done = esmtp("-f", "me@x.org", "joe@x.org", stdin=MAIL)
    assert done.code == code
    assert ".esmtp_queue" in done.err
    assert "joe@x.org: not delivered for now: " in done.err


# -- delivery queue, background ------------------------------------------------------------------------------------


def test_queue_leaves_it_to_a_run(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(section(server, "delivery queue"))
    done = esmtp("-f", "me@x.org", "-t", "joe@x.org", stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert server.sessions == []
    [file] = queued(esmtp)
    assert b"Bcc" not in file.read_bytes()
    assert esmtp("-q").code == 0
    assert [mail.recipients for mail in server.mails] == [["joe@x.org", "secret@x.org"]]
    assert field(server.mails[0].data, "Message-ID").startswith(f"<{file.name}")


def test_background_returns_at_once(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(section(server, "delivery background"))
    done = esmtp("-f", "me@x.org", "joe@x.org", stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")
    server.wait(1)


def test_the_flag_wins(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(section(server, "delivery background"))
    assert esmtp("-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
    assert len(queued(esmtp)) == 1
    assert server.sessions == []


@pytest.mark.parametrize("mode", ["queue", "background", "on-failure", "interactive undo 1h"])
def test_a_mail_that_can_never_leave_is_not_kept(esmtp: Command, rc: Rc, mode: str) -> None:
    rc(f"{NOWHERE}delivery {mode}\n")
    assert esmtp("-f", "me@x.org", "joe@x.org", stdin=b"Subject: x\n\na\0b\n").code == 65
    assert queued(esmtp) == []


# -- undo ----------------------------------------------------------------------------------------------------------


def test_undo_holds_each_mail_for_a_while(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(section(server, "undo 1s"))
    before = time.time()
    done = esmtp("-f", "me@x.org", "joe@x.org", stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")
    server.wait(1)
    assert time.time() >= before + 1


def test_whoever_waits_for_the_end_of_a_pipe_does_not_wait_for_the_mail(esmtp: Command, rc: Rc) -> None:
    with Slow() as server:
        rc(section(server, "undo 1s"))
        ours, theirs = os.pipe()
        with open(ours, "rb") as pipe:
            argv = [str(esmtp.program), "-f", "me@x.org", "joe@x.org"]
            subprocess.run(argv, input=MAIL, env=esmtp.environ, pass_fds=[theirs], check=True)
            os.close(theirs)
            assert pipe.read() == b""
        server.doors.set()
        server.wait(1)


def test_undo_waits_in_the_queue(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc(section(server, "undo 1h delivery queue"))
    before = time.time()
    assert esmtp("-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
    [file] = queued(esmtp)
    assert before + 3600 <= entry_of(file).not_before + 1e-5 <= time.time() + 3600 + 1e-5
    assert esmtp("-q").code == 0
    assert server.sessions == []


# -- --at ----------------------------------------------------------------------------------------------------------


def test_later(esmtp: Command, rc: Rc, server: SubmissionServer) -> None:
    rc("this is { no rc file")
    before = time.time()
    done = esmtp("--at", "+2h", "-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")
    [file] = queued(esmtp)
    assert before + 7200 <= entry_of(file).not_before + 1e-5 <= time.time() + 7200 + 1e-5
    rc(section(server, ""))
    assert esmtp("-q").code == 0
    assert server.sessions == []
    assert esmtp(f"-qI{file.name}").code == 0
    assert len(server.mails) == 1


@pytest.mark.parametrize("words", [["-q"], ["-bp"], ["--cancel", "1-x"], ["--doctor"]])
def test_a_time_for_no_mail(esmtp: Command, words: list[str]) -> None:
    done = esmtp("--at", "+2h", *words)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith("esmtp: --at +2h: ")


@pytest.mark.parametrize("time", ["", "soon", "25:00", "2020-01-01 10:00", "+2"])
def test_a_time_that_is_none(esmtp: Command, time: str) -> None:
    done = esmtp(f"--at={time}", "joe@x.org", stdin=MAIL)
    assert done.code == 64
    assert done.err.count("\n") == 1
    assert "17:30" in done.err
    assert queued(esmtp) == []


def test_later_and_now_are_a_contradiction(esmtp: Command) -> None:
    assert esmtp("-odi", "--at", "+2h", "joe@x.org", stdin=MAIL).code == 64


# -- queue_lifetime, connections -----------------------------------------------------------------------------------


def put(esmtp: Command, recipient: str, age: float = 0) -> None:
    """A mail that was queued so long ago, and tried once if that is long."""
    entry = Entry(time.time() - age, "me@x.org", [Recipient(recipient)])
    with Store.open(str(esmtp.home / ".esmtp_queue")) as store, store.begin_new(entry.time) as writer:
        writer.write(entry.head() + b"From: me@x.org\r\n\r\nbody\r\n")
        writer.commit()
        if age:
            locked = store.lock(writer.name)
            assert locked
            with locked:
                locked.mark(outcome_mark(entry.time, [0], Outcome("try_again", LATER)))


@pytest.mark.parametrize(
    ("statement", "given_up"), [("", False), ("queue_lifetime 3h", False), ("queue_lifetime 1h", True)]
)
def test_a_mail_is_given_up_after_its_lifetime(
    esmtp: Command, rc: Rc, server: SubmissionServer, statement: str, given_up: bool
) -> None:
    rc(section(server, statement))
    server.replies["RCPT joe@x.org"] = LATER
    put(esmtp, "joe@x.org", age=7200)
    assert esmtp("-q").code == 0
    assert [(mail.sender, mail.recipients) for mail in server.mails] == [("", ["me@x.org"])] * given_up
    assert len(queued(esmtp)) == (not given_up)


@pytest.mark.parametrize(("statement", "given_up"), [("queue_lifetime 3h", False), ("queue_lifetime 1h", True)])
def test_also_those_for_which_the_server_was_not_even_asked(
    esmtp: Command, rc: Rc, statement: str, given_up: bool
) -> None:
    rc(f"identity me@x.org\n{NOWHERE}{statement}\n")
    put(esmtp, "joe@x.org", age=7200)
    put(esmtp, "ann@x.org", age=7200)
    assert esmtp("-q").code == 0
    assert [file.name.endswith("-f0") for file in queued(esmtp)] == [given_up, given_up]


class Gathering(SubmissionServer):
    """Greets nobody before so many clients are here at once."""

    def __init__(self, clients: int) -> None:
        super().__init__(tls="none", mechanisms=())
        self._all_here = threading.Barrier(clients, timeout=PATIENCE)

    def serve(self, connection: socket.socket) -> None:
        self._all_here.wait()
        super().serve(connection)


@pytest.mark.parametrize(("statement", "sessions"), [("", 1), ("connections 3", 3), ("connections 20", 6)])
def test_as_many_connections_as_it_says_and_each_mail_once(
    esmtp: Command, rc: Rc, statement: str, sessions: int
) -> None:
    names = [f"r{number}@x.org" for number in range(6)]
    with Gathering(sessions) as server:
        rc(section(server, statement))
        for name in names:
            put(esmtp, name)
        assert esmtp("-q").code == 0
    assert sorted(mail.recipients[0] for mail in server.mails) == names
    assert len(server.sessions) == sessions
    assert server.violations == []
    assert queued(esmtp) == []
