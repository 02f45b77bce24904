"""No credential and no mail leaves on a channel that is not verified, and the message says which check failed."""

import base64
import pathlib
from collections.abc import Callable

import pytest

from bench.relay import Relay
from tests.conftest import Command
from tests.interop.mailserver import PASSWORDS, MailServer

MAIL = b"From: alice@example.test\nSubject: secret matters\n\nFor your eyes only.\n"
WriteRc = Callable[[str], pathlib.Path]


@pytest.mark.parametrize("starttls", ["required", "enabled", ""])
@pytest.mark.parametrize(
    ("listener", "ca", "why"),
    [
        ("submission", "stranger", "certificate"),
        ("expired", "ca", "expired"),
        ("elsewhere", "ca", "localhost"),
    ],
)
def test_bad_certificate(
    listener: str, ca: str, why: str, starttls: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    with Relay(server.ports[listener], keep=True) as relay:
        rc(server.rc(hostname=f"localhost:{relay.port}", ca_file=getattr(server, ca), starttls=starttls))
        done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
        [trip] = relay.trips()
    assert done.code == 77
    assert "certificate" in done.err
    assert why in done.err
    assert "Traceback" not in done.err
    [did] = server.postfix.sessions()
    assert "auth" not in did
    assert "mail" not in did
    assert b"eyes" not in trip.sent
    assert server.mails(address) == []


def test_bad_certificate_with_tls_from_the_first_byte(
    server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(listener="submissions", ca_file=server.stranger))
    done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 77
    assert "certificate" in done.err
    assert server.mails(address) == []


def test_no_system_trust_for_our_ca(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(ca_file=""))
    done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 77
    assert server.mails(address) == []


def test_required_is_not_downgraded(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener="clear", starttls="required"))
    done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 77
    assert "STARTTLS" in done.err
    [did] = server.postfix.sessions()
    assert "auth" not in did
    assert "mail" not in did


@pytest.mark.parametrize("listener", ["submission", "clear"])
@pytest.mark.parametrize("auth", ["plain", "login", "cram-md5"])
def test_wrong_password(
    auth: str, listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    wrong = "not the pa$$word"
    rc(server.rc(listener=listener, auth=auth, password=wrong))
    trace = esmtp.home / "trace"
    done = esmtp("-v", "-X", str(trace), "-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 77
    assert "535" in done.err
    [did] = server.postfix.sessions()
    assert did["auth"] == "0/1"
    assert "mail" not in did
    said = done.out + done.err + trace.read_text()
    for secret in (wrong, PASSWORDS["alice"]):
        assert secret not in said
        for form in (secret, f"\0alice\0{secret}"):
            assert base64.b64encode(form.encode()).decode() not in said


@pytest.mark.parametrize("auth", ["plain", "scram-sha-256"])
def test_no_password_in_a_successful_trace(
    auth: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(auth=auth))
    trace = esmtp.home / "trace"
    done = esmtp("-v", "-X", str(trace), "-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 0
    said = done.out + done.err + trace.read_text()
    assert f"C: AUTH {auth.upper()} *" in trace.read_text()
    assert PASSWORDS["alice"] not in said
    assert base64.b64encode(b"\0alice\0" + PASSWORDS["alice"].encode()).decode() not in said
    assert "eyes" not in trace.read_text()
