"""The body of one message between coming in and going out: in memory, or in a file nobody else can open.

A leaf with I/O.  Front doors write to it; every courier reads it as a Body,
as often as it needs.  Memory stays constant for a mail of any size.
"""

import os

from esmtp_py.errors import MailError
from esmtp_py.message.message import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Most mail has a body below this (no file is made for it), and it is little
# beside the 10 MiB of the interpreter.
MEMORY_LIMIT = 256 * 1024


class Spool:
    """A Body that is first written, then, after finish(), read any number of times.

    size: bytes.  eight_bit: True if one of them is over 127.

    Past MEMORY_LIMIT the bytes are in an unlinked file in $TMPDIR, /var/tmp or
    /tmp, the first that takes one; its room is free again at close(), or when
    the process dies, however it dies.  Readers share no position, so several
    chunks() may run at once, also in threads.
    """

    __slots__ = ("_closed", "_directory", "_fd", "_memory", "_writable", "eight_bit", "size")

    def __init__(self) -> None:
        self.size = 0
        self.eight_bit = False
        self._memory = bytearray()
        self._fd = -1
        self._directory = ""
        self._writable = True
        self._closed = False

    def write(self, data: bytes) -> None:
        """Appends ``data``, whole.  Raises MailError("io") when there is no room for it."""
        if not self._writable:
            raise ValueError("the spool is finished")
        if not (self.eight_bit or data.isascii()):
            self.eight_bit = True
        if self._fd < 0 and self.size + len(data) > MEMORY_LIMIT:
            self._fd, self._directory = _unlinked_file()
            _write_out(self._fd, self._memory, self._directory)
            self._memory = bytearray()
        if self._fd < 0:
            self._memory += data
        else:
            _write_out(self._fd, data, self._directory)
        self.size += len(data)

    def finish(self) -> None:
        """All is written; from now on it is read."""
        self._writable = False

    def chunks(self) -> "Iterator[bytes]":
        """The whole body in pieces of at most CHUNK bytes.  Raises MailError("io") when the disk fails."""
        if self._closed:
            raise ValueError("the spool is closed")
        if self._fd < 0:
            for start in range(0, self.size, CHUNK):
                yield bytes(self._memory[start : start + CHUNK])
            return
        at = 0
        while at < self.size:
            chunk = self._read(at)
            at += len(chunk)
            yield chunk

    def close(self) -> None:
        """Gives memory and file back.  May be called twice; the collector calls it too."""
        fd, self._fd = self._fd, -1
        self._memory = bytearray()
        self._writable = False
        self._closed = True
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _read(self, at: int) -> bytes:
        try:
            chunk = os.pread(self._fd, min(CHUNK, self.size - at), at)
            if not chunk:
                import errno

                raise OSError(errno.EIO, "the temporary file is shorter than what was written to it")
        except OSError as error:
            raise MailError("io", f"cannot read the message back from {self._directory}: {error.strerror}") from error
        return chunk


def filed(chunks: "Iterable[bytes]") -> int:
    """A descriptor, at its begin, of a file without a name that has all of it.  Raises MailError("io")."""
    fd, directory = _unlinked_file()
    try:
        for chunk in chunks:
            _write_out(fd, chunk, directory)
        os.lseek(fd, 0, os.SEEK_SET)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _write_out(fd: int, data: "bytes | bytearray", directory: str) -> None:
    rest = memoryview(data)
    while rest:
        try:
            done = os.write(fd, rest)
            if not done:  # never seen; it must not become a busy loop
                import errno

                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except InterruptedError:
            continue
        except OSError as error:
            raise MailError("io", _no_room(directory, error)) from error
        rest = rest[done:]


def _no_room(directory: str, error: OSError) -> str:
    return f"cannot spool the message in {directory}: {error.strerror}; set TMPDIR to a directory with room"


def _unlinked_file() -> "tuple[int, str]":
    """A descriptor, readable and writable, of a file without a name, and the directory it lives in."""
    tried = []
    for directory in (os.environ.get("TMPDIR", ""), "/var/tmp", "/tmp"):  # noqa: S108 - O_EXCL, and gone at once
        if not directory:
            continue
        try:
            return _open_in(directory), directory
        except OSError as error:
            tried.append(f"{directory}: {error.strerror}")
    raise MailError("io", f"no temporary file can be made ({'; '.join(tried)}); set TMPDIR to a directory with room")


def _open_in(directory: str) -> int:
    if hasattr(os, "O_TMPFILE"):
        try:
            return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
        except OSError as error:  # a file system, or a kernel, that does not know it
            import errno

            if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT):
                raise
    path = os.path.join(directory, f".esmtp-{os.urandom(16).hex()}")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.unlink(path)
    return fd
