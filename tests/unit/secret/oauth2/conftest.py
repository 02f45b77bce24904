"""A provider, and identities that have their tokens from it."""

import pathlib
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.secret.oauth2.client import Client
from tests.server.oauth import OAuthServer

MakeIdentity = Callable[..., Identity]


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def provider() -> Iterator[OAuthServer]:
    with OAuthServer() as running:
        yield running
    assert running.violations == []


@pytest.fixture
def identity(provider: OAuthServer, home: pathlib.Path) -> MakeIdentity:
    """Makes one; its token_file holds a good refresh token."""
    path = home / "refresh"
    path.touch(0o600)
    path.write_text(provider.refresh_token() + "\n")

    def make(**more: object) -> Identity:
        said: dict[str, object] = {
            "addresses": ("alice@example.test",),
            "server": Server("mx.example.test", "587"),
            "username": "alice",
            "oauth2": "custom",
            "client_id": provider.client_id,
            "client_secret": Secret(provider.client_secret),
            "authorization_endpoint": provider.url("authorize"),
            "token_endpoint": provider.url("token"),
            "device_endpoint": provider.url("device"),
            "scope": "mail.send",
            "token_file": str(path),
        }
        return Identity(**said | more)

    return make


@pytest.fixture
def client(identity: MakeIdentity) -> Client:
    return Client(identity())
