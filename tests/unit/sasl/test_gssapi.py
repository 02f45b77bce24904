"""GSSAPI: RFC 4752 around a security context, which here is none of Kerberos."""

import pytest

from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Broken, Credentials
from tests.unit.sasl.exchanges import responses


class Context:
    """Says ``tokens`` one after the other; wraps with a letter in front, and has nothing to do with what it hears."""

    def __init__(self, *tokens: bytes | None) -> None:
        self.tokens = list(tokens)
        self.heard: list[bytes | None] = []

    @property
    def complete(self) -> bool:
        return not self.tokens

    def step(self, challenge: bytes | None) -> bytes | None:
        self.heard.append(challenge)
        return self.tokens.pop(0)

    def wrap(self, data: bytes) -> bytes:
        return b"W" + data

    def unwrap(self, data: bytes) -> bytes:
        if data[:1] != b"W":
            raise Broken("not wrapped")
        return data[1:]


def start(context: Context, username: str = "") -> "mechanism.Exchange":
    return mechanism.start("GSSAPI", Credentials(username, context=lambda name: context))


@pytest.mark.parametrize("offer", [b"\1\0\0\0", b"\7\0\xff\xff"])
@pytest.mark.parametrize("username", ["", "alice"])
def test_no_security_layer_is_what_we_take(offer: bytes, username: str) -> None:
    context = Context(b"AP-REQ", None)
    said = responses(start(context, username), b"AP-REP", b"W" + offer)
    assert said == [b"AP-REQ", b"", b"W\1\0\0\0" + username.encode()]
    assert context.heard == [None, b"AP-REP"]


def test_a_context_that_needs_one_step() -> None:
    assert responses(start(Context(b"AP-REQ")), b"W\1\0\0\0") == [b"AP-REQ", b"W\1\0\0\0"]


def test_a_context_that_has_a_last_word() -> None:
    said = responses(start(Context(b"1", b"2", b"3")), b"a", b"b", b"W\1\0\0\0")
    assert said == [b"1", b"2", b"3", b"W\1\0\0\0"]


@pytest.mark.parametrize("offer", [b"W\6\0\xff\xff", b"W", b"W\1\0\0", b"W\1\0\0\0\0", b"\1\0\0\0", b""])
def test_a_layer_that_we_have_not_got(offer: bytes) -> None:
    exchange = start(Context(b"1"))
    next(exchange)
    with pytest.raises(Broken):
        exchange.send(offer)


def test_a_server_that_is_never_content() -> None:
    with pytest.raises(Broken, match="never content"):
        responses(start(Context(*[b"x"] * 100)), *[b"more"] * 20)


@pytest.mark.parametrize(("challenges", "over"), [(0, False), (1, False), (2, True)])
def test_its_end(challenges: int, over: bool) -> None:
    """Let in without the wrapped offer: nobody has shown to be the server of the ticket."""
    exchange = start(Context(b"AP-REQ", None))
    next(exchange)
    for challenge in (b"AP-REP", b"W\1\0\0\0")[:challenges]:
        exchange.send(challenge)
    assert mechanism.concluded(exchange) is over
