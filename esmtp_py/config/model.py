"""An rc file as a value: its identities, and what is said once for the whole file."""

from esmtp_py.config.identity import Identity

ENVELOPE, HEADER = "envelope", "header"
DEFAULT, REFUSE = "default", "refuse"


class Config:
    """What an rc file comes to.

    identities: in file order, at least one.  The statements before the first
                ``identity`` line are one, without addresses, if there are any.
    default:    one of them: it serves the senders that no identity names.
    select_by:  ENVELOPE or HEADER: which sender chooses the identity when the
                caller gave no -f.
    unmatched:  DEFAULT or REFUSE: what becomes of a sender that nobody serves.
    path:       the file, "" if there is none.
    origin:     {statement: "file:line"} of select_by and unmatched, if written.
    """

    __slots__ = ("default", "identities", "origin", "path", "select_by", "unmatched")

    def __init__(
        self,
        identities: tuple[Identity, ...],
        default: Identity,
        *,
        select_by: str = ENVELOPE,
        unmatched: str = DEFAULT,
        path: str = "",
        origin: "dict[str, str] | None" = None,
    ) -> None:
        self.identities = identities
        self.default = default
        self.select_by = select_by
        self.unmatched = unmatched
        self.path = path
        self.origin = dict(origin or {})

    def named(self, name: str) -> "Identity | None":
        """The one that is called so; of several the one that serves that address, which is the last."""
        return next((identity for identity in reversed(self.identities) if identity.name == name), None)


def without_file() -> Config:
    """What holds when there is no rc file: everyone submits to localhost:25."""
    only = Identity(is_default=True)
    return Config((only,), only)
