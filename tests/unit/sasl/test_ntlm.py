"""NTLM: the order of its three messages; what is in them is pyspnego's affair (tests/unit/deliver)."""

import pytest

from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Broken, Credentials
from tests.unit.sasl.exchanges import responses
from tests.unit.sasl.test_gssapi import Context


def start(context: Context) -> "mechanism.Exchange":
    return mechanism.start("NTLM", Credentials("alice", context=lambda name: context))


@pytest.mark.parametrize("words", [b"", b"ntlm supported"])
def test_negotiate_challenge_authenticate(words: bytes) -> None:
    """[MS-SMTPNTLM]: the bare command first."""
    context = Context(b"NEGOTIATE", b"AUTHENTICATE")
    assert responses(start(context), words, b"CHALLENGE") == [None, b"NEGOTIATE", b"AUTHENTICATE"]
    assert context.heard == [None, b"CHALLENGE"]


def test_words_that_are_not_encoded_are_not_looked_at() -> None:
    assert mechanism.challenge("NTLM", b"ntlm supported") == b""
    assert mechanism.challenge("NTLM", b"TlRMTVNTUAA=") == b"NTLMSSP\0"


def test_a_challenge_that_is_none() -> None:
    exchange = start(Context(b"1", b"2"))
    next(exchange)
    exchange.send(b"")
    with pytest.raises(Broken, match="no challenge"):
        exchange.send(b"")


@pytest.mark.parametrize(("challenges", "over"), [(0, False), (1, False), (2, True)])
def test_its_end(challenges: int, over: bool) -> None:
    exchange = start(Context(b"1", b"2"))
    next(exchange)
    for _ in range(challenges):
        exchange.send(b"x")
    assert mechanism.concluded(exchange) is over
