"""Mail that other queues of the same user hold: the directories of the old esmtp wrapper, the pairs of msmtpq.

    XXXXXXXX/cmd, XXXXXXXX/mail     arguments of esmtp; the message
    ID.msmtp, ID.mail               arguments of msmtp; the message

Both wrote the arguments with ``echo`` and read them back as words between
white space.  Nothing of it is ever executed.  Each becomes a mail of the queue,
as the wrapper would have queued it, and is removed when that is durable; its
id is made from its old name, so that an import that was cut short does not
double it.  What cannot be taken over is left where it is.
"""

import os
import stat
from binascii import crc32

from esmtp_py.errors import MailError
from esmtp_py.queue.digest import new
from esmtp_py.queue.entry import RAW, Entry
from esmtp_py.queue.writer import Exists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmtp_py.queue.store import Store

    Check = Callable[[Entry, Iterator[bytes]], object]

# As long as the arguments of a program may be on Linux.
COMMAND_LIMIT = 2 * 1024 * 1024
_CHUNK = 64 * 1024
# With these a shell would do something; in single quotes they are plain.
_SHELL = frozenset(";&|<>()$`\n")
_PROGRAMS = ("esmtp", "sendmail", "msmtp")


class Imported:
    """What an import did.  queued: {old path: id}.  left: {old path: why it is still there}."""

    __slots__ = ("left", "queued")

    def __init__(self) -> None:
        self.queued: dict[str, str] = {}
        self.left: dict[str, str] = {}


def take_over(store: "Store", path: str, check: "Check", imported: Imported) -> None:
    """Takes over all mail of an old queue in directory ``path``.

    check: raises MailError for a mail that no call would send.
    MailError("unreadable") when the directory cannot be read, MailError of
    Writer.commit when ours cannot take more; all that was queued before is.
    """
    try:
        found = os.stat(path)
        names = sorted(os.listdir(path))
    except OSError as error:
        raise MailError("unreadable", f"{path}: {error.strerror}") from error
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise MailError("unreadable", f"{path} belongs to another user, or can be written by others")
    for name in names:
        mail = _found(path, name)
        if mail:
            _take(store, mail, check, imported)


class _Mail:
    """One mail of an old queue.

    name: the old one.  removed: all its files, in this order.  lock: while it exists somebody writes or sends it.

    The message goes first: a command alone is tried by no old program.
    """

    def __init__(self, name: str, command: str, message: str, removed: list[str], lock: str = "") -> None:
        self.name = name
        self.command = command
        self.message = message
        self.removed = removed
        self.lock = lock

    @property
    def path(self) -> str:
        """What people know it by."""
        return self.message if self.message.endswith(".mail") else os.path.dirname(self.message)


def _found(path: str, name: str) -> "_Mail | None":
    """What stands under that name, if it is mail or what is left of one."""
    whole = os.path.join(path, name)
    base, dot, suffix = whole.rpartition(".")
    if dot and suffix == "mail":
        return _Mail(name[:-5], base + ".msmtp", whole, [whole, base + ".msmtp"], os.path.join(path, ".lock"))
    if dot and suffix == "msmtp" and os.path.lexists(whole) and not os.path.lexists(base + ".mail"):
        return _Mail(name[:-6], whole, base + ".mail", [whole])
    command, message = os.path.join(whole, "cmd"), os.path.join(whole, "mail")
    if os.path.lexists(command) or os.path.lexists(message):
        return _Mail(name, command, message, [message, command, whole], os.path.join(whole, "lock"))
    return None


def _take(store: "Store", mail: _Mail, check: "Check", imported: Imported) -> None:
    try:
        if mail.lock and os.path.lexists(mail.lock):
            raise MailError("try_again", f"it is locked by {mail.lock}; remove that if no old program runs")
        with _Open(mail.command) as command, _Open(mail.message) as message:
            entry = _entry(command, message)
            check(Entry(entry.time, form=RAW, argv=entry.argv), message.chunks())
            name = _id(mail.name, entry.time)
            _queue(store, name, entry, message)
    except MailError as error:
        if error.kind in ("cannot_create", "io", "system"):
            raise
        imported.left[mail.path] = error.text
        return
    imported.queued[mail.path] = name
    _remove(mail, imported)


def _entry(command: "_Open", message: "_Open") -> Entry:
    data = b"".join(command.chunks(COMMAND_LIMIT + 1))
    if len(data) > COMMAND_LIMIT:
        raise MailError("content", f"{command.path} is longer than a call can be")
    return Entry(float(int(max(message.time, 0))), form=RAW, argv=_argv(data, command.path))


def _argv(data: bytes, path: str) -> list[bytes]:
    """The words, as a call of ours.  -i: the message is whole, a lone dot in it ends nothing."""
    found = words(data.decode("utf-8", "surrogateescape").rstrip("\n"), path)
    if found and os.path.basename(found[0]) in _PROGRAMS:
        found = found[1:]
    return [b"-i", *(os.fsencode(_ours(word)) for word in found)]


# Long options of msmtp that we have a letter for.
_LONG = {"--read-recipients": "-t", "--read-envelope-from": "-i"}


def _ours(word: str) -> str:
    if word.startswith("--from="):
        return "-f" + word[7:]
    return _LONG.get(word, word)


def words(text: str, path: str = "") -> list[str]:
    """The words of a line of shell, without its quotes.

    MailError("content") for a line with which a shell would do more than split it.
    """
    found: list[str] = []
    word: list[str] = []
    begun, at = False, 0
    while at < len(text):
        if text[at] in " \t":
            if begun:
                found.append("".join(word))
            word, begun, at = [], False, at + 1
        else:
            part, at = _part(text, at, path)
            word.append(part)
            begun = True
    return [*found, "".join(word)] if begun else found


def _part(text: str, at: int, path: str) -> tuple[str, int]:
    """What begins at ``at``, in quotes or not, and where the next part begins."""
    char = text[at]
    if char == "'":
        end = text.find("'", at + 1)
        if end >= 0:
            return text[at + 1 : end], end + 1
    elif char == '"':
        return _quoted(text, at + 1, path)
    elif char == "\\" and at + 1 < len(text) and text[at + 1] != "\n":
        return text[at + 1], at + 2
    elif char not in _SHELL and char != "\\":
        return char, at + 1
    raise _odd(path, char)


def _quoted(text: str, at: int, path: str) -> tuple[str, int]:
    part: list[str] = []
    while at < len(text) and text[at] not in '"$`':
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\", "$", "`"):
            at += 1
        part.append(text[at])
        at += 1
    if text[at : at + 1] != '"':
        raise _odd(path, text[at : at + 1] or '"')
    return "".join(part), at + 1


def _odd(path: str, char: str) -> MailError:
    return MailError("content", f"{path} is no plain list of words: {char!r} is in it")


def _id(old: str, seconds: float) -> str:
    """Always the same for one old mail; sorts by its time."""
    name = "".join(char for char in old if char.isascii() and char.isalnum())
    if not name or name != old or len(name) > 12:
        name = name[:4] + format(crc32(os.fsencode(old)), "08x")
    return f"{int(seconds) % 10_000_000_000:010d}-{name}"


def _queue(store: "Store", name: str, entry: Entry, message: "_Open") -> None:
    """Durably; once, however often an import is cut short."""
    try:
        with store.begin(name) as writer:
            writer.write(entry.head())
            for chunk in message.chunks():
                writer.write(chunk)
            writer.commit()
    except Exists:
        if not _is_there(store, name, entry, message):
            raise MailError("try_again", f"another mail has the id {name} that it would get") from None


def _is_there(store: "Store", name: str, entry: Entry, message: "_Open") -> bool:
    there = store.read(name) or store.read(name, "failed")
    if not there:
        return False
    digest = new(there.algorithm)
    digest.update(entry.head())
    for chunk in message.chunks():
        digest.update(chunk)
    return digest.hexdigest() == there.digest


def _remove(mail: _Mail, imported: Imported) -> None:
    try:
        for path in mail.removed:
            if path not in (mail.command, mail.message):
                os.rmdir(path)
            elif os.path.lexists(path):
                os.unlink(path)
    except OSError as error:
        imported.left[mail.path] = f"is in the queue, and could not be removed here: {error.strerror}"


class _Open:
    """A file of an old queue; a regular one of this user's, or MailError("unreadable")."""

    __slots__ = ("_fd", "path", "time")

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise MailError("unreadable", f"{path}: {error.strerror}") from error
        found = os.fstat(self._fd)
        self.time = found.st_mtime
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            os.close(self._fd)
            raise MailError("unreadable", f"{path}: not a plain file of this user's")

    def __enter__(self) -> "_Open":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def chunks(self, limit: int = -1) -> "Iterator[bytes]":
        """All of it, or its first bytes, afresh at each call."""
        at = 0
        while limit < 0 or at < limit:
            try:
                chunk = os.pread(self._fd, _CHUNK, at)
            except OSError as error:
                raise MailError("unreadable", f"{self.path}: {error.strerror}") from error
            if not chunk:
                return
            at += len(chunk)
            yield chunk
