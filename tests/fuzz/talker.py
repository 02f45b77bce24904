"""The other end of a connection, for targets that read from one: it says its input and hears everything."""

from esmtp_py.errors import MailError

LONGEST = 100_000  # reads; nobody needs more


class Talker:
    """The methods of net.stream.Stream.  ended: it closes when all is said; else it is silent until the deadline."""

    peer = "talker"

    def __init__(self, data: bytes, cut: int = 1 << 30, *, ended: bool = True) -> None:
        self.heard = b""
        self.rest = data
        self._cut = cut
        self._ended = ended
        self._reads = 0

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        self.heard += bytes(data)

    def receive(self, deadline: float) -> bytes:
        self._reads += 1
        if self._reads > LONGEST:
            raise SystemExit("it reads for ever")
        if not self.rest and not self._ended:
            raise MailError("connection_lost", "it did not answer in time")
        data, self.rest = self.rest[: self._cut], self.rest[self._cut :]
        return data

    def put_back(self, data: bytes) -> None:
        self.rest = data + self.rest

    def waiting(self) -> bool:
        return bool(self.rest)

    def close(self) -> None:
        pass
