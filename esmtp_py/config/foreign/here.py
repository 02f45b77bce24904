"""Who imports, and on which machine: what other mailers ask the system for whenever they run."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Here:
    """login, home, environment: of the user.  host: the machine's name.  mailname: what /etc/mailname says, or ""."""

    __slots__ = ("environment", "home", "host", "login", "mailname")

    def __init__(
        self,
        *,
        login: str,
        host: str,
        mailname: str = "",
        home: str = "",
        environment: "Mapping[str, str] | None" = None,
    ) -> None:
        self.login = login
        self.host = host
        self.mailname = mailname
        self.home = home
        self.environment = environment or {}
