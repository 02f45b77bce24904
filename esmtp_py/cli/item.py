"""What is in the queue, mail by mail, for those who look: mailq and --show.

Nothing is locked, for a run that finds a mail locked leaves it: who has one in
its hands is read from the kernel's own list.
"""

import os

from esmtp_py.cli.raw import envelope_of
from esmtp_py.errors import MailError
from esmtp_py.queue.entry import RAW, Damaged, is_id
from esmtp_py.queue.listing import Listing
from esmtp_py.queue.locked import OPEN, Locked
from esmtp_py.queue.store import CORRUPT, FAILED
from esmtp_py.queue.writer import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.outcome import Outcome
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.store import Store

# How Postfix calls the queues a mail may be in; the last two are ours.
ACTIVE, DEFERRED, HOLD, INCOMING = "active", "deferred", "hold", "incoming"
PLACES = (NEW, FAILED, CORRUPT)

_STRANGER = "no mail of esmtp: its name is no id"

LOCKS = "/proc/locks"


class Item:
    """One file of the queue.

    entry: what it says, with an envelope; None when it is damaged.
    time, size: of arrival, in seconds since 1970, and of the message in bytes;
    those of the file when it is damaged.
    why: what is wrong with it; "" for a sound one.
    undo: seconds for which it may be taken back; off: why its server is not asked for now.  Both once somebody has
    asked (``withheld``).
    """

    __slots__ = ("active", "entry", "name", "off", "place", "size", "time", "undo", "why")

    def __init__(self, name: str, place: str, *, active: bool = False) -> None:
        self.name = name
        self.place = place
        self.active = active
        self.entry: Entry | None = None
        self.time = 0.0
        self.size = 0
        self.why = ""
        self.undo = 0
        self.off = ""

    @property
    def queue(self) -> str:
        """In which of Postfix's queues it would be, or FAILED or CORRUPT."""
        if not self.entry:
            return CORRUPT
        if self.place != NEW:
            return self.place
        if self.active:
            return ACTIVE
        marks = self.entry.marks
        return HOLD if marks.held else DEFERRED if marks.times else INCOMING


def look(store: "Store", name: str, place: str, active: "frozenset[str] | None" = None) -> "Item | None":
    """One file; None if it has just gone.   active: what ``active_names`` says, for a list (of ids only)."""
    item = Item(name, place)
    if place == CORRUPT:
        return item if _damaged(store, item, _why_set_aside(store, item)) else None
    if active is None and not is_id(name):
        return item if _damaged(store, item, _STRANGER) else None
    item.active = place == NEW and name in (active_names(store) if active is None else active)
    try:
        entry: "Entry | Damaged | None" = store.read(name, place)
    except Damaged as error:
        entry = error
    return item if entry and _filled(store, item, entry) else None


def _filled(store: "Store", item: Item, entry: "Entry | Damaged") -> bool:
    if isinstance(entry, Damaged):
        return _damaged(store, item, _what(item, entry))
    item.entry, item.time, item.size = entry, entry.time, entry.size
    if entry.form == RAW:
        _unpack(store, item)
    return True


def _unpack(store: "Store", item: Item) -> None:
    """The envelope of a mail that the wrapper queued.  Its call may be one that names nobody."""
    assert item.entry
    try:
        envelope_of(item.entry, _chunks(store, item))
    except MailError as error:
        item.why = error.text


def _chunks(store: "Store", item: Item) -> "Iterator[bytes]":
    """Opens the file only when somebody wants them: most calls name the recipients."""
    with opened(store, item) as mail:
        yield from mail.chunks()


def opened(store: "Store", item: Item) -> Locked:
    """Its file, to read the message from; not locked, whatever the class is called: a reader need not be alone."""
    assert item.entry
    return Locked(store, item.name, item.place, _open(store, item), item.entry)


def _open(store: "Store", item: Item) -> int:
    try:
        return os.open(item.name, OPEN, dir_fd=store.directory(item.place))
    except OSError as error:
        raise MailError("io", f"cannot open {store.path}/{item.place}/{item.name}: {error.strerror}") from error


def _what(item: Item, error: MailError) -> str:
    return f"damaged: {error.text.removeprefix(f'{item.name}: ')}"


def _why_set_aside(store: "Store", item: Item) -> str:
    """Found out once more, for nobody has written it down."""
    from esmtp_py.queue.ready import header_of

    name, dot, number = item.name.rpartition(".")
    if not is_id(name if dot and number.isdigit() else item.name):
        return _STRANGER
    try:
        entry = store.read(item.name, CORRUPT)
        if entry:
            with Locked(store, item.name, CORRUPT, _open(store, item), entry) as mail:
                mail.compare()
                if entry.form != RAW:
                    header_of(mail)
    except MailError as error:
        return _what(item, error)
    return "sound after all: moved back into new/ it is delivered"


def _damaged(store: "Store", item: Item, why: str) -> bool:
    """False if it has gone."""
    try:
        found = os.stat(item.name, dir_fd=store.directory(item.place), follow_symlinks=False)
    except OSError:
        return False
    item.time, item.size, item.why = found.st_mtime, found.st_size, why
    return True


def waiting(entry: "Entry") -> "list[tuple[str, Outcome | None]]":
    """Recipients who have not got it, with the reason: those still to be tried, or, if there are none, the failed."""
    recipients, fates = entry.recipients, entry.marks.fates
    if not fates:
        return [(recipient.address, None) for recipient in recipients]
    left = [
        (recipient.address, fate.outcome if fate else None, bool(fate and fate.settled))
        for recipient, fate in ((recipient, fates.get(number)) for number, recipient in enumerate(recipients))
    ]
    open_ones = [(address, outcome) for address, outcome, settled in left if not settled]
    return open_ones or [(address, outcome) for address, outcome, _ in left if outcome and outcome.exit_code]


def active_names(store: "Store") -> "frozenset[str]":
    """Names in new/ that somebody has in hand."""
    locked = _locked_inodes()
    if not locked:
        return frozenset()
    with Listing(store, NEW) as entries:
        return frozenset(entry.name for entry in entries if entry.inode() in locked)


def _locked_inodes() -> "frozenset[int]":
    """Inodes with an flock on them, whatever their file system; nothing where the system does not tell."""
    try:
        with open(LOCKS, "rb") as file:
            lines = [line.split() for line in file.read().splitlines()]
    except OSError:
        return frozenset()
    # 1: FLOCK ADVISORY WRITE 1234 fe:00:5678 0 EOF
    inodes = (words[5].rpartition(b":")[2] for words in lines if len(words) > 5 and words[1] == b"FLOCK")
    return frozenset(int(inode) for inode in inodes if inode.isdigit())
