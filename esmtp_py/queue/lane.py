"""All mails of one identity in a run: one session carries them, each fate is noted as it comes.

A failing identity never delays another: each lane is a thread of its own.
When its server cannot be reached or logged in to, the whole lane is put off.
"""

from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.pipeline import Parcel, Pipeline
from esmtp_py.deliver.route import plan
from esmtp_py.deliver.session import Session
from esmtp_py.deliver.submission import Submission
from esmtp_py.errors import MailError
from esmtp_py.outcome import DELIVERED, Outcome
from esmtp_py.queue.ledger import Ledger
from esmtp_py.queue.ready import Ready, for_smtp, ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.ready import Unpack
    from esmtp_py.queue.store import Store

    Trace = Callable[[str, bytes], None]


class Lane:
    """One identity with the names of its mails, oldest first."""

    def __init__(
        self,
        store: "Store",
        config: "Config",
        identity: "Identity",
        ledger: Ledger,
        unpack: "Unpack",
        trace: "Trace | None" = None,
    ) -> None:
        self.names: list[str] = []
        self._store = store
        self._config = config
        self._identity = identity
        self._ledger = ledger
        self._unpack = unpack
        self._trace = trace
        self._caller = Caller()
        self._progress = False

    def run(self) -> None:
        """Tries every mail once; what is not settled then waits with the reason noted."""
        try:
            self._run(iter(self.names))
        finally:
            self._ledger.close()

    def _run(self, names: "Iterator[str]") -> None:
        parcels = self._parcels(names)
        first = next(parcels, None)
        while first:
            try:
                self._progress = False
                rest = self._session(first, parcels)
            except MailError as error:
                if not self._progress:
                    self._put_off(names, error)
                    return
                rest = []
            first = rest[0] if rest else next(parcels, None)

    def _session(self, first: Parcel, parcels: "Iterator[Parcel]") -> list[Parcel]:
        """One connection for as many mails as it lives."""
        try:
            session = Session(self._identity, first.message.size, self._trace)
        except MailError as error:
            first.settle(_for_all(first, error))
            raise
        pipeline = Pipeline(session)
        try:
            return pipeline.carry(_chain(first, parcels))
        except MailError as error:
            for parcel in pipeline.left:
                parcel.settle(_for_all(parcel, error))
            raise
        finally:
            session.close()

    def _parcels(self, names: "Iterator[str]") -> "Iterator[Parcel]":
        """Locks, checks and readies each mail when the session has room for it."""
        for name in names:
            locked = self._ledger.take(name)
            if locked is None:
                continue
            try:
                parcel = self._parcel(locked)
            except MailError as error:
                self._ledger.wait(locked, error.outcome())
                continue
            if parcel:
                yield parcel

    def _parcel(self, locked: "Locked") -> Parcel | None:
        """The SMTP part of a mail; what goes to the MDA goes at once.  None when nothing is left."""
        locked.verify()
        mail = ready(locked, self._config, self._caller, self._unpack)
        self._ledger.begin(locked, mail)
        if mail.spoiled:
            self._ledger.note(locked, mail, {address: mail.spoiled.outcome() for address in mail.numbers})
            return None
        parcel = None
        for leg in plan(self._identity, mail.envelope, self._trace):
            settle = self._settler(locked, mail, leg.originals)
            if isinstance(leg.courier, Submission):
                for_smtp(leg.envelope, mail.choice, self._caller)
                parcel = Parcel(mail.message, leg.envelope, settle)
            else:
                settle(leg.courier.deliver(mail.message, leg.envelope))
        return parcel

    def _settler(
        self, locked: "Locked", mail: Ready, originals: dict[str, list[str]]
    ) -> "Callable[[dict[str, Outcome]], None]":
        def settle(outcomes: dict[str, Outcome]) -> None:
            self._progress = self._progress or any(o.fate == DELIVERED for o in outcomes.values())
            fates = {original: fate for address, fate in outcomes.items() for original in originals[address]}
            self._ledger.note(locked, mail, fates)

        return settle

    def _put_off(self, names: "Iterable[str]", error: MailError) -> None:
        """Every mail of the lane waits; the reason is noted in each, for mailq."""
        for name in names:
            locked = self._ledger.take(name)
            if locked and self._ledger.expired(locked):
                self._last_word(locked, error)
            elif locked:
                self._ledger.wait(locked, error.outcome())

    def _last_word(self, locked: "Locked", error: MailError) -> None:
        """It has waited too long for this server: its sender must hear of it."""
        try:
            mail = ready(locked, self._config, self._caller, self._unpack)
        except MailError as unready:
            self._ledger.wait(locked, unready.outcome())
            return
        self._ledger.begin(locked, mail)
        self._ledger.note(locked, mail, {address: error.outcome() for address in mail.numbers})


def _for_all(parcel: Parcel, error: MailError) -> dict[str, Outcome]:
    return {recipient.address: error.outcome() for recipient in parcel.envelope.recipients}


def _chain(first: Parcel, rest: "Iterator[Parcel]") -> "Iterator[Parcel]":
    yield first
    yield from rest
