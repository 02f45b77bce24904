"""One run over the queue: what is due, sorted by identity, each identity in a lane of its own.

Any number of runs may go on at once: each mail belongs to whoever has its
lock, and the loser moves on.
"""

import time

from esmtp_py.config.reader import load
from esmtp_py.deliver.caller import Caller
from esmtp_py.errors import MailError
from esmtp_py.queue.lane import Lane
from esmtp_py.queue.ledger import Ledger, Tally
from esmtp_py.queue.ready import choice_of

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


class Run:
    """unpack: reads a mail that the wrapper stored as it came (cli.raw).  clock: seconds since 1970."""

    def __init__(
        self,
        store: "Store",
        unpack: "Unpack",
        *,
        trace: "Trace | None" = None,
        clock: "Callable[[], float]" = time.time,
    ) -> None:
        self._store = store
        self._unpack = unpack
        self._trace = trace
        self._clock = clock
        self._caller = Caller()
        self._configs: dict[str, Config] = {}
        self.tally = Tally()

    def all_due(self) -> Tally:
        """Tries every mail whose time has come."""
        self._store.sweep(self._clock())
        names: list[str] = []
        for name in self._store.due(self._clock(), BATCH):
            names.append(name)
            if len(names) >= BATCH:
                self.these(names)
                names = []
        self.these(names)
        return self.tally

    def these(self, names: "Iterable[str]") -> Tally:
        """Tries these mails, those that are due."""
        lanes: dict[int, list[Lane]] = {}
        for name in names:
            lane = self._lane_of(name, lanes)
            if lane:
                lane.names.append(name)
        _run_side_by_side([lane for group in lanes.values() for lane in group if lane.names])
        return self.tally

    def _lane_of(self, name: str, lanes: dict[int, list[Lane]]) -> Lane | None:
        """The lane for this mail, of as many as its identity has connections the emptiest."""
        ledger = Ledger(self._store, self._caller, self._clock, self.tally)
        locked = ledger.take(name)
        if locked is None:
            return None
        try:
            config = self._config(locked.entry.rc)
            identity = choice_of(locked, config, self._caller, self._unpack).identity
        except MailError as error:  # a broken rc keeps the mail waiting, it never refuses it
            ledger.wait(locked, error.outcome())
            return None
        locked.close()
        if id(identity) not in lanes:
            lanes[id(identity)] = [self._lane(config, identity) for _ in range(identity.connections)]
        return min(lanes[id(identity)], key=lambda lane: len(lane.names))

    def _lane(self, config: "Config", identity: "Identity") -> Lane:
        ledger = Ledger(self._store, self._caller, self._clock, self.tally, identity.queue_lifetime)
        return Lane(self._store, config, identity, ledger, self._unpack, self._trace)

    def _config(self, path: str) -> "Config":
        if path not in self._configs:
            self._configs[path] = load(path or None)
        return self._configs[path]


def _run_side_by_side(lanes: list[Lane]) -> None:
    if len(lanes) == 1:
        lanes[0].run()
        return
    import threading

    threads = [threading.Thread(target=lane.run) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
