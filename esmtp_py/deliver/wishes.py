"""When the sender wants to hear of a mail (RFC 3461) that came without a word about it: the rc's ``dsn_notify``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.message.envelope import Recipient


def wish(recipients: "list[Recipient]", sender: str, identity: "Identity") -> None:
    """Sets NOTIFY where nobody has.  Not for the null sender, whom nobody can tell anything."""
    if sender:
        for recipient in recipients:
            recipient.notify = recipient.notify or identity.dsn_notify
