"""LMTP into Dovecot: one reply for each recipient after the data (RFC 2033)."""

import pathlib
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.interop.mailserver import MailServer

WriteRc = Callable[[str], pathlib.Path]


@pytest.fixture
def lmtp(server: MailServer) -> MailServer:
    if not server.dovecot.lmtp:
        pytest.skip("not installed: dovecot-lmtpd")
    return server


def delivered(server: MailServer, user: str, subject: str) -> int:
    return sum(mail.get("Subject") == subject for mail in server.maildir(user).mails())


@pytest.mark.parametrize("where", ["lmtp:{0.lmtp_socket}", "lmtp:localhost:{0.lmtp}"])
def test_lmtp(where: str, lmtp: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(f'hostname "{where.format(lmtp.dovecot)}" starttls disabled\n')
    mail = f"Subject: {address}\n\nHello.\n".encode()
    done = esmtp("-f", "me@example.test", "alice@example.test", "bob@example.test", stdin=mail)
    assert (done.code, done.err) == (0, "")
    assert [delivered(lmtp, user, address) for user in ("alice", "bob")] == [1, 1]


def test_lmtp_unknown_recipient(lmtp: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(f'hostname "lmtp:{lmtp.dovecot.lmtp_socket}"\n')
    mail = f"Subject: {address}\n\nHello.\n".encode()
    done = esmtp("-f", "me@example.test", "ghost@example.test", "bob@example.test", stdin=mail)
    assert done.code == 69
    [line] = done.err.splitlines()
    assert "ghost@example.test" in line
    assert delivered(lmtp, "bob", address) == 1
