"""Who runs us, and on which machine: what fills in for a missing From:, and the ``%`` of the rc.

Nothing here asks the network: a lookup of our own name could hang a mail that
does not need it.  Everything works for a user without passwd entry, without
HOME, on a machine without a name.
"""

import os

MAILNAME = "/etc/mailname"
_NAME_LIMIT = 255  # RFC 1035 section 2.3.4
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")


class Caller:
    """The user and the host, looked up when first asked for."""

    __slots__ = ("_host", "_passwd")

    def __init__(self) -> None:
        self._host = ""
        self._passwd: "tuple[str, str, str] | None" = None  # login, full name, home

    @property
    def login(self) -> str:
        return self._entry()[0]

    @property
    def full_name(self) -> str:
        return self._entry()[1]

    @property
    def home(self) -> str:
        """$HOME, else the home of the passwd entry, else ""."""
        return os.environ.get("HOME") or self._entry()[2]

    @property
    def host(self) -> str:
        """The host's name: with its domain if it knows it, else /etc/mailname's, else the bare name."""
        if not self._host:
            node = _sane(os.uname().nodename)
            self._host = node if "." in node else _mailname() or node or "localhost"
        return self._host

    @property
    def domain(self) -> str:
        """The domain of the host's name; the name itself when it has none."""
        return self.host.partition(".")[2] or self.host

    @property
    def address(self) -> str:
        return f"{self.login}@{self.host}"

    def _entry(self) -> tuple[str, str, str]:
        if self._passwd is None:
            self._passwd = _passwd_entry(os.getuid())
        return self._passwd


def _passwd_entry(uid: int) -> tuple[str, str, str]:
    import pwd

    try:
        entry = pwd.getpwuid(uid)
    except (KeyError, OSError):
        # a container's arbitrary user, or a directory service that is away
        login = os.environ.get("LOGNAME", "")
        return (login if login and login.isascii() and login.isalnum() else f"uid{uid}", "", "")
    return entry.pw_name, full_name(entry.pw_gecos, entry.pw_name), entry.pw_dir


def full_name(gecos: str, login: str) -> str:
    """The name in a passwd comment: up to the first comma, ``&`` standing for the login name."""
    name = gecos.partition(",")[0].replace("&", login[:1].upper() + login[1:]).strip()
    return text_of(name)


def text_of(word: str) -> str:
    """A word of argv or passwd as Unicode: UTF-8, or Latin-1 when it is not that, without control characters."""
    raw = os.fsencode(word)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text if text.isprintable() else "".join(char for char in text if char.isprintable())


def _mailname() -> str:
    try:
        with open(MAILNAME, encoding="utf-8", errors="replace") as file:
            return _sane(file.readline(_NAME_LIMIT + 1).strip())
    except OSError:
        return ""


def _sane(name: str) -> str:
    """The name, or "" when it could not stand in an address."""
    name = name.rstrip(".")
    return name if len(name) <= _NAME_LIMIT and _NAME_CHARS.issuperset(name) and ".." not in name else ""
