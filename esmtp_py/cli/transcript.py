"""Where the dialogue goes: -v shows it on standard error, -X appends it to a file.

A sink for the Trace of the couriers: "C" and "S" lines, "H" lines of the
header (in the file only), "*" for steps.  Secrets are masked before they come
here, and the body never comes here.
"""

import os
import stat

from esmtp_py.cli.terminal import ERR, Stream, complain, printable
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# As long as a reply line may be: the transcript shows what was said, not a digest.
_LINE = 8192

# No symbolic link is followed; without O_NONBLOCK a FIFO would wait for its reader.
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def open_log(path: str) -> int:
    """Opens ``path`` for appending, 0600 when it is created; returns the descriptor.

    MailError("cannot_create") unless it is a regular file of our own under
    this one name: what is written tells who writes to whom.
    """
    try:
        fd = os.open(path, _FLAGS, 0o600)
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


class Transcript:
    """Callable as a Trace; shows and stores what it is given."""

    __slots__ = ("_file", "_verbose")

    def __init__(self, verbose: bool, path: "str | None") -> None:
        """MailError as open_log, so that a run without its transcript does not start."""
        self._verbose = verbose
        self._file = None if path is None else Stream(open_log(path), path)

    @property
    def trace(self) -> "Callable[[str, bytes], None] | None":
        """What to hand to the couriers; None when nobody listens."""
        return self if self._verbose or self._file else None

    def __call__(self, tag: str, line: bytes) -> None:
        text = printable(line.decode("utf-8", "surrogateescape"), _LINE)
        shown = f"* {text}\n" if tag == "*" else f"{tag}: {text}\n"
        if self._verbose and tag != "H":
            ERR.write(shown)
        if self._file:
            self._store(self._file, shown)

    def _store(self, file: Stream, shown: str) -> None:
        try:
            file.write(shown)
        except MailError as error:  # the mail is worth more than its transcript
            self._file = None
            complain(f"{error.text}; the transcript ends here")
