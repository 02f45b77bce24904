"""Mails through one session, as many in flight as the server's extensions allow.

    PIPELINING + CHUNKING   MAIL RCPT… BDAT-LAST of many messages at once
    PIPELINING              the end of one message with MAIL RCPT… DATA of the next
    forgetful PIPELINING    nothing behind a message
    neither                 one command at a time

The window is also what a crash can cost: a message whose 250 we did not live
to see may be sent again, and that is true of at most WINDOW messages.
"""

from esmtp_py.deliver.mishap import mishap
from esmtp_py.deliver.session import Session
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope
from esmtp_py.outcome import Outcome
from esmtp_py.smtp import command
from esmtp_py.smtp.client import OutOfStep
from esmtp_py.smtp.command import QUIT, RSET
from esmtp_py.smtp.transaction import Transaction

# 100 messages of 2 kB fill a line of 30 Mbit/s at 50 ms, and keep a server busy that takes half a millisecond
# for each.  With 64 one that is as fast as Postfix waits for us; more would gain little, and lose more in a crash.
WINDOW = 100
# Bytes of messages in flight: a server reads them before it answers the first.
WINDOW_BYTES = 1 << 20

# RFC 5321 section 4.5.3.1.8: every server takes that many recipients in one
# transaction.  With more there may be a further one, so QUIT has to wait.
SURE_RECIPIENTS = 100


class Parcel:
    """A message with its envelope, and somebody who wants to hear what became of it.

    sure: as far as anyone can tell, one transaction will do.
    """

    __slots__ = ("envelope", "message", "settle", "sure")

    def __init__(self, message: "Message", envelope: Envelope, settle: "Settle") -> None:
        """settle: called with {address: Outcome} as soon as they are known, maybe for some recipients at a time.

        When it returns True, nothing more is to be done for this parcel.
        """
        self.message = message
        self.envelope = envelope
        self.settle = settle
        self.sure = len(envelope.recipients) <= SURE_RECIPIENTS


class Pipeline:
    """Carries parcels through one session."""

    def __init__(self, session: Session, window: int = WINDOW) -> None:
        """window: how many may be in flight at once."""
        self._window = window
        self._session = session
        self._talk = session.talk
        self._flying: list[tuple[Transaction, Parcel]] = []
        self._bytes = 0
        self._clean = True  # no transaction is open, or may be, at the server
        self._left: list[Parcel] = []
        self._taken = False  # the server has accepted a message
        self._full: list[Parcel] = []  # what it takes in another session only
        self._strict = False  # it takes nothing behind a message

    def carry(self, parcels: "Iterator[Parcel]", *, farewell: bool = True) -> list[Parcel]:
        """Carries all of ``parcels`` and settles them; returns what needs another session.

        That is recipients the server had no room for after it was told QUIT,
        and mails beyond those it takes in one session.
        farewell: say QUIT, behind the last message where that is possible.
        Raises MailError when the session is lost: what was in flight is
        settled with it; ``parcels`` and ``left`` have the others.  Among them is,
        after 421, what the server has not said a word about.
        """
        try:
            while not self._talk.over:
                if not self._full and self._more(parcels) and self._room(self._left[0].message.size):
                    self._settle_done()
                    if not self._full:
                        parcel = self._left.pop(0)
                        self._send(parcel, last=farewell and not self._more(parcels))
                elif self._pending:
                    self._exchange()
                elif any(t.remaining or t.early for t, _ in self._flying):
                    self._settle_done()
                else:
                    break
            self._finish(farewell)
        except MailError as error:
            self._lost(error)
            raise
        except Exception as error:
            ours = mishap(error)
            self._lost(ours)
            raise ours from error
        return self.left

    @property
    def _pipelining(self) -> bool:
        """May anything be said behind a message?"""
        return "PIPELINING" in self._session.extensions and not (self._session.forgetful or self._strict)

    @property
    def left(self) -> list[Parcel]:
        """Parcels taken, and not sent or not answered, or for another session."""
        return self._full + self._left

    # -- what comes next ------------------------------------------------------

    def _more(self, parcels: "Iterator[Parcel]") -> bool:
        """Will there be another transaction?  The next parcel, then, is the first of ``left``."""
        if not self._left:
            ahead = next(parcels, None)
            if ahead:
                self._left.append(ahead)
        return bool(self._left)

    def _send(self, parcel: Parcel, *, last: bool) -> None:
        session = self._session
        transaction = Transaction(
            parcel.message, parcel.envelope, session.extensions, session.remote, lmtp=session.lmtp
        )
        try:
            opening = transaction.opening()
        except MailError as error:  # this message is not for this server; the session goes on
            transaction.lost(error)
            opening = []
        self._flying.append((transaction, parcel))
        self._talk.allow(parcel.message.size)
        self._bytes += parcel.message.size
        if opening:
            self._talk.last = last and self._pipelining and all(p.sure for _, p in self._flying)
            self._talk.say(self._cleared() + opening)
            self._clean = False

    def _cleared(self) -> list[command.Command]:
        """The RSET that must go before a new transaction, if any."""
        if self._clean:
            return []
        if self._pipelining:
            return [command.plain(RSET)]
        self._talk.expect(command.plain(RSET))
        return []

    def _room(self, size: int) -> bool:
        """May another transaction begin now?"""
        if not self._pending:
            return True
        if not self._pipelining or not self._flying[-1][0].said:
            return False
        return len(self._flying) < self._window and self._bytes + size <= WINDOW_BYTES

    # -- what came back ---------------------------------------------------------

    @property
    def _pending(self) -> bool:
        return any(not t.done for t, _ in self._flying)

    def _exchange(self) -> None:
        """The last one to be done is not settled yet: what comes next may show that its answer was none."""
        self._talk.exchange()
        while len(self._flying) > 1 and self._flying[0][0].done:
            self._settle(*self._flying.pop(0))

    def _settle_done(self) -> None:
        if self._flying and not self._talk.owes:
            self._talk.listen()  # one answer too many shows here at the latest
        while self._flying and self._flying[0][0].done:
            self._settle(*self._flying.pop(0))

    def _settle(self, transaction: Transaction, parcel: Parcel) -> None:
        self._bytes -= parcel.message.size
        self._clean = transaction.clean and not self._flying
        if transaction.full and self._taken:
            self._full.append(parcel)
            return
        if transaction.early and self._taken and self._pipelining:
            self._strict = True
            self._left.insert(0, parcel)
            return
        self._taken = self._taken or transaction.clean
        if not parcel.settle(transaction.outcomes) and transaction.remaining:
            left = Parcel(parcel.message, parcel.envelope.to(transaction.remaining), parcel.settle)
            left.sure = False
            self._left.insert(0, left)

    def _finish(self, farewell: bool) -> None:
        """QUIT's 221 proves that no reply was taken for another; without it, nothing is known."""
        while self._pending:
            self._exchange()
        try:
            if farewell and self._talk.idle:
                self._talk.say([command.plain(QUIT)])
                self._talk.exchange()
            while self._talk.owes:
                self._talk.exchange()
        except MailError as error:
            if isinstance(error, OutOfStep):
                self._lost(error)
        while self._flying:
            self._settle(*self._flying.pop(0))

    def _lost(self, error: MailError) -> None:
        unheard: list[Parcel] = []
        while self._flying:
            transaction, parcel = self._flying.pop(0)
            if isinstance(error, OutOfStep):
                transaction.doubt(error)
            elif error.reply.startswith("421") and not (transaction.heard or transaction.done):
                unheard.append(parcel)
                continue
            elif not transaction.done:
                transaction.lost(error)
            self._settle(transaction, parcel)
        self._left[:0] = unheard


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmtp_py.message.message import Message

    Settle = Callable[[dict[str, Outcome]], bool | None]
