"""``proxy URL`` of the rc: through whom to connect.  Imported when an rc says so."""

from esmtp_py.concealed import Secret
from esmtp_py.config.values import host_and_service

SOCKS5, SOCKS4A, HTTP = "socks5", "socks4a", "http"
# scheme: the port where the URL has none (RFC 1928 section 3, RFC 9110 section 4.2.1)
PORTS = {SOCKS5: "1080", SOCKS4A: "1080", HTTP: "80"}
EXPECTED = "expected socks5://HOST:PORT, socks4a://HOST:PORT or http://HOST:PORT"
# RFC 1929 section 2: a byte tells the length of each
LONGEST = 255
_HEX = frozenset("0123456789abcdefABCDEF")


class Proxy:
    """scheme: SOCKS5, SOCKS4A or HTTP.  username: "" for none; password: None for none."""

    __slots__ = ("host", "password", "scheme", "service", "username")

    def __init__(
        self, scheme: str, host: str, service: str, username: str = "", password: "Secret | None" = None
    ) -> None:
        self.scheme = scheme
        self.host = host
        self.service = service
        self.username = username
        self.password = password

    @property
    def place(self) -> str:
        """The URL without a login, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.service}"

    def __str__(self) -> str:
        """For people: with the name, and without the password."""
        login = self.username and self.username + (":(hidden)" if self.password else "") + "@"
        return self.place.replace("://", f"://{login}", 1)


def parse(text: str) -> Proxy:
    """SCHEME://[USER:PASSWORD@]HOST[:PORT], the first two with %XX for what would end them (RFC 3986).

    Raises ValueError with words that do not repeat the text.
    """
    scheme, mark, rest = text.partition("://")
    scheme = scheme.lower()  # RFC 3986 section 3.1
    login, at, place = rest.rstrip("/").rpartition("@")
    if not mark or scheme not in PORTS or not text.isprintable():
        raise ValueError(EXPECTED)
    host, service = host_and_service(place, PORTS[scheme])
    if not at:
        return Proxy(scheme, host, service)
    name, colon, password = login.partition(":")
    return _with_login(Proxy(scheme, host, service, _decoded(name)), _decoded(password) if colon else None)


def _with_login(proxy: Proxy, password: "str | None") -> Proxy:
    if proxy.scheme == SOCKS4A:
        if password is not None:
            raise ValueError("SOCKS 4 has no passwords: write socks4a://USER@HOST:PORT")
        if "\0" in proxy.username:
            raise ValueError("a NUL cannot be in the user name")
        return proxy
    if password is None:
        raise ValueError(f"expected {proxy.scheme}://USER:PASSWORD@HOST:PORT")
    lengths = [len(word.encode("utf-8", "surrogateescape")) for word in (proxy.username, password)]
    if min(lengths) < 1 or max(lengths) > LONGEST:
        raise ValueError(f"user and password of a proxy have 1 to {LONGEST} bytes each")
    if proxy.scheme == HTTP and ":" in proxy.username:
        raise ValueError("a colon cannot be in the user name (RFC 7617)")
    proxy.password = Secret(password)
    return proxy


def _decoded(text: str) -> str:
    head, *parts = text.split("%")
    made = bytearray(head.encode("utf-8", "surrogateescape"))
    for part in parts:
        if len(part) < 2 or not _HEX.issuperset(part[:2]):
            raise ValueError("write %25 for a percent sign in user or password of a proxy")
        made += bytes.fromhex(part[:2]) + part[2:].encode("utf-8", "surrogateescape")
    return made.decode("utf-8", "surrogateescape")


def holds_password(text: str) -> bool:
    """Whether this URL has one in it, right or wrong."""
    return ":" in text.partition("://")[2].rpartition("@")[0]
