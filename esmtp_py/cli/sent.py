"""The copy of a mail that a direct call has sent: into a file at once, to a server behind the caller's back."""

from esmtp_py.deliver.record import is_local, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.mail import Mail
    from esmtp_py.config.identity import Identity


def keep_copy(mail: "Mail", identity: "Identity") -> str:
    """Makes the copy, or sees to it that it will be made; returns what to warn of, "" if all went well."""
    assert mail.message
    assert mail.envelope
    if is_local(identity):
        return record(identity, mail.message, mail.envelope.sender, mail.caller)
    return ""
