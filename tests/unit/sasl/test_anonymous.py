"""ANONYMOUS: a trace, which may be empty."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials
from tests.unit.sasl.exchanges import responses


@pytest.mark.parametrize("trace", ["", "sirhc", "me@example.org", "jürgen", "ü" * 255])
def test_rfc_4505(trace: str) -> None:
    exchange = mechanism.start("ANONYMOUS", Credentials(trace))
    assert responses(exchange) == [trace.encode()]
    assert mechanism.concluded(exchange)


def test_a_trace_has_at_most_255_characters() -> None:
    exchange = mechanism.start("ANONYMOUS", Credentials("x" * 256))
    with pytest.raises(MailError, match="255") as raised:
        next(exchange)
    assert raised.value.kind == "config"
