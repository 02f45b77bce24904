"""XOAUTH2: Google's example, and its way to say no."""

from base64 import b64decode

import pytest

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from tests.unit.sasl.exchanges import responses, start, with_token

# developers.google.com/gmail/imap/xoauth2-protocol
TOKEN = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="
EXAMPLE = (
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UYzJOdmIzUmxja0JoZEhSaGRtbHpkR0V1WTI5dENnPT0BAQ=="
)
ERROR = b'{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}'


def test_googles_example() -> None:
    assert responses(with_token("XOAUTH2", "someuser@example.com", TOKEN)) == [b64decode(EXAMPLE)]


def test_the_error_is_heard_with_an_empty_response() -> None:
    exchange = with_token("XOAUTH2", "someuser@example.com", TOKEN)
    assert responses(exchange, ERROR)[1:] == [b""]
    with pytest.raises(StopIteration):
        exchange.send(ERROR)


def test_its_end() -> None:
    exchange = with_token("XOAUTH2", "u", TOKEN)
    next(exchange)
    assert mechanism.concluded(exchange)


@pytest.mark.parametrize("token", ["", "a b", "a\x01auth=Bearer b", "a\r\nb", "tökén", "a\0b"])
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(MailError, match="token") as raised:
        next(with_token("XOAUTH2", "u", token))
    assert raised.value.kind == "config"
    assert not token or token not in raised.value.text


def test_a_username_cannot_bring_a_field_of_its_own() -> None:
    with pytest.raises(MailError, match="control characters"):
        next(with_token("XOAUTH2", "u\x01auth=Bearer x", TOKEN))


def test_a_password_is_no_token() -> None:
    with pytest.raises(MailError, match="oauth2"):
        start("XOAUTH2", "u", "p")
