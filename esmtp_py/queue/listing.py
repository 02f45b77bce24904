"""What is in the queue: what is due for a runner, all of it for mailq, 100,000 mails in little more than a second."""

import os

from esmtp_py.errors import MailError
from esmtp_py.queue.entry import Damaged, Entry, is_id
from esmtp_py.queue.locked import OPEN, parse, read
from esmtp_py.queue.writer import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.queue.store import Store

# mtime is when a file is next due.  Further ahead than the longest back-off (schedule.LONGEST and a
# quarter), the clock was wrong when it was set: only the marks can tell.
FORESEEN = 6 * 3600


class Listing:
    """One look through a directory of the queue, as a context manager; nothing if it is missing.

    With a descriptor of its own, for that keeps the place.  The block only looks: an
    OSError in it is one of reading the directory, and a MailError("system") outside of it.
    """

    __slots__ = ("_directory", "_fd", "_path")

    def __init__(self, store: "Store", where: str) -> None:
        self._directory = store.directory(where)
        self._path = f"{store.path}/{where}"
        self._fd = -1

    def __enter__(self) -> "Iterator[os.DirEntry[str]]":
        if self._directory < 0:
            return iter(())
        try:
            self._fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._directory)
            return os.scandir(self._fd)
        except OSError as error:
            self._close()
            raise self._trouble(error) from error

    def __exit__(self, kind: object, error: object, *_: object) -> None:
        self._close()
        if isinstance(error, OSError):
            raise self._trouble(error) from error

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def _trouble(self, error: OSError) -> MailError:
        return MailError("system", f"cannot list {self._path}: {error.strerror}")


def ids(store: "Store", where: str) -> list[str]:
    """See Store.ids."""
    with Listing(store, where) as found:
        names = [entry.name for entry in found]
    # what was set aside may have any name
    return sorted(names if where == "corrupt" else filter(is_id, names))


def told_apart(store: "Store") -> tuple[list[str], list[str]]:
    """See Store.told_apart."""
    mails: list[str] = []
    others: list[str] = []
    with Listing(store, NEW) as found:
        for entry in found:
            (mails if is_id(entry.name) else others).append(entry.name)
    return sorted(mails), sorted(others)


def entries(store: "Store", where: str) -> "Iterator[tuple[str, Entry | Damaged]]":
    """See Store.entries."""
    directory, path = store.directory(where), f"{store.path}/{where}"
    for name in ids(store, where):
        try:
            fd = os.open(name, OPEN, dir_fd=directory)
            try:
                yield name, parse(fd, name, path)
            finally:
                os.close(fd)
        except Damaged as error:
            yield name, error
        except OSError:
            try:
                entry = read(store, name, where)  # which knows what each error means
            except Damaged as error:
                yield name, error
            else:
                if entry:
                    yield name, entry


def due(store: "Store", now: float, limit: int, after: str) -> "Iterator[str]":
    """See Store.due."""
    while True:
        found = _due_after(store, after, now, limit)
        if not found:
            return
        yield from found
        after = found[-1]


def _due_after(store: "Store", after: str, now: float, limit: int) -> list[str]:
    """The ``limit`` lowest ids above ``after``; twice as many are kept until they are sorted out."""
    found: list[str] = []
    with Listing(store, NEW) as names:
        for entry in names:
            name = entry.name
            if name > after and is_id(name) and _is_due(entry, now):
                found.append(name)
                if len(found) >= 2 * limit:
                    found.sort()
                    del found[limit:]
    found.sort()
    return found[:limit]


def _is_due(entry: "os.DirEntry[str]", now: float) -> bool:
    try:
        ahead = entry.stat(follow_symlinks=False).st_mtime - now
    except OSError:  # gone, or not for us: lock() will say what it is
        return True
    return ahead <= 0 or ahead > FORESEEN
