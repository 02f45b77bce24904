"""Finds the rc file, and reads it if it can be trusted.

An rc file names commands to run and holds passwords, so it must belong to the
user (or root), and one with passwords must be closed to everyone else.
"""

import os
import pwd
import stat

from esmtp_py.config.source import Source
from esmtp_py.errors import MailError

SYSTEM_RC = "/etc/esmtprc"
USER_RC = ".esmtprc"

# Thousands of identities fit.  Past that somebody named a mailbox after -C.
LONGEST = 4 << 20


class RcFile:
    """An rc file that was read.

    source: its path and text.
    faults: one line for each reason not to trust it, saying what to run.
    open_to_others: such a line too, but it counts only if the file holds a password; "" if there is none.
    """

    __slots__ = ("faults", "open_to_others", "source")

    def __init__(self, source: Source, faults: list[str], open_to_others: str) -> None:
        self.source = source
        self.faults = faults
        self.open_to_others = open_to_others


def find(path: "str | None") -> "RcFile | None":
    """The file named by -C, else the user's, else the system's; None if there is none.

    Raises MailError("config") if there is one that cannot be read, and if the
    one that -C names does not exist.
    """
    home = home_directory()
    if path is not None:
        named = _read(path, home)
        if named is None:
            raise MailError("config", f"{path}: there is no such rc file")
        return named
    own = _read(os.path.join(home, USER_RC), home, own=True) if home else None
    return own or _read(SYSTEM_RC, home, system=True)


def home_directory() -> str:
    """$HOME, else what the password database says; "" if nobody knows."""
    home = os.environ.get("HOME")
    if home:
        return home
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return ""


def _read(path: str, home: str, *, own: bool = False, system: bool = False) -> "RcFile | None":
    try:
        # Opening a FIFO must not wait for somebody to write into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        if own and os.path.islink(path):
            raise MailError("config", f"{path}: the symbolic link leads nowhere") from None
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        return _trusted(descriptor, path, home, own=own, system=system)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


def _trusted(descriptor: int, path: str, home: str, *, own: bool, system: bool) -> RcFile:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) and path != os.devnull:
        raise MailError("config", f"{path}: is {kind(status.st_mode)}, but an rc file must be a regular file")
    directory = os.path.dirname(path if path.startswith("/") else os.path.join(os.getcwd(), path))
    source = Source(path, _text(_content(descriptor, path), path), directory=directory, home=home)
    faults = [*owner_faults(path, status), *link_faults(path)]
    open_to_others = mode_fault(path, status)
    if own and open_to_others:
        faults.append(open_to_others)
    elif status.st_mode & stat.S_IWOTH and path != os.devnull:
        faults.append(f"{path}: anyone may write to it (mode {_mode(status)}); run: chmod o-w {_quoted(path)}")
    # Everyone's rc file has to be readable by everyone, whatever it holds.
    return RcFile(source, faults, "" if system else open_to_others)


def _unreadable(path: str, error: "OSError | ValueError") -> MailError:
    reason = error.strerror if isinstance(error, OSError) else error
    return MailError("config", f"{path}: the rc file cannot be read: {reason}")


def _content(descriptor: int, path: str) -> bytes:
    content = b""
    while len(content) <= LONGEST:
        more = os.read(descriptor, LONGEST + 1)
        if not more:
            return content
        content += more
    raise MailError("config", f"{path}: is longer than {LONGEST >> 20} MiB and no rc file")


def _text(content: bytes, path: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise MailError("config", f"{path}: is in UTF-16; save it as UTF-8")
    return content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def owner_faults(path: str, status: os.stat_result) -> list[str]:
    if status.st_uid in (os.geteuid(), 0):
        return []
    owner = _user(status.st_uid)
    return [f"{path}: belongs to {owner}, not to you; run: chown {_user(os.geteuid())} {_quoted(path)}"]


def link_faults(path: str) -> list[str]:
    """A link of our own, as dotfile managers make it, is as good as the file; somebody else's is not."""
    status = os.lstat(path)
    if not stat.S_ISLNK(status.st_mode) or status.st_uid in (os.geteuid(), 0):
        return []
    return [f"{path}: the symbolic link belongs to {_user(status.st_uid)}, not to you; remove it"]


def mode_fault(path: str, status: os.stat_result) -> str:
    if not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or path == os.devnull:
        return ""
    return f"{path}: group or others have access to it (mode {_mode(status)}); run: chmod 600 {_quoted(path)}"


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)


def kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
    )
    return next((name for check, name in kinds if check(mode)), "no file")
