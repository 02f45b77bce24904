"""A mail that is taken back out of the queue becomes a file, from which it can be sent again with -t."""

import os

from esmtp_py.errors import MailError
from esmtp_py.message.header import Header
from esmtp_py.message.intake import Intake
from esmtp_py.message.newlines import to_lf
from esmtp_py.message.originate import recipients_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def _hidden(locked: "Locked") -> bytes:
    header = header_in(locked.chunks())
    try:
        named = {_key(mailbox.address) for mailbox in recipients_of(header)}
    except MailError:  # a field that -t would not take either; let nobody be forgotten
        named = set()
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
