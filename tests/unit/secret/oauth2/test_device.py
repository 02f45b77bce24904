"""A code for another device: how often the provider is asked, and when that ends.  No test waits."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.secret.oauth2.client import Client
from esmtp_py.secret.oauth2.device import Device
from esmtp_py.secret.oauth2.tokens import Tokens
from tests.server.oauth import OAuthServer, http
from tests.unit.secret.oauth2.conftest import MakeIdentity

OFFER = {"device_code": "canary-device", "user_code": "AB-CD", "verification_uri": "https://x.test/device"}
GIVEN = (200, {"access_token": "abc", "refresh_token": "def", "expires_in": 3600})


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def wait(self, device: Device) -> Tokens:
        return device.tokens(self.sleep, lambda: self.now)


def offered(provider: OAuthServer, client: Client, **more: object) -> Device:
    provider.plan("device", (200, OFFER | more))
    return Device(client)


def failure(device: Device, clock: Clock) -> MailError:
    with pytest.raises(MailError) as caught:
        clock.wait(device)
    assert "canary" not in caught.value.text
    return caught.value


def test_the_user_agrees(provider: OAuthServer, client: Client) -> None:
    device = Device(client)
    assert device.url == provider.url("verify")
    assert device.lifetime == 60
    provider.approve(device.code)
    tokens = device.tokens()
    assert tokens.access.reveal() == provider.granted[0]
    assert tokens.refresh
    assert provider.asked("device")[0].fields["scope"] == "mail.send"


def test_the_interval_is_kept(provider: OAuthServer, client: Client) -> None:
    clock = Clock()
    provider.plan("token", *["authorization_pending"] * 3, GIVEN)
    assert clock.wait(offered(provider, client, interval=7)).access.reveal() == "abc"
    assert clock.slept == [7] * 4


@pytest.mark.parametrize(("said", "kept"), [(None, 5), ("x", 5), (0, 1), (-3, 1), (10**9, 60), ("8", 8), (2.5, 2)])
def test_intervals_that_are_not_said_or_odd(said: object, kept: int, provider: OAuthServer, client: Client) -> None:
    clock = Clock()
    provider.plan("token", GIVEN)
    clock.wait(offered(provider, client, interval=said))
    assert clock.slept == [kept]


def test_slower_when_we_are_told_so(provider: OAuthServer, client: Client) -> None:
    clock = Clock()
    provider.plan("token", "slow_down", "authorization_pending", "slow_down", GIVEN)
    clock.wait(offered(provider, client, interval=5))
    assert clock.slept == [5, 10, 10, 15]


def test_the_network_comes_and_goes(provider: OAuthServer, client: Client) -> None:
    clock = Clock()
    provider.plan("token", http(503, "text/html", b""), http(500, "text/html", b""), GIVEN)
    clock.wait(offered(provider, client, interval=5))
    assert clock.slept == [5, 10, 20]


@pytest.mark.parametrize("word", ["access_denied", "authorization_declined", "expired_token", "invalid_grant"])
def test_the_user_does_not_agree(word: str, provider: OAuthServer, client: Client) -> None:
    provider.plan("token", "authorization_pending", word)
    clock = Clock()
    error = failure(offered(provider, client), clock)
    assert error.kind == "auth"
    assert word in error.text
    assert len(clock.slept) == 2


def test_nobody_agrees_in_time(provider: OAuthServer, client: Client) -> None:
    clock = Clock()
    provider.plan("token", *["authorization_pending"] * 100)
    error = failure(offered(provider, client, expires_in=60), clock)
    assert error.kind == "try_again"
    assert clock.slept == [5] * 11


def test_a_code_that_never_expires_does(provider: OAuthServer, client: Client) -> None:
    clock = Clock()
    provider.plan("token", *["authorization_pending"] * 1000)
    failure(offered(provider, client, expires_in=10**12, interval=60), clock)
    assert clock.now <= 1800


@pytest.mark.parametrize(
    "change",
    [
        {"device_code": None},
        {"device_code": "a b"},
        {"user_code": ""},
        {"user_code": "\x1b[2J"},
        {"user_code": "x" * 1000},
        {"user_code": 5},
        {"verification_uri": None},
        {"verification_uri": "http://x.test/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "https://x.test/\x1b[2J"},
        {"verification_uri": "https://x.test/ two"},
        {"verification_uri": ["https://x.test/"]},
    ],
)
def test_an_offer_that_cannot_be_shown(change: dict[str, object], provider: OAuthServer, client: Client) -> None:
    with pytest.raises(MailError) as caught:
        offered(provider, client, **change)
    assert caught.value.kind == "protocol"
    assert "canary" not in caught.value.text


def test_googles_older_name_and_an_address_with_the_code(provider: OAuthServer, client: Client) -> None:
    whole = "https://x.test/device?code=AB-CD"
    device = offered(
        provider, client, verification_uri=None, verification_url="https://y.test/", verification_uri_complete=whole
    )
    assert (device.url, device.whole_url) == ("https://y.test/", whole)


def test_a_refused_offer(provider: OAuthServer, client: Client) -> None:
    provider.plan("device", "unauthorized_client")
    with pytest.raises(MailError) as caught:
        Device(client)
    assert caught.value.kind == "config"
    assert "check client_id" in caught.value.text


def test_no_endpoint_for_a_code(identity: MakeIdentity) -> None:
    with pytest.raises(MailError) as caught:
        Device(Client(identity(oauth2="google", device_endpoint="")))
    assert caught.value.kind == "config"
    assert "`device_endpoint`" in caught.value.text
