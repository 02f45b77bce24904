"""Logging in without a password: by certificate and by Kerberos ticket, at Dovecot's own submission server."""

import pathlib
import re
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Command
from tests.interop import dovecot_submission, kerberos
from tests.interop.dovecot_submission import DovecotSubmission
from tests.interop.kerberos import Kerberos
from tests.interop.postfix import wait_until
from tests.server import SubmissionServer

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"From: me@example.org\nSubject: a mail\n\nHello.\n"


class Place:
    """Dovecot with what is behind it; realm is None where there is no Kerberos."""

    def __init__(self, dovecot: DovecotSubmission, behind: SubmissionServer, realm: Kerberos | None) -> None:
        self.dovecot = dovecot
        self.behind = behind
        self.realm = realm

    def send(self, esmtp: Command, rc: WriteRc, tls: str, statements: str) -> tuple[int, str, int]:
        """Exit code, standard error, and how many mails came through."""
        rc(self.dovecot.rc(tls, statements))
        before = len(self.behind.mails)
        done = esmtp("-f", "me@example.org", "you@example.org", stdin=MAIL)
        # A process of its own writes the log.
        wait_until(lambda: len(self.logins()) >= len(self.behind.mails), "the login in Dovecot's log")
        return done.code, done.err, len(self.behind.mails) - before

    def logins(self) -> list[str]:
        """How those got in whose mails came through, one for each mail."""
        return re.findall(r" Login: (user=<\w+>, method=\w+),", self.dovecot.log())


@pytest.fixture(scope="module")
def by_certificate() -> Iterator[Place]:
    if why := dovecot_submission.missing():
        pytest.skip(why)
    with SubmissionServer(tls="none", mechanisms=()) as behind, DovecotSubmission(behind.port) as dovecot:
        yield Place(dovecot, behind, None)


@pytest.fixture(scope="module")
def by_ticket() -> Iterator[Place]:
    if why := dovecot_submission.missing() or kerberos.missing():
        pytest.skip(why)
    with (
        Kerberos() as realm,
        SubmissionServer(tls="none", mechanisms=()) as behind,
        DovecotSubmission(behind.port, realm.keytab, realm.config) as dovecot,
    ):
        yield Place(dovecot, behind, realm)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("statements", ["auth external", "auth external username alice", "username alice"])
def test_certificate(statements: str, tls: str, by_certificate: Place, esmtp: Command, rc: WriteRc) -> None:
    ours = by_certificate.dovecot.authority.issue("alice@example.org", common_name="alice")
    statements = f'certificate "{ours.pem}" {statements}\n'
    assert by_certificate.send(esmtp, rc, tls, statements) == (0, "", 1)
    assert by_certificate.logins()[-1] == "user=<alice>, method=EXTERNAL"


def test_a_certificate_for_somebody_else(by_certificate: Place, esmtp: Command, rc: WriteRc) -> None:
    ours = by_certificate.dovecot.authority.issue("alice@example.org", common_name="alice")
    statements = f'certificate "{ours.pem}" auth external username bob\n'
    code, shown, came = by_certificate.send(esmtp, rc, "starttls", statements)
    assert (code, came) == (77, 0)
    assert "535 5.7.8" in shown
    assert "check certificate in the rc" in shown


def test_the_password_still_works(by_certificate: Place, esmtp: Command, rc: WriteRc) -> None:
    assert by_certificate.send(esmtp, rc, "starttls", "username alice password secret\n") == (0, "", 1)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("username", ["", "username alice"])
def test_ticket(username: str, tls: str, by_ticket: Place, esmtp: Command, rc: WriteRc) -> None:
    assert by_ticket.realm
    esmtp.environ |= by_ticket.realm.ticket(str(esmtp.home / "ticket"))
    assert by_ticket.send(esmtp, rc, tls, f"auth gssapi {username}\n") == (0, "", 1)
    assert by_ticket.logins()[-1] == "user=<alice>, method=GSSAPI"


def test_a_ticket_for_somebody_else(by_ticket: Place, esmtp: Command, rc: WriteRc) -> None:
    assert by_ticket.realm
    esmtp.environ |= by_ticket.realm.ticket(str(esmtp.home / "ticket"))
    code, shown, came = by_ticket.send(esmtp, rc, "starttls", "auth gssapi username bob\n")
    assert (code, came) == (77, 0)
    assert "535 5.7.8" in shown
    assert "check your ticket with klist" in shown


def test_no_ticket(by_ticket: Place, esmtp: Command, rc: WriteRc) -> None:
    assert by_ticket.realm
    esmtp.environ |= {"KRB5_CONFIG": by_ticket.realm.config, "KRB5CCNAME": f"FILE:{esmtp.home}/none"}
    code, shown, came = by_ticket.send(esmtp, rc, "starttls", "auth gssapi\n")
    assert (code, came) == (77, 0)
    assert "GSSAPI cannot begin" in shown
    assert "run kinit" in shown


def test_no_ticket_for_this_server(by_ticket: Place, esmtp: Command, rc: WriteRc) -> None:
    """The KDC knows no such service."""
    assert by_ticket.realm
    esmtp.environ |= by_ticket.realm.ticket(str(esmtp.home / "ticket"))
    statements = f"hostname 127.0.0.1:{by_ticket.dovecot.ports['starttls']} auth gssapi\n"
    code, shown, came = by_ticket.send(esmtp, rc, "starttls", statements)
    assert (code, came) == (77, 0)
    assert "run kinit" in shown
