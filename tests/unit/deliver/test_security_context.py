"""NTLM between pyspnego's two ends; and what becomes of errors that are foreign to us."""

import pathlib
import sys

import pytest
import spnego

from esmtp_py.deliver import security_context
from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Broken, Credentials


@pytest.fixture(autouse=True)
def users(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is known to the acceptor."""
    path = tmp_path / "users"
    path.write_text("EXAMPLE:alice:secret\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(path))


def let_in(username: str, password: str, binding: bytes | None = None) -> bool:
    """Three messages, with the acceptor's verdict."""
    context = security_context.ntlm("mx.example.org", username, password, binding)
    exchange = mechanism.start("NTLM", Credentials(username, context=lambda name: context))
    acceptor = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    next(exchange)
    challenge = acceptor.step(exchange.send(b""))
    assert challenge
    try:
        acceptor.step(exchange.send(challenge))
    except spnego.exceptions.SpnegoError:
        return False
    return acceptor.complete and mechanism.concluded(exchange)


@pytest.mark.parametrize("binding", [None, b"\1" * 32])
def test_ntlm(binding: bytes | None) -> None:
    assert let_in("EXAMPLE\\alice", "secret", binding)


@pytest.mark.parametrize(("username", "password"), [("EXAMPLE\\alice", "wrong"), ("EXAMPLE\\mallory", "secret")])
def test_ntlm_with_wrong_credentials(username: str, password: str) -> None:
    assert not let_in(username, password)


@pytest.mark.parametrize("challenge", [b"x", b"NTLMSSP\0", b"\0" * 500])
def test_a_challenge_that_is_none_ends_it(challenge: bytes) -> None:
    context = security_context.ntlm("mx.example.org", "EXAMPLE\\alice", "secret", None)
    context.step(None)
    with pytest.raises(Broken) as raised:
        context.step(challenge)
    assert str(raised.value).isprintable()
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("name", ["NTLM", "GSSAPI"])
def test_a_missing_library_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spnego", None)
    with pytest.raises(MailError, match=rf"pip install 'esmtp-py\[{name.lower()}\]'") as raised:
        security_context.SecurityContext(name, lambda spnego: None)
    assert raised.value.kind == "config"


def test_a_library_below_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """pyspnego without gssapi, as the extra ntlm leaves it."""
    monkeypatch.setitem(sys.modules, "gssapi", None)

    def client(spnego: object) -> object:
        raise ImportError("No module named gssapi")

    with pytest.raises(MailError, match="gssapi"):
        security_context.SecurityContext("GSSAPI", client)


def test_no_ticket() -> None:
    class Context:
        complete = False

        def step(self, token: bytes | None) -> bytes | None:
            raise RuntimeError("No Kerberos credentials\navailable\x1b[2J")

    context = security_context.SecurityContext("GSSAPI", lambda spnego: Context())
    with pytest.raises(MailError, match=r"No Kerberos credentials available.*run kinit") as raised:
        context.step(None)
    assert raised.value.kind == "auth"
    assert raised.value.text.isprintable()
    with pytest.raises(Broken):
        context.step(b"x")
    with pytest.raises(Broken):
        context.wrap(b"x")
    with pytest.raises(Broken):
        context.unwrap(b"x")
