"""``password_file``: the first line of a file that nobody else can read."""

import os
import stat

from esmtp_py.config.rcfile import kind, link_faults, mode_fault, owner_faults
from esmtp_py.secret.failure import not_now
from esmtp_py.secret.line import LONGEST, first_line


def fetch(path: str) -> str:
    return first_line(trusted(path, LONGEST + 2), path)


def trusted(path: str, limit: int) -> bytes:
    """The begin of a regular file of ours, mode 0600; not_now() with what to run if it is anything else."""
    try:
        # Opening a FIFO must not wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            found = faults(path, os.fstat(descriptor))
            if found:
                raise not_now(f"no password: {found[0]}")
            return _content(descriptor, limit)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise not_now(f"no password: {path}: {getattr(error, 'strerror', None) or error}") from error


def faults(path: str, status: os.stat_result) -> list[str]:
    """Why a file with a secret cannot be trusted, one line for each reason."""
    if not stat.S_ISREG(status.st_mode):
        return [f"{path}: is {kind(status.st_mode)}, but must be a regular file"]
    return [*owner_faults(path, status), *link_faults(path), *filter(None, [mode_fault(path, status)])]


def _content(descriptor: int, limit: int) -> bytes:
    content = b""
    while len(content) < limit:
        more = os.read(descriptor, limit - len(content))
        if not more:
            break
        content += more
    return content
