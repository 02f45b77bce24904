"""~/dead.letter: the last place for a mail that could neither be sent nor returned."""

import os

from esmtp_py.deliver.mbox import append
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.message import Message

NAME = "dead.letter"


def save(message: "Message", sender: str, home: str) -> str:
    """Appends the message to dead.letter in ``home``, as an mbox does; returns the path.

    MailError when there is no home, or the file cannot be written or trusted;
    it is as long as before then.
    """
    if not home:
        raise MailError("cannot_create", "there is no home directory to save the mail in")
    path = os.path.join(home, NAME)
    append(path, message, sender)
    return path
