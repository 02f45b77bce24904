"""One connection of an identity in a run: a session carries its mails, each fate is noted as it comes.

A failing identity never delays another: each lane is a thread of its own.
Those of one identity take their mails from one ``supply``.  When the server
cannot be reached or logged in to, or says 421, the lane ends, and the others
have its mails; when it was the last one, the identity is put off: what was not
tried waits with that reason.  What the server is not even asked for, because it
has turned us away before (``respite``), stays as it is.  No mail can hold up
others (``suspect``).
"""

import time
from collections import deque

from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.mishap import mishap
from esmtp_py.deliver.pipeline import WINDOW, WINDOW_BYTES, Parcel, Pipeline
from esmtp_py.deliver.route import Leg, plan
from esmtp_py.deliver.select import qualified
from esmtp_py.deliver.session import Session
from esmtp_py.deliver.submission import Submission
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED
from esmtp_py.queue.ledger import Ledger
from esmtp_py.queue.ready import Ready, choose, read, ready
from esmtp_py.queue.respite import PutOff
from esmtp_py.queue.supply import Supply
from esmtp_py.queue.suspect import beyond_suspicion, is_suspect
from esmtp_py.smtp.patience import Patience

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.deliver.pipeline import Settle
    from esmtp_py.message.envelope import Envelope
    from esmtp_py.message.message import Message
    from esmtp_py.outcome import Outcome
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.ready import Unpack

    Trace = Callable[[str, bytes], None]

# Sessions in a row that end too early without one mail settled: a single mail
# that the server cannot stand costs one, and a server that is ill is left alone.
LOSSES = 2
# Mails with recipients here and elsewhere wait for their mda with an open file, until the session is over.
MIXED = 16


class Named(Parcel):
    """A mail as it was taken from the supply.  (What the pipeline leaves of one is a plain Parcel.)"""

    __slots__ = ("name",)

    def __init__(self, name: str, message: "Message", envelope: "Envelope", settle: "Settle") -> None:
        super().__init__(message, envelope, settle)
        self.name = name


class Lane:
    """One of the connections that ``supply`` feeds."""

    def __init__(
        self,
        config: "Config",
        rc: str,
        identity: "Identity",
        ledger: Ledger,
        unpack: "Unpack",
        supply: Supply,
        trace: "Trace | None" = None,
    ) -> None:
        """rc: how the mails call the file that ``config`` is from."""
        self._config = config
        self._rc = rc
        self._identity = identity
        self._ledger = ledger
        self._unpack = unpack
        self._supply = supply
        self._trace = trace
        self._caller = Caller()
        self._session: Session | None = None
        self._stopped = False
        self._off: MailError | None = None
        self._progress = False
        self._losses = 0
        self._local: list[str] = []
        self._mixed: list[tuple[Locked, Ready, Leg]] = []

    @property
    def refused(self) -> bool:
        """It has no session any more in this run."""
        return self._off is not None

    def run(self) -> None:
        """Tries mails of the supply, each once; what is not settled waits with the reason noted.  Raises nothing."""
        well = self._safely(self._work)
        self._supply.enter()
        self._supply.reports += self._taken(self._ledger.reports.written)
        if self._supply.leave() and well:
            self._safely(self._finish)
        self._ledger.close()

    def _safely(self, step: "Callable[[], None]") -> bool:
        try:
            step()
        except Exception as error:
            self._ledger.tally.say(mishap(error).text)
            return False
        return True

    def _work(self) -> None:
        """Together with the other lanes."""
        self._supply.wait(self)
        self._carry(iter(self._supply.next, None), self._supply.window)
        self._deliver(self._taken(self._local))

    def _finish(self) -> None:
        """Alone, for all of them."""
        self._off = self._supply.off
        if self._supply.names:  # given back when the others had ended
            self._work()
        # who was not tried for longest comes first, so that each has its turn
        self._carry([name for _, name in sorted(self._supply.suspects)], 1, alone=True)
        self._deliver(self._taken(self._local))
        reports = self._taken(self._supply.reports) + self._taken(self._ledger.reports.written)
        while reports:
            self._ledger.tally.count(found=len(reports))
            self._carry(reports, WINDOW)
            self._deliver(self._taken(self._local))
            reports = self._taken(self._ledger.reports.written)  # what the mda does not take

    def stop(self) -> None:
        """From another thread: tries nothing more, and does not wait for the server.  What is known is noted."""
        self._stopped = True
        self._supply.enter()
        session = self._session
        if session:
            session.talk.cut()
        from esmtp_py.child import end_all
        from esmtp_py.secret import ask

        end_all()
        ask.stop()

    def _taken(self, names: list[str]) -> list[str]:
        taken = names[:]
        names.clear()
        return taken

    # -- sessions -----------------------------------------------------------------

    def _carry(self, names: "Iterable[str]", window: int, *, alone: bool = False) -> None:
        """By SMTP, in as many sessions as it takes, which is one."""
        source = self._parcels(names, alone=alone)
        left: list[Parcel] = []
        while not self._stopped:
            with self._supply.looking:
                if not left:
                    first = next(source, None)
                    if first is None:
                        return
                    left = [first]
                if self._supply.shared:  # whoever has a session first may have it
                    left = self._given_back(left)
            left = self._one_session(left, source, window)
            if self._progress:
                self._supply.went_well()
            if self._off:
                self._supply.refuse(self._off)
            if alone and self._losses >= LOSSES:
                return  # those that are left stay as they are, and come first the next time
            if self._off and not self._supply.off:
                left = self._given_back(left)
            self._deliver_mixed()
            if self._off:
                self._put_off(left)
                if not self._supply.off:
                    return
                left = []

    def _one_session(self, first: list[Parcel], source: "Iterator[Parcel]", window: int) -> list[Parcel]:
        """One connection for as many mails as it lives; returns those taken and not sent."""
        self._progress = False
        rest = deque(first)
        left: list[Parcel] = []

        def get_ready() -> None:
            """The first flight, while the server looks at our password; unless another lane may be faster."""
            if not self._supply.shared:
                rest.extend(self._first_flight(source, rest, window))

        try:
            self._expect_welcome()
            self._hook("preconnect", self._identity.preconnect)
            try:
                self._session = Session(self._identity, trace=self._trace, meanwhile=get_ready)
                self._supply.respite.logged_in()
                self._supply.enter()
                pipeline = Pipeline(self._session, window)
                try:
                    left = pipeline.carry(self._while_fresh(rest, source))
                    if left:
                        self._lost(None)
                except MailError as error:
                    left = pipeline.left
                    self._lost(error)
                finally:
                    self._session.close()
                    self._session = None
            finally:
                self._after()
        except MailError as error:
            self._off = error
        return [*left, *rest]

    def _expect_welcome(self) -> None:
        """Raises PutOff where the server has turned us away, also another run, and it is too early to ask again."""
        off = self._supply.respite.why()
        if off and not self._supply.urgent:
            raise off

    def _given_back(self, parcels: list[Parcel]) -> list[Parcel]:
        """Gives them to the other lanes; returns those that are begun already."""
        kept: list[Parcel] = []
        for parcel in reversed(parcels):
            if isinstance(parcel, Named) and self._ledger.give_back(parcel.name):
                self._mixed = [part for part in self._mixed if part[0].name != parcel.name]
                self._supply.give_back(parcel.name)
            else:
                kept.insert(0, parcel)
        return kept

    def _put_off(self, parcels: list[Parcel]) -> None:
        off = self._supply.off or self._off
        for parcel in parcels:
            if off:
                self._settle_as(parcel, off)

    def _first_flight(self, source: "Iterator[Parcel]", taken: "Collection[Parcel]", window: int) -> "Iterator[Parcel]":
        """What goes at once, beside those taken already: each has been read and made ready."""
        count, size = len(taken), sum(parcel.message.size for parcel in taken)
        while count < window and size < WINDOW_BYTES and len(self._mixed) < MIXED:
            parcel = next(source, None)
            if parcel is None:
                return
            count, size = count + 1, size + parcel.message.size
            yield parcel

    def _while_fresh(self, rest: "deque[Parcel]", source: "Iterator[Parcel]") -> "Iterator[Parcel]":
        """What the session that begins now is to carry; it has to be over at some time."""
        end = time.monotonic() + Patience(self._identity.timeout).session(0) / 2
        while not self._stopped and time.monotonic() < end and (rest or len(self._mixed) < MIXED):
            parcel = rest.popleft() if rest else next(source, None)
            if parcel is None:
                return
            yield parcel

    def _lost(self, error: "MailError | None") -> None:
        """The session was over too early.  Another one, or does the lane wait?"""
        if error and error.reply.startswith("421"):
            self._off = error
        elif self._progress:
            self._losses = 0
        else:
            self._losses += 1
            if self._losses >= LOSSES:
                self._off = error or MailError("try_again", "the server ends its sessions without taking a mail")

    def _hook(self, name: str, command: str) -> None:
        if command:
            from esmtp_py.deliver.shell import hook

            hook(command, name, self._trace)

    def _after(self) -> None:
        try:
            self._hook("postconnect", self._identity.postconnect)
        except MailError as error:
            self._ledger.tally.say(error.text)

    # -- mails ----------------------------------------------------------------------

    def _parcels(self, names: "Iterable[str]", *, alone: bool) -> "Iterator[Parcel]":
        """Locks, checks and readies each mail when the session has room for it."""
        for name in names:
            if self._stopped:
                return
            locked = self._ledger.take(name)
            if locked is None:
                continue
            if not alone and is_suspect(locked.entry):
                locked.close()
                self._supply.suspects.append((locked.entry.marks.times[-1], name))
                continue
            parcel = self._parcel(locked)
            off = self._supply.off or self._off
            if parcel and off:
                self._deliver_mixed()
                self._settle_as(parcel, off)
            elif parcel:
                yield parcel

    def _parcel(self, locked: "Locked") -> Parcel | None:
        """The SMTP part of a mail; None when it has none.  Its other part comes when the session is over."""
        mail = self._ready(locked)
        if mail is None:
            return None
        legs = plan(self._identity, mail.envelope, self._trace)
        local = [leg for leg in legs if not isinstance(leg.courier, Submission)]
        if len(local) == len(legs):
            self._ledger.release(locked.name)
            self._local.append(locked.name)
            return None
        self._mixed += [(locked, mail, leg) for leg in local]
        [remote] = [leg for leg in legs if isinstance(leg.courier, Submission)]
        remote.envelope.sender = qualified(remote.envelope.sender, self._identity, self._caller)
        return Named(locked.name, mail.message, remote.envelope, self._settler(locked, mail, remote))

    def _ready(self, locked: "Locked") -> Ready | None:
        """The mail, if there is anything to try; else its fate is noted and it is closed."""
        try:
            locked.verify()
            message, spoiled = read(locked, self._unpack)
            if locked.entry.rc != self._rc:
                self._stray(locked)
                return None
            choice = choose(locked.entry, self._config, self._caller, message.header)
            if choice.identity is not self._identity:
                self._stray(locked)
                return None
            if self._ledger.is_early(locked, self._identity.undo):
                return None
            if self._identity.aliases:
                self._replace_aliases(locked)
            mail = ready(locked, message, choice, self._caller)
        except MailError as error:
            self._ledger.wait(locked, error)
            return None
        except Exception as error:
            self._ledger.wait(locked, mishap(error))
            return None
        if not self._ledger.begin(locked, mail):
            return None
        if spoiled:
            self._ledger.note(locked.name, {address: spoiled.outcome() for address in mail.numbers})
            return None
        return mail

    def _replace_aliases(self, locked: "Locked") -> None:
        from esmtp_py.queue.aliased import replace

        replace(locked, self._identity, self._caller, self._ledger.now())

    def _stray(self, locked: "Locked") -> None:
        locked.close()
        self._supply.strays.append(locked.name)

    def _settler(self, locked: "Locked", mail: Ready, leg: Leg) -> "Callable[[dict[str, Outcome]], bool]":
        def settle(outcomes: "dict[str, Outcome]") -> bool:
            self._progress = self._progress or any(fate.fate != DEFERRED for fate in outcomes.values())
            fates = {original: fate for address, fate in outcomes.items() for original in leg.originals[address]}
            return self._ledger.note(locked.name, fates)

        return settle

    def _settle_as(self, parcel: Parcel, error: MailError) -> None:
        """For a mail that the server has not seen."""
        if isinstance(error, PutOff) and isinstance(parcel, Named):
            self._ledger.leave(parcel.name, error.outcome())
            return
        fate = beyond_suspicion(error)
        parcel.settle({recipient.address: fate for recipient in parcel.envelope.recipients})

    # -- local recipients -------------------------------------------------------------

    def _deliver_mixed(self) -> None:
        while self._mixed and not self._stopped:
            self._run_leg(*self._mixed.pop(0))

    def _deliver(self, names: list[str]) -> None:
        """Mails that need no server."""
        for name in names:
            locked = None if self._stopped else self._ledger.take(name)
            mail = self._ready(locked) if locked else None
            if locked and mail:
                for leg in plan(self._identity, mail.envelope, self._trace):
                    self._run_leg(locked, mail, leg)

    def _run_leg(self, locked: "Locked", mail: Ready, leg: Leg) -> None:
        settle = self._settler(locked, mail, leg)
        try:
            outcomes = leg.courier.deliver(mail.message, leg.envelope)
        except Exception as error:
            fate = mishap(error).outcome()
            outcomes = {recipient.address: fate for recipient in leg.envelope.recipients}
        settle(outcomes)
