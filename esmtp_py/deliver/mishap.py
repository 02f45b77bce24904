"""A bug of ours, or a limit of the system: a fate like any other, so that nobody else's mail suffers from it."""

import errno
import os

from esmtp_py.errors import MailError

# What may happen anywhere, be it that a module cannot be loaded, and is no bug.
_FEWER = ("system", "allow more with ulimit -n, or write fewer connections")
_SYSTEM = {
    errno.EMFILE: _FEWER,
    errno.ENFILE: _FEWER,
    errno.EIO: ("io", "the log of this machine may say what is broken"),
}


def mishap(error: Exception) -> MailError:
    """``error``, which nobody expected, as what the recipients without a fate get: the mail is kept."""
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        kind, advice = _SYSTEM[error.errno]
        return MailError(kind, f"{os.strerror(error.errno)}: {advice}")
    if os.environ.get("ESMTP_DEBUG"):
        import traceback

        traceback.print_exception(error)
    what = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(error)[:200])
    return MailError("internal", f"internal error: {type(error).__name__}: {what} (ESMTP_DEBUG=1 shows where)")
