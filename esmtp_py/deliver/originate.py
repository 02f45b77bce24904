"""What a message still needs to be one of an identity's own: Date, From, Message-ID, Sender.

The time and the name of the mail are arguments: a mail that waited in the
queue gets the ones it would have had when it was submitted.
"""

import time

from esmtp_py.deliver.caller import Caller, text_of
from esmtp_py.deliver.select import Choice, forced_sender, qualified
from esmtp_py.message.address import format_mailbox
from esmtp_py.message.header import Header
from esmtp_py.message.originate import complete, date_line, message_id


def originate(
    header: Header, choice: Choice, caller: Caller, *, full_name: "str | None", seconds: float, unique: str
) -> None:
    """Completes the header in place.

    full_name: of -F, None for the caller's own.  seconds: since 1970, when the
    mail was submitted.  unique: a word that no other mail of this host has.
    """
    identity = choice.identity
    complete(
        header,
        date=date_of(seconds),
        message_id=_new_id(unique, choice.author, caller) if identity.message_id else b"",
        from_line=_from_line(header, full_name, choice, caller),
    )
    sender = forced_sender(identity, caller)
    if sender is not None:
        header.replace(b"Sender", format_mailbox("", qualified(sender, identity, caller)))


def date_of(seconds: float) -> bytes:
    """The value of a Date: field, in the local zone."""
    return date_line(seconds, time.localtime(seconds).tm_gmtoff)


def _from_line(header: Header, full_name: "str | None", choice: Choice, caller: Caller) -> bytes:
    """A From: value, or nothing when none will be needed: the passwd entry may come from a slow server."""
    resent = any(field[:7].lower() == b"resent-" for field in header.fields)
    if header.get(b"From") and not resent:
        return b""
    return format_mailbox(caller.full_name if full_name is None else text_of(full_name), choice.author)


def _new_id(unique: str, author: str, caller: Caller) -> bytes:
    """The host makes it unique; a host without domain is known to nobody, so the author's domain stands in."""
    host = caller.host if "." in caller.host else author.rpartition("@")[2]
    return message_id(unique, host)
