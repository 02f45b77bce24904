"""What callers of sendmail share: an rc of two people, and the command under the name sendmail."""

from tests.interop.mailserver import MailServer


def two_identities(server: MailServer) -> str:
    """alice and bob, each with a login of their own; nobody else may send."""
    return (
        f"unmatched refuse\nidentity alice@example.test\n{server.rc('alice')}"
        f"identity bob@example.test\n{server.rc('bob')}"
    )
