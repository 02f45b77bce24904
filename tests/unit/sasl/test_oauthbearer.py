"""OAUTHBEARER: the examples of RFC 7628 section 4."""

from base64 import b64decode

import pytest

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from tests.unit.sasl.exchanges import responses, with_token

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
# section 4.1, IMAP
IMAP = (
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVh"
    "cmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
)
# section 4.3
ERROR = b'{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/.well-known"}'


def test_the_example_of_the_rfc() -> None:
    exchange = with_token("OAUTHBEARER", "user@example.com", TOKEN, host="server.example.com", port=143)
    assert responses(exchange) == [b64decode(IMAP)]


def test_what_is_not_known_is_not_said() -> None:
    assert responses(with_token("OAUTHBEARER", "", "x")) == [b"n,,\x01auth=Bearer x\x01\x01"]


def test_a_name_with_comma_and_equals() -> None:
    """RFC 5801 section 4: saslname."""
    assert responses(with_token("OAUTHBEARER", "a,b=c", "x")) == [b"n,a=a=2Cb=3Dc,\x01auth=Bearer x\x01\x01"]


def test_the_error_is_answered_with_control_a() -> None:
    exchange = with_token("OAUTHBEARER", "user@example.com", TOKEN)
    assert responses(exchange, ERROR)[1:] == [b"\x01"]
    with pytest.raises(StopIteration):
        exchange.send(ERROR)


def test_its_end() -> None:
    exchange = with_token("OAUTHBEARER", "u", TOKEN)
    next(exchange)
    assert mechanism.concluded(exchange)


@pytest.mark.parametrize(("username", "host"), [("u\x01", "h"), ("u", "h\x01auth=Bearer y")])
def test_no_field_brings_another(username: str, host: str) -> None:
    with pytest.raises(MailError, match="control characters"):
        next(with_token("OAUTHBEARER", username, "x", host=host))
