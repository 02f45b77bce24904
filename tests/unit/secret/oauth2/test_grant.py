"""What a provider may answer, and lie: every answer becomes tokens, or a temporary error that shows no secret."""

import json
import socket

import pytest

from esmtp_py.config.proxy import parse
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED
from esmtp_py.secret.oauth2.client import PROVIDERS, Client
from esmtp_py.secret.oauth2.grant import granted
from esmtp_py.secret.oauth2.tokens import LONGEST_TOKEN
from tests.server.oauth import OAuthServer, http
from tests.unit.secret.oauth2.conftest import MakeIdentity

FORM = {"grant_type": "refresh_token", "refresh_token": "x"}


def failure(client: Client, provider: OAuthServer, reply: bytes | tuple[int, object] | str) -> MailError:
    from esmtp_py.concealed import Secret

    provider.plan("token", reply)
    with pytest.raises(MailError) as caught:
        granted(client, {**FORM, "refresh_token": Secret("canary-refresh")})
    error = caught.value
    assert error.outcome().fate == DEFERRED
    assert error.text.isprintable()
    for secret in ("canary-refresh", provider.client_secret):
        assert secret not in error.text
    return error


@pytest.mark.parametrize(
    ("word", "kind", "advice"),
    [
        ("invalid_grant", "auth", "run `esmtp --authorize alice@example.test`"),
        ("interaction_required", "auth", "run `esmtp --authorize alice@example.test`"),
        ("invalid_client", "config", "check client_id and client_secret"),
        ("unauthorized_client", "config", "check client_id"),
        ("invalid_scope", "config", "check scope"),
        ("temporarily_unavailable", "try_again", ""),
        ("server_error", "try_again", ""),
        ("something_new", "auth", "check the OAuth2 statements"),
    ],
)
def test_errors_of_oauth2(word: str, kind: str, advice: str, client: Client, provider: OAuthServer) -> None:
    error = failure(client, provider, word)  # whose description repeats all that was sent
    assert error.kind == kind
    assert word in error.text
    assert advice in error.text


@pytest.mark.parametrize("status", [400, 401, 200, 403])
def test_an_error_is_one_with_any_status(status: int, client: Client, provider: OAuthServer) -> None:
    assert "--authorize" in failure(client, provider, (status, {"error": "invalid_grant"})).text


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_provider_that_is_not_well(status: int, client: Client, provider: OAuthServer) -> None:
    for reply in (http(status, "text/html", b"<html>"), (status, {"error": "invalid_grant"})):
        if status == 429 and isinstance(reply, tuple):
            continue
        error = failure(client, provider, reply)
        assert error.kind == "try_again"
        assert "--authorize" not in error.text


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>log in</html>", b"\xff\xfe", b"[" * 100000, b"[]", b'"a"', b"null", b"NaN", b"{", b'{"error": 5}'],
)
def test_what_is_no_answer(body: bytes, client: Client, provider: OAuthServer) -> None:
    error = failure(client, provider, http(200, "text/html", body))
    assert error.kind == "protocol"
    assert "check the endpoints in the rc" in error.text


def test_an_answer_that_is_not_200(client: Client, provider: OAuthServer) -> None:
    assert failure(client, provider, (201, {"access_token": "a"})).kind == "protocol"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int, client: Client, provider: OAuthServer) -> None:
    where = f"Location: {provider.url('elsewhere')}"
    error = failure(client, provider, http(status, "text/html", b"", where))
    assert error.kind == "protocol"
    assert "elsewhere" in error.text
    assert provider.asked("elsewhere") == []


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": ["a"]},
        {"access_token": "a b"},
        {"access_token": "a\r\nMAIL FROM:<x>"},
        {"access_token": "a\x01auth=b"},
        {"access_token": "é"},
        {"access_token": "x" * (LONGEST_TOKEN + 1)},
        {"access_token": "a", "token_type": "mac"},
        {"access_token": "a", "token_type": 5},
        {"access_token": "a", "refresh_token": "a\nb"},
        {"access_token": "a", "refresh_token": ""},
    ],
)
def test_tokens_that_cannot_be_used(found: object, client: Client, provider: OAuthServer) -> None:
    assert failure(client, provider, (200, found)).kind == "protocol"


def test_the_longest_token(client: Client, provider: OAuthServer) -> None:
    provider.plan("token", (200, {"access_token": "x" * LONGEST_TOKEN, "token_type": "BEARER"}))
    tokens = granted(client, dict(FORM))
    assert len(tokens.access.reveal()) == LONGEST_TOKEN
    assert tokens.refresh is None


def test_a_description_that_plays_tricks_is_shown_safely(client: Client, provider: OAuthServer) -> None:
    found = {"error": "invalid_grant", "error_description": "\x1b[31mred\r\nSubject: x" + "y" * 5000}
    error = failure(client, provider, (400, found))
    assert len(error.text) < 500
    assert "red" in error.text


def test_the_connection_breaks(client: Client, provider: OAuthServer) -> None:
    assert failure(client, provider, b"").kind == "connection_lost"
    cut = json.dumps({"access_token": "a"}).encode()

    def broken(connection: socket.socket) -> None:
        connection.sendall(http(200, "application/json", cut)[:-3])

    provider.plan("token", broken)
    with pytest.raises(MailError) as raised:
        granted(client, dict(FORM))
    assert raised.value.kind == "connection_lost"


@pytest.mark.parametrize("name", ["google", "microsoft"])
def test_providers_are_known(name: str, identity: MakeIdentity) -> None:
    unsaid = dict.fromkeys(("authorization_endpoint", "token_endpoint", "device_endpoint", "scope"), "")
    known = Client(identity(oauth2=name, **unsaid))
    assert known.token_endpoint.startswith("https://")
    assert known.authorization_endpoint.startswith("https://")
    assert known.scope
    assert PROVIDERS[name].scope == known.scope
    assert Client(identity(oauth2=name)).scope == "mail.send"


def test_the_address_for_authorize(identity: MakeIdentity) -> None:
    assert Client(identity(addresses=("", "*@x.test", "b@x.test"))).remedy == "run `esmtp --authorize b@x.test`"
    assert Client(identity(addresses=("*@x.test",), username="c@x.test")).remedy == "run `esmtp --authorize c@x.test`"


def test_the_way_leads_through_the_proxy_of_the_rc(identity: MakeIdentity, provider: OAuthServer) -> None:
    proxy = parse("socks5://127.0.0.1:1")
    abroad = identity(proxy=proxy, token_endpoint="https://login.example.test/token")
    with pytest.raises(MailError) as caught:
        granted(Client(abroad), dict(FORM))
    assert caught.value.kind == "unreachable"
    assert "proxy" in caught.value.text  # so nobody has looked up the name


def test_no_proxy_hears_what_is_for_this_machine(identity: MakeIdentity, provider: OAuthServer) -> None:
    provider.plan("token", (200, {"access_token": "abc"}))
    here = identity(proxy=parse("socks5://127.0.0.1:1"))
    assert granted(Client(here), dict(FORM)).access.reveal() == "abc"


def test_from_the_address_that_the_rc_says(identity: MakeIdentity) -> None:
    with pytest.raises(MailError) as caught:
        granted(Client(identity(source_address="::1")), dict(FORM))
    assert "source_address" in caught.value.text
