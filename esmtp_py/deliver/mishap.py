"""A bug of ours on the way: a fate like any other, so that nobody else's mail suffers from it."""

import os

from esmtp_py.errors import MailError


def mishap(error: Exception) -> MailError:
    """``error``, which nobody expected, as what the recipients without a fate get: the mail is kept."""
    if os.environ.get("ESMTP_DEBUG"):
        import traceback

        traceback.print_exception(error)
    what = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(error)[:200])
    return MailError("internal", f"internal error: {type(error).__name__}: {what} (ESMTP_DEBUG=1 shows where)")
