"""The queue on disk: a few directories, opened once, and files that are only ever added, appended to or renamed.

    tmp/      being written       new/     waiting
    corrupt/  damaged             failed/  neither delivered nor reported
    sent/     copies for the sender, on their way to an IMAP server
    off/      accounts whose server has turned us away (respite)

Front doors ``begin`` a file and ``commit`` it; runners ``lock`` one after the
other; mailq ``read``s without locking.  esmtp-queue(5) has every state, every
transition and what a crash leaves.  All of it works on descriptors: a
directory that is replaced under us is not followed.
"""

import os

from esmtp_py.errors import MailError
from esmtp_py.queue.entry import new_id
from esmtp_py.queue.writer import NEW, TMP, Exists, Writer, remove_leftover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from esmtp_py.queue.entry import Damaged, Entry
    from esmtp_py.queue.locked import Locked

CORRUPT, FAILED, SENT, OFF = "corrupt", "failed", "sent", "off"


def place() -> str:
    """Where the queue is: $ESMTP_QUEUE_DIR, else .esmtp_queue in the home directory.

    MailError("cannot_create") when neither is known, or the variable is no absolute path.
    """
    path = os.environ.get("ESMTP_QUEUE_DIR", "")
    if path and not path.startswith("/"):
        raise MailError("cannot_create", f"ESMTP_QUEUE_DIR={path}: an absolute path is expected")
    while path.endswith(("/", "/.")) and path != "/":  # it would be what a link leads to
        path = path[:-1]
    return path or os.path.join(_home(), ".esmtp_queue")


def _home() -> str:
    home = os.environ.get("HOME", "")
    if not home.startswith("/"):
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            text = "no home directory to keep a queue in; set HOME or ESMTP_QUEUE_DIR"
            raise MailError("cannot_create", text) from None
    return home


class Store:
    """An open queue.  ``path`` is for messages.  Close it, or use it as a context manager.

    With ``create``, new/ and tmp/ are made if they are missing; corrupt/ and
    failed/ are made when something goes there.  Each must be a real directory
    of this user, closed to writing by others, else MailError("system") says
    which.  One that cannot be made is MailError("cannot_create").  Without
    ``create`` a missing one is empty.
    """

    __slots__ = ("_create", "_fds", "path")

    def __init__(self, path: str, *, create: bool) -> None:
        self.path = path
        self._create = create
        self._fds: dict[str, int] = {}

    @classmethod
    def open(cls, path: str = "", *, create: bool = True) -> "Store":
        """The queue at ``path``, or where ``place()`` says."""
        store = cls(path or place(), create=create)
        try:
            store.directory(NEW)
            store.directory(TMP)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Gives the directories back; Locked and Writer objects must be closed before."""
        while self._fds:
            os.close(self._fds.popitem()[1])

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- adding ------------------------------------------------------------------------------------------------

    def begin(self, name: str) -> Writer:
        """Begins the file with this id.  Raises Exists when there is one, also one in failed/ or being written.

        For a report, whose id is made from that of the mail it is about.
        """
        for where in (NEW, FAILED):
            if self.has(name, where):
                raise Exists(f"{self.path}/{where}/{name} exists")
        remove_leftover(self.directory(TMP), name)
        return Writer(self, name)

    def begin_new(self, seconds: float, where: str = NEW) -> Writer:
        """Begins a new mail, submitted at ``seconds`` since 1970; ``.name`` is its id."""
        while True:
            name = new_id(seconds, os.getpid())
            if not self.has(name, where):
                try:
                    return Writer(self, name, where)
                except Exists:
                    pass
            seconds += 0.000002  # the clock stood still, or was set back to the very microsecond

    def has(self, name: str, where: str = NEW) -> bool:
        """True if there is anything of that name."""
        directory = self.directory(where)
        if directory < 0:
            return False
        try:
            os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise MailError("system", f"cannot look into {self.path}/{where}: {error.strerror}") from error
        return True

    def sync(self) -> None:
        """Makes all that was added to and removed from new/ durable.  MailError("io") when the disk fails."""
        self.sync_directory(NEW)

    # -- finding -----------------------------------------------------------------------------------------------

    def ids(self, where: str = NEW) -> list[str]:
        """All ids in new/ (or corrupt/, failed/), oldest first."""
        from esmtp_py.queue.listing import ids

        return ids(self, where)

    def told_apart(self) -> tuple[list[str], list[str]]:
        """All ids in new/, oldest first, and names that are none: files that nobody of us has put there."""
        from esmtp_py.queue.listing import told_apart

        return told_apart(self)

    def due(self, now: float, limit: int = 20000, after: str = "") -> "Iterator[str]":
        """Ids above ``after`` in new/ whose mtime says it is time, oldest first, with at most ``limit`` in memory.

        Only candidates: once locked, schedule.due says whether the time has
        really come.  Each is named once, whatever becomes of it; a mail that
        arrives meanwhile may be among them.
        """
        from esmtp_py.queue.listing import due

        return due(self, now, limit, after)

    def entries(self, where: str = NEW) -> "Iterator[tuple[str, Entry | Damaged]]":
        """Id and entry of all, oldest first, without locking them; Damaged, and left there, instead of an entry.

        For lists: the fates are what the file says; whether it is sound to
        the last byte only Locked.verify knows.
        """
        from esmtp_py.queue.listing import entries

        return entries(self, where)

    # -- one file ----------------------------------------------------------------------------------------------

    def read(self, name: str, where: str = NEW) -> "Entry | None":
        """The entry, without locking it, as in ``entries``; None if it has just gone.  Raises Damaged."""
        from esmtp_py.queue.locked import read

        return read(self, name, where)

    def lock(self, name: str, where: str = NEW) -> "Locked | None":
        """The mail, for this process alone, until it is closed; None if another has it, or it has gone.

        Raises Damaged for whatever is no sound queue file of this user's; it
        is in corrupt/ then.
        """
        from esmtp_py.queue.locked import lock

        return lock(self, name, where)

    def set_aside(self, name: str, where: str = NEW) -> None:
        """Moves anything of that name to corrupt/, durably, under that name or that name and a number."""
        number, target = 0, name
        while self.has(target, CORRUPT):
            number += 1
            target = f"{name}.{number}"
        self.move(name, where, CORRUPT, target)

    def move(self, name: str, source: str, target: str, new_name: str = "") -> None:
        """Renames it into another directory, durably.  MailError("io") when it cannot be."""
        old, new = self.directory(source), self.directory(target, create=True)
        try:
            os.rename(name, new_name or name, src_dir_fd=old, dst_dir_fd=new)
        except OSError as error:
            text = f"cannot move {self.path}/{source}/{name} to {target}/: {error.strerror}"
            raise MailError("io", text) from error
        self.sync_directory(target)
        self.sync_directory(source)

    def sweep(self, now: float, say: "Callable[[str], None] | None" = None) -> int:
        """Clears up: what nobody has written to for a day in tmp/ and off/, and strangers in new/.

        Returns how many files were unlinked.  Strangers go to corrupt/, and
        ``say`` is told of each, unless a leading dot shows that they are the file
        system's (.nfs…, .fuse_hidden…).  Nothing is raised: what cannot be
        cleared up now will be another time.
        """
        from esmtp_py.queue.sweep import sweep

        return sweep(self, now, say)

    # -- directories -------------------------------------------------------------------------------------------

    def directory(self, name: str, *, create: bool = False) -> int:
        """The descriptor of new/, tmp/, … ("" for the queue itself); -1 if it is not there and not to be made."""
        fd = self._fds.get(name, -1)
        if fd < 0:
            parent = self.directory("", create=create) if name else -1
            if name and parent < 0:
                return -1
            fd = self._open(name, parent, create or (self._create and name in ("", TMP, NEW)))
            if fd >= 0:
                self._fds[name] = fd
        return fd

    def sync_directory(self, name: str) -> None:
        """fsync of tmp/, new/, …  MailError("io") when the disk fails."""
        fd = self.directory(name)
        if fd >= 0:
            _fsync(fd, f"{self.path}/{name}")

    def _open(self, name: str, parent: int, create: bool) -> int:
        path = f"{self.path}/{name}" if name else self.path
        where, at = (name, parent) if name else (path, None)
        try:
            try:
                fd = _open_directory(where, at)
            except FileNotFoundError:
                if not create:
                    return -1
                os.mkdir(where, 0o700, dir_fd=at)
                _sync_parent(path, parent)
                fd = _open_directory(where, at)
        except OSError as error:
            raise _no_directory(path, error) from error
        try:
            _check(os.fstat(fd), path)
        except MailError:
            os.close(fd)
            raise
        return fd


def _open_directory(path: str, parent: "int | None") -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)


def _check(found: os.stat_result, path: str) -> None:
    if found.st_uid != os.geteuid():
        raise MailError("system", f"{path} belongs to another user; move it away or set ESMTP_QUEUE_DIR")
    if found.st_mode & 0o022:
        raise MailError("system", f"{path} can be written by others; look who did, then chmod 700 it")


def _no_directory(path: str, error: OSError) -> MailError:
    import errno

    if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EACCES) and os.path.lexists(path):
        text = f"{path} is a link, no directory, or closed to you; move it away or set ESMTP_QUEUE_DIR"
        return MailError("system", text)
    text = f"cannot make or open {path}: {error.strerror}; set ESMTP_QUEUE_DIR to a directory you may write"
    return MailError("cannot_create", text)


def _sync_parent(path: str, parent: int) -> None:
    """A new directory is only there for good when its name is."""
    if parent >= 0:
        _fsync(parent, path)
        return
    try:
        fd = os.open(os.path.dirname(path) or "/", os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # may be entered and not read
        os.sync()
        return
    try:
        _fsync(fd, path)
    finally:
        os.close(fd)


def _fsync(fd: int, path: str) -> None:
    try:
        os.fsync(fd)
    except OSError as error:
        import errno

        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise MailError("io", f"the disk failed on {path}: {error.strerror}") from error
        os.sync()  # a file system without fsync of directories: all of it, then
