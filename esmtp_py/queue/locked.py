"""One queued mail in the hands of one process: read, delivered, marked, and removed or kept.

flock on the file itself is the only lock.  The kernel drops it when its owner
dies, however it dies, and nobody waits for it: who comes second moves on.
"""

import errno
import fcntl
import os
import stat

from esmtp_py.errors import MailError
from esmtp_py.message.message import CHUNK
from esmtp_py.queue.digest import new
from esmtp_py.queue.entry import SEAL, Damaged, Entry
from esmtp_py.queue.reading import read_end, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.queue.store import Store

# Without following a link, or waiting for the other end of a FIFO.
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

# One read for most mails: envelope and message together.
FIRST_READ = 4096
# The seal of most others, with a few marks.
TAIL_READ = 512
# What kind of file it is, and what others than its owner may do with it.
_KIND_AND_OTHERS = 0o170077
# A hundred thousand recipients have room in it.
HEAD_LIMIT = 16 * 1024 * 1024
# And so have their marks; further from the end no seal is looked for.
MARKS_LIMIT = 64 * 1024 * 1024


class Locked:
    """A mail that no other process touches until close(), or the end of the ``with`` block.

    name:  its id.
    entry: envelope, options, and in entry.marks what became of it.  Believe the
           fates only after verify().
    """

    __slots__ = ("_broken", "_eight_bit_end", "_fd", "_place", "_store", "entry", "name")

    def __init__(self, store: "Store", name: str, place: str, fd: int, entry: Entry) -> None:
        self.name = name
        self.entry = entry
        self._store = store
        self._place = place
        self._fd = fd
        self._broken = False
        self._eight_bit_end = -1

    def close(self) -> None:
        """Gives the mail free for others.  May be called twice."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> "Locked":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- reading -----------------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Before each delivery: as ``compare``, but a mail that is Damaged is in corrupt/ then."""
        try:
            self.compare()
        except Damaged:
            self.set_aside()
            raise

    def compare(self) -> None:
        """Compares the file with its digest.  Damaged if they differ."""
        digest = new(self.entry.algorithm)
        end = 0
        for chunk in self._read(0, self.entry.sealed):
            digest.update(chunk)
            end += len(chunk)
            if not chunk.isascii():
                self._eight_bit_end = end
        if digest.hexdigest() != self.entry.digest:
            raise Damaged(f"{self.name}: its content is not what was queued")

    def chunks(self, offset: int = 0) -> "Iterator[bytes]":
        """The message from its byte ``offset``, in pieces of at most 64 KiB; afresh at each call, also side by side."""
        start = self.entry.offset + offset
        return self._read(start, self.entry.offset + self.entry.size)

    def body_from(self, offset: int) -> "StoredBody":
        """A Body (see message.message): what begins at byte ``offset`` of the message.  Good until close()."""
        return StoredBody(self, offset)

    def eight_bit_from(self, offset: int) -> bool:
        """True if a byte over 127 is in the message behind ``offset``.  Cheap after verify() where there is none."""
        start = self.entry.offset + offset
        if 0 <= self._eight_bit_end <= start:
            return False
        return any(not chunk.isascii() for chunk in self.chunks(offset))

    def _read(self, at: int, end: int) -> "Iterator[bytes]":
        while at < end:
            try:
                chunk = os.pread(self._fd, min(CHUNK, end - at), at)
            except OSError as error:
                raise MailError("io", f"cannot read {self._path()}: {error.strerror}") from error
            if not chunk:
                raise Damaged(f"{self.name}: it has become shorter")
            at += len(chunk)
            yield chunk

    # -- writing -----------------------------------------------------------------------------------------------

    def mark(self, lines: bytes) -> None:
        """Appends marks (see queue.marks), in one write, and returns when they are durable.

        MailError("io") when they are not: what was done for this mail will
        be done again.  Nothing more may be tried with it then.
        """
        marks = self.entry.marks
        data = b"\n" + lines if marks.torn else lines
        try:
            if self._broken:
                raise OSError(errno.EIO, "the disk has failed before")
            if os.write(self._fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(self._fd)
        except OSError as error:
            self._broken = True
            text = f"cannot note in {self._path()} what became of it: {error.strerror}; it may be sent more than once"
            raise MailError("io", text) from error
        marks.fold(lines)

    @property
    def unsure(self) -> bool:
        """A mark could not be made durable."""
        return self._broken

    def set_due(self, seconds: float) -> None:
        """When a run should look at it again, in seconds since 1970."""
        try:
            os.utime(self._fd, (seconds, seconds))
        except OSError:
            pass  # a hint; the marks say when it is really due

    def remove(self) -> None:
        """Takes it out of the queue.  Durable after Store.sync(), which may serve several of them."""
        try:
            os.unlink(self.name, dir_fd=self._store.directory(self._place))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise MailError("io", f"cannot remove {self._path()}: {error.strerror}") from error

    def set_aside(self) -> None:
        """To corrupt/, durably; the lock stays until close()."""
        self._store.set_aside(self.name, self._place)

    def to_failed(self) -> None:
        """To failed/, durably: nobody can be told that it could not be delivered."""
        self._store.move(self.name, self._place, "failed")
        self._place = "failed"

    def _path(self) -> str:
        return f"{self._store.path}/{self._place}/{self.name}"


class StoredBody:
    """The message of a queue file from some byte on, as a Body."""

    __slots__ = ("_eight_bit", "_locked", "_offset", "size")

    def __init__(self, locked: Locked, offset: int) -> None:
        self._locked = locked
        self._offset = offset
        self.size = locked.entry.size - offset
        self._eight_bit: bool | None = None

    @property
    def eight_bit(self) -> bool:
        if self._eight_bit is None:
            self._eight_bit = self._locked.eight_bit_from(self._offset)
        return self._eight_bit

    def chunks(self) -> "Iterator[bytes]":
        return self._locked.chunks(self._offset)


def lock(store: "Store", name: str, place: str) -> "Locked | None":
    """See Store.lock."""
    try:
        fd = _open(store, name, place, os.O_RDWR | os.O_APPEND)
        if fd is None:
            return None
        try:
            # First the lock: what is being written, or was removed, is nobody's business.
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_same(os.fstat(fd), store, name, place):
                os.close(fd)
                return None
            return Locked(store, name, place, fd, parse(fd, name, f"{store.path}/{place}"))
        except BaseException:
            os.close(fd)
            raise
    except BlockingIOError:
        return None
    except Damaged:
        store.set_aside(name, place)
        raise
    except OSError as error:
        raise MailError("io", f"cannot lock {store.path}/{place}/{name}: {error.strerror}") from error


def read(store: "Store", name: str, place: str) -> "Entry | None":
    """See Store.read."""
    fd = _open(store, name, place, 0)
    if fd is None:
        return None
    try:
        return parse(fd, name, f"{store.path}/{place}")
    finally:
        os.close(fd)


def _open(store: "Store", name: str, place: str, flags: int) -> "int | None":
    """A descriptor of what must be a plain file; None if there is nothing."""
    try:
        return os.open(name, OPEN | flags, dir_fd=store.directory(place))
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM):
            raise Damaged(f"{name}: not a plain file of this user's alone (mode 600, one link)") from error
        raise MailError("io", f"cannot open {store.path}/{place}/{name}: {error.strerror}") from error


def _is_same(ours: os.stat_result, store: "Store", name: str, place: str) -> bool:
    try:
        found = os.stat(name, dir_fd=store.directory(place), follow_symlinks=False)
    except FileNotFoundError:
        return False
    return ours.st_ino == found.st_ino and ours.st_dev == found.st_dev


def parse(fd: int, name: str, path: str) -> Entry:
    """The entry in an open file.  Damaged or MailError("io") name it.  A list of 100,000 mails waits for this."""
    try:
        found = os.fstat(fd)
        size = found.st_size
        if found.st_mode & _KIND_AND_OTHERS != stat.S_IFREG or found.st_nlink != 1 or found.st_uid != os.geteuid():
            raise Damaged("not a plain file of this user's alone (mode 600, one link)")
        data = _all(fd, min(FIRST_READ, size), 0)
        entry = read_head(data) or _long_head(fd, data)
        at = 0
        if len(data) < size:
            at = max(0, size - TAIL_READ)
            data = _all(fd, TAIL_READ, at)
            if SEAL not in data:
                at, data = _long_tail(fd, size)
        read_end(entry, data, at)
    except Damaged as error:
        raise Damaged(f"{name}: {error.text}") from None
    except OSError as error:
        raise MailError("io", f"cannot read {path}/{name}: {error.strerror}") from error
    return entry


def _long_head(fd: int, data: bytes) -> Entry:
    """The entry whose head is longer than ``data``; twice as much is looked at each time."""
    entry = None
    while entry is None:
        more = os.pread(fd, min(len(data), HEAD_LIMIT - len(data)), len(data))
        if not more:
            raise Damaged("its envelope has no end")
        data += more
        entry = read_head(data)
    return entry


def _long_tail(fd: int, size: int) -> "tuple[int, bytes]":
    """Where the end of the file begins, and what is in it: far enough before it that the seal is in it."""
    length = TAIL_READ
    while True:
        length *= 8
        at = max(0, size - length)
        data = _all(fd, size - at, at)
        if SEAL in data or at == 0 or length >= MARKS_LIMIT:
            return at, data


def _all(fd: int, length: int, at: int) -> bytes:
    """So many bytes; fewer only at the end of the file.  A network file system may give them piece by piece."""
    data = os.pread(fd, length, at)
    while len(data) < length:
        more = os.pread(fd, length - len(data), at + len(data))
        if not more:
            break
        data += more
    return data
