"""How long to wait for each reply (RFC 5321 section 4.5.3.2), in seconds."""

from esmtp_py.smtp.command import BDAT_LAST, BODY, DATA, QUIT

_REPLY = 300  # greeting, MAIL, RCPT, and what is like them
_BY_VERB = {
    DATA: 120,
    BODY: 600,
    BDAT_LAST: 600,
    # everything is settled by then: not worth anybody's time
    QUIT: 10,
}
BLOCK = 180  # between two pieces of the message

# A whole session: RFC 5321 knows no limit, and a server that answers one byte a
# minute would hold us for ever.  An hour is beyond every healthy session, plus
# what the message needs on a line of 8 kB a second (a modem of the nineties).
SESSION = 3600
SLOWEST_LINE = 8192


class Patience:
    """The rc's ``timeout SECONDS`` for every reply, or 0 for the table above."""

    __slots__ = ("_seconds",)

    def __init__(self, seconds: int = 0) -> None:
        self._seconds = seconds

    def reply(self, verb: str) -> float:
        usual = _BY_VERB.get(verb, _REPLY)
        return min(self._seconds, usual) if verb == QUIT and self._seconds else self._seconds or usual

    @property
    def block(self) -> float:
        return self._seconds or BLOCK

    def session(self, size: int) -> float:
        """For one session that carries ``size`` bytes; a dozen of the longest waits if those were set."""
        return (12 * self._seconds or SESSION) + size / SLOWEST_LINE
