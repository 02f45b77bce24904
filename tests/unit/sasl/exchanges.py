"""How the tests of a mechanism talk to it."""

from esmtp_py.concealed import Secret
from esmtp_py.sasl import mechanism
from esmtp_py.sasl.mechanism import Credentials

Said = list[bytes | None]
NONCE = b"fyko+d2lbbFgONRv9qkxdawL"


def start(name: str, username: str, password: str, **more: object) -> "mechanism.Exchange":
    """With user name and password; ``more`` are other credentials."""
    return mechanism.start(name, Credentials(username, password=Secret(password), **more))  # type: ignore[arg-type]


def with_token(name: str, username: str, token: str, **more: object) -> "mechanism.Exchange":
    return mechanism.start(name, Credentials(username, token=Secret(token), **more))  # type: ignore[arg-type]


def responses(exchange: "mechanism.Exchange", *challenges: bytes) -> Said:
    """All that it says, from the initial response on."""
    return [next(exchange), *(exchange.send(c) for c in challenges)]


def says(name: str, username: str, password: str, *challenges: bytes) -> Said:
    return responses(start(name, username, password), *challenges)
