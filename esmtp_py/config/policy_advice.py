"""What is allowed about header, aliases and copies, and still most likely a mistake: a part of ``advice``."""

from esmtp_py.config.identity import KEEP, Identity
from esmtp_py.config.policy import IMAP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def policy_advice(identity: Identity) -> "Iterator[tuple[str, str]]":
    """Pairs of a statement and a warning about it."""
    if identity.full_name is not None and identity.from_header == KEEP:
        yield "full_name", "has no effect with from_header keep"
    if identity.aliases:
        yield from _aliases(identity)
    yield from _copies(identity)


def _aliases(identity: Identity) -> "Iterator[tuple[str, str]]":
    from esmtp_py.config.aliases import Aliases

    if identity.force_mda:
        yield "aliases", "has no effect: with force_mda all mail goes to one user"
    yield from (("aliases", error.text) for error in Aliases(identity.aliases).problems())


def _copies(identity: Identity) -> "Iterator[tuple[str, str]]":
    if identity.record == IMAP:
        if not identity.username:
            yield "record", "no username: the IMAP server lets nobody in"
        if not identity.server.host and not identity.imap_server:
            yield "record", "hostname is a socket: write imap_server"
        return
    for name in ("imap_server", "sent_folder"):
        if name in identity.origin:
            yield name, "has no effect without record imap"
