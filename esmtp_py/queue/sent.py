"""Copies for the folder of sent mail on an IMAP server, on disk until they are there.

A copy is a file like that of a mail, in sent/, with an identity and without
recipients.  Each run, and each direct call behind the caller's back, puts away
what it finds; what cannot be stays, and is spoken of each time.
"""

from esmtp_py.deliver.mishap import mishap
from esmtp_py.errors import MailError
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.store import SENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.deliver.sent_folder import SentFolder
    from esmtp_py.message.message import Message
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.store import Store

# A copy that is so old should have been put away by now.
LATE = 3600


def keep(store: "Store", identity: "Identity", message: "Message", rc: str, now: float) -> None:
    """Makes a copy durable.  rc: as in Entry.  Raises MailError."""
    entry = Entry(now, "", [], identity=identity.name, rc=rc)
    store.directory(SENT, create=True)
    with store.begin_new(now, SENT) as writer:
        writer.write(entry.head())
        for chunk in message.chunks():
            writer.write(chunk)
        writer.commit()


def late(store: "Store", now: float) -> int:
    """How many copies wait for longer than they should."""
    return sum(int(name[:10]) < now - LATE for name in store.ids(SENT))


def spoken(count: int) -> str:
    """So many copies, at least one, for people."""
    copies, them = (
        ("1 copy of a sent mail waits", "it") if count == 1 else (f"{count} copies of sent mail wait", "them")
    )
    return f"{copies} for the IMAP server: esmtp -q puts {them} there, or says why not"


def put_away(store: "Store", config: "Callable[[str], Config]", say: "Callable[[str], None]") -> None:
    """Puts each copy into its folder.  config: the rc of that name; MailError when it is broken.  Raises nothing."""
    folders = _Folders(config)
    try:
        for name in store.ids(SENT):
            _put_one(store, name, folders, say)
        store.sync_directory(SENT)
    except MailError as error:
        say(error.text)
    finally:
        folders.close()


def _put_one(store: "Store", name: str, folders: "_Folders", say: "Callable[[str], None]") -> None:
    try:
        locked = store.lock(name, SENT)
        if not locked:  # another run has it
            return
        with locked:
            locked.verify()
            if not locked.entry.marks.recorded:
                folders.append(locked)
            _remove(locked, say)
    except MailError as error:
        if error.text not in folders.said:
            folders.said.add(error.text)
            say(f"the copy of a sent mail waits in {store.path}/{SENT}/{name}: {error.text}")
    except Exception as error:
        say(f"{name}: {mishap(error).text}")


def _remove(locked: "Locked", say: "Callable[[str], None]") -> None:
    """Where that cannot be done, no run is to bring it to the server again."""
    try:
        locked.remove()
    except MailError as error:
        if not locked.entry.marks.recorded:
            from time import time

            from esmtp_py.queue.marks import recorded_mark

            locked.mark(recorded_mark(time()))
        say(f"{error.text}; the IMAP server has this copy of a sent mail")


class _Folders:
    """One session for each identity; a server that fails is not asked again.  said: what was complained of."""

    def __init__(self, config: "Callable[[str], Config]") -> None:
        self.said: set[str] = set()
        self._config = config
        self._open: dict[int, SentFolder | MailError] = {}

    def append(self, locked: "Locked") -> None:
        entry = locked.entry
        identity = self._identity(entry)
        folder = self._folder(identity)
        try:
            folder.append(entry.size, locked.chunks, entry.time)
        except MailError as error:
            if error.kind != "try_again":  # the connection is of no use any more
                folder.close()
                self._open[id(identity)] = error
            raise

    def close(self) -> None:
        for folder in self._open.values():
            if not isinstance(folder, MailError):
                folder.close()

    def _identity(self, entry: Entry) -> "Identity":
        identity = self._config(entry.rc).named(entry.identity)
        if identity is None:
            raise MailError("config", f"the rc has no identity {entry.identity} any more: remove the file, or add it")
        return identity

    def _folder(self, identity: "Identity") -> "SentFolder":
        folder = self._open.get(id(identity))
        if folder is None:
            from esmtp_py.deliver.sent_folder import SentFolder

            try:
                folder = SentFolder(identity)
            except MailError as error:
                folder = error
            self._open[id(identity)] = folder
        if isinstance(folder, MailError):
            raise folder
        return folder
