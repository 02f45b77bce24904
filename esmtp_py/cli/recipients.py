"""Who gets the mail: the words of argv, and with -t the fields of the header."""

import os

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.message.mailbox import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.message.mailbox import Mailbox


def from_words(words: list[str]) -> "list[Mailbox]":
    """The addresses of argv, in order; a word may hold several.

    MailError("bad_address") for a word that holds none or cannot be read.
    """
    mailboxes: list[Mailbox] = []
    for word in words:
        mailbox = plain(word)
        mailboxes += [mailbox] if mailbox else _parsed(word)
    return mailboxes


def _parsed(word: str) -> "list[Mailbox]":
    from esmtp_py.message.address import AddressError, parse_mailboxes

    try:
        found = parse_mailboxes(os.fsencode(word))
    except AddressError as error:
        raise MailError("bad_address", f"{word}: {error.text}; nothing was sent") from error
    if not found:
        raise MailError("bad_address", f"there is no address in the argument {word!r}; nothing was sent")
    return found


def union(named: "list[Mailbox]", header: "list[Mailbox]", notify: "tuple[str, ...]" = ()) -> list[Recipient]:
    """Both lists, each address once."""
    first: dict[str, str] = {}
    for mailbox in (*named, *header):
        first.setdefault(_key(mailbox), mailbox.address)
    return [Recipient(address, notify) for address in first.values()]


def difference(named: "list[Mailbox]", header: "list[Mailbox]", notify: "tuple[str, ...]" = ()) -> list[Recipient]:
    """Those of the header that argv does not name, each once (-O extra_recipients=remove)."""
    unwanted = {_key(mailbox) for mailbox in named}
    return union([mailbox for mailbox in header if _key(mailbox) not in unwanted], [], notify)


def _key(mailbox: "Mailbox") -> str:
    """Domains are the same in any case; local parts need not be (RFC 5321 section 2.4)."""
    return f"{mailbox.local}@{mailbox.domain.lower()}"
