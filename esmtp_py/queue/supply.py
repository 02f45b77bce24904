"""The mails of one identity in a run, and the lanes that take from them, each when its session has room.

A mail is nobody's until a session can carry it, so a lane whose session is
refused has nothing that waits for it: the others go on, and only when none is
left is the identity put off.  The last lane at work does what has to come after
all others: what was given back, mails that go alone, reports.
"""

import _thread
from collections import deque

from esmtp_py.deliver.pipeline import WINDOW
from esmtp_py.queue.respite import PutOff, Respite, turned_away

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.errors import MailError
    from esmtp_py.queue.lane import Lane


class Supply:
    """Shared by the lanes of one identity.

    names:    to be tried, oldest first; next() takes one.
    suspects: (time of the last attempt, name) of mails that must go alone.
    reports:  names of mails written on the way, to be tried last.
    strays:   names that another rc file or identity has to carry.
    lanes:    all of them.   window: mails in flight that each of them may have.
    off:      why the whole identity waits, once it does; for the rest of the run.
    progress: the server has taken or refused a mail in this run.
    respite:  of its account.  urgent: a person has named the mails, and they are tried without regard to that.
    looking:  a lock for who takes a mail only to see that there is one, until it is given back.
    """

    def __init__(self, respite: Respite, *, logs_in: bool = False, urgent: bool = False) -> None:
        self.respite = respite
        self.urgent = urgent
        self.names: deque[str] = deque()
        self.suspects: list[tuple[int, str]] = []
        self.reports: list[str] = []
        self.strays: list[str] = []
        self.lanes: list[Lane] = []
        self.window = WINDOW
        self.off: MailError | None = None
        self.progress = False
        self.looking = _thread.RLock()
        self._lock = _thread.allocate_lock()
        self._willing = self._at_work = 1
        self._logs_in = logs_in
        self._first: Lane | None = None  # until it has logged in
        self._door = _thread.allocate_lock()

    def begin(self) -> "list[Lane]":
        """The lanes that are to run now: as many as there are mails, and none that was refused, if there is another."""
        lanes = ([lane for lane in self.lanes if not lane.refused] or self.lanes[:1])[: len(self.names)]
        self.suspects.clear()
        self._willing = self._at_work = len(lanes)
        if len(lanes) > 1:
            # none takes all there is before the others have their session
            self.window = min(WINDOW, -(-len(self.names) // len(lanes)))
            if self._logs_in:
                self._first = lanes[0]
                self._door.acquire()
        return lanes

    def wait(self, lane: "Lane") -> None:
        """Returns when this lane may ask the server: at once for the first."""
        if self._first not in (None, lane):
            with self._door:
                pass

    def enter(self) -> None:
        """The others may begin: the first lane has logged in, or will not any more.  May be called again."""
        with self._lock:
            if self._first:
                self._first = None
                self._door.release()

    @property
    def shared(self) -> bool:
        """More than one lane is at work."""
        return self._at_work > 1

    def next(self) -> "str | None":
        """The next mail is the caller's; None when there is none, for now."""
        try:
            return self.names.popleft()
        except IndexError:
            pass
        with self.looking:  # the last one may be in somebody's hands, and come back
            return self.names.popleft() if self.names else None

    def give_back(self, name: str) -> None:
        """It was taken and nothing was done with it; it is the next one."""
        self.names.appendleft(name)

    def refuse(self, error: "MailError") -> None:
        """A lane has no session any more.  If it was the last one, or the first to log in, the identity is put off."""
        with self._lock:
            self._willing -= 1
            if self._willing <= 0 or self._first:
                self.off = self._noted(error)
        self.enter()

    def _noted(self, error: "MailError") -> "MailError":
        """For all runs to know.  After progress what is left was not tried: some servers take a few mails at a time."""
        if not turned_away(error) or isinstance(error, PutOff):
            return error
        self.respite.begin(error)
        return (self.respite.why() or error) if self.progress else error

    def went_well(self) -> None:
        """A session with progress: nothing is known against the account, and the next wait is the shortest one."""
        self.progress = True
        self.respite.end()

    def leave(self) -> bool:
        """A lane is done.  True for the last one: it is alone from here on, whatever it was refused before."""
        with self._lock:
            self._at_work -= 1
            if self._at_work:
                return False
            self._at_work = self._willing = 1
            self.window = WINDOW
            return True
