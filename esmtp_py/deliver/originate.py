"""What a message still needs to be one of an identity's own: Date, From, Message-ID, Sender.

The time and the name of the mail are arguments: a mail that waited in the
queue gets the ones it would have had when it was submitted.
"""

import time

from esmtp_py.config.identity import FORCE, KEEP
from esmtp_py.deliver.caller import Caller, text_of
from esmtp_py.deliver.select import Choice, forced_author, forced_sender, is_own, qualified
from esmtp_py.message.address import format_mailbox
from esmtp_py.message.header import Header
from esmtp_py.message.originate import author_of, complete, date_line, force_author, message_id


def originate(
    header: Header, choice: Choice, caller: Caller, *, full_name: "str | None", seconds: float, unique: str
) -> None:
    """Completes the header in place.

    full_name: of -F, None for that of the rc, or the caller's own.  seconds: since
    1970, when the mail was submitted.  unique: a word that no other mail of this host has.
    """
    identity = choice.identity
    if full_name is None:
        full_name = identity.full_name
    if identity.from_header == FORCE:
        _force_from(header, full_name, choice, caller)
    complete(
        header,
        date=date_of(seconds) if identity.date else b"",
        message_id=_new_id(unique, choice.author, caller) if identity.message_id else b"",
        from_line=_from_line(header, full_name, choice, caller),
        undisclosed=identity.undisclosed_recipients,
    )
    sender = forced_sender(identity, caller)
    if sender is not None:
        header.replace(b"Sender", format_mailbox("", qualified(sender, identity, caller)))
    if identity.domain:
        from esmtp_py.message.domain import ascii_domain
        from esmtp_py.message.qualify import qualify

        qualify(header, ascii_domain(identity.domain))


def date_of(seconds: float) -> bytes:
    """The value of a Date: field, in the local zone."""
    return date_line(seconds, time.localtime(seconds).tm_gmtoff)


def _from_line(header: Header, full_name: "str | None", choice: Choice, caller: Caller) -> bytes:
    """A From: value, or nothing when none will be needed: the passwd entry may come from a slow server."""
    resent = any(field[:7].lower() == b"resent-" for field in header.fields)
    if choice.identity.from_header == KEEP or (header.get(b"From") and not resent):
        return b""
    forced = choice.identity.from_header == FORCE
    return _line(forced_author(choice, caller) if forced else choice.author, full_name, caller)


def _force_from(header: Header, full_name: "str | None", choice: Choice, caller: Caller) -> None:
    """An address of the identity stays, and so does its whole field, byte for byte, unless a name is wanted."""
    author, there = forced_author(choice, caller), author_of(header)
    if there and (there.address.lower() == author.lower() or is_own(choice.identity, there.address, caller)):
        if full_name is None:
            return
        author = there.address
    force_author(header, _line(author, full_name, caller))


def _line(author: str, full_name: "str | None", caller: Caller) -> bytes:
    return format_mailbox(caller.full_name if full_name is None else text_of(full_name), author)


def _new_id(unique: str, author: str, caller: Caller) -> bytes:
    """The host makes it unique; a host without domain is known to nobody, so the author's domain stands in."""
    host = caller.host if "." in caller.host else author.rpartition("@")[2]
    return message_id(unique, host)
