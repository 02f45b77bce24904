"""What became of each mail of a run, noted as it comes, and what follows from it.

    delivered              removed; before that, noted if somebody else still waits
    failed                 a report to the sender is made durable, then removed
    deferred               waits, with the reason; a warning after some hours; given up after some days
    nobody can be told     to failed/

Nothing here may raise: a mail whose fate cannot be noted is left as it is, and
the run says so (it may be sent more than once).
"""

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import NEVER, Envelope
from esmtp_py.outcome import DEFERRED, DELIVERED, FAILED, Outcome
from esmtp_py.queue import schedule
from esmtp_py.queue.bounce import wanted
from esmtp_py.queue.entry import Damaged
from esmtp_py.queue.marks import DELAY, FAILURE, outcome_mark, reported_mark
from esmtp_py.queue.ready import Ready, waiting
from esmtp_py.queue.report import enqueue, original_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.deliver.caller import Caller
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.store import Store

# Removals that may be undone by a power failure, and sent once more: what one
# fsync of the directory is shared by.
UNSYNCED = 16


class Tally:
    """A run in numbers.  said: what a person should read, a line each."""

    __slots__ = ("bytes", "deferred", "delivered", "failed", "said")

    def __init__(self) -> None:
        self.delivered = 0
        self.failed = 0
        self.deferred = 0
        self.bytes = 0
        self.said: list[str] = []


class Ledger:
    """Of one lane of a run.  lifetime: seconds until its mail is given up, 0 for the usual time."""

    def __init__(
        self, store: "Store", caller: "Caller", clock: "Callable[[], float]", tally: Tally, lifetime: int = 0
    ) -> None:
        self.tally = tally
        self._lifetime = lifetime or schedule.LIFETIME
        self._store = store
        self._caller = caller
        self._clock = clock
        self._pending: dict[str, set[str]] = {}
        self._unsynced = 0

    def take(self, name: str, *, all_due: bool = False) -> "Locked | None":
        """Locks a mail if it is to be tried now; None when it is not, or another process has it."""
        try:
            locked = self._store.lock(name)
        except MailError as error:
            self._say(name, error)
            return None
        if locked and not self._may_go(locked, all_due):
            locked.close()
            return None
        return locked

    def _may_go(self, locked: "Locked", all_due: bool) -> bool:
        now = self._clock()
        due = schedule.due(locked.entry, locked.name, now)
        if locked.entry.marks.held or (due > now and not all_due):
            if due < schedule.NEVER:
                locked.set_due(due)
            return False
        return not self._is_premature(locked.name)

    def _is_premature(self, name: str) -> bool:
        """A report whose original does not yet know of it: a run that was killed will write it again."""
        original, kind, number = original_of(name)
        if not original:
            return False
        try:
            entry = self._store.read(original)
        except MailError:
            return False
        return entry is not None and kind not in entry.marks.fate(number).reported

    def expired(self, locked: "Locked") -> bool:
        """The next attempt is the last one."""
        return schedule.expired(locked.entry, self._clock(), self._lifetime)

    # -- what happened ----------------------------------------------------------

    def begin(self, locked: "Locked", mail: Ready) -> None:
        """This mail's fates will come."""
        self._pending[locked.name] = set(mail.numbers)

    def note(self, locked: "Locked", mail: Ready, fates: dict[str, Outcome]) -> None:
        """Fates of some recipients, by the entry's addresses; after the last one the mail is closed."""
        pending = self._pending[locked.name]
        pending.difference_update(fates)
        try:
            if not pending and _all_delivered(locked, mail, fates):
                self._delivered(locked, mail)
            else:
                self._mark(locked, mail, fates)
                if not pending:
                    self._settle(locked, mail)
        except MailError as error:
            self._say(locked.name, error)
            pending.clear()
        if not pending:
            del self._pending[locked.name]
            locked.close()

    def wait(self, locked: "Locked", outcome: Outcome) -> None:
        """The mail could not even be tried, or not be made ready: all its recipients wait for that reason."""
        now = self._clock()
        try:
            if outcome.fate != DEFERRED:  # a call that makes no sense: without an envelope nobody can be told
                locked.to_failed()
                self.tally.said.append(f"{locked.name}: {outcome.text}: kept in failed/")
                return
            locked.mark(outcome_mark(now, waiting(locked.entry).values(), outcome))
            self.tally.deferred += 1
            locked.set_due(schedule.due(locked.entry, locked.name, now))
        except MailError as error:
            self._say(locked.name, error)
        finally:
            self._pending.pop(locked.name, None)
            locked.close()

    def close(self) -> None:
        """Makes durable what is not yet."""
        if self._unsynced:
            try:
                self._store.sync()
            except MailError as error:
                self.tally.said.append(f"{error.text}; some mail may be sent more than once")
            self._unsynced = 0

    # -- what follows -------------------------------------------------------------

    def _delivered(self, locked: "Locked", mail: Ready) -> None:
        locked.remove()
        self.tally.delivered += 1
        self.tally.bytes += mail.message.size
        self._unsynced += 1
        if self._unsynced >= UNSYNCED:
            self.close()

    def _mark(self, locked: "Locked", mail: Ready, fates: dict[str, Outcome]) -> None:
        groups: dict[int, tuple[Outcome, list[int]]] = {}
        for address, fate in fates.items():
            groups.setdefault(id(fate), (fate, []))[1].append(mail.numbers[address])
        now = self._clock()
        locked.mark(b"".join(outcome_mark(now, numbers, fate) for fate, numbers in groups.values()))

    def _settle(self, locked: "Locked", mail: Ready) -> None:
        """Every recipient has been tried: give up, report, remove or keep."""
        now = self._clock()
        if schedule.expired(locked.entry, now, self._lifetime):
            self._give_up(locked, now)
        told = self._report_failures(locked, mail, now)
        left = waiting(locked.entry)
        if left:
            self.tally.deferred += 1
            self._warn(locked, mail, now)
            locked.set_due(schedule.due(locked.entry, locked.name, now))
        elif told:
            locked.remove()
            self._store.sync()
        else:
            locked.to_failed()
            self.tally.said.append(f"{locked.name}: could not be delivered, and nobody can be told: kept in failed/")

    def _give_up(self, locked: "Locked", now: float) -> None:
        entry = locked.entry
        lines = []
        for number in waiting(entry).values():
            last = entry.marks.fate(number).outcome
            words = last.text if last else "it was never reached"
            remote, reply = (last.remote, last.reply) if last else ("", "")
            text = f"given up, it was tried for too long; the last time: {words}"
            lines.append(
                outcome_mark(now, [number], Outcome("refused", text, status="5.4.7", remote=remote, reply=reply))
            )
        if lines:
            locked.mark(b"".join(lines))

    def _report_failures(self, locked: "Locked", mail: Ready, now: float) -> bool:
        """True when every failed recipient is one the sender knows of, or does not want to."""
        entry = locked.entry
        outcomes = {}
        for number, recipient in enumerate(entry.recipients):
            fate = entry.marks.fates.get(number)
            if fate and fate.outcome and fate.outcome.fate == FAILED and FAILURE not in fate.reported:
                outcomes[number] = (recipient, fate.outcome)
        if not outcomes:
            return True
        self.tally.failed += 1
        if not mail.envelope.sender:
            return False
        whole = mail.envelope.to([recipient for recipient, _ in outcomes.values()])
        fates = {recipient.address: outcome for recipient, outcome in outcomes.values()}
        told = whole.to(wanted(whole, fates))
        if told.recipients:
            self._report(locked, mail, FAILURE, list(outcomes), told, fates, now)
        return True

    def _warn(self, locked: "Locked", mail: Ready, now: float) -> None:
        entry = locked.entry
        numbers = schedule.late(entry, entry.recipients, now)
        if not numbers or not mail.envelope.sender:
            return
        recipients = [entry.recipients[number] for number in numbers if entry.recipients[number].notify != NEVER]
        fates = {}
        for number in numbers:
            outcome = entry.marks.fate(number).outcome
            fates[entry.recipients[number].address] = outcome or Outcome("try_again")
        if recipients:
            self._report(locked, mail, DELAY, numbers, mail.envelope.to(recipients), fates, now)

    def _report(
        self,
        locked: "Locked",
        mail: Ready,
        kind: str,
        numbers: list[int],
        told: Envelope,
        fates: dict[str, Outcome],
        now: float,
    ) -> None:
        enqueue(
            self._store, locked.name, kind, numbers, told, fates, mail.message, mail.choice.identity, self._caller, now
        )
        locked.mark(reported_mark(now, numbers, kind))

    def _say(self, name: str, error: MailError) -> None:
        prefix = "" if isinstance(error, Damaged) else f"{name}: "
        self.tally.said.append(prefix + error.text)


def _all_delivered(locked: "Locked", mail: Ready, fates: dict[str, Outcome]) -> bool:
    """Delivered, all of them and just now, so that the file itself can go."""
    marks = locked.entry.marks
    now = all(fates.get(address, _NONE).fate == DELIVERED for address in mail.numbers)
    before = all(fate.outcome and fate.outcome.fate == DELIVERED for n, fate in marks.fates.items() if fate.settled)
    return now and before


_NONE = Outcome("try_again")
