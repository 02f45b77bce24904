"""Invariant: whatever an IMAP server says, cut anywhere, a copy is there or that is a MailError of one clean line.

No line of what it hears has been made by the server: nothing of its words comes back as a command.
"""

import imaplib

from esmtp_py.errors import MailError
from esmtp_py.net.imap import Imap, Literal
from tests.fuzz.driver import clean, main
from tests.fuzz.talker import Talker

# imaplib's tags begin with four letters of its choice; here they are always these
TAG = b"ABCD"
HELLO = b"* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN SPECIAL-USE\r\nABCD0 OK done\r\n+ \r\nABCD1 OK in\r\n"
HELLO += b"* CAPABILITY IMAP4rev1 SPECIAL-USE\r\nABCD2 OK done\r\n"
SEEDS = [
    HELLO + b'* LIST (\\Sent) "/" "Sent Items"\r\nABCD3 OK done\r\n+ go\r\nABCD4 OK done\r\n* BYE\r\n',
    HELLO + b'* LIST (\\Sent) "/" {4}\r\nSent\r\nABCD3 OK done\r\n+ \r\nABCD4 NO [TRYCREATE] x\r\n'
    b"ABCD5 OK done\r\nABCD6 OK done\r\n+ \r\nABCD7 OK done\r\n",
    HELLO + b"* 5 EXISTS\r\n* LIST {99999999999}\r\n",
    b"* PREAUTH hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nABCD0 OK done\r\n",
    b"* OK [CAPABILITY IMAP4 AUTH=X] hi\r\n* CAPABILITY IMAP4\r\nABCD0 OK x\r\n+ x\r\nABCD1 NO [ALERT] no\r\n",
    b"* BYE\r\n",
]


def spoken(data: bytes, cut: int) -> tuple[str, bytes]:
    talker = Talker(data, cut)

    try:
        imap = Imap(talker, "imap.example", 60)  # type: ignore[arg-type]
        imap.log_in_by("PLAIN", lambda challenge: b"\0me\0tops3cret" if not challenge else None)
        imap.offers_again()
        folder = next((name for words, name in imap.folders() if "\\sent" in words), b"Sent")
        imap.append_to(folder, Literal(6, lambda: [b"A: b\r\n"]), 0)
    except MailError as error:
        clean(error.text)
        return error.text, talker.heard
    return "", talker.heard


def target(data: bytes) -> None:
    tag = getattr(imaplib, "Int2AP")  # noqa: B009 - no public name
    setattr(imaplib, "Int2AP", lambda number: TAG)  # noqa: B010
    try:
        how, heard = spoken(data, 1 << 30)
        assert spoken(data, 1) == (how, heard)
    finally:
        setattr(imaplib, "Int2AP", tag)  # noqa: B010
    for line in heard.split(b"\r\n"):
        assert not line or line[:4] == TAG or line in (b"A: b", b"*", b"AG1lAHRvcHMzY3JldA=="), line
    if not how:
        assert b"A: b\r\n" in heard


if __name__ == "__main__":
    main(target, SEEDS)
