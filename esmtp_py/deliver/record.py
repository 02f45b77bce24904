"""The sender's copy of a mail that has left: the rc's ``record``.

It is what was sent, byte for byte, and so without Bcc.  That no copy could be
made changes no mail's fate: it is a warning.
"""

import os

from esmtp_py.config.policy import IMAP
from esmtp_py.deliver.mishap import mishap
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.message.message import Message


def is_local(identity: "Identity") -> bool:
    """Whether the copy goes to a file, and not to a server."""
    return bool(identity.record) and identity.record != IMAP


def record(identity: "Identity", message: "Message", sender: str, caller: "Caller") -> str:
    """Puts a copy into the maildir or mbox.  Returns what to warn of, "" if all went well."""
    try:
        _store(identity.record, message, sender, caller)
    except MailError as error:
        return f"no copy was kept: {error.text}"
    except Exception as error:
        return f"no copy was kept: {mishap(error).text}"
    return ""


def _store(path: str, message: "Message", sender: str, caller: "Caller") -> None:
    from esmtp_py.deliver import maildir

    _make_room(os.path.dirname(path.rstrip("/")))
    if maildir.is_maildir(path):
        maildir.store(path, message, caller.host)
        return
    from esmtp_py.deliver.mbox import append

    append(path, message, sender)


def _make_room(directory: str) -> None:
    """Makes the directory for it, and those above, 0700, if they are not there."""
    if not directory or os.path.lexists(directory):  # whatever it is, the store looks at it
        return
    _make_room(os.path.dirname(directory))
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass  # another mail was faster
    except OSError as error:
        raise MailError("cannot_create", f"cannot make {directory}: {error.strerror}") from error
