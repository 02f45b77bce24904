"""The provider of the tests: what it gives, and that it refuses what a provider would."""

import base64
import hashlib
import hmac
import http.client
import json
import urllib.parse
from collections.abc import Iterator

import pytest

from tests.server.oauth import DEVICE_CODE, OAuthServer

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "http://127.0.0.1:8080"
ASKS = {
    "response_type": "code",
    "client_id": OAuthServer.client_id,
    "redirect_uri": BACK,
    "state": "s" * 43,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture
def provider() -> Iterator[OAuthServer]:
    with OAuthServer() as running:
        yield running


def get(provider: OAuthServer, **asks: str) -> tuple[int, dict[str, str]]:
    """The authorization endpoint: status, and the query it sends the browser back with."""
    connection = http.client.HTTPConnection(provider.host, provider.port, timeout=20)
    connection.request("GET", "/authorize?" + urllib.parse.urlencode(asks))
    answer = connection.getresponse()
    return answer.status, dict(urllib.parse.parse_qsl((answer.getheader("Location") or "").partition("?")[2]))


def post(provider: OAuthServer, endpoint: str = "token", /, **form: str | None) -> tuple[int, dict[str, str]]:
    """The status, and the object."""
    whole = {"client_id": provider.client_id, "client_secret": provider.client_secret} | form
    body = urllib.parse.urlencode({name: value for name, value in whole.items() if value is not None})
    connection = http.client.HTTPConnection(provider.host, provider.port, timeout=20)
    connection.request("POST", f"/{endpoint}", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def code(provider: OAuthServer) -> str:
    return get(provider, **ASKS)[1]["code"]


def test_a_code_becomes_tokens_once(provider: OAuthServer) -> None:
    form = {"grant_type": "authorization_code", "code": code(provider), "redirect_uri": BACK}
    status, found = post(provider, **form, code_verifier=VERIFIER)
    assert (status, found["token_type"]) == (200, "Bearer")
    assert found["refresh_token"] in provider.refresh_tokens
    assert post(provider, **form, code_verifier=VERIFIER)[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": None},
        {"code_verifier": VERIFIER[:42]},
        {"redirect_uri": BACK + "/"},
        {"code": "4/made-up"},
    ],
)
def test_a_code_that_is_not_proved(wrong: dict[str, str | None], provider: OAuthServer) -> None:
    form: dict[str, str | None] = {
        "grant_type": "authorization_code",
        "code": code(provider),
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    assert post(provider, **form | wrong) == (400, {"error": "invalid_grant", "error_description": "as RFC 6749 says"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"response_type": "token"},
        {"client_id": "x"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
        {"state": "guessed"},
        {"redirect_uri": "https://evil.test/"},
        {"redirect_uri": "http://127.0.0.1"},
    ],
)
def test_an_authorization_that_is_not_careful(wrong: dict[str, str], provider: OAuthServer) -> None:
    assert get(provider, **ASKS | wrong)[0] == 400
    assert len(provider.violations) == 1


@pytest.mark.parametrize("wrong", [{"client_secret": "x"}, {"client_secret": None}, {"client_id": "x"}])
def test_somebody_else(wrong: dict[str, str | None], provider: OAuthServer) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": provider.refresh_token()}
    assert post(provider, **form | wrong)[1]["error"] == "invalid_client"


def test_refresh_tokens_rotate_if_they_are_to(provider: OAuthServer) -> None:
    old = provider.refresh_token()
    assert "refresh_token" not in post(provider, grant_type="refresh_token", refresh_token=old)[1]
    provider.rotating = True
    new = post(provider, grant_type="refresh_token", refresh_token=old)[1]["refresh_token"]
    assert post(provider, grant_type="refresh_token", refresh_token=old)[1]["error"] == "invalid_grant"
    assert post(provider, grant_type="refresh_token", refresh_token=new)[0] == 200


def test_a_device(provider: OAuthServer) -> None:
    provider.interval = 3600
    _, found = post(provider, "device", scope="x")
    form = {"grant_type": DEVICE_CODE, "device_code": found["device_code"]}
    assert post(provider, **form)[1]["error"] == "authorization_pending"
    assert provider.violations != []  # it was told to wait for an hour
    provider.approve(found["user_code"])
    assert post(provider, **form)[0] == 200
    assert post(provider, **form)[1]["error"] == "invalid_grant"


def test_tokens_are_signed(provider: OAuthServer) -> None:
    token = provider.access_token(sub="bob")
    head, claims, signature = token.encode().split(b".")
    expected = hmac.new(provider.key, head + b"." + claims, "sha256").digest()
    assert base64.urlsafe_b64encode(expected).rstrip(b"=") == signature
    assert json.loads(base64.urlsafe_b64decode(claims + b"=="))["sub"] == "bob"


def test_plans_come_first_and_end(provider: OAuthServer) -> None:
    provider.plan("token", "slow_down", (503, {}))
    form = {"grant_type": "refresh_token", "refresh_token": provider.refresh_token()}
    assert [post(provider, **form)[0] for _ in range(3)] == [400, 503, 200]
