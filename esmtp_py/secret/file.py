"""``password_file``: the first line of a file that nobody else can read."""

import errno
import os

from esmtp_py.errors import MailError
from esmtp_py.secret import private_file
from esmtp_py.secret.failure import not_now
from esmtp_py.secret.line import LONGEST, first_line


def fetch(path: str) -> str:
    return first_line(trusted(path, LONGEST + 2), path)


def trusted(path: str, limit: int) -> bytes:
    """The begin of the file; not_now() with what to run where it is missing or not private."""
    try:
        content = private_file.begin(path, limit)
    except MailError as error:
        raise not_now(f"no password: {error.text}") from error
    if content is None:
        raise not_now(f"no password: {path}: {os.strerror(errno.ENOENT)}")
    return content
