"""Local recipients that the rc's alias file replaces, when a mail leaves.

Each of those they become has the wishes of the sender (RFC 3461 section
5.2.7), and as its original recipient the name that was written.
"""

import os

from esmtp_py.config.aliases import Aliases
from esmtp_py.deliver.select import qualified
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.caller import Caller


def members(
    recipients: "list[Recipient]", identity: "Identity", caller: "Caller"
) -> "list[tuple[Recipient, list[Recipient]]]":
    """Each alias among them, with those it stands for.

    A local recipient of whom that cannot be said gets its ``fate``; the others do not wait for it.
    """
    local = [recipient for recipient in recipients if recipient.local]
    if not local or identity.force_mda:
        return []
    aliases, found = _file(identity.aliases), []
    for recipient in local:
        try:
            names = aliases.expand(recipient.address)
        except MailError as error:
            recipient.fate = error.outcome()
            continue
        if names and names != [recipient.address]:
            original = recipient.orcpt or qualified(recipient.address, identity, caller)
            found.append((recipient, [Recipient(name, recipient.notify, original) for name in names]))
    return found


_files: "dict[str, tuple[tuple[int, ...], Aliases]]" = {}


def _file(path: str) -> Aliases:
    """The alias file, read again when it has changed: a run asks it for each of its mails."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return Aliases(path)  # which says what is wrong
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    known = _files.get(path)
    if known is None or known[0] != state or known[1].broken:
        known = _files[path] = (state, Aliases(path))
    return known[1]


def expand(envelope: Envelope, identity: "Identity", caller: "Caller") -> Envelope:
    """The envelope with its aliases replaced, each address once."""
    replaced = dict(members(envelope.recipients, identity, caller))
    unique: dict[str, Recipient] = {}
    for recipient in envelope.recipients:
        for member in replaced.get(recipient, [recipient]):
            if member.fate or key(member.address) not in unique:
                unique[key(member.address)] = member
    return envelope.to(list(unique.values()))


def key(address: str) -> str:
    """What two spellings of one address share: domains are the same in any case (RFC 5321 section 2.4)."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}" if at else address
