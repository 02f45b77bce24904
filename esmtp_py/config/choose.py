"""Which identity serves a sender."""

from esmtp_py.config.identity import Identity
from esmtp_py.config.model import REFUSE, Config

ANY_LOCAL_PART = "*@"  # the only pattern


def choose(config: Config, sender: str) -> "Identity | None":
    """The identity for a sender ("" is the null sender): exact match, pattern, default, in this order.

    Of equals the later one wins.  Letter case does not count.  None: the file
    says ``unmatched refuse`` and nobody serves this sender.
    """
    wanted = sender.lower()
    domain = wanted.rpartition("@")[2] if "@" in wanted else None
    by_pattern: Identity | None = None
    for identity in reversed(config.identities):
        for address in identity.addresses:
            lowered = address.lower()
            if lowered == wanted:
                return identity
            if by_pattern is None and domain is not None and lowered == ANY_LOCAL_PART + domain:
                by_pattern = identity
    if by_pattern is not None:
        return by_pattern
    return None if config.unmatched == REFUSE else config.default
