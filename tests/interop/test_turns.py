"""How often the client waits for the server: each time is a round trip on a real network."""

import pathlib
from collections.abc import Callable

import pytest

from bench.relay import Relay
from tests.conftest import Command
from tests.interop.mailserver import MailServer

WriteRc = Callable[[str], pathlib.Path]
MAIL = b"From: alice@example.test\nSubject: quick\n\nHello.\n"


@pytest.mark.parametrize(
    ("auth", "listener", "limit"),
    [
        ("plain", "submission", 6),  # EHLO · STARTTLS · hello · finished+EHLO · AUTH · MAIL..BDAT LAST+QUIT
        ("plain", "submissions", 5),  # hello · finished, for here the greeting comes first · EHLO · AUTH · MAIL..
        ("plain", "data", 7),  # … MAIL..DATA · body+QUIT
        ("automatic", "submission", 8),  # SCRAM: the name · our proof · theirs, heard
    ],
)
def test_turns(
    auth: str, listener: str, limit: int, server: MailServer, esmtp: Command, rc: WriteRc, address: str
) -> None:
    # A round trip that is long beside the server's own time: what is sent in answer to a reply comes after it.
    with Relay(server.ports[listener], rtt=0.02) as relay:
        rc(server.rc(listener=listener, hostname=f"localhost:{relay.port}", auth=auth))
        done = esmtp("-f", "alice@example.test", address, stdin=MAIL)
        assert (done.code, done.err) == (0, "")
        [trip] = relay.trips()
    assert trip.turns <= limit
    assert len(server.mails(address)) == 1
