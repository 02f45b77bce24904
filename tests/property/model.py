"""A server for properties: it answers each command in a mood of the day, and knows what it meant.

The methods are those of net.stream.Stream, so that no socket and no thread is needed.
"""

from esmtp_py.errors import MailError

OK, LATER, NEVER, CLOSING, GONE, RESET, SILENT = "ok", "later", "never", "closing", "gone", "reset", "silent"
MOODS = (OK, LATER, NEVER, CLOSING, GONE, RESET, SILENT)
GARBAGE = (
    b"garbage\r\n", b"\r\n", b"250-half\r\n", b"999 x\r\n", b"250-a\r\n550 b\r\n", b"250 a\0b\r\n",
    b"250 " + b"x" * 9000 + b"\r\n", b"25", b"354 go\r\n", b"334 \r\n", b"220 hi\r\n",
)  # fmt: skip
# More reads than any session needs: whoever passes it is going round in circles.
READS = 100_000


class Circles(BaseException):
    """The client reads for ever."""


class ModelServer:
    """Speaks SMTP or LMTP as far as a client's transactions need it.

    moods:  for each command in turn, how it is answered; OK when they are used up.
    slip:   (which reply, what): one reply is missing, said twice, or these bytes instead.
    taken:  {recipient: how often it answered a whole message for it with 2xx}.
    meant:  did it want that answer to be for good (no slip until then)?
    """

    def __init__(
        self,
        extensions: tuple[str, ...],
        moods: list[str],
        *,
        lmtp: bool = False,
        slip: tuple[int, bytes | str] | None = None,
        cut: int = 1 << 30,
    ) -> None:
        self.peer = "model"
        self.taken: dict[str, int] = {}
        self.closed = False
        self.said = b""
        self.heard = b""
        self._extensions = extensions
        self._moods = list(moods)
        self._lmtp = lmtp
        self._slip = slip
        self._cut = cut
        self._replies = 0
        self._inbox = b""
        self._buffer = b""
        self._over = ""
        self._reads = 0
        self._sender = False
        self._recipients: list[str] = []
        self._data: str | int | None = None  # what is being read: "dot", or bytes of a chunk
        self._command("", "GREETING")

    # -- the methods of Stream --------------------------------------------------

    def send(self, data: bytes | bytearray | memoryview, deadline: float) -> None:
        if self._over == RESET:
            raise MailError("connection_lost", "reset by peer")
        self.heard += bytes(data)
        self._buffer += bytes(data)
        while not self._over and self._step():
            pass

    def receive(self, deadline: float) -> bytes:
        self._reads += 1
        if self._reads > READS:
            raise Circles
        if self._inbox:
            data, self._inbox = self._inbox[: self._cut], self._inbox[self._cut :]
            return data
        if self._over == GONE:
            return b""
        raise MailError("connection_lost", "reset by peer" if self._over == RESET else "did not answer in time")

    def waiting(self) -> bool:
        return bool(self._inbox) or self._over == GONE

    def local_address(self) -> str:
        return "192.0.2.1"

    def close(self) -> None:
        self.closed = True

    # -- the server ----------------------------------------------------------------

    def _step(self) -> bool:
        """Takes one command or message out of the buffer; False when it is not all there."""
        if isinstance(self._data, int):
            return self._chunk(self._data)
        if self._data == "dot":
            return self._until_dot()
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return False
        self._buffer = rest
        words = line.decode("utf-8", "replace").split(" ")
        self._command(line.decode("utf-8", "replace"), words[0].upper())
        return True

    def _command(self, line: str, verb: str) -> None:
        mood = self._moods.pop(0) if self._moods else OK
        if mood in (GONE, RESET, SILENT):
            self._over = mood
            return
        if mood == CLOSING:
            self._reply("421 closing")
            self._over = GONE
            return
        refusal = {LATER: "450 4.2.0 later", NEVER: "550 5.7.1 never"}.get(mood, "")
        match verb:
            case "GREETING":
                self._reply(refusal or "220 model")
            case "EHLO" | "LHLO":
                self._reply(refusal or "\r\n250-".join(("250-model", *self._extensions)) + "\r\n250 HELP")
            case "MAIL":
                self._sender = not refusal
                self._recipients = []
                self._reply(refusal or "250 2.1.0 sender")
            case "RCPT":
                address = line[line.index("<") + 1 : line.index(">")]
                refusal = refusal or ("" if self._sender else "503 5.5.1 MAIL first")
                if not refusal:
                    self._recipients.append(address)
                self._reply(refusal or "250 2.1.5 recipient")
            case "DATA":
                refusal = refusal or ("" if self._recipients else "503 5.5.1 RCPT first")
                self._data = None if refusal else "dot"
                self._reply(refusal or "354 go")
            case "BDAT":
                self._data = int(line.split(" ")[1])
                self._moods.insert(0, mood)  # for the reply, which comes at the end
            case "RSET":
                self._sender, self._recipients = False, []
                self._reply(refusal or "250 reset")
            case "STARTTLS":
                self._reply(refusal or "220 go")
            case "AUTH":
                self._reply(refusal or "235 welcome")
            case "QUIT":
                self._reply("221 bye")
                self._over = GONE
            case _:
                self._reply(refusal or "250 ok")

    def _chunk(self, size: int) -> bool:
        if len(self._buffer) < size:
            return False
        self._buffer = self._buffer[size:]
        self._message()
        return True

    def _until_dot(self) -> bool:
        text = b"\r\n" + self._buffer
        at = text.find(b"\r\n.\r\n")
        if at < 0:
            return False
        self._buffer = text[at + 5 :]
        self._message()
        return True

    def _message(self) -> None:
        self._data = None
        recipients, self._recipients, self._sender = self._recipients, [], False
        if not recipients:
            self._moods[:1] = []
            self._reply("503 5.5.1 RCPT first")
            return
        for group in [[r] for r in recipients] if self._lmtp else [recipients]:
            mood = self._moods.pop(0) if self._moods else OK
            if mood in (GONE, RESET, SILENT):
                self._over = mood
                return
            if mood == CLOSING:
                self._reply("421 closing")
                self._over = GONE
                return
            if mood == OK:
                for recipient in group:
                    self.taken[recipient] = self.taken.get(recipient, 0) + 1
            self._reply({LATER: "451 4.3.0 later", NEVER: "554 5.7.1 never"}.get(mood, "250 2.0.0 taken"))

    def _reply(self, text: str) -> None:
        octets = text.encode() + b"\r\n"
        if self._slip and self._slip[0] == self._replies:
            octets = (
                {"missing": b"", "twice": octets * 2}.get(self._slip[1], b"")
                if isinstance(self._slip[1], str)
                else self._slip[1]
            )
        self._replies += 1
        self.said += octets
        self._inbox += octets
