"""A run in numbers, for those who look on: what is done, and what waits for which reason.

All lanes of a run share one.  The ledgers count; whoever shows progress reads,
at any time and without a lock.
"""

import _thread

from esmtp_py.outcome import Outcome

# Lines for a person: a sick disk has one to say for each of a hundred thousand mails.
SAID = 1000
# Reasons told apart.  A server may give each mail one of its own, with an id in it; nobody reads more.
REASONS = 20
# Of each; it is printed on one line.
_WORDS = 300

# Mail that is due in so many seconds, the longest undo, is waited for by a run in the background.
SOON = 86400

# What does not mend by itself: a person has to see to the rc, the password, the certificate or this machine.
_LASTING = ("config", "auth", "tls", "system", "cannot_create", "io", "internal")

OTHER = "other reasons; mailq -v has each"


class Tally:
    """Mails, and bytes delivered.

    found:  so many mails are to be tried, or were.
    failed: of them untold were such that nobody is told, for nobody can be, or wants to.
    waits:  {reason: mails}, for those that were deferred.
    lasting: those of the reasons that do not mend by themselves.
    early:  mails that were left alone, for undo or --at; next: when the first of them is due, 0 for none.
    said:   what a person should read.   faulty: the queue itself could not be read or written.
    """

    __slots__ = (
        "_lock",
        "bytes",
        "deferred",
        "delivered",
        "early",
        "failed",
        "faulty",
        "found",
        "lasting",
        "next",
        "said",
        "untold",
        "waits",
    )

    def __init__(self) -> None:
        self.found = 0
        self.delivered = 0
        self.failed = 0
        self.untold = 0
        self.deferred = 0
        self.bytes = 0
        self.early = 0
        self.next = 0.0
        self.waits: dict[str, int] = {}
        self.lasting: set[str] = set()
        self.said: list[str] = []
        self.faulty = False
        self._lock = _thread.allocate_lock()

    @property
    def done(self) -> int:
        """Mails that were tried."""
        return self.delivered + self.failed + self.deferred

    def count(self, *, found: int = 0, delivered: int = 0, size: int = 0, failed: int = 0, untold: int = 0) -> None:
        """Adds to the numbers.  size: bytes of what was delivered."""
        with self._lock:
            self.found += found
            self.delivered += delivered
            self.bytes += size
            self.failed += failed
            self.untold += untold

    def defer(self, outcome: "Outcome | None") -> None:
        """One mail more waits, for that reason."""
        why = _why(outcome or Outcome("try_again"))
        with self._lock:
            self.deferred += 1
            if why not in self.waits and len(self.waits) >= REASONS:
                why = OTHER
            self.waits[why] = self.waits.get(why, 0) + 1
            if outcome and _is_lasting(outcome):
                self.lasting.add(why)

    def reasons(self) -> "list[tuple[str, int]]":
        """Why mail waits, the most frequent reason first.  (A copy in one step: the lanes go on counting.)"""
        return sorted(self.waits.items(), key=lambda item: -item[1])

    def leave(self, due: float) -> None:
        """One mail was left alone, for it was never tried and is not due before then."""
        with self._lock:
            self.early += 1
            self.next = min(due, self.next or due)

    def say(self, line: str, *, fault: bool = False) -> None:
        with self._lock:
            self.faulty = self.faulty or fault
            if len(self.said) < SAID:
                self.said.append(line)
            elif len(self.said) == SAID:
                self.said.append("and more of the kind")


def waiting(why: str, mails: int) -> str:
    """So many wait for that reason, for a person."""
    return f"{mails} wait{'s' * (mails == 1)}: {why}"


def _is_lasting(outcome: Outcome) -> bool:
    """Also a server that nobody has named.  What a server says of itself is not ours to put right."""
    return outcome.kind in _LASTING or (outcome.status == "4.3.5" and not outcome.reply)


def _why(outcome: Outcome) -> str:
    """With the name of the server: a run has several."""
    words = outcome.text or outcome.reply or outcome.kind.replace("_", " ")
    if outcome.remote and outcome.remote not in words:
        words = f"{outcome.remote}: {words}"
    return words[:_WORDS]
