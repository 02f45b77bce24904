"""Runs that nobody waits for, one after the other: fifty mails in a row do not start fifty runs.

Three empty files in the queue, of which only the locks count (flock, as everywhere):

    waiting     by a run that has not begun to look for mail
    running     by a run that has
    sleeping    by a run that waits for mail which is not due yet; its mtime is when it wakes

Who finds ``waiting`` locked ends: its mail is in the queue, and the other run
gives that lock away before it looks.  So does the one that sleeps.  A run that
somebody asks for takes no part in this, and mails have locks of their own: a
lock here that cannot be had costs work, and never mail.
"""

import fcntl
import os
import time

from esmtp_py.queue.tally import SOON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.queue.store import Store

WAITING, RUNNING, SLEEPING = "waiting", "running", "sleeping"

# Seconds that a run waits for the one before it.  That may hang with a server, and other
# mail must not; so it goes ahead then, and there are at most so many a minute.
PATIENCE = 5.0
# How often it looks.
_GLANCE = 0.1
# A machine that was asleep, or a wake-up call, is noticed so soon.
NAP = 2.0
# Glances until a sleeper has noticed: more than a nap.
_GLANCES = 40


def take_turns(store: "Store", look: "Callable[[], float]") -> None:
    """Runs when it is this process's turn, and again when mail that was early is due; or leaves it to another.

    look: does all that is due, and returns when the earliest of the mails that
    it left alone is due, in seconds since 1970; 0 for none.
    """
    while True:
        due = _turn(store, look)
        if not due or due > time.time() + SOON + NAP or not _sleep(store, due):
            return


def _turn(store: "Store", look: "Callable[[], float]") -> float:
    waiting, running = Lock(store, WAITING), Lock(store, RUNNING)
    if not waiting.take():
        return 0
    try:
        deadline = time.monotonic() + PATIENCE
        while not running.take() and time.monotonic() < deadline:
            time.sleep(_GLANCE)
        waiting.free()  # whoever comes from here on may have mail that we do not see
        return look()
    finally:
        waiting.free()
        running.free()


def _sleep(store: "Store", until: float) -> bool:
    """True when it is time for another look; False when another process has that in hand."""
    if until <= time.time():
        return True
    lock = Lock(store, SLEEPING)
    for _ in range(_GLANCES):
        if lock.take():
            break
        now = time.time()
        if now < lock.time <= until:
            return False  # that one wakes in time
        if lock.time > until:
            lock.time = until  # it will from now on; unless it was just about to write its own time
        time.sleep(_GLANCE)
    try:
        lock.time = until
        return _wait(store, lock, until)
    finally:
        lock.free()


def _wait(store: "Store", lock: "Lock", until: float) -> bool:
    """False when the queue is gone.  The clock of the wall counts; set back, it does not keep a process for years."""
    end = time.monotonic() + until - time.time() + NAP
    while (left := min(until, lock.time) - time.time()) > 0 and time.monotonic() < end:
        if not os.fstat(store.directory("")).st_nlink:
            return False
        time.sleep(min(left, NAP))
    return True


class Lock:
    """One of the three files.  Without it, because there is no room or no right, everybody may go on."""

    __slots__ = ("_fd",)

    def __init__(self, store: "Store", name: str) -> None:
        self._fd = -1
        directory = store.directory("")
        if directory >= 0:
            try:
                self._fd = os.open(
                    name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600, dir_fd=directory
                )
            except OSError:
                pass

    def take(self) -> bool:
        """False only if another process has it."""
        try:
            if self._fd >= 0:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            pass
        return True

    def free(self) -> None:
        """May be called twice, and without having it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    @property
    def time(self) -> float:
        """What it says, in seconds since 1970; for ever when it says nothing."""
        return os.fstat(self._fd).st_mtime if self._fd >= 0 else float("inf")

    @time.setter
    def time(self, seconds: float) -> None:
        try:
            if self._fd >= 0:
                os.utime(self._fd, (seconds, seconds))
        except OSError:
            pass
