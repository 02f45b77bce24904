"""--cancel, --hold, --release, --retry-now, --show and --undo: a hand on the mails that wait.

Each id is done for itself and says what was done with it; the exit code is
that of the worst.  A mail in delivery is left alone.
"""

import os
import stat
import time

from esmtp_py.cli.item import PLACES, look, opened, waiting
from esmtp_py.cli.raw import envelope_of
from esmtp_py.cli.terminal import OUT, complain, say
from esmtp_py.errors import MailError
from esmtp_py.message.newlines import to_lf
from esmtp_py.outcome import EX_OK, TABLE
from esmtp_py.printable import printable
from esmtp_py.queue.entry import Damaged, is_id
from esmtp_py.queue.marks import hold_mark, release_mark, retry_mark
from esmtp_py.queue.report import original_of
from esmtp_py.queue.schedule import is_backing_off
from esmtp_py.queue.store import CORRUPT, FAILED, Store
from esmtp_py.queue.writer import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from esmtp_py.cli.options import Options
    from esmtp_py.queue.entry import Entry
    from esmtp_py.queue.locked import Locked

ALL = "ALL"

# Of a line on a terminal; nobody reads more in one.
_LINE = 1000

_UNKNOWN, _BUSY = TABLE["bad_address"][2], TABLE["try_again"][2]
# A temporary failure counts more than a permanent one.
_ORDER = (EX_OK, _UNKNOWN, _BUSY)


def steer(options: "Options") -> int:
    """Does what ``options.asked`` says with the ids in the arguments."""
    if options.asked == "--undo":
        return _undo(options)
    verb = _VERBS[options.asked]
    with Store.open(create=False) as store:
        names = dict.fromkeys(options.recipients)
        if ALL in names:
            names = dict.fromkeys(_all(options.asked, store))
            verb = _OF_ALL.get(options.asked, verb)
        codes = {name: _safely(verb, store, name) for name in names}
        if options.asked == "--retry-now":
            _run([name for name, code in codes.items() if code == EX_OK])
    return max(codes.values(), key=_weight, default=EX_OK)


def _weight(code: int) -> int:
    return _ORDER.index(code) if code in _ORDER else len(_ORDER)


def _all(asked: str, store: Store) -> list[str]:
    if asked not in ("--hold", "--release", "--retry-now"):
        raise MailError("usage", f"{asked} {ALL}: name the mails; mailq lists them")
    names = store.ids()
    if not names:
        say("Mail queue is empty")
    return names


def _safely(verb: "Callable[[Store, str], int]", store: Store, name: str) -> int:
    """One bad file does not keep the others from what was asked."""
    try:
        return verb(store, name)
    except MailError as error:
        complain(f"{name}: {error.text}")
        return error.outcome().exit_code


def _is_name(name: str) -> bool:
    """A word that can be the name of a file in one of our directories, and in no other."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _place(store: Store, name: str) -> str:
    """Where the file is, "" if nowhere."""
    return next((place for place in PLACES if _is_name(name) and store.has(name, place)), "")


def _unknown(name: str) -> int:
    complain(f"{name or repr(name)}: no mail of that id is in the queue; mailq lists them")
    return _UNKNOWN


def _busy(store: Store, name: str, place: str) -> int:
    """The lock was not to be had: somebody delivers it, or has just done so."""
    if not store.has(name, place):
        return _unknown(name)
    complain(f"{name}: in delivery just now; nothing was done with it")
    return _BUSY


# -- marks ---------------------------------------------------------------------------------------------------------


def _marked(store: Store, name: str, act: "Callable[[Locked], str]") -> int:
    """Only mail in new/ can be told when to go.  Writing the mark makes the file one that a run looks at now."""
    place = _place(store, name)
    if not place:
        return _unknown(name)
    if not is_id(name):
        complain(f"{name}: no mail of esmtp, its name is no id; --cancel removes it")
        return _UNKNOWN
    if place != NEW:
        how = "; --retry-now tries it again" if place == FAILED else ""
        complain(f"{name}: it is in {place}/ and will not be tried again; --show and --cancel know it{how}")
        return _UNKNOWN
    locked = store.lock(name)
    if not locked:
        return _busy(store, name, place)
    with locked:
        say(f"{name}: {act(locked)}")
    return EX_OK


def _hold(store: Store, name: str) -> int:
    def act(locked: "Locked") -> str:
        if locked.entry.marks.held:
            return "is on hold already"
        locked.mark(hold_mark(time.time()))
        return "on hold"

    return _marked(store, name, act)


def _release(store: Store, name: str) -> int:
    def act(locked: "Locked") -> str:
        if not locked.entry.marks.held:
            return "was not on hold"
        locked.mark(release_mark(time.time()))
        return "released"

    return _marked(store, name, act)


def _retry_now(store: Store, name: str) -> int:
    if _place(store, name) == FAILED:
        locked = store.lock(name, FAILED)
        if not locked:
            return _busy(store, name, FAILED)
        with locked:
            store.move(name, FAILED, NEW)
    return _marked(store, name, _hurried)


def _retry_waiting(store: Store, name: str) -> int:
    """For ALL: who does not name a mail means those that were tried in vain, and no time that was asked for."""

    def act(locked: "Locked") -> str:
        if locked.entry.marks.held or is_backing_off(locked.entry, time.time()):
            return _hurried(locked)
        return f"goes when its time has come; esmtp --retry-now {name} does not wait for that"

    return _marked(store, name, act)


def _hurried(locked: "Locked") -> str:
    if locked.entry.marks.held:
        return f"on hold: esmtp --release {locked.name} first"
    locked.mark(retry_mark(time.time()))
    return "due now"


def _run(names: list[str]) -> None:
    """One process for all of them goes on behind our back."""
    from esmtp_py.cli.background import run

    if names:
        run(*names)


# -- one mail ------------------------------------------------------------------------------------------------------


def _cancel(store: Store, name: str) -> int:
    place = _place(store, name)
    if not place:
        return _unknown(name)
    if place == CORRUPT or not is_id(name) or _is_damaged(store, name, place):
        return _discard(store, name, place)
    locked = store.lock(name, place)
    if not locked:
        return _busy(store, name, place)
    with locked:
        _envelope(locked)
        locked.remove()
        store.sync_directory(place)
        say(f"{name}: removed{_described(locked.entry)}")
    return EX_OK


def _is_damaged(store: Store, name: str, place: str) -> bool:
    try:
        store.read(name, place)
    except Damaged:
        return True
    return False


def _discard(store: Store, name: str, place: str) -> int:
    """Whatever it is, also a directory."""
    directory = store.directory(place)
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            import shutil

            shutil.rmtree(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)
    except OSError as error:
        raise MailError("io", f"cannot remove it: {error.strerror}") from error
    store.sync_directory(place)
    say(f"{name}: removed, it was no sound mail")
    return EX_OK


def _envelope(locked: "Locked") -> None:
    """What the wrapper queued has one only when it is read; one that cannot be read may go all the same."""
    try:
        envelope_of(locked.entry, locked.chunks())
    except MailError:
        pass


def _described(entry: "Entry") -> str:
    """From whom to whom, for the last time."""
    who = _some([address for address, _ in waiting(entry)]) or "nobody any more"
    sender = f" from {printable(entry.sender) or '<>'}" if entry.sender is not None else ""
    return f": {entry.size} bytes{sender} to {who}"


def _some(addresses: list[str]) -> str:
    shown = ", ".join(printable(address) for address in addresses[:5])
    return shown + (f" and {len(addresses) - 5} more" if len(addresses) > 5 else "")


def _show(store: Store, name: str) -> int:
    """What mailq -v says, and the message."""
    from esmtp_py.cli.mailq import text
    from esmtp_py.cli.withheld import Withheld

    place = _place(store, name)
    item = look(store, name, place) if place else None
    if not item:
        return _unknown(name)
    withheld = Withheld(store)
    item.undo, item.off = withheld.seconds(item), withheld.reason(item)
    OUT.write(text(item, item.queue, True, time.time()))
    if item.entry:
        OUT.write("\n")
        with opened(store, item) as mail:
            _write_out(to_lf(mail.chunks()))
    return EX_OK


def _write_out(chunks: "Iterable[bytes]") -> None:
    """Byte for byte; a terminal gets no control characters, which could play tricks on it."""
    if not os.isatty(1):
        for chunk in chunks:
            OUT.write_bytes(chunk)
        return
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            say(line.decode("utf-8", "surrogateescape").expandtabs())
    say(rest.decode("utf-8", "surrogateescape").expandtabs())


def _undo(options: "Options") -> int:
    """Takes the last mail that was not tried yet back out, into a file."""
    from esmtp_py.cli.undone import save

    with Store.open(create=False) as store:
        for name in reversed(store.ids()):
            locked = store.lock(name)
            if not locked:
                if store.has(name):
                    return _busy(store, name, NEW)
                continue
            with locked:
                if locked.entry.marks.times or original_of(name)[0]:
                    continue
                _envelope(locked)
                path = save(locked, options.recipients[0] if options.recipients else "")
                try:
                    locked.remove()
                except MailError:
                    os.unlink(path)  # it stays in the queue and will leave: whoever sends this, too, sends it twice
                    raise
                store.sync()
                say(f"{name}: taken back into {path}{_described(locked.entry)}")
                _say_how_to_send(locked, path)
                return EX_OK
    complain("--undo: no mail is left that was not tried yet; nothing was taken back")
    return _UNKNOWN


def _say_how_to_send(locked: "Locked", path: str) -> None:
    """As it would have been, for -t alone may choose another sender, and others of the header."""
    from esmtp_py.cli.undone import command, others

    if not locked.entry.recipients:  # a call that named nobody
        return
    left = others(locked)
    if left:
        say(f"its header also names {_some(left)}, who would not have got it, and would with -t")
    OUT.write(f"to send it after all: {command(locked, path)}\n")


_VERBS = {
    "--cancel": _cancel,
    "--hold": _hold,
    "--release": _release,
    "--retry-now": _retry_now,
    "--show": _show,
}
_OF_ALL = {"--retry-now": _retry_waiting}
