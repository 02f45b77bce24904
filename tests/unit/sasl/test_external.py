"""EXTERNAL: whom the certificate may act for."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials
from tests.unit.sasl.exchanges import responses


@pytest.mark.parametrize(("username", "said"), [("", b""), ("fred@example.org", b"fred@example.org")])
def test_rfc_4422(username: str, said: bytes) -> None:
    """Appendix A: nothing, or an authorization identity."""
    exchange = mechanism.start("EXTERNAL", Credentials(username, certificate=True))
    assert responses(exchange) == [said]
    assert mechanism.concluded(exchange)


def test_it_needs_a_certificate() -> None:
    with pytest.raises(MailError, match="`certificate`") as raised:
        mechanism.start("EXTERNAL", Credentials("fred"))
    assert raised.value.kind == "config"


def test_no_nul() -> None:
    with pytest.raises(MailError):
        mechanism.start("EXTERNAL", Credentials("fr\0ed", certificate=True))
