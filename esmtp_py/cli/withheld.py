"""What keeps back mail that is due, for those who ask when it leaves: undo, or an account that is put off.

Nothing of it is in the queue's files, for no rc is read when a mail is queued;
the rc says it now, as it will to the run.
"""

from esmtp_py.cli.item import opened
from esmtp_py.cli.undone import header_in
from esmtp_py.config import load
from esmtp_py.deliver.caller import Caller
from esmtp_py.errors import MailError
from esmtp_py.queue.ready import choose
from esmtp_py.queue.respite import Respite
from esmtp_py.queue.store import OFF
from esmtp_py.queue.writer import NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.item import Item
    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.queue.store import Store


class Withheld:
    """Reads each rc file once, and only if there is a mail that it could hold."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._caller = Caller()
        self._configs: dict[str, Config | None] = {}
        self._reasons: dict[int, str] = {}

    def seconds(self, item: "Item") -> int:
        """For schedule.due; 0 for a mail that was tried already, and where there is no rc to say so."""
        entry = item.entry
        if not entry or entry.identity or entry.marks.times or item.why or item.place != NEW:
            return 0
        config = self._config(entry.rc)
        if not config or not any(identity.undo for identity in config.identities):
            return 0
        identity = self._identity(item, config)
        return identity.undo if identity else 0

    def reason(self, item: "Item") -> str:
        """Why no run asks the server of this mail for now, and until when; "" when one may."""
        entry = item.entry
        if not entry or item.why or item.place != NEW or self._store.directory(OFF) < 0:
            return ""
        config = self._config(entry.rc)
        identity = self._identity(item, config) if config else None
        if not identity:
            return ""
        if id(identity) not in self._reasons:
            off = Respite(self._store, identity).why()
            self._reasons[id(identity)] = off.text if off else ""
        return self._reasons[id(identity)]

    def _identity(self, item: "Item", config: "Config") -> "Identity | None":
        assert item.entry
        try:
            with opened(self._store, item) as mail:
                return choose(item.entry, config, self._caller, header_in(mail.chunks())).identity
        except MailError:
            return None

    def _config(self, path: str) -> "Config | None":
        if path not in self._configs:
            try:
                self._configs[path] = load(path or None)
            except MailError:  # the run says so
                self._configs[path] = None
        return self._configs[path]
