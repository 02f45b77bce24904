"""OAuth2 all the way: a provider gives signed tokens, Dovecot validates them, Postfix lets the mail in or does not."""

import pathlib
import time
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Command, Done
from tests.interop.mailboxes import TOKEN_KEY
from tests.interop.mailserver import MailServer
from tests.interop.postfix import wait_until
from tests.server.oauth import OAuthServer

MAIL = b"From: Alice <alice@example.test>\nTo: you@example.test\nSubject: a mail\n\nHello.\n"
MECHANISMS = ["xoauth2", "oauthbearer"]
WriteRc = Callable[[str], pathlib.Path]


@pytest.fixture
def provider(server: MailServer) -> Iterator[OAuthServer]:
    """Over TLS, with a certificate of the authority that also vouches for the mail server, and rotating."""
    with OAuthServer(certificate=server.authority.issue(), key=TOKEN_KEY, rotating=True) as running:
        yield running
    assert running.violations == []


@pytest.fixture
def token_file(esmtp: Command, provider: OAuthServer) -> pathlib.Path:
    """As --authorize leaves it."""
    path = esmtp.home / "token"
    path.touch(0o600)
    path.write_text(provider.refresh_token() + "\n")
    return path


@pytest.fixture
def oauth2(
    server: MailServer, provider: OAuthServer, rc: WriteRc, token_file: pathlib.Path
) -> Callable[..., pathlib.Path]:
    """Writes the rc."""

    def write(listener: str = "submission", **more: str) -> pathlib.Path:
        return rc(server.rc(listener=listener, password="", **more) + provider.rc() + f"token_file {token_file}\n")

    return write


def send(esmtp: Command, address: str) -> Done:
    return esmtp("-f", "alice@example.test", address, stdin=MAIL)


def spoil(esmtp: Command, token: str, until: float = 0) -> None:
    """What is cached becomes this token, fetched some minutes ago."""
    [file] = (esmtp.home / ".esmtp_tokens").glob("*.token")
    of, _, end, _, _ = file.read_text().split("\n")
    file.write_text(f"{of}\n{time.time() - 300}\n{until or end}\n{token}\n")


@pytest.mark.parametrize("auth", [*MECHANISMS, "automatic"])
@pytest.mark.parametrize("listener", ["submission", "submissions"])
def test_a_good_token(
    listener: str,
    auth: str,
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    esmtp: Command,
    address: str,
) -> None:
    oauth2(listener, auth=auth)
    for _ in range(2):
        done = send(esmtp, address)
        assert (done.code, done.out, done.err) == (0, "", "")
    assert [mail.login for mail in server.mails(address)] == ["alice"] * 2
    method = "(XOAUTH2|OAUTHBEARER)" if auth == "automatic" else auth.upper()
    server.postfix.wait_log(rf"sasl_method={method}, sasl_username=alice")
    assert len(provider.requests) == 1


@pytest.mark.parametrize("auth", MECHANISMS)
def test_a_token_too_long_for_a_command_line(
    auth: str,
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    esmtp: Command,
    address: str,
) -> None:
    provider.pad = 6000
    oauth2(auth=auth)
    done = send(esmtp, address)
    assert (done.code, done.err) == (0, "")
    assert len(provider.granted[0]) > 8000
    assert [mail.login for mail in server.mails(address)] == ["alice"]


@pytest.mark.parametrize("auth", MECHANISMS)
def test_an_expired_token_is_renewed_before_it_is_shown(
    auth: str,
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    esmtp: Command,
    address: str,
) -> None:
    oauth2(auth=auth)
    assert send(esmtp, address).code == 0
    spoil(esmtp, provider.access_token(exp=int(time.time()) - 100), until=time.time() - 160)
    server.postfix.settle()
    server.postfix.mark()
    assert (send(esmtp, address).code, len(provider.requests)) == (0, 2)
    [did] = server.postfix.sessions()
    assert did["auth"] == "1"


@pytest.mark.parametrize("auth", MECHANISMS)
def test_a_cached_token_that_is_refused_is_replaced_in_the_same_session(
    auth: str,
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    esmtp: Command,
    address: str,
) -> None:
    oauth2(auth=auth)
    assert send(esmtp, address).code == 0
    spoil(esmtp, provider.access_token(exp=int(time.time()) - 100))
    server.postfix.settle()
    server.postfix.mark()
    done = send(esmtp, address)
    assert (done.code, done.err) == (0, "")
    assert len(provider.requests) == 2
    [did] = server.postfix.sessions()
    assert did["auth"] == "1/2"
    assert len(server.mails(address)) == 2


@pytest.mark.parametrize("auth", MECHANISMS)
@pytest.mark.parametrize("wrong", ["key", "user"])
def test_a_token_that_is_never_taken(
    wrong: str,
    auth: str,
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    esmtp: Command,
    address: str,
) -> None:
    if wrong == "key":
        provider.key = b"known to nobody"
    else:
        provider.user = "bob"
    oauth2(auth=auth)
    done = send(esmtp, address)
    assert done.code == 77
    assert "535" in done.err
    assert len(provider.requests) == 1
    spoil(esmtp, provider.access_token())
    done = send(esmtp, address)
    assert done.code == 77
    assert len(provider.requests) == 2  # one more, and no more than that
    for secret in (*provider.granted, provider.client_secret, *provider.refresh_tokens):
        assert secret not in done.err
    assert server.mails(address) == []


def test_queued_mail_waits_for_the_user_and_then_goes(
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    token_file: pathlib.Path,
    esmtp: Command,
    address: str,
) -> None:
    oauth2(delivery="on-failure")
    provider.refresh_tokens.clear()
    done = send(esmtp, address)
    assert done.code == 0
    assert "run `esmtp --authorize alice`" in done.err
    assert address in esmtp("-bp").out
    assert "--authorize" in esmtp("-bp", "-v").out
    token_file.write_text(provider.refresh_token())  # the user has agreed again
    esmtp("--retry-now", "ALL")
    wait_until(lambda: bool(server.mails(address)), "the mail")


def test_what_is_shown_of_it(
    oauth2: Callable[..., pathlib.Path],
    server: MailServer,
    provider: OAuthServer,
    token_file: pathlib.Path,
    esmtp: Command,
    address: str,
) -> None:
    provider.pad = 600  # in a line of its own
    oauth2(auth="xoauth2")
    done = esmtp("-v", "-X", "transcript", "-f", "alice@example.test", address, stdin=MAIL)
    assert done.code == 0
    shown = done.err + done.out + (esmtp.home / "transcript").read_text()
    assert "AUTH XOAUTH2" in shown
    for secret in (*provider.granted, provider.client_secret, token_file.read_text().strip()):
        assert secret not in shown
    assert "dXNlcj1hbGljZ" not in shown  # base64 of "user=alice"
