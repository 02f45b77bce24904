"""Into the queue instead of to the server: -odq, -odb, and what could not be delivered now.

No rc file is read and no socket opened while the caller waits: a broken rc or
a dead network keeps the mail waiting, it never refuses it.  0 means fsynced.
"""

import os
import time

from esmtp_py.cli.mail import Mail
from esmtp_py.cli.stdin import Incoming
from esmtp_py.errors import MailError
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmtp_py.cli.options import Options
    from esmtp_py.message.envelope import Recipient


def enqueue(options: "Options") -> int:
    """Queues the mail on standard input; a run for it goes on behind our back, unless -odq.  MailError: not queued."""
    not_before = _asked(options) if options.at else 0
    mail = Mail(options)
    words = mail.asked()
    incoming = Incoming(dot_ends=options.dots, binary=options.body == "BINARYMIME")
    try:
        mail.header = incoming.header()
        mail.address(words, mail.given or "")
        if mail.spoiled:
            raise mail.spoiled
        _write(_entry(mail, None, not_before), incoming.chunks())
    except MailError:
        incoming.hear_out()
        raise
    if options.delivery in ("b", ""):
        from esmtp_py.cli.background import run

        run()
    return 0


def _asked(options: "Options") -> float:
    from esmtp_py.cli.at import moment

    if options.delivery == "i":
        raise MailError("usage", f"--at {options.at}: -odi says to deliver now")
    return moment(options.at, time.time())


def store(mail: Mail, recipients: "list[Recipient] | None" = None, *, not_before: float = 0, marks: bytes = b"") -> str:
    """Makes a mail part of the queue, durably; returns its id.

    recipients: those of the envelope who still want it; the mail keeps the
    identity and the sender with which the others have got it.  None for all:
    both are chosen when it is delivered.   not_before: seconds since 1970.
    marks: what has become of it in this run.
    """
    assert mail.message
    return _write(_entry(mail, recipients, not_before), mail.message.chunks(), marks)


def _entry(mail: Mail, recipients: "list[Recipient] | None", not_before: float) -> Entry:
    assert mail.envelope
    options, envelope = mail.options, mail.envelope
    settled = mail.choice.identity.name if mail.choice and recipients is not None else ""
    return Entry(
        time.time(),
        envelope.sender if settled else mail.given,
        envelope.recipients if recipients is None else recipients,
        body=envelope.body,
        ret=envelope.ret,
        envid=envelope.envid,
        requiretls=envelope.requiretls,
        full_name=options.full_name,
        rc=os.path.abspath(options.rc) if options.rc else "",
        hops=options.hops,
        aliases="" if options.aliases else "no",
        errors="" if options.errors == "print" else options.errors,
        identity=settled,
        not_before=not_before,
    )


def _write(entry: Entry, message: "Iterable[bytes]", marks: bytes = b"") -> str:
    with Store.open() as queue, queue.begin_new(entry.time) as writer:
        writer.write(entry.head())
        for chunk in message:
            writer.write(chunk)
        writer.commit(marks)
        return writer.name
