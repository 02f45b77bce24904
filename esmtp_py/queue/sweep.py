"""What crashes leave in the queue, cleared up by whoever runs it next."""

import os

from esmtp_py.errors import MailError
from esmtp_py.queue.listing import Listing
from esmtp_py.queue.store import OFF
from esmtp_py.queue.writer import TMP, remove_leftover

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.queue.store import Store

# Nobody writes one mail for that long, and no account is put off for it.
AGE = 86400


def sweep(store: "Store", now: float, say: "Callable[[str], None] | None") -> int:
    """See Store.sweep."""
    swept = 0
    try:
        for name in _old(store, TMP, now):
            swept += remove_leftover(store.directory(TMP), name)
        for name in _old(store, OFF, now):
            os.unlink(name, dir_fd=store.directory(OFF))
            swept += 1
    except (MailError, OSError):
        pass  # what cannot be listed, or is gone
    try:
        _, strangers = store.told_apart()
    except MailError:
        strangers = []
    for name in strangers:
        if name.startswith("."):
            continue
        try:
            store.set_aside(name)
        except MailError:
            continue
        if say:
            say(f"{name}: no mail of esmtp, its name is no id; it is in {store.path}/corrupt now")
    return swept


def _old(store: "Store", where: str, now: float) -> list[str]:
    names = []
    with Listing(store, where) as entries:
        for entry in entries:
            try:
                age = now - entry.stat(follow_symlinks=False).st_mtime
            except OSError:
                continue
            # far in the future: the clock was wrong when it was written, and is not now
            if abs(age) > AGE:
                names.append(entry.name)
    return names
