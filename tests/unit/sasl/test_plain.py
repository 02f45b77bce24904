"""PLAIN: one message, and nothing after it."""

import pytest

from esmtp_py.sasl import mechanism
from tests.unit.sasl.exchanges import says, start


def test_one_initial_response() -> None:
    # RFC 4616 section 4, without an authorization identity
    assert says("PLAIN", "tim", "tanstaaftanstaaf") == [b"\0tim\0tanstaaftanstaaf"]


def test_utf8() -> None:
    assert says("PLAIN", "jürgen", "pässword") == ["\0jürgen\0pässword".encode()]


def test_bytes_of_another_charset_pass() -> None:
    assert says("PLAIN", "u", b"p\xe4ss".decode("utf-8", "surrogateescape")) == [b"\0u\0p\xe4ss"]


def test_its_end() -> None:
    exchange = start("PLAIN", "u", "p")
    next(exchange)
    assert mechanism.concluded(exchange)
    with pytest.raises(StopIteration):
        exchange.send(b"x")
