"""Into the queue instead of to the server: -odq, -odb, and what could not be delivered now.

No rc file is read and no socket opened while the caller waits: a broken rc or
a dead network keeps the mail waiting, it never refuses it.  0 means fsynced.
"""

import os
import time

from esmtp_py.cli.mail import Mail
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options
    from esmtp_py.message.envelope import Recipient

QUEUE_ONLY = ("q", "d")


def enqueue(options: "Options") -> int:
    """Queues the mail on standard input; with -odb a run for it goes on behind our back.  MailError: not queued."""
    mail = Mail(options)
    words = mail.asked()
    mail.read()
    mail.address(words, mail.given or "")
    if mail.spoiled:
        raise mail.spoiled
    name = store(mail)
    if options.delivery not in QUEUE_ONLY:
        from esmtp_py.cli.background import run

        run(name)
    return 0


def store(mail: Mail, recipients: "list[Recipient] | None" = None) -> str:
    """Makes a mail part of the queue, durably; returns its id.

    recipients: those of the envelope who still want it, None for all.
    """
    assert mail.message
    assert mail.envelope
    options, envelope = mail.options, mail.envelope
    entry = Entry(
        time.time(),
        mail.given,
        envelope.recipients if recipients is None else recipients,
        body=envelope.body,
        ret=envelope.ret,
        envid=envelope.envid,
        requiretls=envelope.requiretls,
        full_name=options.full_name,
        rc=os.path.abspath(options.rc) if options.rc else "",
        hops=options.hops,
        errors="" if options.errors == "print" else options.errors,
    )
    with Store.open() as queue, queue.begin_new(entry.time) as writer:
        writer.write(entry.head())
        for chunk in mail.message.chunks():
            writer.write(chunk)
        writer.commit()
        return writer.name
