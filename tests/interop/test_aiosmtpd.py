"""aiosmtpd, a server by other people in another style: STARTTLS, AUTH LOGIN and PLAIN, LMTP; needs no root."""

import pathlib
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.conftest import Command
from tests.ports import free_port
from tests.server.authority import Authority

WriteRc = Callable[[str], pathlib.Path]
PASSWORD = "pä$$ word"
MAIL = b"From: me@example.test\nTo: you@example.test\nSubject: to aiosmtpd\n\n.dot\nHello.\n"


class Kept:
    """aiosmtpd's handler: keeps every mail, and refuses recipients that begin with "ghost"."""

    def __init__(self) -> None:
        self.mails: list[tuple[Session, Envelope]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("ghost"):
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.mails.append((session, envelope))
        return "250 2.0.0 thank you"


class Peer:
    """A running aiosmtpd.  mails: what it has taken, each with its session."""

    def __init__(self, controller: Controller, handler: Kept) -> None:
        self.port = controller.port
        self.mails = handler.mails


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", PASSWORD.encode())
    return AuthResult(success=known, handled=known, auth_data=mechanism)


class LmtpController(Controller):
    def factory(self) -> SMTP:
        return LMTP(self.handler, **self.SMTP_kwargs)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def start() -> Iterator[Callable[..., Peer]]:
    """Starts one with these options of aiosmtpd's SMTP class."""
    running: list[Controller] = []

    def begin(kind: type[Controller] = Controller, **options: Any) -> Peer:
        handler = Kept()
        controller = kind(handler, hostname="127.0.0.1", port=free_port(), ready_timeout=60.0, **options)
        controller.start()
        running.append(controller)
        return Peer(controller, handler)

    yield begin
    for controller in running:
        controller.stop()


def context(authority: Authority) -> ssl.SSLContext:
    return authority.issue().server_context()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_starttls_and_auth(
    mechanism: str, start: Callable[..., Peer], authority: Authority, esmtp: Command, rc: WriteRc
) -> None:
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    peer = start(
        tls_context=context(authority),
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
        auth_exclude_mechanism=[other],
    )
    rc(
        f'hostname localhost:{peer.port} username me password "{PASSWORD}"\n'
        f'starttls required ca_file "{authority.file}"\n'
    )
    done = esmtp("-f", "me@example.test", "you@example.test", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    [(session, envelope)] = peer.mails
    assert session.auth_data == mechanism
    assert session.ssl is not None
    assert (envelope.mail_from, envelope.rcpt_tos) == ("me@example.test", ["you@example.test"])
    assert envelope.content.endswith(b"\r\n\r\n.dot\r\nHello.\r\n")


def test_wrong_password(start: Callable[..., Peer], authority: Authority, esmtp: Command, rc: WriteRc) -> None:
    peer = start(tls_context=context(authority), authenticator=authenticate, auth_required=True)
    rc(f'hostname localhost:{peer.port} username me password "not it"\nstarttls required ca_file "{authority.file}"\n')
    done = esmtp("-f", "me@example.test", "you@example.test", stdin=MAIL)
    assert done.code == 77
    assert "535" in done.err
    assert "not it" not in done.err
    assert peer.mails == []


def test_tls_from_the_first_byte(start: Callable[..., Peer], authority: Authority, esmtp: Command, rc: WriteRc) -> None:
    peer = start(ssl_context=context(authority))
    rc(f'hostname localhost:{peer.port} starttls implicit ca_file "{authority.file}"\n')
    done = esmtp("-f", "me@example.test", "you@example.test", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert len(peer.mails) == 1


def test_some_refused(start: Callable[..., Peer], esmtp: Command, rc: WriteRc) -> None:
    peer = start()
    rc(f"hostname localhost:{peer.port} starttls disabled\n")
    done = esmtp("-f", "me@example.test", "a@example.test", "ghost@example.test", "b@example.test", stdin=MAIL)
    assert done.code == 69
    assert "ghost@example.test" in done.err
    assert "nobody of that name" in done.err
    [(_, envelope)] = peer.mails
    assert envelope.rcpt_tos == ["a@example.test", "b@example.test"]


def test_too_big(start: Callable[..., Peer], esmtp: Command, rc: WriteRc) -> None:
    peer = start(data_size_limit=1000)
    rc(f"hostname localhost:{peer.port} starttls disabled\n")
    done = esmtp("-f", "me@example.test", "you@example.test", stdin=MAIL + b"0123456789\n" * 200)
    assert done.code == 65
    assert peer.mails == []


def test_smtputf8(start: Callable[..., Peer], esmtp: Command, rc: WriteRc) -> None:
    peer = start(enable_SMTPUTF8=True)
    rc(f"hostname localhost:{peer.port} starttls disabled\n")
    done = esmtp("-f", "me@example.test", "jörg@exämple.test", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    [(_, envelope)] = peer.mails
    assert envelope.rcpt_tos == ["jörg@exämple.test"]
    assert envelope.smtp_utf8


def test_lmtp(start: Callable[..., Peer], esmtp: Command, rc: WriteRc) -> None:
    peer = start(LmtpController)
    rc(f'hostname "lmtp:localhost:{peer.port}" starttls disabled\n')
    done = esmtp("-f", "me@example.test", "you@example.test", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    [(session, _)] = peer.mails
    assert session.extended_smtp
