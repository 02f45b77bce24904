"""The access token in use, shared by all processes of the user, and the lock under which one of them fetches the next.

~/.esmtp_tokens holds two files for each refresh token, both named by a digest
of where that is kept: NAME.token and NAME.lock.  The directory and they are
the user's alone.  Losing them costs one request.

The first has four lines: what the token is for, as a digest; since when, and
until when it is good, in seconds of the clock; and the token.
"""

import errno
import fcntl
import os
import time

from esmtp_py.concealed import Secret
from esmtp_py.config.rcfile import home_directory
from esmtp_py.errors import MailError
from esmtp_py.outcome import TABLE
from esmtp_py.secret import private_file
from esmtp_py.secret.oauth2.tokens import LONGEST_LIFETIME, LONGEST_TOKEN, Tokens, token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from esmtp_py.secret.oauth2.client import Client

# One that ends within the log-in would only be refused.
MARGIN = 60
# A server that refuses a token this young (seconds) would refuse the next one, too.
YOUNG = 30
# Others may be asking: an answer takes at most a minute, and theirs is ours.
LOCK_SECONDS = 90.0
_LOCK_PAUSE = 0.02
# The clock that stamps files may be late by as much.
_TICK = 0.1
_LOCK_LIMIT = 4096


class Entry:
    """token: good until a moment before its end.  young: it was fetched just now."""

    __slots__ = ("token", "young")

    def __init__(self, access: Secret, young: bool) -> None:
        self.token = access
        self.young = young


class Cache:
    """Of one refresh token.  key: of its store."""

    def __init__(self, client: "Client", key: str) -> None:
        self._base = os.path.join(_directory(), _digest(key))
        # A token for another scope, or of another provider, is of no use, although it is kept in the same place.
        self._of = _digest("\0".join((client.id, client.token_endpoint, client.scope, client.user)))
        self._user = client.user

    def read(self) -> "Entry | None":
        """The token, if there is a good one."""
        content = private_file.read(self._base + ".token", LONGEST_TOKEN + 1024)
        lines = (content or b"").decode("ascii", "replace").split("\n")
        if len(lines) != 5 or lines[0] != self._of:
            return None
        try:
            since, until = float(lines[1]), float(lines[2])
        except ValueError:
            return None
        access = token(lines[3])
        now = time.time()
        # a clock that was set back makes a token look younger than it is
        if access is None or not since - MARGIN <= now < until <= since + LONGEST_LIFETIME:
            return None
        return Entry(access, now - since < YOUNG)

    def write(self, tokens: Tokens) -> None:
        """Call it with the lock."""
        now = time.time()
        until = now + tokens.seconds - min(MARGIN, tokens.seconds // 2)
        lines = (self._of, str(now), str(until), tokens.access.reveal(), "")
        private_file.write(self._base + ".token", "\n".join(lines).encode("ascii"))

    def locked(self) -> "Lock":
        """For a ``with``.  MailError("try_again") when others do not give it free."""
        return Lock(self._base + ".lock", self._user)


class Lock:
    """flock on a file, which the kernel drops however its owner dies.

    Who fails under it leaves word in the file, for whoever was waiting and had
    better fail with the same words than wait for the same endpoint once more.

    failure: of the one that had the lock while we waited, else None.
    """

    def __init__(self, path: str, user: str) -> None:
        self.failure: MailError | None = None
        self._path = path
        self._user = user
        self._fd = -1

    def __enter__(self) -> "Lock":
        begin = time.time()
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            if self._waited():
                self.failure = self._left(begin)
        except BaseException as error:
            self._close()
            if isinstance(error, OSError):
                raise MailError("cannot_create", f"cannot lock {self._path}: {error.strerror}") from error
            raise
        return self

    def __exit__(self, kind: object, error: "BaseException | None", trace: "TracebackType | None") -> None:
        if error is None or error is not self.failure:
            self._leave(error)
        self._close()

    def _leave(self, error: "BaseException | None") -> None:
        try:
            os.ftruncate(self._fd, 0)
            if isinstance(error, MailError):
                os.pwrite(self._fd, f"{error.kind} {error.text}".encode("utf-8", "replace")[:_LOCK_LIMIT], 0)
        except OSError:
            pass  # others ask for themselves

    def _waited(self) -> bool:
        """Takes the lock.  True when somebody else had it until then."""
        end = time.monotonic() + LOCK_SECONDS
        waited = False
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return waited
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EINTR):
                    raise
            if time.monotonic() > end:
                raise MailError("try_again", f"another process has been fetching a token for {self._user} for too long")
            time.sleep(_LOCK_PAUSE)
            waited = True

    def _left(self, begin: float) -> "MailError | None":
        """The word in the file, if somebody has left it since then."""
        if not begin - _TICK <= os.fstat(self._fd).st_mtime <= time.time():
            return None
        kind, _, text = os.pread(self._fd, _LOCK_LIMIT, 0).decode("utf-8", "replace").partition(" ")
        return MailError(kind, text) if kind in TABLE else None

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _directory() -> str:
    """~/.esmtp_tokens, made if it is missing.  MailError when it cannot be, or is not the user's alone."""
    home = home_directory()
    if not home.startswith("/"):
        raise MailError("cannot_create", "no home directory to keep access tokens in; set HOME")
    path = os.path.join(home, ".esmtp_tokens")
    try:
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        status = os.lstat(path)
    except OSError as error:
        raise MailError("cannot_create", f"cannot make {path} to keep access tokens in: {error.strerror}") from error
    if status.st_mode & 0o170077 != 0o040000 or status.st_uid != os.geteuid():
        raise MailError("config", f"{path} must be a directory of yours, and closed to others: run `chmod 700 {path}`")
    return path


def _digest(text: str) -> str:
    """Without the module hashlib, which takes longer to load than all the rest here."""
    try:
        from _blake2 import blake2b
    except ImportError:  # another implementation of Python
        from hashlib import blake2b
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
