"""Putting a mail into a maildir, as one that has been read: written in tmp/, durable, then renamed into cur/."""

import os
import time

from esmtp_py.errors import MailError
from esmtp_py.message.newlines import unix_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.message import Message

_FOLDERS = ("tmp", "new", "cur")


def is_maildir(path: str) -> bool:
    """A directory, or what is to be one: with a slash at its end."""
    return path.endswith("/") or os.path.isdir(path)


def store(path: str, message: "Message", host: str) -> None:
    """Adds the message, mode 0600, with the flag S (seen); makes the maildir, 0700, if it is not there.

    MailError when it cannot be, or the directory cannot be trusted; nothing is left in it then.
    """
    try:
        directory = _opened(path.rstrip("/") or "/")
        try:
            _store(directory, message, host)
        finally:
            os.close(directory)
    except OSError as error:
        raise MailError("io", f"{path}: {error.strerror}") from error


def _opened(path: str) -> int:
    """A descriptor of a maildir of our own."""
    new = False
    try:
        os.mkdir(path, 0o700)
        new = True
    except FileExistsError:
        pass
    # a link is not followed: in a directory of others it could lead anywhere
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check(directory, path)
        folders = set(os.listdir(directory))
        if folders.isdisjoint(_FOLDERS) and folders and not new:
            raise MailError("cannot_create", f"{path}: a directory, but no maildir; name another one")
        for name in _FOLDERS:
            if name not in folders:
                os.mkdir(name, 0o700, dir_fd=directory)
    except BaseException:
        os.close(directory)
        raise
    return directory


def _check(directory: int, path: str) -> None:
    found = os.fstat(directory)
    if found.st_uid != os.geteuid():
        raise MailError("cannot_create", f"{path}: belongs to somebody else; name another maildir")
    if found.st_mode & 0o002:
        raise MailError("cannot_create", f"{path}: anyone may write there; run: chmod o-w {path}")


def _store(directory: int, message: "Message", host: str) -> None:
    name = _name(host)
    tmp = _folder(directory, "tmp")
    try:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=tmp)
        try:
            size = _write(fd, message)
            cur = _folder(directory, "cur")
            try:
                os.rename(name, f"{name},S={size}:2,S", src_dir_fd=tmp, dst_dir_fd=cur)
                os.fsync(cur)
            finally:
                os.close(cur)
        except BaseException:
            _remove(tmp, name)
            raise
        finally:
            os.close(fd)
    finally:
        os.close(tmp)


def _folder(directory: int, name: str) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)


def _name(host: str) -> str:
    """No other delivery to any maildir has it."""
    seconds = time.time()
    host = host.replace("/", "\\057").replace(":", "\\072")
    return f"{int(seconds)}.M{int(seconds % 1 * 1000000)}P{os.getpid()}R{os.urandom(8).hex()}.{host}"


def _write(fd: int, message: "Message") -> int:
    size = 0
    for chunk in unix_form(message):
        size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(fd, rest) :]
    os.fsync(fd)
    return size


def _remove(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        pass
