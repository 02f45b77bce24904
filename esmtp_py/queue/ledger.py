"""What became of each mail of a run, noted as it comes, and what follows from it.

    delivered              removed; before that, noted if somebody else still waits
    failed                 a report to the sender is made durable, then removed
    deferred               waits, with the reason; a warning after some hours; given up after some days
    nobody can be told     to failed/

Nothing here may raise: a mail whose fate cannot be noted is left as it is, and
the run says so (it may be sent more than once).
"""

from esmtp_py.deliver.mishap import mishap
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED, DELIVERED, Outcome
from esmtp_py.queue import schedule
from esmtp_py.queue.entry import Damaged
from esmtp_py.queue.marks import again_mark, kept_mark, outcome_mark
from esmtp_py.queue.notification import Notifications
from esmtp_py.queue.ready import Ready, waiting
from esmtp_py.queue.removals import Removals
from esmtp_py.queue.report import Reports, original_of, other_way, unreported
from esmtp_py.queue.tally import SOON, Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.deliver.caller import Caller
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.store import Store


class Case:
    """A mail being tried.

    pending: addresses whose fate is still to come.  delivered: somebody has it now.  fates: of this run, for the log.
    """

    __slots__ = ("delivered", "fates", "locked", "mail", "pending")

    def __init__(self, locked: "Locked", mail: Ready) -> None:
        self.locked = locked
        self.mail = mail
        self.pending = set(mail.numbers)
        self.delivered = False
        self.fates: dict[str, Outcome] = {}


class Ledger:
    """Of one lane of a run.  lifetime: seconds until its mail is given up, 0 for the usual time."""

    def __init__(
        self, store: "Store", caller: "Caller", clock: "Callable[[], float]", tally: Tally, lifetime: int = 0
    ) -> None:
        self.tally = tally
        self.reports = Reports(store, caller)
        self._notifications = Notifications(self.reports, tally, clock)
        self._lifetime = lifetime or schedule.LIFETIME
        self._store = store
        self._caller = caller
        self._clock = clock
        self._open: dict[str, Case] = {}
        self._removals = Removals(store, tally)

    # -- who may be tried -------------------------------------------------------

    def take(self, name: str) -> "Locked | None":
        """Locks a mail if it is to be tried now; None when it is not, or another process has it."""
        locked = None
        try:
            locked = self._store.lock(name)
            if locked and locked.entry.marks.kept:
                locked.mark(again_mark(self._clock()))
            if locked and self._may_go(locked):
                return locked
        except MailError as error:
            self._say(name, error)
        except Exception as error:
            self._say(name, mishap(error))
        if locked:
            locked.close()
        self.tally.count(found=-1)  # it is another's, or its time has not come
        return None

    def _may_go(self, locked: "Locked") -> bool:
        now = self._clock()
        due = schedule.due(locked.entry, locked.name, now)
        if due <= now:
            return not self._is_premature(locked.name)
        if not locked.entry.marks.times and due < now + SOON:
            self.tally.leave(due)  # and each run sees it, so that one in the background can wait for it
        elif due < schedule.NEVER:
            locked.set_due(due)
        return False

    def is_early(self, locked: "Locked", undo: int) -> bool:
        """True for a mail that its sender may still take back, so many seconds after it was queued; it is closed then.

        Not an attempt: nothing is noted.  Reports, and the rest of a mail that others have, are not for taking back.
        """
        entry = locked.entry
        if not undo or entry.identity or entry.marks.times:
            return False
        now = self._clock()
        due = schedule.due(entry, locked.name, now, undo)
        if due <= now:
            return False
        locked.close()
        self.tally.count(found=-1)
        self.tally.leave(due)
        return True

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

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    # -- what happened ----------------------------------------------------------

    def begin(self, locked: "Locked", mail: Ready) -> bool:
        """This mail's fates will come.  False when nothing is left to be tried; it is settled and closed then.

        What a run before has left unfinished comes first.
        """
        case = self._open[locked.name] = Case(locked, mail)
        if locked.entry.marks.fates and not self._heeded(case, self._tell):
            return False
        return bool(case.pending) or not self.note(locked.name, {})

    def note(self, name: str, fates: dict[str, Outcome]) -> bool:
        """Fates of some recipients, by the entry's addresses; after the last one the mail is closed.

        True when it is, or when they could not be noted: nothing more may be tried with it.
        """
        case = self._open.get(name)
        if case is None:
            return True
        case.pending.difference_update(fates)
        case.fates.update(fates)
        if not case.pending:
            self._end_attempt(case)
        if self._heeded(case, lambda case: self._note(case, fates)) and not case.pending:
            self.release(name)
        return name not in self._open

    def leave(self, name: str, why: Outcome) -> None:
        """Gives a mail free as it is: its server is not asked now, and that is no attempt.  Others may have got it."""
        case = self._open.get(name)
        if case:
            self._end_attempt(case)
            self.tally.defer(why)
            self.release(name)

    def _end_attempt(self, case: Case) -> None:
        """All fates of this attempt are known, if there are any."""
        if case.fates:
            self._log(case)
            if case.mail.choice.identity.record:
                self._record(case)

    def _log(self, case: Case) -> None:
        identity = case.mail.choice.identity
        if identity.logged:
            from esmtp_py.deliver.log import note

            warning = note(identity, case.mail.envelope, case.mail.message.size, case.fates, self._clock())
            if warning:
                self.tally.say(warning)

    def _record(self, case: Case) -> None:
        from esmtp_py.queue.copies import record

        warning = record(self._store, case.locked, case.mail, case.fates, self._caller, self._clock())
        if warning:
            self.tally.say(f"{case.locked.name}: {warning}")

    def _heeded(self, case: Case, step: "Callable[[Case], object]") -> bool:
        """Does a step with a mail; when that fails, says so and closes it as it is."""
        try:
            step(case)
            return True
        except MailError as error:
            self._say(case.locked.name, error)
        except Exception as error:
            self._say(case.locked.name, mishap(error))
        if case.delivered and case.locked.unsure:
            case.locked.set_due(self._clock() + schedule.UNNOTED)
        self.release(case.locked.name)
        return False

    def wait(self, locked: "Locked", error: MailError) -> None:
        """The mail could not be made ready: all its recipients wait for that reason."""
        try:
            if isinstance(error, Damaged):
                self._say(locked.name, error)
                if self._store.has(locked.name):
                    locked.set_aside()
            elif error.outcome().fate == DEFERRED:
                self._defer(locked, error.outcome())
            else:  # a call that makes no sense: without an envelope nobody can be told
                locked.to_failed()
                self.tally.count(failed=1, untold=1)
                self.tally.say(f"{locked.name}: {error.text}: kept in failed/")
        except MailError as trouble:
            self._say(locked.name, trouble)
        except Exception as trouble:
            self._say(locked.name, mishap(trouble))
        finally:
            locked.close()

    def _defer(self, locked: "Locked", outcome: Outcome) -> None:
        now = self._clock()
        numbers = _unsettled(locked.entry)
        if numbers:
            locked.mark(outcome_mark(now, numbers, outcome))
        self.tally.defer(outcome)
        locked.set_due(schedule.due(locked.entry, locked.name, now))

    def give_back(self, name: str) -> bool:
        """Gives a mail free for another lane; False, and it stays, when some of its fates are known already."""
        case = self._open.get(name)
        if case is None or len(case.pending) < len(case.mail.numbers):
            return False
        self.release(name)
        return True

    def release(self, name: str) -> None:
        """Gives a mail free as it is."""
        case = self._open.pop(name, None)
        if case:
            case.locked.close()

    def close(self) -> None:
        """Makes durable what is not yet, and gives all mails free."""
        for name in list(self._open):
            self.release(name)
        self._removals.close()

    # -- what follows -------------------------------------------------------------

    def _note(self, case: Case, fates: dict[str, Outcome]) -> None:
        case.delivered = case.delivered or any(fate.fate == DELIVERED for fate in fates.values())
        confirmed = self._confirmed(case, fates)
        if not case.pending and _all_delivered(case, fates):
            self._remove(case, fates, confirmed)
            return
        lines = self._marks(case, fates) + confirmed
        if lines:
            case.locked.mark(lines)
        if not case.pending:
            self._settle(case)

    def _remove(self, case: Case, fates: "dict[str, Outcome] | None" = None, confirmed: bytes = b"") -> None:
        """fates, and the mark about them: noted only where it cannot be removed, for nobody is to get it again."""
        trouble = None
        try:
            case.locked.remove()
        except MailError as error:
            trouble = error
            if fates:
                case.locked.mark(self._marks(case, fates) + confirmed)
        if case.delivered:
            self.tally.count(delivered=1, size=case.mail.message.size)
        if trouble:
            raise MailError(trouble.kind, f"{trouble.text}; it is done, and nobody gets it again") from trouble
        del self._open[case.locked.name]
        self._removals.add(case.locked)

    def _marks(self, case: Case, fates: dict[str, Outcome]) -> bytes:
        groups: dict[int, tuple[Outcome, list[int]]] = {}
        for address, fate in fates.items():
            groups.setdefault(id(fate), (fate, []))[1].append(case.mail.numbers[address])
        now = self._clock()
        return b"".join(outcome_mark(now, numbers, fate) for fate, numbers in groups.values())

    def _settle(self, case: Case) -> None:
        """Every recipient has been tried: give up, report, remove or keep."""
        now, locked = self._clock(), case.locked
        if schedule.expired(locked.entry, now, self._lifetime):
            self._give_up(locked, now)
        lines = other_way(locked.name, locked.entry, case.mail.choice.identity, now)
        if lines:
            locked.mark(lines)
            self.tally.count(found=-1)  # it is to be tried once more, in this run
            self.reports.written.append(locked.name)
            return
        failures = unreported(locked.entry)
        told = self._tell(case)
        left = waiting(locked.entry)
        if left:
            self.tally.defer(locked.entry.marks.fate(min(left.values())).outcome)
            self._notifications.delay(locked, case.mail)
            locked.set_due(schedule.due(locked.entry, locked.name, now))
        elif told:
            case.delivered = case.delivered and not failures
            self._remove(case)
        else:
            locked.mark(kept_mark(now))
            locked.to_failed()
            self.tally.count(failed=1, untold=1)
            self.tally.say(f"{locked.name}: could not be delivered, and nobody can be told: kept in failed/")

    def _tell(self, case: Case) -> bool:
        return self._notifications.failures(case.locked, case.mail)

    def _confirmed(self, case: Case, fates: dict[str, Outcome]) -> bytes:
        try:
            return self._notifications.success(case.locked, case.mail, fates)
        except MailError as error:  # it was delivered all the same
            self._say(case.locked.name, error)
            return b""

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

    def _say(self, name: str, error: MailError) -> None:
        self.tally.say(error.text if name in error.text else f"{name}: {error.text}", fault=error.kind == "io")


def _unsettled(entry: "Entry") -> list[int]:
    """Numbers of those without a last word, also of a mail stored as it came, whose recipients may not be known yet."""
    fates = entry.marks.fates
    if entry.recipients:
        return list(waiting(entry).values())
    if not fates:
        return [0]  # whoever they are, there is one
    return [number for number, fate in fates.items() if not fate.settled]


def _all_delivered(case: Case, fates: dict[str, Outcome]) -> bool:
    """Delivered, all of them and just now, so that the file itself can go."""
    marks = case.locked.entry.marks
    now = all(address in fates and fates[address].fate == DELIVERED for address in case.mail.numbers)
    return now and all(fate.outcome and fate.outcome.fate == DELIVERED for fate in marks.fates.values() if fate.settled)
