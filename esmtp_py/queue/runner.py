"""One run over the queue: what is due, sorted by identity, each identity in a lane of its own.

Any number of runs may go on at once: each mail belongs to whoever has its
lock, and the loser moves on.
"""

import _thread
import time

from esmtp_py.config.reader import load
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.mishap import mishap
from esmtp_py.errors import MailError
from esmtp_py.queue.lane import Lane
from esmtp_py.queue.ledger import Ledger
from esmtp_py.queue.ready import choose, read
from esmtp_py.queue.respite import Respite
from esmtp_py.queue.store import SENT
from esmtp_py.queue.supply import Supply
from esmtp_py.queue.tally import Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.queue.ready import Unpack
    from esmtp_py.queue.store import Store

    Trace = Callable[[str, bytes], None]

# Names sorted into lanes before any is sent.  10,000 of them are 1 MiB, and
# take half a second; a longer queue goes on with the next ones.
BATCH = 10000
# Seconds for the lanes to note what they know when the run is stopped.
GRACE = 10.0
# Lanes with a full window each that the usual limit of 1024 open files has room for.
FEW_LANES = 8


class Run:
    """unpack: reads a mail that the wrapper stored as it came (cli.raw).  clock: seconds since 1970.

    tally: to count in, for those who look on.
    """

    def __init__(
        self,
        store: "Store",
        unpack: "Unpack",
        *,
        trace: "Trace | None" = None,
        clock: "Callable[[], float]" = time.time,
        tally: "Tally | None" = None,
    ) -> None:
        self.tally = tally or Tally()
        self._store = store
        self._unpack = unpack
        self._trace = trace
        self._clock = clock
        self._caller = Caller()
        self._ledger = self._new_ledger()
        self._configs: dict[str, Config | MailError] = {}
        # kept for the whole run: who was put off stays so
        self._supplies: dict[int, Supply] = {}
        self._urgent = False
        self.last = ""

    def all_due(self) -> Tally:
        """Tries every mail whose time has come."""
        self._store.sweep(self._clock(), self.tally.say)
        return self.all_after("")

    def all_after(self, last: str) -> Tally:
        """Tries those of them whose names are higher than that; ``last`` is then the highest of all."""
        self.last = last
        names: list[str] = []
        for name in self._store.due(self._clock(), BATCH, last):
            self.last = name
            names.append(name)
            if len(names) >= BATCH:
                self._try(names)
                names = []
        return self._try(names)

    def these(self, names: "Iterable[str]") -> Tally:
        """Tries these mails, those that are due, which a person has named: also where the account is put off."""
        self._urgent = True
        return self._try(list(names))

    def _try(self, names: list[str]) -> Tally:
        only = self._only_identity()
        self.tally.count(found=len(names))
        if only:
            self._supply(self._config(""), "", only).names.extend(names)
        else:
            self._sort(names)
        self._work()
        self._sort(self._strays())
        self._work()
        self._put_copies_away()
        return self.tally

    def _put_copies_away(self) -> None:
        """When all mail has had its turn: nobody waits for a copy."""
        try:
            if self._store.directory(SENT) < 0:
                return
        except MailError as error:  # no directory of ours
            self.tally.say(error.text)
            return
        from esmtp_py.queue.sent import put_away

        put_away(self._store, self._config, self.tally.say)

    # -- sorting --------------------------------------------------------------------

    def _only_identity(self) -> "Identity | None":
        """There is no need to look into the mails to know whose they are; those with another rc go astray."""
        try:
            identities = self._config("").identities
        except MailError:
            return None
        return identities[0] if len(identities) == 1 else None

    def _sort(self, names: list[str]) -> None:
        for name in names:
            supply = self._supply_of(name)
            if supply:
                supply.names.append(name)

    def _supply_of(self, name: str) -> Supply | None:
        locked = self._ledger.take(name)
        if locked is None:
            return None
        try:
            message, _ = read(locked, self._unpack)
            rc = locked.entry.rc
            config = self._config(rc)
            supply = self._supply(config, rc, choose(locked.entry, config, self._caller, message.header).identity)
        except MailError as error:  # a broken rc keeps the mail waiting, it never refuses it
            self._ledger.wait(locked, error)
            return None
        except Exception as error:
            self._ledger.wait(locked, mishap(error))
            return None
        locked.close()
        return supply

    def _supply(self, config: "Config", rc: str, identity: "Identity") -> Supply:
        """That of this identity, with as many lanes as it has connections."""
        supply = self._supplies.get(id(identity))
        if supply is None:
            respite = Respite(self._store, identity, self._clock)
            supply = Supply(respite, logs_in=identity.logs_in, urgent=self._urgent)
            self._supplies[id(identity)] = supply
            supply.lanes = [
                Lane(config, rc, identity, self._new_ledger(identity.queue_lifetime), self._unpack, supply, self._trace)
                for _ in range(identity.connections)
            ]
        return supply

    def _new_ledger(self, lifetime: int = 0) -> Ledger:
        return Ledger(self._store, self._caller, self._clock, self.tally, lifetime)

    def _config(self, path: str) -> "Config":
        """A file is read once; MailError, each time, if it is broken."""
        if path not in self._configs:
            try:
                self._configs[path] = load(path or None)
            except MailError as error:
                self._configs[path] = error
        config = self._configs[path]
        if isinstance(config, MailError):
            raise config
        return config

    def _strays(self) -> list[str]:
        names: list[str] = []
        for supply in self._supplies.values():
            names += supply.strays
            supply.strays.clear()
        return names

    # -- working ----------------------------------------------------------------------

    def _work(self) -> None:
        """Runs the lanes side by side, each in a thread.

        This one only waits, so that a signal, which comes here, never
        interrupts a fate being noted.  KeyboardInterrupt ends it: what the
        lanes know is noted, the rest stays as it was; it says so when that is
        not certain.
        """
        lanes = [lane for supply in self._supplies.values() for lane in supply.begin()]
        if len(lanes) > FEW_LANES:
            _allow_many_files()
        ends: list[_thread.LockType] = []
        try:
            for lane in lanes:
                ends.append(_thread.allocate_lock())
                _start(lane, ends[-1])
            while ends:
                # now and then awake, for the system may give the signal to another thread
                if ends[-1].acquire(timeout=0.5):
                    ends.pop()
        except BaseException:
            try:
                _stop(lanes, ends)
            finally:
                if ends:
                    raise KeyboardInterrupt("recipients may or may not have the mail") from None
            raise


def _start(lane: Lane, end: "_thread.LockType") -> None:
    """Runs a lane; the lock can be had when it has ended."""
    end.acquire()

    def work() -> None:
        try:
            lane.run()
        finally:
            end.release()

    try:
        _thread.start_new_thread(work, ())
    except RuntimeError:  # the system has no thread left: then one after the other
        work()


def _stop(lanes: list[Lane], ends: "list[_thread.LockType]") -> None:
    """Ends the lanes; more than once, for one may be about to connect, or to start a command.

    What is left in ``ends`` then hangs.
    """
    deadline = time.monotonic() + GRACE
    while ends and time.monotonic() < deadline:
        for lane in lanes:
            lane.stop()
        if ends[-1].acquire(timeout=0.1):
            ends.pop()


def _allow_many_files() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            pass  # not every system takes its own limit; mail that finds none left waits
