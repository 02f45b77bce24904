"""The text of another mailer's file, which may be anything that somebody has put there."""

import os
import stat

from esmtp_py.errors import MailError

# Configurations are pages, not books.
LIMIT = 1 << 20


def content(path: str) -> str:
    """All of it; bytes that are not UTF-8 are kept (PEP 383).

    Raises MailError("unreadable").
    """
    try:
        # opening a FIFO must not wait for somebody to write into it
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(fd, encoding="utf-8", errors="surrogateescape") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise MailError("unreadable", f"{path}: not a regular file")
            text = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        raise MailError("unreadable", f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    if len(text) > LIMIT:
        raise MailError("unreadable", f"{path}: too long for a configuration: more than {LIMIT} characters")
    return text
