"""One mail server for the run (for each xdist worker its own), and what a test says about itself to it."""

import uuid
from collections.abc import Iterator

import pytest

from tests.interop.mailserver import MailServer, missing


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    why = missing()
    if why:
        pytest.skip(why)
    with MailServer() as server:
        yield server


@pytest.fixture
def server(mail_server: MailServer) -> MailServer:
    """The mail server, at rest, its log as if new."""
    mail_server.postfix.settle()
    mail_server.postfix.mark()
    return mail_server


@pytest.fixture
def address() -> str:
    """A recipient nobody else has."""
    return f"t{uuid.uuid4().hex[:12]}@example.test"
