"""LOGIN: PLAIN in two steps, never standardised, still the only one some servers have.

The prompts are not looked at: servers disagree about them.
"""

NAME = "LOGIN"


def exchange(username: bytes, password: bytes) -> "Exchange":
    yield None
    yield username
    yield password


TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.sasl.mechanism import Exchange
