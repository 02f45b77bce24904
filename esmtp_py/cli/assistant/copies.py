"""What --doctor looks at for ``record imap``: server, log-in, folder, and the copies that are not there yet.

Yields Findings and raises nothing, like ``checks``.  No copy is made, and no folder.
"""

import time

from esmtp_py.cli.assistant.finding import BAD, NOTE, OK, Finding
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.config.identity import Identity
    from esmtp_py.queue.store import Store

# What a server says of a folder that will never be (RFC 5530); any other may only be missing as yet.
_NEVER = ("[CANNOT]", "[NOPERM]")


def waiting(store: "Store") -> "Iterator[Finding]":
    """Copies on their way; those that wait for long have been tried in vain."""
    from esmtp_py.queue.sent import late, spoken
    from esmtp_py.queue.store import SENT

    count = len(store.ids(SENT))
    if count:
        level = BAD if late(store, time.time()) else NOTE
        yield Finding(level, "record", f"{store.path}/{SENT}: {spoken(count)}", "try_again")


def server(identity: "Identity") -> "Iterator[Finding]":
    """From the connection to the folder, as a copy would go."""
    from esmtp_py.deliver.sent_folder import SentFolder, server_of
    from esmtp_py.deliver.survey import LOGIN_SECONDS, hurried

    try:
        where = f"{identity.name}: {server_of(identity)}"
        folder = SentFolder(hurried(identity, LOGIN_SECONDS))
        try:
            yield _of_folder(where, folder.name.decode("ascii"), folder.look())
        finally:
            folder.close()
    except MailError as error:
        yield Finding(BAD, "record", f"{identity.name}: no copy gets to the IMAP server: {error.text}", error.kind)


def _of_folder(where: str, name: str, against: str) -> Finding:
    if not against:
        return Finding(OK, "record", f"{where}, folder {name}")
    if any(word in against.upper() for word in _NEVER):
        text = f"{where} does not take copies into {name}: {against}; name another folder with sent_folder"
        return Finding(BAD, "record", text, "try_again")
    return Finding(NOTE, "record", f"{where} has no folder {name} yet, which the first copy makes; it says: {against}")
