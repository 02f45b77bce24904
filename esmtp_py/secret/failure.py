"""What is raised when a secret cannot be had: the mail waits, and the message says what to do."""

from esmtp_py.errors import MailError


def not_now(text: str) -> MailError:
    """4.7.0 is "other or undefined security status" (RFC 3463 section 3.8)."""
    return MailError("try_again", text, status="4.7.0")
