"""Where the refresh token is kept: in the keyring, unless the rc names a file."""

import pathlib
from collections.abc import Iterator

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED
from esmtp_py.secret.oauth2 import access_token, authorized
from esmtp_py.secret.oauth2.client import Client
from esmtp_py.secret.oauth2.tokens import Tokens
from tests.server.oauth import OAuthServer
from tests.unit.secret.oauth2.conftest import MakeIdentity
from tests.unit.secret.oauth2.keyrings import Locked, Memory

ENTRY = ("oauth2://mx.example.test", "alice")


def name(keyring: type) -> str:
    return f"{keyring.__module__}.{keyring.__qualname__}"


@pytest.fixture
def entries() -> Iterator[dict[tuple[str, str], str]]:
    Memory.entries.clear()
    yield Memory.entries
    Memory.entries.clear()


@pytest.fixture
def keyed(identity: MakeIdentity) -> Identity:
    return identity(token_file="", keyring_backend=name(Memory))


def test_the_keyring(provider: OAuthServer, keyed: Identity, entries: dict[tuple[str, str], str]) -> None:
    entries[ENTRY] = provider.refresh_token()
    assert access_token(keyed).reveal() == provider.granted[0]


def test_what_the_user_agreed_to_is_kept_there(
    provider: OAuthServer, keyed: Identity, entries: dict[tuple[str, str], str]
) -> None:
    place = authorized(Client(keyed), Tokens(Secret("abc"), Secret("def"), 3600))
    assert "oauth2://mx.example.test" in place
    assert entries == {ENTRY: "def"}
    assert access_token(keyed).reveal() == "abc"  # good for the first mail
    assert provider.requests == []


def test_a_rotated_refresh_token(
    provider: OAuthServer, keyed: Identity, entries: dict[tuple[str, str], str], home: pathlib.Path
) -> None:
    provider.rotating = True
    provider.refresh_tokens.clear()
    entries[ENTRY] = provider.refresh_token()
    access_token(keyed)
    assert {entries[ENTRY]} == provider.refresh_tokens


@pytest.mark.parametrize("content", [None, "", "two words"])
def test_none_in_the_keyring(content: str | None, keyed: Identity, entries: dict[tuple[str, str], str]) -> None:
    if content is not None:
        entries[ENTRY] = content
    with pytest.raises(MailError) as caught:
        access_token(keyed)
    assert caught.value.kind == "auth"
    assert "run `esmtp --authorize alice@example.test`" in caught.value.text


@pytest.mark.parametrize("backend", [name(Locked), "no.such.Keyring"])
def test_a_keyring_that_cannot_be_used_now(backend: str, identity: MakeIdentity, provider: OAuthServer) -> None:
    with pytest.raises(MailError) as caught:
        access_token(identity(token_file="", keyring_backend=backend))
    assert caught.value.outcome().fate == DEFERRED
    assert "keyring" in caught.value.text
    assert provider.requests == []


def test_no_refresh_token_is_not_kept(identity: MakeIdentity, home: pathlib.Path) -> None:
    before = (home / "refresh").read_text()
    with pytest.raises(MailError) as caught:
        authorized(Client(identity()), Tokens(Secret("abc"), None, 3600))
    assert caught.value.kind == "auth"
    assert (home / "refresh").read_text() == before
