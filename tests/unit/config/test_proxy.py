"""``proxy URL``: what it may say, and that a password in it is one."""

import io
import pathlib
from collections.abc import Callable

import pytest

from esmtp_py.cli.assistant.check_rc import check_rc
from esmtp_py.config.proxy import Proxy, parse
from esmtp_py.config.reader import interpret, load
from esmtp_py.config.source import Source
from esmtp_py.errors import MailError


def parts(proxy: Proxy) -> tuple[str, str, str, str, str | None]:
    password = proxy.password.reveal() if proxy.password else None
    return proxy.scheme, proxy.host, proxy.service, proxy.username, password


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("socks5://127.0.0.1:9050", ("socks5", "127.0.0.1", "9050", "", None)),
        ("socks5://proxy.x.org", ("socks5", "proxy.x.org", "1080", "", None)),
        ("SOCKS5://proxy.x.org", ("socks5", "proxy.x.org", "1080", "", None)),
        ("socks5://proxy.x.org/", ("socks5", "proxy.x.org", "1080", "", None)),
        ("socks4a://proxy.x.org", ("socks4a", "proxy.x.org", "1080", "", None)),
        ("socks4a://me@proxy.x.org:1081", ("socks4a", "proxy.x.org", "1081", "me", None)),
        ("http://proxy.x.org", ("http", "proxy.x.org", "80", "", None)),
        ("http://[2001:db8::1]:3128", ("http", "2001:db8::1", "3128", "", None)),
        ("socks5://me:secret@[::1]", ("socks5", "::1", "1080", "me", "secret")),
        ("http://me:a:b@x.org:8080", ("http", "x.org", "8080", "me", "a:b")),
        ("http://me%40x.org:p%2Fq%25@x.org", ("http", "x.org", "80", "me@x.org", "p/q%")),
        ("socks5://m%C3%A9:%3a%40@x.org", ("socks5", "x.org", "1080", "mé", ":@")),
        ("socks5://me:a@b@x.org", ("socks5", "x.org", "1080", "me", "a@b")),
        ("socks5://me:" + "x" * 255 + "@x.org", ("socks5", "x.org", "1080", "me", "x" * 255)),
    ],
)
def test_a_url(url: str, made: tuple[str, str, str, str, str | None]) -> None:
    assert parts(parse(url)) == made


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "expected socks5://"),
        ("proxy.x.org:1080", "expected socks5://"),
        ("https://proxy.x.org", "expected socks5://"),
        ("socks5h://proxy.x.org", "expected socks5://"),
        ("socks5://", "expected a host name"),
        ("socks5://me:secret@", "expected a host name"),
        ("socks5://x.org:0", "expected a port number"),
        ("socks5://x.org:1080/path", "expected a port number"),
        ("socks5://x y.org", "expected a host name"),
        ("socks5://x.org\n", "expected socks5://"),
        ("socks5://me@x.org", "expected socks5://USER:PASSWORD@HOST:PORT"),
        ("socks5://me:@x.org", "1 to 255 bytes"),
        ("socks5://:secret@x.org", "1 to 255 bytes"),
        ("socks5://me:" + "x" * 256 + "@x.org", "1 to 255 bytes"),
        ("http://a%3Ab:secret@x.org", "a colon cannot be in the user name"),
        ("socks4a://me:secret@x.org", "SOCKS 4 has no passwords"),
        ("socks4a://m%00e@x.org", "a NUL cannot be"),
        ("socks5://me:100%@x.org", "write %25 for a percent sign"),
        ("socks5://me:%zz@x.org", "write %25 for a percent sign"),
        ("socks5://me:%+1@x.org", "write %25 for a percent sign"),
    ],
)
def test_a_url_that_is_none(url: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as raised:
        parse(url)
    assert says in str(raised.value)
    assert "secret" not in str(raised.value)


SECRET = "socks5://me:hunter2@proxy.x.org"


def test_it_is_shown_without_the_password() -> None:
    assert str(parse(SECRET)) == "socks5://me:(hidden)@proxy.x.org:1080"
    assert str(parse("socks4a://me@x.org")) == "socks4a://me@x.org:1080"
    assert parse(SECRET).place == "socks5://proxy.x.org:1080"
    assert "hunter2" not in repr(parse(SECRET).password)


def test_check_rc_hides_it(write: Callable[..., pathlib.Path]) -> None:
    write(f"hostname x.org proxy {SECRET}\n")
    out = io.StringIO()
    assert check_rc(None, out) == 0
    assert "socks5://me:(hidden)@proxy.x.org:1080" in out.getvalue()
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "proxy socks5://me:hunter2@",
        "proxy https://me:hunter2@x.org",
        "proxy socks5://me:hunter2@x.org hunter2",
        'proxy "socks5://me:hunter2@x.org\nhostname x.org',
        "proxy 'socks5://me:hunter2@x.org'x",
        "proxy helo socks5://me:hunter2@x.org",
        "proxy=socks5://me:hun;ter2@x.org",
        "proxysocks5://me:hunter2@x.org",
    ],
)
def test_no_message_about_the_file_shows_it(text: str, write: Callable[..., pathlib.Path]) -> None:
    write(text)
    out = io.StringIO()
    assert check_rc(None, out) == 78
    assert "hunter2" not in out.getvalue()
    assert "ter2" not in out.getvalue()


def test_a_file_with_one_must_be_closed_to_others(write: Callable[..., pathlib.Path], home: pathlib.Path) -> None:
    path = write(f"proxy {SECRET}", 0o644, home / "named")
    with pytest.raises(MailError, match="chmod 600"):
        load(str(path))
    write("proxy socks5://proxy.x.org", 0o644, path)
    assert load(str(path)).default.proxy
    write("proxy socks4a://me@proxy.x.org", 0o644, path)
    assert load(str(path)).default.proxy


@pytest.mark.parametrize(
    ("text", "demanded"),
    [
        ("hostname localhost username a password b", False),
        ("hostname localhost username a password b proxy socks5://127.0.0.1", True),
        ("hostname unix:/run/smtp username a password b proxy socks5://127.0.0.1", False),
        ("hostname localhost proxy socks5://127.0.0.1", False),
    ],
)
def test_what_a_proxy_calls_localhost_is_not_this_machine(text: str, demanded: bool) -> None:
    """So a password is not for it without TLS."""
    _, config, problems = interpret(Source("rc", text))
    assert problems == []
    assert config.default.tls_demanded is demanded
