"""The browser's way: what the provider is asked, which request is believed, and that all others change nothing."""

import base64
import hashlib
import http.client
import os
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.errors import MailError
from esmtp_py.secret.oauth2.client import Client
from esmtp_py.secret.oauth2.redirect import MAX_REQUESTS, Redirect
from esmtp_py.secret.oauth2.tokens import Tokens
from tests.server.oauth import OAuthServer
from tests.unit.secret.oauth2.conftest import MakeIdentity


class Waiting:
    """A Redirect that waits in a thread of its own, as the terminal does while the user is in the browser."""

    def __init__(self, redirect: Redirect, **how: object) -> None:
        self.redirect = redirect
        self.asks = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(redirect.url).query))
        self.port = urllib.parse.urlsplit(self.asks["redirect_uri"]).port or 0
        self.tokens: Tokens | None = None
        self.error: MailError | None = None
        self._thread = threading.Thread(target=self._wait, kwargs=how, daemon=True)
        self._thread.start()

    def _wait(self, **how: object) -> None:
        try:
            self.tokens = self.redirect.tokens(**how)  # type: ignore[arg-type]
        except MailError as error:
            self.error = error

    def end(self) -> Tokens:
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error
        assert self.tokens
        return self.tokens

    def get(self, target: str, method: str = "GET", host: str = "") -> tuple[int, str]:
        """As a browser on this machine."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, target, headers={"Host": host or f"127.0.0.1:{self.port}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def agree(self, provider: OAuthServer) -> tuple[int, str]:
        """To the provider's page, and where it leads."""
        return self.get(self.target(provider))

    def target(self, provider: OAuthServer) -> str:
        connection = http.client.HTTPConnection(provider.host, provider.port, timeout=20)
        connection.request("GET", self.redirect.url.partition(str(provider.port))[2])
        where = connection.getresponse().getheader("Location") or ""
        assert where.startswith(self.asks["redirect_uri"])
        return "/?" + where.partition("?")[2]


@pytest.fixture
def waiting(client: Client) -> Iterator[Waiting]:
    with Redirect(client) as redirect:
        yield Waiting(redirect)


def test_the_user_agrees(provider: OAuthServer, waiting: Waiting) -> None:
    status, page = waiting.agree(provider)
    assert status == 200
    assert "You can close this window" in page
    tokens = waiting.end()
    assert tokens.access.reveal() == provider.granted[0]
    assert tokens.refresh
    assert {tokens.refresh.reveal()} <= provider.refresh_tokens


def test_what_the_provider_is_asked(provider: OAuthServer, waiting: Waiting) -> None:
    waiting.agree(provider)
    waiting.end()
    asks = waiting.asks
    assert asks["response_type"] == "code"
    assert asks["client_id"] == provider.client_id
    assert asks["scope"] == "mail.send"
    assert asks["login_hint"] == "alice"
    assert asks["redirect_uri"] == f"http://127.0.0.1:{waiting.port}"
    [request] = provider.asked("token")
    verifier = request.fields["code_verifier"].encode()
    assert asks["code_challenge_method"] == "S256"
    assert asks["code_challenge"].encode() == base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=")
    assert provider.client_secret not in waiting.redirect.url
    assert verifier.decode() not in waiting.redirect.url


def test_nothing_is_used_twice(client: Client) -> None:
    with Redirect(client) as one, Redirect(client) as other:
        for name in ("state", "code_challenge", "redirect_uri"):
            asks = [urllib.parse.parse_qs(urllib.parse.urlsplit(r.url).query)[name] for r in (one, other)]
            assert asks[0] != asks[1]


@pytest.mark.parametrize(
    ("provider_name", "host", "more"),
    [("google", "127.0.0.1", {"access_type": "offline", "prompt": "consent"}), ("microsoft", "localhost", {})],
)
def test_what_each_provider_wants_besides(
    provider_name: str, host: str, more: dict[str, str], identity: MakeIdentity
) -> None:
    with Redirect(Client(identity(oauth2=provider_name, authorization_endpoint="", scope=""))) as redirect:
        asks = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(redirect.url).query))
    assert asks.items() >= more.items()
    assert asks["redirect_uri"].startswith(f"http://{host}:")


def test_an_endpoint_with_a_query_of_its_own(identity: MakeIdentity) -> None:
    with Redirect(Client(identity(authorization_endpoint="https://x.test/a?tenant=1"))) as redirect:
        assert redirect.url.startswith("https://x.test/a?tenant=1&response_type=code&")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/?state=wrong&code=stolen", 400),
        ("/?code=stolen", 400),
        ("/?error=access_denied", 400),
        ("/?state=wrong&error=access_denied", 400),
        ("/?state=%C3%A9&code=x", 400),
        ("/", 400),
        ("/?" + "&".join(f"a{n}=b" for n in range(200)), 400),
        ("/favicon.ico", 404),
        ("/elsewhere?state={state}&code=x", 404),
    ],
)
def test_a_request_that_is_not_ours_changes_nothing(
    target: str, status: int, provider: OAuthServer, waiting: Waiting
) -> None:
    assert waiting.get(target.replace("{state}", waiting.asks["state"]))[0] == status
    assert waiting.agree(provider)[0] == 200
    waiting.end()
    assert len(provider.asked("token")) == 1


def test_a_code_twice_in_one_request_is_not_ours(provider: OAuthServer, waiting: Waiting) -> None:
    assert waiting.get(f"/?state={waiting.asks['state']}&code=a&code=b")[0] == 400
    waiting.agree(provider)
    waiting.end()


def test_only_get(provider: OAuthServer, waiting: Waiting) -> None:
    good = waiting.target(provider)
    assert waiting.get(good, method="POST")[0] == 405
    assert waiting.get(good)[0] == 200
    waiting.end()


def test_a_name_that_leads_here_is_not_ours(provider: OAuthServer, waiting: Waiting) -> None:
    good = waiting.target(provider)
    assert waiting.get(good, host=f"evil.test:{waiting.port}")[0] == 403
    assert waiting.get(good, host=f"localhost:{waiting.port}")[0] == 200
    waiting.end()


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", b"GET\r\n\r\n", b"A" * 40000])
def test_what_is_no_request(said: bytes, provider: OAuthServer, waiting: Waiting) -> None:
    with socket.create_connection(("127.0.0.1", waiting.port), 20) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1000)
    waiting.agree(provider)
    waiting.end()


def test_somebody_who_says_nothing_does_not_hold_us_up(
    provider: OAuthServer, waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = waiting.target(provider)
    with monkeypatch.context() as patch:
        patch.setattr("esmtp_py.secret.oauth2.redirect.REQUEST_SECONDS", 0.2)
        with socket.create_connection(("127.0.0.1", waiting.port), 20) as silent:
            assert silent.recv(1) == b"", "it is left"
    assert waiting.get(good)[0] == 200
    waiting.end()


def test_the_user_does_not_agree(provider: OAuthServer, waiting: Waiting) -> None:
    provider.decide = "deny"
    assert "not given" in waiting.agree(provider)[1]
    with pytest.raises(MailError) as caught:
        waiting.end()
    assert caught.value.kind == "auth"
    assert "access_denied" in caught.value.text


def test_the_code_is_of_no_use(provider: OAuthServer, waiting: Waiting) -> None:
    waiting.get(f"/?state={waiting.asks['state']}&code=canary-made-up")
    with pytest.raises(MailError) as caught:
        waiting.end()
    assert "invalid_grant" in caught.value.text
    assert "canary" not in caught.value.text


def test_nobody_comes(client: Client) -> None:
    begin = time.monotonic()
    with Redirect(client) as redirect, pytest.raises(MailError) as caught:
        redirect.tokens(patience=0.1)
    assert caught.value.kind == "try_again"
    assert time.monotonic() - begin < 10


def test_too_many_come(provider: OAuthServer, waiting: Waiting) -> None:
    for _ in range(MAX_REQUESTS):
        waiting.get("/")
    with pytest.raises(MailError) as caught:
        waiting.end()
    assert caught.value.kind == "try_again"


def test_it_listens_on_this_machine_only(client: Client) -> None:
    with Redirect(client) as redirect:
        assert redirect._listener.getsockname()[0] == "127.0.0.1"


def test_a_name_that_is_no_utf8(identity: MakeIdentity) -> None:
    with Redirect(Client(identity(username="al\udce9", scope="\udcff"))) as redirect:
        assert "scope=%FF" in redirect.url
        assert "login_hint=al%E9" in redirect.url


def test_no_endpoint_for_a_browser(identity: MakeIdentity) -> None:
    with pytest.raises(MailError) as caught:
        Redirect(Client(identity(authorization_endpoint="")))
    assert caught.value.kind == "config"
    assert "`authorization_endpoint`" in caught.value.text


# -- from the terminal -----------------------------------------------------------------------------------------


@pytest.fixture
def typing(client: Client) -> Iterator[tuple[Waiting, Callable[[str], int]]]:
    """A Redirect that also reads lines, one at a time as from a terminal, and what types them."""
    ours, theirs = os.pipe()
    with Redirect(client) as redirect, open(ours, "rb", buffering=0) as lines:
        found = Waiting(redirect, typed=lambda: lines.readline().decode(), fd=ours)
        yield found, lambda line: os.write(theirs, line.encode())
        found._thread.join(30)
    os.close(theirs)


def test_the_address_is_pasted(provider: OAuthServer, typing: tuple[Waiting, Callable[[str], int]]) -> None:
    waiting, write = typing
    write("\n")
    write("what?\n")
    write(f"{waiting.asks['redirect_uri']}/?state=wrong&code=x\n")
    write(f"http://127.0.0.1:{waiting.port}{waiting.target(provider)}\n")
    assert waiting.end().access.reveal() == provider.granted[0]
