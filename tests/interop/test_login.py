"""Dovecot's mechanisms, over STARTTLS and implicit TLS, with what is right and what is wrong."""

import pathlib
import time
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.interop.mailboxes import ODD, TOKEN_KEY
from tests.interop.mailserver import PASSWORDS, MailServer, quote
from tests.server.oauth import OAuthServer

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"From: Alice <alice@example.test>\nTo: you@example.test\nSubject: a mail\n\nHello.\n"
WITH_PASSWORD = ("plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256")
WITH_TOKEN = ("xoauth2", "oauthbearer")


class Sender:
    """Sends one mail as alice, over a listener, with some rc."""

    def __init__(self, server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
        self.server = server
        self.esmtp = esmtp
        self.rc = rc
        self.address = address

    def send(self, listener: str, auth: str, secret: str, user: str = "alice") -> tuple[int, str]:
        statements = self.server.rc(user="", listener=listener, auth=auth, username=user)
        self.rc(statements + f"password {quote(secret)}\n")
        done = self.esmtp("-f", "alice@example.test", self.address, stdin=MAIL)
        return done.code, done.err

    def arrived(self) -> list[str]:
        return [mail.login for mail in self.server.mails(self.address)]


@pytest.fixture
def sender(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> Sender:
    return Sender(server, esmtp, rc, address)


@pytest.mark.parametrize("listener", ["submission", "submissions", "clear"])
@pytest.mark.parametrize("auth", WITH_PASSWORD)
def test_right_password(auth: str, listener: str, sender: Sender) -> None:
    assert sender.send(listener, auth, PASSWORDS["alice"]) == (0, "")
    assert sender.arrived() == ["alice"]
    sender.server.postfix.wait_log(f"sasl_method={auth.upper()}, sasl_username=alice")


@pytest.mark.parametrize("listener", ["submission", "submissions"])
@pytest.mark.parametrize(("user", "password"), [("alice", "not hers"), ("mallory", "whatever")])
@pytest.mark.parametrize("auth", [*WITH_PASSWORD, "automatic"])
def test_wrong_password(auth: str, user: str, password: str, listener: str, sender: Sender) -> None:
    code, shown = sender.send(listener, auth, password, user)
    assert code == 77
    assert "said in reply to AUTH: 535 5.7.8" in shown
    assert "check username and password in the rc" in shown
    assert password not in shown
    assert sender.arrived() == []
    # SCRAM's refusal comes before a proof when nobody has that name: PLAIN is asked, too, and that is all.
    tries = 2 if (auth, user) == ("automatic", "mallory") else 1
    [did] = sender.server.postfix.sessions()
    assert did["auth"] == f"0/{tries}"


@pytest.mark.parametrize("listener", ["submission", "submissions"])
@pytest.mark.parametrize("auth", WITH_TOKEN)
def test_right_token(auth: str, listener: str, sender: Sender) -> None:
    assert sender.send(listener, auth, token("alice")) == (0, "")
    assert sender.arrived() == ["alice"]
    sender.server.postfix.wait_log(f"sasl_method={auth.upper()}, sasl_username=alice")


@pytest.mark.parametrize("bad", ["x", "expired", "forged", "bob's"])
@pytest.mark.parametrize("auth", WITH_TOKEN)
def test_wrong_token(auth: str, bad: str, sender: Sender) -> None:
    tokens = {"x": "x", "expired": token("alice", -60), "forged": token("alice", key=b"another"), "bob's": token("bob")}
    code, shown = sender.send("submission", auth, tokens[bad])
    assert code == 77
    assert "AUTH: 535 5.7.8" in shown
    assert tokens[bad] not in shown or bad == "x"
    assert sender.arrived() == []


@pytest.mark.parametrize("auth", ["plain", "scram-sha-256"])
@pytest.mark.parametrize("user", ["spaced", "umlaut", "escaped", "long"])
def test_odd_passwords(user: str, auth: str, sender: Sender) -> None:
    assert sender.send("submission", auth, ODD[user], user) == (0, "")
    assert sender.arrived() == [user]


def test_a_secret_that_is_no_use_for_scram(sender: Sender) -> None:
    """Dovecot offers SCRAM to everybody, and keeps the password of some as a hash of another kind."""
    assert sender.send("submission", "automatic", "secret", "hashed") == (0, "")
    code, shown = sender.send("submission", "scram-sha-256", "secret", "hashed")
    assert sender.arrived() == ["hashed"]
    sender.server.postfix.wait_log("sasl_method=PLAIN, sasl_username=hashed")
    assert (code, "535 5.7.8" in shown) == (77, True)


@pytest.mark.parametrize("trace", ["", "username sirhc\n"])
def test_nobody(trace: str, sender: Sender) -> None:
    sender.rc(sender.server.rc(user="", listener="anybody", auth="anonymous") + trace)
    done = sender.esmtp("-f", "alice@example.test", sender.address, stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert sender.arrived() == ["nobody"]
    sender.server.postfix.wait_log("sasl_method=ANONYMOUS")


def test_nobody_where_somebody_is_wanted(sender: Sender) -> None:
    sender.rc(sender.server.rc(user="", listener="submission", auth="anonymous"))
    done = sender.esmtp("-f", "alice@example.test", sender.address, stdin=MAIL)
    assert done.code == 77
    assert "does not offer ANONYMOUS" in done.err


def test_what_dovecot_does_not_offer(sender: Sender) -> None:
    code, shown = sender.send("submission", "scram-sha-256-plus", PASSWORDS["alice"])
    assert code == 77
    assert "does not offer SCRAM-SHA-256-PLUS; it offers PLAIN LOGIN" in shown


def token(user: str, seconds: int = 300, key: bytes = TOKEN_KEY) -> str:
    """As a provider signs it that Dovecot believes, unless the key is another one."""
    with OAuthServer(key=key) as provider:
        return provider.access_token(sub=user, exp=int(time.time()) + seconds)
