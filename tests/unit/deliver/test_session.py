"""Until the server knows us: our name, and when TLS is wanted.  What is said is in tests/dialogues."""

import os
import socket
import time
from types import SimpleNamespace

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver import session
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.net import tls
from tests.property.model import ModelServer


@pytest.mark.parametrize(
    ("node", "address", "name"),
    [
        ("laptop.example.org", "192.0.2.1", "laptop.example.org"),
        ("laptop", "192.0.2.1", "[192.0.2.1]"),
        ("laptop", "2001:db8::1", "[IPv6:2001:db8::1]"),
        ("laptop", "", "localhost"),
        ("", "192.0.2.1", "[192.0.2.1]"),
        (".", "192.0.2.1", "[192.0.2.1]"),
        ("laptop.", "192.0.2.1", "[192.0.2.1]"),
        ("my_laptop.example.org", "192.0.2.1", "[192.0.2.1]"),
        ("läptop.example.org", "192.0.2.1", "[192.0.2.1]"),
        ("a.b\r\nMAIL FROM:<>", "192.0.2.1", "[192.0.2.1]"),
        ("a.b c", "", "localhost"),
    ],
)
def test_our_own_name(node: str, address: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 5321 section 4.1.4: a full name, else the address as a literal."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename=node))
    server = ModelServer((), [])
    server.local_address = lambda: address  # type: ignore[method-assign]
    monkeypatch.setattr(session, "connect", lambda *_: server)
    Session(Identity(server=Server("mx.example.org", "25"))).close()
    assert server.heard.split(b"\r\n")[0] == f"EHLO {name}".encode()


class Tls(Exception):
    """A handshake was begun."""


def begins_tls(patch: pytest.MonkeyPatch, server: Server, offered: bool, **rc: object) -> bool | None:
    """True if it does, False if the session is in the clear, None if there is none."""
    model = ModelServer(("STARTTLS", "AUTH PLAIN") if offered else ("AUTH PLAIN",), [])

    def handshake(*_: object) -> None:
        raise Tls

    patch.setattr(session, "connect", lambda *_: model)
    patch.setattr(tls, "TlsStream", handshake)
    patch.setattr(tls, "client_context", lambda trust: None)
    result: bool | None = False
    try:
        Session(Identity(server=server, helo="me", **rc)).close()  # type: ignore[arg-type]
    except Tls:
        result = True
    except MailError as error:
        if error.kind != "tls":
            raise
        result = None
    assert (b"AUTH" in model.heard) == ("username" in rc and result is False), "only where the rc lets it"
    return result


HOSTNAME: dict[str, object] = {"origin": {"hostname": "rc:1"}}
LOGIN: dict[str, object] = {"username": "alice", "password": Secret("secret")}
FAR, NEAR = Server("mx.example.org", "587"), Server("localhost", "25")


@pytest.mark.parametrize(
    ("server", "rc", "offered", "not_offered"),
    [
        (FAR, {**HOSTNAME}, True, False),
        (FAR, {**HOSTNAME, **LOGIN}, True, None),
        (FAR, {**LOGIN}, True, None),
        (NEAR, {}, False, False),
        (NEAR, {**LOGIN}, False, False),
        (NEAR, {**HOSTNAME}, True, False),
        (NEAR, {**HOSTNAME, **LOGIN}, True, False),
        (Server("", "", path="/run/smtp"), {**HOSTNAME, **LOGIN}, False, False),
        (FAR, {"starttls": "disabled"}, False, False),
        (FAR, {"starttls": "disabled", **LOGIN}, False, False),
        (FAR, {"starttls": "enabled"}, True, False),
        (FAR, {"starttls": "enabled", **LOGIN}, True, None),
        (NEAR, {"starttls": "enabled"}, True, False),
        (FAR, {"starttls": "required"}, True, None),
        (NEAR, {"starttls": "required"}, True, None),
        (FAR, {"starttls": "implicit"}, True, True),
        (Server("mx.example.org", "465"), {}, True, True),
        (Server("mx.example.org", "465"), {"starttls": "disabled"}, False, False),
    ],
)
def test_when_tls_is_used(
    server: Server,
    rc: dict[str, object],
    offered: bool | None,
    not_offered: bool | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert begins_tls(monkeypatch, server, True, **rc) is offered
    assert begins_tls(monkeypatch, server, False, **rc) is not_offered


@pytest.mark.parametrize(("written", "advised"), [({}, True), ({"hostname": "rc:1"}, False)])
def test_who_has_written_no_hostname_is_told(written: dict[str, str], advised: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody listens there
        server = Server("127.0.0.1", str(silent.getsockname()[1]))
        with pytest.raises(MailError, match="refused") as raised:
            session.reach(Identity(server=server, origin=written), server, time.monotonic() + 10)
    assert ("write one for this sender, or run `esmtp --setup`" in raised.value.text) == advised
    assert raised.value.kind == "unreachable"
