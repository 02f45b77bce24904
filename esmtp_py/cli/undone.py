"""A mail that is taken back out of the queue becomes a file, and the command that sends it again as it was."""

import os

from esmtp_py.errors import MailError
from esmtp_py.message.header import Header
from esmtp_py.message.intake import Intake
from esmtp_py.message.newlines import to_lf
from esmtp_py.message.originate import recipients_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.locked import Locked


def save(locked: "Locked", path: str = "") -> str:
    """Writes the mail to a new file, durably, and returns its path: ``path``, else ./undone-ID.eml.

    Recipients that the header does not name, among them those of the Bcc that
    was taken out, get a Bcc field.  MailError("cannot_create") when there is a
    file of that name, or no room; nothing is left behind then.
    """
    path = path or f"undone-{locked.name}.eml"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except (OSError, ValueError) as error:
        raise MailError("cannot_create", f"{path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        with open(fd, "wb") as file:
            for chunk in _content(locked):
                file.write(chunk)
            file.flush()
            os.fsync(fd)
        _sync_directory(path)
    except BaseException as error:
        os.unlink(path)
        if isinstance(error, OSError):
            raise MailError("cannot_create", f"{path}: {error.strerror}; the mail stays in the queue") from error
        raise
    return path


def _content(locked: "Locked") -> "Iterator[bytes]":
    """The message in the Unix form, as it came, with the missing recipients in front."""
    chunks = to_lf(locked.chunks()) if locked.entry.body != "BINARYMIME" else locked.chunks()
    first = next(chunks, b"")
    if first.startswith((b"From ", b">From ")):  # the line of an mbox must stay the first
        line, _, first = first.partition(b"\n")
        yield line + b"\n"
    yield _hidden(locked)
    yield first
    yield from chunks


def others(locked: "Locked") -> list[str]:
    """Addresses that the header names and the envelope does not: -t would send it to them, too."""
    known = {_key(recipient.address) for recipient in locked.entry.recipients}
    named = _named(header_in(locked.chunks())) or []
    return [address for address in named if _key(address) not in known]


def command(locked: "Locked", path: str) -> str:
    """A line for the shell that sends the file with the envelope that the mail had.

    By its header (-t), unless that names others.
    """
    entry = locked.entry
    words = [word for flag, value in _flags(entry) for word in (flag, value) if word]
    if others(locked) or _named(header_in(locked.chunks())) is None:
        words = ["-i", *words, "--", *(recipient.address for recipient in entry.recipients)]
    else:
        words = ["-ti", *words]
    return f"esmtp {' '.join(map(_quoted, words))} <{_quoted(path)}"


def _flags(entry: "Entry") -> "Iterator[tuple[str, str]]":
    if entry.sender is not None:
        yield "-f", entry.sender or "<>"
    given = {"-F": entry.full_name, "-C": entry.rc, "-B": entry.body, "-R": entry.ret.lower(), "-V": entry.envid}
    yield from ((flag, value) for flag, value in given.items() if value)
    wishes = {recipient.notify for recipient in entry.recipients}
    if len(wishes) == 1 and (wish := wishes.pop()):
        yield "-N", ",".join(wish).lower()
    if entry.aliases:
        yield "-n", ""
    if entry.requiretls:
        yield "-ORequireTLS", ""


def _quoted(word: str) -> str:
    """For the shell; bytes that nobody can type as bash and zsh write them."""
    from shlex import quote

    if word.isprintable():
        return quote(word)
    return "$'" + "".join(_octet(octet) for octet in os.fsencode(word)) + "'"


def _octet(octet: int) -> str:
    return chr(octet) if 0x20 <= octet < 0x7F and octet not in b"\\'" else f"\\x{octet:02x}"


def _named(header: Header) -> "list[str] | None":
    """Whom -t would send it to; None where it would refuse a field."""
    try:
        return [mailbox.address for mailbox in recipients_of(header)]
    except MailError:
        return None


def _hidden(locked: "Locked") -> bytes:
    header = header_in(locked.chunks())
    named = {_key(address) for address in _named(header) or []}
    hidden = [recipient.address for recipient in locked.entry.recipients if _key(recipient.address) not in named]
    if not hidden:
        return b""
    resent = any(field[:7].lower() == b"resent-" for field in header.fields)
    folded = ",\n\t".join(hidden)
    return f"{'Resent-' if resent else ''}Bcc: {folded}\n".encode("utf-8", "surrogateescape")


def _key(address: str) -> str:
    local, at, domain = address.rpartition("@")
    return local + at + domain.lower()


def header_in(chunks: "Iterable[bytes]") -> Header:
    """The header of a stored message, in whatever form, as far as it can be read."""
    intake = Intake(dot_ends=False, binary=True)
    try:
        for chunk in chunks:
            intake.feed(chunk)
            if intake.header_over:
                break
        else:
            intake.finish()
    except MailError:
        pass  # what was read of it counts
    return intake.header


def _sync_directory(path: str) -> None:
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
