"""A mail that the wrapper queued as it came: the words of the call and standard input, made what a direct call makes.

The shell script keeps what it was given and judges little of it; here the same
code as for a direct call reads it, when it is listed and when it is delivered.
"""

import os

from esmtp_py.cli.flags import SEND
from esmtp_py.cli.mail import Mail
from esmtp_py.cli.options import Options, parse
from esmtp_py.cli.recipients import union
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header, conceal
from esmtp_py.message.intake import Intake
from esmtp_py.message.mailbox import plain
from esmtp_py.message.message import Message
from esmtp_py.queue.entry import RAW
from esmtp_py.spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmtp_py.message.mailbox import Mailbox
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.locked import Locked

# Flags as callers write them that have nothing to do with the envelope, and those that say who hears of errors.
_SILENT = frozenset((b"-i", b"-oi", b"-bm", b"-om", b"-odi", b"-odb", b"-odq", b"-odd"))
_ERRORS = {b"-oep": "", b"-oew": "", b"-oem": "mail", b"-oee": "mail", b"-oeq": "quiet"}

# How a report calls those whose addresses cannot be read.
NAMELESS = "the recipients"


class Unpacked:
    """entry: that of the file, its sender, recipients and options filled in.

    message: with CRLF, without Bcc.  spoiled: why it must not leave although it
    has an envelope (a NUL byte, a loop, an address that cannot be read); None for a good one.
    """

    __slots__ = ("entry", "message", "spoiled")

    def __init__(self, entry: "Entry", message: Message, spoiled: "MailError | None") -> None:
        self.entry = entry
        self.message = message
        self.spoiled = spoiled


def unpack(locked: "Locked") -> Unpacked:
    """Reads a RAW mail whole.  ``locked.entry`` is filled in place, so that marks count its recipients.

    Raises MailError("usage") for a call that makes no sense: there is no envelope then.
    """
    options = _options(locked.entry)
    mail = Mail(options)
    mail.message, mail.spoiled = _read(options, locked.chunks())
    mail.header = mail.message.header
    try:
        mail.address(mail.asked(), mail.given or "")
    except MailError as error:
        if error.kind != "bad_address":
            raise
        _spoil(mail, mail.header, error)
    _fill(locked.entry, mail)
    return Unpacked(locked.entry, mail.message, mail.spoiled)


def _spoil(mail: Mail, header: Header, error: MailError) -> None:
    """Nobody is sure of whom the mail is for; the sender is told, for the wrapper has not told the caller."""
    conceal(header)
    mail.options.aliases = False
    mail.envelope = Envelope(mail.given or "", [Recipient(NAMELESS, mail.options.notify)], ret=mail.options.ret)
    mail.spoiled = error


def envelope_of(entry: "Entry", chunks: "Iterable[bytes]") -> "Entry":
    """For a list: ``entry``, whatever its form, with its envelope; the message is read no further than needed.

    chunks: of the message.  MailError as ``unpack``; the entry is as before then.
    """
    return entry if entry.form != RAW or _read_plainly(entry) else _read_call(entry, chunks)


def _read_plainly(entry: "Entry") -> bool:
    """Fills ``entry`` if its call is one of those that nearly all are; False, and nothing is changed, if it is not.

    To ``_read_call`` it makes no difference but time: a list has 100,000 of them.
    """
    sender, errors, named = None, "", []
    words = iter(entry.argv)
    for word in words:
        if word in _ERRORS:
            errors = _ERRORS[word]
        elif word == b"-f" and sender is None:
            sender = _plain(next(words, b"-"))
            if sender is None:
                return False
        elif word not in _SILENT:
            mailbox = _plain(word)
            if mailbox is None:
                return False
            named.append(mailbox)
    if not named:
        return False
    entry.sender = sender.address if sender else None
    entry.recipients = union(named, []) if len(named) > 1 else [Recipient(named[0].address)]
    entry.body = entry.ret = entry.envid = entry.rc = ""
    entry.requiretls = False
    entry.full_name, entry.hops, entry.errors = None, 0, errors
    return True


def _plain(word: bytes) -> "Mailbox | None":
    return plain(word.decode()) if word.isascii() and not word.startswith(b"-") else None


def _read_call(entry: "Entry", chunks: "Iterable[bytes]") -> "Entry":
    options = _options(entry)
    mail = Mail(options)
    words = mail.asked()
    if options.from_header:
        mail.header = _header(options, chunks)
    mail.address(words, mail.given or "")
    _fill(entry, mail)
    return entry


def _options(entry: "Entry") -> Options:
    options = parse(["sendmail", *map(os.fsdecode, entry.argv)])
    if options.mode != SEND:
        raise MailError("usage", f"{options.asked}: this is no call that sends a mail")
    return options


def _read(options: Options, chunks: "Iterable[bytes]") -> "tuple[Message, MailError | None]":
    """The message and, for content that cannot be sent, why; the part before it is fit for a report."""
    intake, spool, fault = _intake(options), Spool(), None
    try:
        for chunk in chunks:
            spool.write(intake.feed(chunk))
            if intake.ended:
                break
        spool.write(intake.finish())
    except MailError as error:
        if error.kind != "content":
            raise
        fault = error
    spool.finish()
    return Message(intake.header, spool, binary=intake.binary), fault


def _header(options: Options, chunks: "Iterable[bytes]") -> Header:
    intake = _intake(options)
    try:
        for chunk in chunks:
            intake.feed(chunk)
            if intake.header_over:
                return intake.header
        intake.finish()
    except MailError as error:
        if error.kind != "content":
            raise
    return intake.header


def _intake(options: Options) -> Intake:
    return Intake(options.dots, options.body == "BINARYMIME")


def _fill(entry: "Entry", mail: Mail) -> None:
    assert mail.envelope
    options, envelope = mail.options, mail.envelope
    if options.rc and not options.rc.startswith("/"):
        # the wrapper leaves such calls to esmtp, which is where it was called; only older queues have them
        raise MailError("usage", f"-C {options.rc}: nobody knows in which directory that was; write the whole path")
    entry.sender = mail.given
    entry.recipients = envelope.recipients
    entry.body, entry.ret, entry.envid = envelope.body, envelope.ret, envelope.envid
    entry.requiretls = envelope.requiretls
    entry.full_name, entry.hops, entry.rc = options.full_name, options.hops, options.rc or ""
    entry.aliases = "" if options.aliases else "no"
    entry.errors = "" if options.errors == "print" else options.errors
