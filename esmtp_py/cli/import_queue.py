"""--import-queue: mail that older programs keep for this user becomes mail of the queue."""

import os

from esmtp_py.cli.raw import envelope_of
from esmtp_py.cli.terminal import complain, say
from esmtp_py.deliver.caller import Caller
from esmtp_py.outcome import EX_OK, TABLE
from esmtp_py.queue.importer import Imported, take_over
from esmtp_py.queue.store import Store, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options

# Where the wrapper of the C esmtp, msmtpq and msmtpqueue have their mail.
_USUAL = (".esmtp_queue", ".msmtp.queue", ".msmtpqueue")


def import_queue(options: "Options") -> int:
    """Takes over what is in the named directories, else in the usual ones; says what, and what not."""
    directories = options.recipients or _usual()
    imported = Imported()
    try:
        with Store.open() as store:
            for directory in directories:
                take_over(store, directory, envelope_of, imported)
    finally:
        for path, name in imported.queued.items():
            say(f"{path}: queued as {name}")
        for path, why in imported.left.items():
            complain(f"{path}: left where it is: {why}")
    if not imported.queued and not imported.left:
        say(f"no mail of an older queue in {', '.join(directories) or 'the usual places'}")
    return TABLE["content"][2] if imported.left else EX_OK


def _usual() -> list[str]:
    home = Caller().home
    found = dict.fromkeys([place(), *(os.path.join(home, name) for name in _USUAL if home)])
    return [path for path in found if os.path.isdir(path)]
