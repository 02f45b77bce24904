"""REQUIRETLS (RFC 8689), from the command line and the rc, now and from the queue."""

import pathlib
from collections.abc import Callable

import pytest

from tests.conftest import Command, Done
from tests.server import SubmissionServer

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"From: me@example.test\nTo: you@example.test\nSubject: matters\n\nfor your eyes only\n"
FLAG = ("-O", "RequireTLS")


def rc_for(server: SubmissionServer, more: str = "") -> str:
    return f"hostname localhost:{server.port}\nca_file {server.authority.file}\n{more}"


def offering(*extensions: str) -> SubmissionServer:
    server = SubmissionServer(mechanisms=())
    server.extensions += extensions
    return server


def send(esmtp: Command, *flags: str) -> Done:
    return esmtp(*flags, "-f", "me@example.test", "you@example.test", stdin=MAIL)


@pytest.mark.parametrize("flags", [FLAG, ("-ORequireTLS=true",), ("-O", "requiretls=yes")])
def test_the_flag(flags: tuple[str, ...], esmtp: Command, rc: WriteRc) -> None:
    with offering("REQUIRETLS") as server:
        rc(rc_for(server))
        assert send(esmtp, *flags).code == 0
        assert send(esmtp, "-O", "RequireTLS=no").code == 0
    assert ["REQUIRETLS" in mail.parameters for mail in server.mails] == [True, False]
    assert server.violations == []


def test_the_statement(esmtp: Command, rc: WriteRc) -> None:
    with offering("REQUIRETLS") as server:
        rc(rc_for(server, "tls_required_ext enabled\n"))
        assert send(esmtp).code == 0
    assert "REQUIRETLS" in server.mails[0].parameters


@pytest.mark.parametrize(("flags", "more"), [(FLAG, ""), ((), "tls_required_ext enabled\n")])
def test_not_offered(flags: tuple[str, ...], more: str, esmtp: Command, rc: WriteRc) -> None:
    with offering() as server:
        rc(rc_for(server, more))
        done = send(esmtp, *flags)
    assert done.code == 77
    assert "localhost does not offer REQUIRETLS" in done.err
    assert not [line for who, line in server.dialogue if who == "C" and line.startswith((b"MAIL", b"RCPT"))]


def queued(esmtp: Command, *flags: str) -> str:
    """Queues a mail, runs the queue, returns what is left in it."""
    assert send(esmtp, "-odq", *flags).code == 0
    esmtp("-q")
    return esmtp("-bp").out


@pytest.mark.parametrize(("flags", "more"), [(FLAG, ""), ((), "tls_required_ext enabled\n")])
def test_from_the_queue(flags: tuple[str, ...], more: str, esmtp: Command, rc: WriteRc) -> None:
    with offering("REQUIRETLS") as server:
        rc(rc_for(server, more))
        assert "empty" in queued(esmtp, *flags)
    assert "REQUIRETLS" in server.mails[0].parameters


@pytest.mark.parametrize(("flags", "more"), [(FLAG, ""), ((), "tls_required_ext enabled\n")])
def test_a_queued_mail_is_returned_without_its_text(
    flags: tuple[str, ...], more: str, esmtp: Command, rc: WriteRc
) -> None:
    with offering() as server:
        rc(rc_for(server, more))
        assert "empty" in queued(esmtp, "-R", "full", *flags)
    [report] = server.mails
    assert (report.sender, report.recipients) == ("", ["me@example.test"])
    assert "REQUIRETLS" not in report.parameters
    assert b"Status: 5.7.30" in report.data
    assert b"Subject: matters" in report.data
    assert b"for your eyes only" not in report.data


def test_a_report_asks_for_it_too(esmtp: Command, rc: WriteRc) -> None:
    with offering("REQUIRETLS") as server:
        server.replies["RCPT you@example.test"] = "550 5.1.1 no such user"
        rc(rc_for(server))
        assert "empty" in queued(esmtp, *FLAG)
    [report] = server.mails
    assert report.sender == ""
    assert "REQUIRETLS" in report.parameters


def test_errors_by_mail(esmtp: Command, rc: WriteRc) -> None:
    with offering() as server:
        rc(rc_for(server))
        done = send(esmtp, "-oem", *FLAG)
    assert done.code == 77
    [report] = server.mails
    assert b"for your eyes only" not in report.data


def test_from_the_wrapper(esmtp: Command, rc: WriteRc) -> None:
    """It stores the words of the call, which are read when the mail leaves."""
    wrapper = pathlib.Path(__file__).parents[2] / "scripts" / "esmtp-wrapper"
    link = esmtp.home / "sendmail"
    link.symlink_to(wrapper)
    with offering("REQUIRETLS") as server:
        rc(rc_for(server))
        done = esmtp.run(str(link), *FLAG, "-odq", "-f", "me@example.test", "you@example.test", stdin=MAIL,
                         ESMTP=str(esmtp.program))  # fmt: skip
        assert (done.code, done.err) == (0, "")
        esmtp("-q")
        server.wait(1)
    assert "REQUIRETLS" in server.mails[0].parameters
