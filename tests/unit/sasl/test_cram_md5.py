"""CRAM-MD5: the vector of RFC 2195."""

import hmac

import pytest

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from tests.unit.sasl.exchanges import says, start


def test_rfc_2195() -> None:
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    expected = b"tim b913a602c7eda7a495b4e6e7334d3890"
    assert says("CRAM-MD5", "tim", "tanstaaftanstaaf", challenge) == [None, expected]


def test_a_long_password() -> None:
    """RFC 2104: a key longer than a block is hashed."""
    assert says("CRAM-MD5", "tim", "x" * 100, b"<1@a>") == [
        None,
        b"tim " + hmac.new(b"x" * 100, b"<1@a>", "md5").hexdigest().encode(),
    ]


@pytest.mark.parametrize(("challenges", "over"), [(0, False), (1, True)])
def test_its_end(challenges: int, over: bool) -> None:
    exchange = start("CRAM-MD5", "u", "p")
    next(exchange)
    for _ in range(challenges):
        exchange.send(b"x")
    assert mechanism.concluded(exchange) is over


def test_md5_switched_off_is_the_rcs_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    def fips(*_: object) -> object:
        raise ValueError("[digital envelope routines] unsupported")

    monkeypatch.setattr(hmac, "new", fips)
    with pytest.raises(MailError, match="another mechanism") as raised:
        says("CRAM-MD5", "u", "p", b"c")
    assert raised.value.kind == "config"
