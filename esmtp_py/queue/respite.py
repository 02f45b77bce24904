"""How long an account is left alone after its server has turned us away: a log-in refused, or 421.

Providers lock accounts at which a wrong password is tried again and again, so
neither another mail nor another run asks that server before a back-off like that
of a mail is over.  It is kept in a file for each account, in off/: a
mark, as in a mail, for each refusal in a row.  Without the file there is an attempt
too many, and nothing worse: nothing here is synced, and no error is raised.
"""

import os
from time import ctime, time

from esmtp_py.config.rcfile import home_directory
from esmtp_py.errors import MailError
from esmtp_py.queue import digest, schedule
from esmtp_py.queue.marks import Marks, outcome_mark
from esmtp_py.queue.store import OFF, Store
from esmtp_py.queue.writer import TMP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.config.identity import Identity

# Refusals in a row that are kept: with fewer the back-off is at its longest already.
KEPT = 16
# Each has the server's words twice, and they are cut (marks).
_LIMIT = KEPT * 16384

# What makes an account, and the way into it, another one.
_STATEMENTS = (
    *("server", "username", "auth", "certificate", "oauth2", "client_id", "token_file"),
    *("password_command", "password_file", "password_from", "credential", "keyring_backend"),
)


class PutOff(MailError):
    """The account is left alone for now: this is no attempt."""


class Respite:
    """That of one identity's account.  Others with the same account share it.

    clock: seconds since 1970.
    """

    def __init__(self, store: "Store", identity: "Identity", clock: "Callable[[], float]" = time) -> None:
        self._store = store
        self._clock = clock
        self._name = _name(identity)
        self._marks = Marks()

    def why(self) -> PutOff | None:
        """The last refusal, and how long that counts; None when the server may be asked."""
        self._marks = Marks(self._read())
        refusal = self._marks.fate(0).outcome
        now = self._clock()
        until = schedule.respite(self._marks, self._name, now)
        if refusal is None or until <= now:
            return None
        text = f"put off until {ctime(until)}: {refusal.text}"
        return PutOff("try_again", text, status=refusal.status, remote=refusal.remote, reply=refusal.reply)

    def begin(self, error: MailError) -> None:
        """The server has turned us away: once more, if it did so the last time."""
        before = self._read().splitlines(keepends=True)[-KEPT + 1 :]
        now = self._clock()
        try:
            self._write(b"".join(before) + outcome_mark(now, [0], error.outcome()), now)
        except (OSError, MailError):
            pass  # then each mail has its own back-off, and nothing more

    def logged_in(self) -> None:
        """A refused log-in is no reason any more."""
        refusal = self._marks.fate(0).outcome
        if refusal and refusal.kind == "auth":
            self.end()

    def end(self) -> None:
        """Nothing is known against the account any more."""
        self._marks = Marks()
        try:
            directory = self._store.directory(OFF)
            if directory >= 0:
                os.unlink(self._name, dir_fd=directory)
        except (OSError, MailError):
            pass  # there is none, mostly

    def _read(self) -> bytes:
        try:
            directory = self._store.directory(OFF)
            if directory < 0:
                return b""
            fd = os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
            try:
                return os.read(fd, _LIMIT)
            finally:
                os.close(fd)
        except (OSError, MailError):
            return b""

    def _write(self, data: bytes, now: float) -> None:
        """Another file in its place: who reads sees the one or the other.  What a crash leaves in tmp/ is swept."""
        tmp, off = self._store.directory(TMP, create=True), self._store.directory(OFF, create=True)
        name = f"{self._name}.{os.getpid()}"
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=tmp)
        try:
            os.write(fd, data)
            os.utime(fd, (now, now))  # after a day it is swept
        finally:
            os.close(fd)
        os.rename(name, self._name, src_dir_fd=tmp, dst_dir_fd=off)


def forgive(identity: "Identity") -> None:
    """A person has seen to the log-in: the account may be asked at once."""
    try:
        with Store.open(create=False) as store:
            Respite(store, identity).end()
    except MailError:
        pass  # no queue of ours, and nothing in it


def turned_away(error: MailError) -> bool:
    """Whether the server has spoken of the account, or to all that come; one that is away may be back at any time."""
    return error.reply.startswith("421") or (error.kind == "auth" and bool(error.remote))


def _name(identity: "Identity") -> str:
    """Another one when the rc says another account or way into it, or a file with its password has changed."""
    words = [str(getattr(identity, name)) for name in _STATEMENTS]
    words += [_state(path) for path in _with_password(identity)]
    told = digest.new()
    told.update("\n".join(words).encode("utf-8", "surrogateescape"))
    return told.hexdigest()


def _with_password(identity: "Identity") -> list[str]:
    files = [identity.origin.get("password", "").rpartition(":")[0], identity.password_file]
    if identity.password_from:
        from esmtp_py.config.login import NETRC

        if identity.password_from == NETRC:
            files.append(f"{home_directory()}/.netrc")
    return [path for path in files if path]


def _state(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"
