"""A file that lines are appended to and that tells who writes to whom: a log, a transcript, a dead letter box."""

import os
import stat

from esmtp_py.errors import MailError

# No symbolic link is followed; without O_NONBLOCK a FIFO would wait for its reader.
_FLAGS = os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def open_log(path: str, mode: int = os.O_WRONLY) -> int:
    """Opens ``path`` for appending, 0600 when it is created; returns the descriptor.  mode: O_RDWR to read it, too.

    MailError("cannot_create") unless it is a regular file of our own under
    this one name: what is written tells who writes to whom.
    """
    try:
        fd = os.open(path, mode | _FLAGS, 0o600)
    except (OSError, ValueError) as error:
        raise MailError("cannot_create", f"{path}: {getattr(error, 'strerror', None) or error}") from error
    found = os.fstat(fd)
    fault = (
        "not a regular file"
        if not stat.S_ISREG(found.st_mode)
        else "it belongs to somebody else"
        if found.st_uid != os.geteuid()
        else "it has a second name (hard link)"
        if found.st_nlink > 1
        else ""
    )
    if fault:
        os.close(fd)
        raise MailError("cannot_create", f"{path}: {fault}; name another file")
    return fd
