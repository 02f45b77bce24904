"""Who imports, and on which machine: what other mailers ask the system for whenever they run."""


class Here:
    """login, home: of the user.  host: the machine's name.  mailname: what /etc/mailname says, "" if nothing."""

    __slots__ = ("home", "host", "login", "mailname")

    def __init__(self, *, login: str, host: str, mailname: str = "", home: str = "") -> None:
        self.login = login
        self.host = host
        self.mailname = mailname
        self.home = home
