"""What ends an exchange from our side."""

from esmtp_py.errors import MailError


class Broken(ValueError):
    """The server does not follow the mechanism; ``str`` says how, for people, without its own words."""


class Refused(Broken):
    """The server does not want the mechanism, and has not seen a proof of the password yet."""


class Unable(MailError):
    """The mechanism cannot carry what the rc gives; nothing of that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__("config", text)
