"""A mail goes through a real submission server: every mechanism, every kind of channel, every kind of address."""

import base64
import pathlib
from collections.abc import Callable

import pytest

from bench.relay import Relay
from tests.conftest import Command
from tests.interop.mailserver import PASSWORDS, MailServer

MAIL = b"From: Alice <alice@example.test>\nTo: you@example.test\nSubject: a mail\n\nHello.\n"
WriteRc = Callable[[str], pathlib.Path]


def send(esmtp: Command, address: str) -> None:
    done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("auth", ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "automatic"])
@pytest.mark.parametrize("listener", ["submission", "submissions"])
def test_every_mechanism_under_tls(
    listener: str, auth: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(listener=listener, auth=auth))
    send(esmtp, address)
    [mail] = server.mails(address)
    assert mail.login == "alice"
    assert "TLSv1.3" in mail.get("Received")
    assert mail.get("Subject") == "a mail"
    assert mail.body == b"Hello.\n"
    method = "SCRAM-SHA-256" if auth == "automatic" else auth.upper()
    server.postfix.wait_log(rf"sasl_method={method}, sasl_username=alice")


def test_the_only_mechanism_offered_is_used(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener="login"))
    send(esmtp, address)
    assert [mail.login for mail in server.mails(address)] == ["alice"]
    server.postfix.wait_log("sasl_method=LOGIN")


def test_cram_md5_without_tls_hides_the_password(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    with Relay(server.ports["clear"], keep=True) as relay:
        rc(server.rc(listener="clear", auth="cram-md5", hostname=f"localhost:{relay.port}"))
        send(esmtp, address)
        [trip] = relay.trips()
    assert [mail.login for mail in server.mails(address)] == ["alice"]
    server.postfix.wait_log("sasl_method=CRAM-MD5")
    password = PASSWORDS["alice"].encode()
    words = [base64.b64decode(word) for word in trip.sent.split() if len(word) % 4 == 0 and word.isalnum()]
    assert password not in trip.sent
    assert not any(password in word for word in words)


def test_disabled_sends_in_clear(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener="clear", auth="plain"))
    send(esmtp, address)
    assert [mail.login for mail in server.mails(address)] == ["alice"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_server_by_address_and_by_name(
    host: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    rc(server.rc(host=host))
    send(esmtp, address)
    assert len(server.mails(address)) == 1


def test_ipv6_literal(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    if not server.postfix.port6:
        pytest.skip("this machine has no ::1")
    rc(server.rc(hostname=f"[::1]:{server.postfix.port6}"))
    send(esmtp, address)
    assert [mail.login for mail in server.mails(address)] == ["alice"]
    server.postfix.wait_log(r"connect from \S+\[::1\]")


def test_unix_socket(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    path = str(esmtp.home / "smtp")
    with Relay(server.ports["open"], listen=path):
        rc(server.rc(user="", listener="open", hostname=path))
        send(esmtp, address)
    assert len(server.mails(address)) == 1


def test_postfix_sees_one_short_session(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc())
    send(esmtp, address)
    [did] = server.postfix.sessions()
    assert did == {
        "ehlo": "2", "starttls": "1", "auth": "1", "mail": "1", "rcpt": "1", "bdat": "1", "quit": "1", "commands": "8"
    }  # fmt: skip


@pytest.mark.parametrize("listener", ["data", "lockstep", "seven"])
def test_servers_that_offer_less(listener: str, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(server.rc(listener=listener))
    send(esmtp, address)
    [did] = server.postfix.sessions()
    assert did["data"] == "1"
    assert "bdat" not in did
    assert [mail.body for mail in server.mails(address)] == [b"Hello.\n"]


def test_hashed_certificate_directory(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    hashed = esmtp.home / "certs"
    hashed.mkdir()
    (hashed / "ours.pem").write_bytes(pathlib.Path(server.ca).read_bytes())
    assert esmtp.run("openssl", "rehash", str(hashed)).code == 0
    rc(server.rc(ca_file="", ca_dir=str(hashed)))
    send(esmtp, address)
    assert len(server.mails(address)) == 1
