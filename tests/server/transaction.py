"""A mail transaction on the wire: MAIL and RCPT with their parameters, and the Mail that comes of it."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.server.session import Session

# Which extension a parameter of MAIL or RCPT belongs to.
MAIL_PARAMETERS = {
    "SIZE": "SIZE",
    "BODY": "8BITMIME",
    "SMTPUTF8": "SMTPUTF8",
    "RET": "DSN",
    "ENVID": "DSN",
    "AUTH": "AUTH",
    "REQUIRETLS": "REQUIRETLS",
}
RCPT_PARAMETERS = {"NOTIFY": "DSN", "ORCPT": "DSN"}

PATH = re.compile(rb'(?:FROM|TO):( *)<((?:[^\x00-\x20<>"\\\x7f]|"(?:[^"\\\r\n]|\\.)*")*)>((?: [^ ]+)*)$', re.IGNORECASE)
XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$")  # RFC 3461 section 4


def subject(rest: bytes) -> str:
    """The address in what follows MAIL or RCPT; "" if there is none."""
    match = PATH.match(rest)
    return match[2].decode("utf-8", "backslashreplace") if match else ""


class Mail:
    """One message the server took.

    sender, recipients: as in MAIL and RCPT, without the angle brackets.
    parameters:         of MAIL, names in upper case, "" for those without a value.
    wishes:             those of each RCPT, in the same order as recipients.
    data:               the message as the client meant it: CRLF lines, dots unstuffed.
    command:            "DATA" or "BDAT".   session: how it came.
    """

    def __init__(self, session: "Session", sender: str, parameters: dict[str, str]) -> None:
        self.session = session
        self.sender = sender
        self.parameters = parameters
        self.recipients: list[str] = []
        self.wishes: list[dict[str, str]] = []
        self.data = b""
        self.command = ""

    def __repr__(self) -> str:
        return f"Mail({self.sender!r} -> {self.recipients!r}, {len(self.data)} bytes by {self.command})"
