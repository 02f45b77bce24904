"""One file on its way into the queue: written in tmp/, sealed, fsynced, renamed into new/, and that fsynced.

The rename is the one step that counts, and commit() returns only when it
cannot be undone by a power failure.  Until then nobody sees the mail: the
file is locked, also while it already has its name in new/.
"""

import fcntl
import os

from esmtp_py.errors import MailError
from esmtp_py.queue.digest import ALGORITHM, new
from esmtp_py.queue.entry import seal_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.queue.store import Store

TMP, NEW = "tmp", "new"

# One write for most mails, little memory for the others.
BUFFER = 64 * 1024


class Exists(MailError):
    """There is a file of that id already, or somebody is writing it."""

    def __init__(self, text: str) -> None:
        super().__init__("cannot_create", text)


class Writer:
    """A file being written.  As a context manager it is aborted unless it was committed.

    Whatever it raises, MailError("cannot_create") when there is no room,
    MailError("io") when the disk fails, the file is gone and the mail is not
    in the queue.
    """

    __slots__ = ("_buffer", "_digest", "_fd", "_place", "_renamed", "_size", "_store", "name")

    def __init__(self, store: "Store", name: str, place: str = NEW) -> None:
        """place: the directory that it will be in."""
        self.name = name
        self._place = place
        self._store = store
        self._buffer = bytearray()
        self._digest = new()
        self._size = 0
        self._renamed = False
        self._fd = -1
        try:
            self._fd = _create(store.directory(TMP, create=True), name)
        except FileExistsError as error:
            raise Exists(f"{store.path}/{TMP}/{name} is being written by another process") from error
        except OSError as error:
            raise self._trouble("create", error) from error

    def write(self, data: bytes) -> None:
        """Appends ``data``, whole: first what Entry.head returns, then the message."""
        self._buffer += data
        if len(self._buffer) >= BUFFER:
            self._flush()

    def commit(self, marks: bytes = b"") -> None:
        """Seals the file and makes it part of the queue, durably, with marks of what has become of it already."""
        self._flush()
        self._buffer += seal_line(self._size, ALGORITHM, self._digest.hexdigest()) + marks
        self._write_out()
        try:
            os.fsync(self._fd)
            self._rename()
            self._store.sync_directory(self._place)
        except OSError as error:
            self.abort()
            raise self._trouble("queue", error) from error
        except MailError as error:
            self.abort()
            error.text += "; the mail was not queued"
            raise
        self._close()

    def abort(self) -> None:
        """Leaves nothing behind.  Does nothing after commit() or a first abort()."""
        if self._fd < 0:
            return
        places = (self._place, TMP) if self._renamed else (TMP,)
        for place in places:
            try:
                if self._is_here(place):
                    os.unlink(self.name, dir_fd=self._store.directory(place))
            except OSError:
                pass  # a sick disk: the sweep will see to it
        self._close()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()

    def _flush(self) -> None:
        self._digest.update(self._buffer)
        self._size += len(self._buffer)
        self._write_out()

    def _write_out(self) -> None:
        rest = memoryview(self._buffer)
        try:
            while rest:
                done = os.write(self._fd, rest)
                if not done:  # never seen; it must not become a busy loop
                    import errno

                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                rest = rest[done:]
        except OSError as error:
            self.abort()
            raise self._trouble("write", error) from error
        self._buffer = bytearray()

    def _rename(self) -> None:
        if self._store.has(self.name, self._place):
            raise Exists(f"{self._store.path}/{self._place}/{self.name} exists")
        # From here on it may be in new/, whatever rename says of it (over NFS it may fail and have worked).
        self._renamed = True
        tmp, new_fd = self._store.directory(TMP), self._store.directory(self._place)
        os.rename(self.name, self.name, src_dir_fd=tmp, dst_dir_fd=new_fd)

    def _is_here(self, place: str) -> bool:
        """True if the name in that directory is this very file."""
        ours = os.fstat(self._fd)
        found = os.stat(self.name, dir_fd=self._store.directory(place), follow_symlinks=False)
        return (ours.st_dev, ours.st_ino) == (found.st_dev, found.st_ino)

    def _close(self) -> None:
        """The lock goes with it."""
        fd, self._fd = self._fd, -1
        os.close(fd)

    def _trouble(self, verb: str, error: OSError) -> MailError:
        import errno

        kind = "io" if error.errno == errno.EIO else "cannot_create"
        path = f"{self._store.path}/{TMP}/{self.name}"
        return MailError(kind, f"cannot {verb} {path}: {error.strerror}; the mail was not queued")


def _create(directory: int, name: str) -> int:
    """A new file, locked."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        os.unlink(name, dir_fd=directory)
        raise
    return fd


def remove_leftover(directory: int, name: str) -> bool:
    """Unlinks what a crash has left in tmp/; True if it is gone.  A file whose writer lives is locked, and stays."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError as error:
        import errno

        if error.errno not in (errno.ELOOP, errno.ENXIO):  # a link, a socket: nobody's mail
            return False
        fd = -1
    try:
        if fd >= 0:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(name, dir_fd=directory)
    except OSError:
        return False
    finally:
        if fd >= 0:
            os.close(fd)
    return True
