"""--authorize as a user does it: at a terminal, with a browser, on a machine without one; and what mail needs then."""

import http.client
import pathlib
import re
import signal
import ssl
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.config import load
from esmtp_py.errors import MailError
from esmtp_py.queue.respite import Respite
from esmtp_py.queue.store import Store
from tests.conftest import Command
from tests.interop.postfix import wait_until
from tests.server.oauth import OAuthServer
from tests.terminal import Terminal

Rc = Callable[[str], pathlib.Path]

# Takes the place of the desktop's browser: it goes where it is told, follows redirects, and outlives who has opened it.
BROWSER = """#!{python}
import os, ssl, sys, time, urllib.request
esmtp = os.getppid()
context = ssl.create_default_context(cafile="{ca}")
page = urllib.request.urlopen(sys.argv[1], context=context).read()
while os.getppid() == esmtp:
    time.sleep(0.01)
browser = os.environ["HOME"] + "/browser"
with open(browser + ".new", "wb") as log:
    log.write(page)
os.rename(browser + ".new", browser)
"""

# A keyring with room for one entry.
KEYRING = """
import os
from keyring.backend import KeyringBackend
PATH = os.environ["HOME"] + "/ring"
class InFile(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        held = open(PATH).read().split(" ") if os.path.exists(PATH) else ["", "", ""]
        return held[2] if held[:2] == [service, username] else None
    def set_password(self, service, username, password):
        with open(PATH, "w") as file:
            file.write(f"{service} {username} {password}")
"""


def read(terminal: Terminal, pattern: str) -> str:
    """What stands in the place of the group, when it is shown."""
    [found] = re.findall(pattern, terminal.until(pattern))
    return str(found)


def visit(provider: OAuthServer, url: str, *, follow: bool = True) -> str:
    """A browser: the page, or without ``follow`` the address that the provider sends it to."""
    parts = urllib.parse.urlsplit(url)
    context = ssl.create_default_context(cafile=provider.authority.file)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    more = {"context": context} if parts.scheme == "https" else {}
    connection = kind(parts.hostname or "", parts.port, timeout=20, **more)  # type: ignore[arg-type]
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    page, where = answer.read().decode(), answer.getheader("Location")
    if where:
        return visit(provider, where) if follow else where
    return page


@pytest.fixture(params=["http", "https"])
def provider(request: pytest.FixtureRequest) -> Iterator[OAuthServer]:
    with OAuthServer(tls=request.param == "https") as running:
        yield running
    assert running.violations == []


@pytest.fixture
def tls() -> Iterator[OAuthServer]:
    with OAuthServer(tls=True) as running:
        yield running
    assert running.violations == []


def write(rc: Rc, provider: OAuthServer, *endpoints: str, more: str = "token_file .mail/token\n") -> None:
    rc(
        "identity alice@example.test\nhostname 127.0.0.1:1\nusername alice\n"
        f'ca_file "{provider.authority.file}"\n{provider.rc(*endpoints)}{more}'
    )


def kept(esmtp: Command) -> str:
    path = esmtp.home / ".mail" / "token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    return path.read_text().strip()


def secrets_of(provider: OAuthServer) -> list[str]:
    return [provider.client_secret, *provider.refresh_tokens, *provider.granted, *provider.codes]


def nothing_leaked(shown: str, provider: OAuthServer) -> None:
    for secret in secrets_of(provider):
        assert secret not in shown


def test_in_a_browser(esmtp: Command, rc: Rc, provider: OAuthServer) -> None:
    write(rc, provider, "authorization")
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    url = read(terminal, r"  (\S+)\n\n")
    assert "window" in visit(provider, url)
    assert terminal.end() == 0
    assert {kept(esmtp)} == provider.refresh_tokens
    assert "Done: the refresh token of alice is in " in terminal.shown
    assert str(esmtp.home / ".mail" / "token") in terminal.shown
    nothing_leaked(terminal.shown, provider)


def test_an_account_that_is_put_off_may_be_asked_again(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "device")
    with Store.open(str(esmtp.home / ".esmtp_queue")) as store:
        respite = Respite(store, load(str(esmtp.home / ".esmtprc")).identities[0])
        respite.begin(MailError("auth", "535", remote="mx", reply="535"))
        assert respite.why()
        terminal = esmtp.at_terminal("--authorize", "alice@example.test")
        tls.approve(read(terminal, r"code  (\S+)  there"))
        assert terminal.end() == 0
        assert respite.why() is None


def test_by_a_code(esmtp: Command, rc: Rc, provider: OAuthServer) -> None:
    write(rc, provider, "device")
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    url = read(terminal, r"  (\S+)\n\n")
    code = read(terminal, r"code  (\S+)  there")
    assert "thank you" in visit(provider, f"{url}?user_code={code}")
    assert terminal.end() == 0
    assert {kept(esmtp)} == provider.refresh_tokens
    nothing_leaked(terminal.shown, provider)


def test_the_address_is_pasted_where_the_browser_is_elsewhere(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "authorization")
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    url = read(terminal, r"  (\S+)\n\n")
    terminal.until("paste that here")
    where = visit(tls, url, follow=False)
    for wrong in ("nonsense", f"{where.partition('?')[0]}?code=x&state=y"):
        terminal.type(wrong)
        terminal.until(r"That is not the address that it ends at: it begins with http://127.0.0.1:\d+/\? ")
    terminal.type("")
    terminal.type(where)
    assert terminal.end() == 0
    assert {kept(esmtp)} == tls.refresh_tokens
    assert terminal.shown.count("That is not the address") == 2


def test_on_a_desktop_the_browser_opens_by_itself(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "authorization", "device")
    browser = esmtp.home / "bin" / "xdg-open"
    browser.parent.mkdir()
    browser.write_text(BROWSER.format(python=esmtp.program.parent / "python", ca=tls.authority.file))
    browser.chmod(0o755)
    esmtp.environ |= {"PATH": f"{browser.parent}:{esmtp.environ['PATH']}", "DISPLAY": ":99"}
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    assert terminal.end() == 0
    assert "A browser should open by itself." in terminal.shown
    wait_until((esmtp.home / "browser").exists, "the page in the browser, which stays")
    assert "You can close this window" in (esmtp.home / "browser").read_text()
    assert {kept(esmtp)} == tls.refresh_tokens


def test_without_a_desktop_a_code_where_there_is_one(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "authorization", "device")
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    code = read(terminal, r"code  (\S+)  there")
    tls.approve(code)
    assert terminal.end() == 0


def test_without_a_terminal(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "authorization", "device")
    argv = [esmtp.program, "--authorize", "alice@example.test", "--browser"]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=esmtp.environ, text=True
    ) as process:
        assert process.stdout
        url = next(line.strip() for line in process.stdout if line.startswith("  "))
        visit(tls, url)
        assert "Done: " in process.stdout.read()
    assert process.returncode == 0


@pytest.mark.parametrize("flag", ["--device", "--browser"])
def test_the_flag_chooses(flag: str, esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "authorization", "device")
    terminal = esmtp.at_terminal(flag, "--authorize", "alice@example.test")
    if flag == "--device":
        tls.approve(read(terminal, r"code  (\S+)  there"))
    else:
        visit(tls, read(terminal, r"  (\S+)\n\n"))
    assert terminal.end() == 0


@pytest.mark.parametrize("flag", ["--device", "--browser"])
@pytest.mark.parametrize("more", [[], ["alice@example.test"], ["--explain", "alice@example.test"]])
def test_the_flag_alone_says_what_it_belongs_to(flag: str, more: list[str], esmtp: Command) -> None:
    done = esmtp(flag, *more)
    assert done.code == 64
    assert done.err == f"esmtp: {flag} belongs to --authorize: esmtp --authorize ADDRESS {flag}\n"


@pytest.mark.parametrize("name", ["google", "microsoft"])
def test_known_providers_with_their_endpoints_here(name: str, esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    endpoint = "authorization" if name == "google" else "device"
    rc(
        "identity alice@example.test\nhostname 127.0.0.1:1\nusername alice\ntoken_file .mail/token\n"
        f'ca_file "{tls.authority.file}"\n{tls.rc(endpoint, provider=name, scope="")}'
    )
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    if name == "google":
        url = read(terminal, r"  (\S+)\n\n")
        asks = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        assert (asks["scope"], asks["access_type"]) == ("https://mail.google.com/", "offline")
        visit(tls, url)
    else:
        tls.approve(read(terminal, r"code  (\S+)  there"))
        assert tls.asked("device")[0].fields["scope"] == "https://outlook.office.com/SMTP.Send offline_access"
    assert terminal.end() == 0
    assert {kept(esmtp)} == tls.refresh_tokens


def test_a_second_time_replaces_the_first(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "device")
    found = []
    for _ in range(2):
        terminal = esmtp.at_terminal("--authorize", "alice@example.test")
        tls.approve(read(terminal, r"code  (\S+)  there"))
        assert terminal.end() == 0
        found.append(kept(esmtp))
    assert found[0] != found[1]
    assert [path.name for path in (esmtp.home / ".mail").iterdir()] == ["token"]


def test_the_keyring(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    (esmtp.home / "keyrings.py").write_text(KEYRING)
    write(rc, tls, "device", more="keyring_backend keyrings.InFile\n")
    esmtp.environ["PYTHONPATH"] = str(esmtp.home)
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    tls.approve(read(terminal, r"code  (\S+)  there"))
    assert terminal.end() == 0
    assert "in the keyring, as oauth2://127.0.0.1" in terminal.shown
    assert (esmtp.home / "ring").read_text() == f"oauth2://127.0.0.1 alice {tls.refresh_tokens.copy().pop()}"


# -- what goes wrong -------------------------------------------------------------------------------------------


def test_the_user_says_no(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "device")
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    tls.approve(read(terminal, r"code  (\S+)  there"), "access_denied")
    assert terminal.end() == 77
    assert "access_denied" in terminal.shown
    assert not (esmtp.home / ".mail").exists()


@pytest.mark.parametrize("way", ["device", "authorization"])
def test_the_user_presses_control_c(way: str, esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, way)
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    terminal.until("Waiting|paste that here")
    terminal.press(signal.SIGINT)
    assert terminal.end() == 75
    assert terminal.shown.endswith("esmtp: stopped by a signal; nothing was changed\n")
    assert not (esmtp.home / ".mail").exists()


def test_a_provider_that_gives_no_refresh_token(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    write(rc, tls, "device")
    tls.plan("token", (200, {"access_token": "abc", "expires_in": 3600}))
    terminal = esmtp.at_terminal("--authorize", "alice@example.test")
    assert terminal.end() == 77
    assert "gave no refresh token" in terminal.shown


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("token_file a/b/c/token\n", "nothing can be made in"),
        ("keyring_backend keyring.backends.fail.Keyring\n", "or write token_file in the rc"),
    ],
)
def test_where_nothing_can_be_kept_nobody_is_asked(
    place: str, words: str, esmtp: Command, rc: Rc, tls: OAuthServer
) -> None:
    write(rc, tls, "device", more=place)
    done = esmtp("--authorize", "alice@example.test")
    assert done.code in (73, 75)
    assert words in done.err
    assert tls.requests == []


def test_a_certificate_that_is_not_trusted(esmtp: Command, rc: Rc, tls: OAuthServer) -> None:
    rc(f"identity alice@example.test\nhostname h\nusername alice\ntoken_file t\n{tls.rc('device')}")
    done = esmtp("--authorize", "alice@example.test")
    assert done.code == 77
    assert "not trusted" in done.err
    assert tls.requests == []


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--authorize",), 64, "--authorize needs an argument"),
        (("--authorize", "a@x.test", "b@x.test"), 64, "needs one address"),
        (("--authorize", "password@example.test"), 78, "write `oauth2` in the rc"),
        (("--authorize", "google@example.test"), 78, "needs `client_id` in the rc"),
        (("--authorize", "custom@example.test"), 78, "needs `token_endpoint` in the rc"),
        (("--authorize", "neither@example.test"), 78, "`authorization_endpoint`"),
        (("--authorize", "neither@example.test", "--device"), 78, "`device_endpoint`"),
        (("--authorize", "stranger@example.test"), 78, "no identity of the rc serves stranger@example.test"),
    ],
)
def test_mistakes(args: tuple[str, ...], code: int, words: str, esmtp: Command, rc: Rc) -> None:
    rc(
        "unmatched refuse\n"
        "identity password@example.test\nhostname h\nusername u\npassword p\n"
        "identity google@example.test\nhostname h\nusername u\noauth2 google\n"
        "identity custom@example.test\nhostname h\nusername u\noauth2 custom\nclient_id c\n"
        "identity neither@example.test\nhostname h\nusername u\noauth2 custom\nclient_id c\n"
        "token_endpoint http://127.0.0.1:1/\ntoken_file token\n"
    )
    done = esmtp(*args)
    assert done.code == code
    assert words in done.err
    assert len(done.err.splitlines()) == 1
