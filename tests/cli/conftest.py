"""Where the mail of these tests goes: a file, through an mda; or a server on loopback."""

import email
import email.message
import email.policy
import pathlib
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Command
from tests.server import SubmissionServer

# What the mda was told goes to files beside the mail.
PIPE = """mda "cat >>mail; printf '%%s\\n' %T >>to; printf '%%s' %F >>from"\n"""


class Mailbox:
    """What an mda has written in the home of the ``esmtp`` fixture."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home

    @property
    def mail(self) -> bytes:
        """All mail, as delivered; b"" if there was none."""
        return self._read("mail")

    @property
    def recipients(self) -> list[str]:
        """The words that stood for %T."""
        return self._read("to").decode().splitlines()

    @property
    def sender(self) -> str:
        """The word that stood for %F."""
        return self._read("from").decode()

    @property
    def message(self) -> email.message.Message:
        """The one mail, parsed; without the Return-Path of final delivery."""
        _, rest = self.mail.split(b"\n", 1)
        return email.message_from_bytes(rest, policy=email.policy.compat32)

    @property
    def fields(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def body(self) -> bytes:
        return self.mail.partition(b"\n\n")[2]

    def _read(self, name: str) -> bytes:
        path = self.home / name
        return path.read_bytes() if path.exists() else b""


@pytest.fixture
def mailbox(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> Mailbox:
    """An rc with one identity, me@x.org, whose mail all goes to the mailbox of joe."""
    rc(f"identity me@x.org\n{PIPE}force_mda joe\n")
    return Mailbox(esmtp.home)


@pytest.fixture
def local(esmtp: Command, rc: Callable[[str], pathlib.Path]) -> Mailbox:
    """An rc with one identity, me@x.org, whose local recipients have an mda, and the others nothing that answers."""
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{PIPE}")
    return Mailbox(esmtp.home)


@pytest.fixture
def server() -> Iterator[SubmissionServer]:
    """A server without TLS and log-in, that takes everything."""
    with SubmissionServer(tls="none", mechanisms=()) as running:
        yield running
    assert running.violations == []


@pytest.fixture
def submission(server: SubmissionServer, rc: Callable[[str], pathlib.Path]) -> SubmissionServer:
    """The server, and an rc that sends all mail of me@x.org to it."""
    rc(f"identity me@x.org\n{way_to(server)}")
    return server


def way_to(server: SubmissionServer) -> str:
    return f"hostname 127.0.0.1:{server.port}\nstarttls disabled\n"
