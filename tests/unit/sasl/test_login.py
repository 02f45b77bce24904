"""LOGIN: two answers to whatever is asked."""

import pytest

from esmtp_py.sasl import mechanism
from tests.unit.sasl.exchanges import says, start


def test_two_prompts_whatever_they_say() -> None:
    assert says("LOGIN", "tim", "secret", b"Username:", b"Password:") == [None, b"tim", b"secret"]
    assert says("LOGIN", "tim", "secret", b"", b"\xff") == [None, b"tim", b"secret"]


@pytest.mark.parametrize(("prompts", "over"), [(0, False), (1, False), (2, True)])
def test_its_end(prompts: int, over: bool) -> None:
    """A server that lets us in before it has heard the password does not follow it."""
    exchange = start("LOGIN", "u", "p")
    next(exchange)
    for _ in range(prompts):
        exchange.send(b"x")
    assert mechanism.concluded(exchange) is over
