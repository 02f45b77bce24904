"""Invariant: whatever a server says, cut anywhere, a session ends in an outcome for every recipient.

No outcome is our own bug, none says "delivered" without a positive last word
behind a whole message, all are printable, and the cuts change nothing.
"""

import re

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver import session
from esmtp_py.deliver.submission import Submission
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from tests.dialogues.script import Octets
from tests.fuzz.driver import main

# The input is what the server says; a form feed ends what it says before it hears the client again.
SEEDS = [
    b"220 mx\r\n\f250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n\f250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n221 bye\r\n",
    b"220 mx\r\n\f500 what\r\n\f250 mx\r\n\f250 ok\r\n\f550 5.1.1 no\r\n\f250 ok\r\n\f354 go\r\n\f250 ok\r\n\f221\r\n",
    b"220 mx\r\n\f250-mx\r\n250 PIPELINING\r\n\f250 ok\r\n250 ok\r\n452 4.5.3 x\r\n354 go\r\n\f250 ok\r\n221 bye\r\n",
    b"220 mx\r\n\f250-mx\r\n250 AUTH LOGIN CRAM-MD5\r\n\f334 PDFAYT4=\r\n\f235 ok\r\n\f250 ok\r\n\f421 4.3.2 x\r\n",
    b"220 mx\r\n\f250-mx\r\n250 SIZE 10\r\n\f221 bye\r\n",
    b"554-5.7.1 go\r\n554 away\r\n\f221 bye\r\n",
]
LONGEST = 100_000  # reads; nobody needs more


class Talker:
    """The methods of net.stream.Stream for a server that says ``pieces``."""

    peer = "talker"

    def __init__(self, pieces: list[bytes], cut: int) -> None:
        self.heard = b""
        self._pieces = pieces
        self._cut = cut
        self._reads = 0
        self._inbox = self._pieces.pop(0)

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self.heard += bytes(data)
        if self._pieces:
            self._inbox += self._pieces.pop(0)

    def receive(self, deadline: float) -> bytes:
        self._reads += 1
        if self._reads > LONGEST:
            raise SystemExit("the client reads for ever")
        if not self._inbox:
            raise MailError("connection_lost", "it did not answer in time")
        data, self._inbox = self._inbox[: self._cut], self._inbox[self._cut :]
        return data

    def waiting(self) -> bool:
        return bool(self._inbox)

    def local_address(self) -> str:
        return ""

    def close(self) -> None:
        pass


def spoken(data: bytes, cut: int) -> object:
    talker = Talker(data.split(b"\f"), cut)
    user = "alice" if data.count(b"AUTH") else ""
    who = Identity(server=Server("localhost", "25"), username=user, password=Secret("tops3cret"), helo="me")
    envelope = Envelope("me@x.org", [Recipient("a@x.org"), Recipient("b@x.org")])
    setattr(session, "connect", lambda *_: talker)  # noqa: B010 - it is imported there, not exported
    trace: list[tuple[str, bytes]] = []
    courier = Submission(who, lambda tag, line: trace.append((tag, line)))
    outcomes = courier.deliver(Message(Header([b"A: b\r\n"]), Octets(b"Hello.\r\n")), envelope)
    assert sorted(outcomes) == ["a@x.org", "b@x.org"]
    for outcome in outcomes.values():
        assert outcome.kind != "internal", outcome.text
        assert outcome.text.isprintable()
        assert "tops3cret" not in outcome.text
        if outcome.kind == "delivered":
            assert re.search(rb"BDAT \d+ LAST\r\n.*Hello\.\r\n|Hello\.\r\n\.\r\n", talker.heard, re.DOTALL)
            assert re.search(rb"(?:^|[\n\f])2\d\d", data)
    return [(a, o.kind, o.text, o.status) for a, o in sorted(outcomes.items())], talker.heard, trace


def target(data: bytes) -> None:
    connect = getattr(session, "connect")  # noqa: B009
    try:
        whole = spoken(data, 1 << 30)
        assert spoken(data, 1) == whole
        assert spoken(data, 5) == whole
    finally:
        setattr(session, "connect", connect)  # noqa: B010


if __name__ == "__main__":
    main(target, SEEDS)
