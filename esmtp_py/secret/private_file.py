"""A file that holds a secret: nobody else reads it, and it is whole or not there.

Reading checks whose it is and who else might have read it; writing never
leaves half of it, whenever the machine stops.
"""

import os
import stat

from esmtp_py.config.rcfile import kind, link_faults, mode_fault, owner_faults
from esmtp_py.errors import MailError

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC  # opening a FIFO must not wait for its other end
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read(path: str, limit: int) -> "bytes | None":
    """Its content, None where there is no such file.

    Raises MailError("config") when it is longer than ``limit`` bytes, and what ``begin`` raises.
    """
    content = begin(path, limit + 1)
    if content is not None and len(content) > limit:
        raise MailError("config", f"{path} is too long: more than {limit} bytes")
    return content


def begin(path: str, limit: int) -> "bytes | None":
    """At most so many bytes of it, None where there is no such file.

    Raises MailError("config") when it is no regular file, not ours or root's,
    or open to others; "io" when it cannot be read.
    """
    try:
        fd = os.open(path, _READ)
        try:
            for fault in _faults(path, os.fstat(fd)):
                raise MailError("config", fault)
            return _content(fd, limit)
        finally:
            os.close(fd)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise MailError("io", f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _faults(path: str, status: os.stat_result) -> list[str]:
    """Why a file with a secret cannot be trusted, one line for each reason."""
    if not stat.S_ISREG(status.st_mode):
        return [f"{path}: is {kind(status.st_mode)}, but must be a regular file"]
    return [*owner_faults(path, status), *link_faults(path), *filter(None, [mode_fault(path, status)])]


def _content(fd: int, limit: int) -> bytes:
    content = b""
    while len(content) < limit:
        more = os.read(fd, limit - len(content))
        if not more:
            break
        content += more
    return content


def write(path: str, data: bytes) -> None:
    """Replaces the file, 0600; when this returns the new content is on the disk.

    A symbolic link stays, what it leads to is replaced.  The directory is
    made, 0700, if only it is missing.  Two at once must be kept apart by the
    caller's lock.  Raises MailError("cannot_create"); the old content is still there then.
    """
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    try:
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            pass
        _replace(path, data)
        _sync(directory)
    except OSError as error:
        raise MailError("cannot_create", f"cannot write {path}: {error.strerror}") from error


def expect_room(path: str) -> None:
    """Raises what ``write`` would raise where nothing can be made, before there is anything to lose."""
    directory = os.path.dirname(os.path.realpath(path))
    place = directory if os.path.isdir(directory) else os.path.dirname(directory)
    if not (os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)):
        raise MailError("cannot_create", f"cannot write {path}: nothing can be made in {place}")


def _replace(path: str, data: bytes) -> None:
    fresh = path + ".new"
    try:
        os.unlink(fresh)  # of one that was killed
    except FileNotFoundError:
        pass
    fd = os.open(fresh, _WRITE, 0o600)
    try:
        os.fchmod(fd, 0o600)  # whatever the umask
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        os.fsync(fd)
    except BaseException:
        os.unlink(fresh)
        raise
    finally:
        os.close(fd)
    os.rename(fresh, path)


def _sync(directory: str) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
