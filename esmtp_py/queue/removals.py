"""Mails that have left the queue, until their leaving is durable: several share one fsync of the directory."""

import _thread

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.store import Store
    from esmtp_py.queue.tally import Tally

# Mails removed that share one fsync of the directory.  Until it is done, a power failure
# can bring them back, and they are sent once more: at most twice as many.
UNSYNCED = 16


class Removals:
    """Of one lane.  They stay locked, so that nobody sees what may come back, and their space is given back at once."""

    __slots__ = ("_clearing", "_removed", "_store", "_tally")

    def __init__(self, store: "Store", tally: "Tally") -> None:
        self._store = store
        self._tally = tally
        self._removed: list[Locked] = []
        self._clearing = _thread.allocate_lock()

    def add(self, locked: "Locked") -> None:
        """Its file is unlinked; from here on it is ours to close."""
        self._removed.append(locked)
        if len(self._removed) >= UNSYNCED:
            self._clear_behind()

    def close(self) -> None:
        """Makes durable what is not yet."""
        with self._clearing:
            removed, self._removed = self._removed, []
        self._clear(removed)

    def _clear_behind(self) -> None:
        """In a thread of its own: where others write, the disk takes its time, and the server waits for us."""
        self._clearing.acquire()
        removed, self._removed = self._removed, []

        def work() -> None:
            try:
                self._clear(removed)
            finally:
                self._clearing.release()

        try:
            _thread.start_new_thread(work, ())
        except RuntimeError:  # the system has no thread left
            work()

    def _clear(self, removed: "list[Locked]") -> None:
        """Makes their removal durable, and gives back the files and with them their space."""
        try:
            if removed:
                self._store.sync()
        except MailError as error:
            self._tally.say(f"{error.text}; some mail may be sent more than once", fault=True)
        for locked in removed:
            locked.close()
