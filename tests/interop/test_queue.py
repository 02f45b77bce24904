"""The queue beside a real server: Postfix is away and comes back, cron hands over a mail, a bounce comes home."""

import email
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from email.message import Message

import pytest

from tests.conftest import Command, Done
from tests.interop.maildir import Mail
from tests.interop.mailserver import MailServer
from tests.interop.postfix import wait_until
from tests.interop.programs import needs

WriteRc = Callable[[str], pathlib.Path]
WRAPPER = pathlib.Path(__file__).resolve().parents[2] / "scripts/esmtp-wrapper"
SHELLS = {"dash": ("dash",), "busybox": ("busybox", "sh")}
PF_KTHREAD = 0x00200000  # linux/sched.h
ALL = "-qI-"  # whatever their back-off says: every id has a dash


class Wrapper:
    """scripts/esmtp-wrapper by links, in a directory where it finds the installed esmtp; under any shell."""

    def __init__(self, esmtp: Command) -> None:
        self.esmtp = esmtp
        self.directory = esmtp.home / "links"
        self.directory.mkdir()
        (self.directory / "esmtp").symlink_to(esmtp.program)

    def named(self, name: str) -> str:
        link = self.directory / name
        if not link.is_symlink():
            link.symlink_to(WRAPPER)
        return str(link)

    def __call__(self, name: str, *args: str, stdin: bytes = b"", shell: str = "dash") -> Done:
        return self.esmtp.run(*SHELLS[shell], self.named(name), *args, stdin=stdin)

    def quiet(self) -> None:
        """Returns when no run goes on in the background.  Each has the HOME of the call that started it."""
        home = b"HOME=" + os.fsencode(self.esmtp.home)

        def nobody() -> bool:  # the second look finds the child of one that ended during the first
            return not any(home in environ for _ in range(2) for environ in environments())

        wait_until(nobody, "runs in the background")


def environments() -> Iterator[list[bytes]]:
    """Those of all processes of this machine."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            while begins(process):
                time.sleep(0.001)
            yield (process / "environ").read_bytes().split(b"\0")
        except OSError:  # it has just ended
            pass


def begins(process: pathlib.Path) -> bool:
    """Whether it is in the middle of exec: it has neither words nor an environment yet.

    A thread of the kernel and a dead process have none at all; a server may have thrown away its environment only.
    """
    state, *numbers = (process / "stat").read_text().rpartition(")")[2].split()
    if state in "ZX" or int(numbers[5]) & PF_KTHREAD:
        return False
    return not (process / "environ").read_bytes() and not (process / "cmdline").read_bytes()


@pytest.fixture
def wrapper(esmtp: Command) -> Iterator[Wrapper]:
    wrapper = Wrapper(esmtp)
    yield wrapper
    wrapper.quiet()


@pytest.fixture
def away(server: MailServer) -> Iterator[Callable[[], None]]:
    """Postfix is stopped until this is called, or the test is over."""
    stopped = [True]

    def back() -> None:
        if stopped:
            server.postfix.start()
            stopped.clear()

    server.postfix.stop()
    yield back
    back()


def mail(subject: str) -> bytes:
    return f"From: Alice <alice@example.test>\nSubject: {subject}\n\nFrom the queue.\n".encode()


def waiting(esmtp: Command) -> dict[str, int]:
    """Each recipient in the queue, and how often its mail has been tried."""
    listed = [json.loads(line) for line in esmtp("--json").out.splitlines()]
    return {recipient["address"]: entry["attempts"] for entry in listed for recipient in entry["recipients"]}


# -- Postfix stopped and started again --------------------------------------------------------------


@needs("dash", "busybox")
def test_a_server_that_is_away_and_comes_back(
    away: Callable[[], None], server: MailServer, esmtp: Command, wrapper: Wrapper, rc: WriteRc, address: str
) -> None:
    rc(server.rc())
    wanted = [f"{how}-{address}" for how in ("odq", "odb", "dash", "busybox", "dash-odq")]
    done = [
        esmtp("-odq", wanted[0], stdin=mail("x")),
        esmtp("-odb", wanted[1], stdin=mail("x")),
        wrapper("sendmail", "-i", wanted[2], stdin=mail("x"), shell="dash"),
        wrapper("sendmail", "-i", wanted[3], stdin=mail("x"), shell="busybox"),
        wrapper("sendmail", "-odq", "-i", wanted[4], stdin=mail("x"), shell="dash"),
    ]
    assert [(one.code, one.out, one.err) for one in done] == [(0, "", "")] * len(wanted)
    wrapper.quiet()

    run = esmtp("-q")
    assert (run.code, run.out) == (0, "")
    assert sorted(waiting(esmtp)) == sorted(wanted)
    listed = esmtp.run(str(esmtp.named("mailq"))).out
    assert [wrapper("mailq", shell=shell).out for shell in SHELLS] == [listed] * 2
    assert "Connection refused" in listed
    assert f"Kbytes in {len(wanted)} Requests." in listed
    assert all(one in listed for one in wanted)

    away()
    server.postfix.mark()
    delivered = wrapper("deliver", ALL)
    assert (delivered.code, delivered.out, delivered.err) == (0, "", "")
    assert [len(server.mails(one)) for one in wanted] == [1] * len(wanted)
    [session] = server.postfix.sessions()
    assert (session["auth"], session["mail"]) == ("1", str(len(wanted)))
    assert esmtp("-bp").out == "Mail queue is empty\n"


def test_a_run_defers_while_nobody_listens(
    away: Callable[[], None], server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    """Every mail is tried by the first run, and by no other one before its time."""
    rc(server.rc())
    for number in range(3):
        assert esmtp("-odq", f"{number}-{address}", stdin=mail("x")).code == 0
    assert set(waiting(esmtp).values()) == {0}
    for _ in range(2):
        run = esmtp("-q")
        assert (run.code, run.out) == (0, "")
    attempts = waiting(esmtp)
    assert len(attempts) == 3
    assert max(attempts.values()) == 1
    away()
    server.postfix.mark()
    assert esmtp.run(str(esmtp.named("deliver")), ALL).err == ""
    assert [len(server.mails(one)) for one in attempts] == [1] * 3
    [session] = server.postfix.sessions()
    assert (session["auth"], session["mail"]) == ("1", "3")


# -- cron ---------------------------------------------------------------------------------------------


@needs("dash", "busybox")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "call",
    [
        "-i -FCronDaemon -B8BITMIME -oem root",
        "-FCronDaemon -i -B8BITMIME -oem  root",  # Debian's order
        "-FCronDaemon -odi -oem -oi -t",
    ],
)
def test_cron_with_the_wrapper_as_sendmail(
    call: str, shell: str, server: MailServer, esmtp: Command, wrapper: Wrapper, rc: WriteRc, address: str
) -> None:
    rc(server.rc(qualifydomain="example.test", sender="alice@example.test"))
    text = f"From: root (Cron Daemon)\nTo: root\nSubject: Cron {address}\n\na job's output\n"
    words = " ".join((*SHELLS[shell], wrapper.named("sendmail"), call))
    done = esmtp.run("/bin/sh", "-c", words, stdin=text.encode())
    assert (done.code, done.out, done.err) == (0, "", "")
    wrapper.quiet()
    server.postfix.settle()
    [arrived] = [m for m in server.maildir("inbox").mails() if address in m.get("Subject")]
    assert (arrived.to, arrived.login) == ("root@example.test", "alice")
    assert arrived.body == b"a job's output\n"
    assert arrived.get("From") == "root (Cron Daemon)"
    assert esmtp("-bp").out == "Mail queue is empty\n"


def test_crons_environment(server: MailServer, esmtp: Command, wrapper: Wrapper, rc: WriteRc, address: str) -> None:
    """The line of the README: deliver, with what cron leaves of an environment, and not a word to mail."""
    rc(server.rc())
    cron = ("/usr/bin/env", "-i", f"HOME={esmtp.home}", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "LOGNAME=root")
    queued = esmtp.run(*cron, wrapper.named("sendmail"), "-odq", address, stdin=mail("x"))
    assert (queued.code, queued.err) == (0, "")
    assert waiting(esmtp) == {address: 0}
    for deliver in (wrapper.named("deliver"), str(esmtp.named("deliver"))):  # the second one with an empty queue
        done = esmtp.run(*cron, "/bin/sh", "-c", deliver)
        assert (done.code, done.out, done.err) == (0, "", "")
    assert len(server.mails(address)) == 1


# -- a bounce -----------------------------------------------------------------------------------------


def report_for(server: MailServer, subject: str) -> "tuple[Mail, Message]":
    """The bounce in alice's mailbox that has a mail with that subject in it, as a file and parsed."""
    server.postfix.settle()
    [found] = [m for m in server.maildir("alice").mails() if f"Subject: {subject}".encode() in m.body]
    return found, email.message_from_bytes(found.data)


@pytest.mark.parametrize("ret", ["hdrs", "full"])
@pytest.mark.parametrize("way", ["esmtp", "wrapper"])
def test_a_bounce_comes_home(
    ret: str, way: str, server: MailServer, esmtp: Command, wrapper: Wrapper, rc: WriteRc, address: str
) -> None:
    rc(server.rc())
    ghost = f"ghost-{address}"
    call = ("-odq", "-R", ret, "-f", "alice@example.test", ghost, address)
    queued = esmtp(*call, stdin=mail(address)) if way == "esmtp" else wrapper("sendmail", *call, stdin=mail(address))
    assert (queued.code, queued.err) == (0, "")
    assert esmtp("-q").code == 0
    assert esmtp("-bp").out == "Mail queue is empty\n"

    assert len(server.mails(address)) == 1
    arrived, report = report_for(server, address)
    assert arrived.get("Return-Path") == "<>"
    assert (arrived.to, arrived.login) == ("alice@example.test", "alice")
    assert (report.get_content_type(), report.get_param("report-type")) == ("multipart/report", "delivery-status")
    assert [part.get_content_type() for part in inside(report)[:2]] == ["text/plain", "message/delivery-status"]
    words, status, original = inside(report)
    text = words.get_payload()
    assert isinstance(text, str)
    assert ghost in text
    assert "User unknown" in text
    _, failure = inside(status)  # of the mail, of its one recipient
    assert failure["Final-Recipient"] == f"rfc822; {ghost}"
    assert (failure["Action"], failure["Status"]) == ("failed", "5.1.1")
    assert failure["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
    kind = {"hdrs": "text/rfc822-headers", "full": "message/rfc822"}[ret]
    assert original.get_content_type() == kind
    assert (b"From the queue." in arrived.body) == (ret == "full")


def inside(whole: Message) -> "list[Message]":
    """The parts of a multipart, or the groups of fields of a delivery status."""
    payload = whole.get_payload()
    assert isinstance(payload, list)
    return [part for part in payload if isinstance(part, Message)]
