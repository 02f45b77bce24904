"""The copy of a mail that a direct call has sent: into a file at once, to a server behind the caller's back."""

import os
import time

from esmtp_py.deliver.record import is_local, record
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.mail import Mail
    from esmtp_py.config.identity import Identity


def keep_copy(mail: "Mail", identity: "Identity") -> str:
    """Makes the copy, or sees to it that it will be made; returns what to warn of, "" if all went well."""
    assert mail.message
    assert mail.envelope
    if is_local(identity):
        return record(identity, mail.message, mail.envelope.sender, mail.caller)
    return _for_the_server(mail, identity)


def _for_the_server(mail: "Mail", identity: "Identity") -> str:
    """On the disk now; a process behind the caller's back brings it to the server."""
    from esmtp_py.cli.background import run
    from esmtp_py.queue.sent import keep, late
    from esmtp_py.queue.store import Store

    assert mail.message
    now, rc = time.time(), mail.options.rc
    try:
        with Store.open() as queue:
            left = late(queue, now)
            keep(queue, identity, mail.message, os.path.abspath(rc) if rc else "", now)
            place = queue.path
    except MailError as error:
        return f"no copy was kept: {error.text}"
    run()
    return f"copies of sent mail wait in {place}/sent for the IMAP server, {left} of them for long" if left else ""
