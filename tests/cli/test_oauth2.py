"""Mail with OAuth2, every day: many at once, refused tokens, the blocks of the sample, and no trace of a secret."""

import os
import pathlib
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.cli import canary
from tests.cli.canary import Watch, nests, sung
from tests.cli.test_authorize import read, visit
from tests.cli.test_imports import FORBIDDEN, Lister
from tests.conftest import Command, Done
from tests.ports import free_port
from tests.server import SubmissionServer
from tests.server.oauth import OAuthServer, as_json, http

Rc = Callable[[str], pathlib.Path]
MAIL = b"Subject: x\n\nx\n"
SAMPLE = pathlib.Path(__file__).parents[2] / "sample.esmtprc"
MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
# Not that of test_canary, which puts it where it must not be, to see that it is found.
CANARY = f"Kanarie-{os.urandom(6).hex()}-vogel"


class Newest(Mapping[str, str]):
    """What the mail server takes: the newest token that the provider has given, whoever comes."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def __getitem__(self, user: str) -> str:
        return self.tokens[-1]

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError


@pytest.fixture
def provider() -> Iterator[OAuthServer]:
    # at a port that nobody else gets when it has gone
    with OAuthServer(tls=True, rotating=True, port=free_port()) as running:
        yield running
    assert running.violations == []


@pytest.fixture
def server(provider: OAuthServer) -> Iterator[SubmissionServer]:
    with SubmissionServer(mechanisms=MECHANISMS) as running:
        running.users = Newest(provider.granted)  # type: ignore[assignment]
        yield running
    assert running.violations == []


@pytest.fixture
def agreed(esmtp: Command, rc: Rc, provider: OAuthServer, server: SubmissionServer) -> pathlib.Path:
    """An rc for them, with a refresh token in its token_file."""
    rc(
        f"identity alice@example.test\nhostname localhost:{server.port}\nusername alice\n"
        f'ca_file "{server.authority.file}"\n{provider.rc("authorization", "device")}token_file token\n'
    )
    path = esmtp.home / "token"
    path.touch(0o600)
    path.write_text(provider.refresh_token())
    return path


def send(esmtp: Command, *args: str) -> Done:
    return esmtp(*args, "-f", "alice@example.test", "you@example.test", stdin=MAIL)


def older(esmtp: Command, seconds: float) -> None:
    """The cached token was fetched so long ago; it is not said to have ended."""
    [file] = (esmtp.home / ".esmtp_tokens").glob("*.token")
    lines = file.read_text().split("\n")
    file.write_text("\n".join([lines[0], str(float(lines[1]) - seconds), *lines[2:]]))


def test_eight_at_once_ask_the_provider_once(
    esmtp: Command, agreed: pathlib.Path, provider: OAuthServer, server: SubmissionServer
) -> None:
    provider.delay = 0.5  # so that most of them have come when the answer comes
    argv = [esmtp.program, "-f", "alice@example.test", "you@example.test"]
    runs = [subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=esmtp.environ) for _ in range(8)]
    for run in runs:  # none before it has its whole mail
        assert run.stdin
        run.stdin.write(MAIL)
        run.stdin.close()
    for run in runs:
        run.stdin = None
        assert run.communicate(timeout=60)[1] == b""
    assert [run.returncode for run in runs] == [0] * 8
    assert len(provider.asked("token")) == 1
    assert len(server.mails) == 8


def test_a_token_that_was_withdrawn_is_replaced_within_the_session(
    esmtp: Command, agreed: pathlib.Path, provider: OAuthServer, server: SubmissionServer
) -> None:
    assert send(esmtp).code == 0
    older(esmtp, 100)
    provider.granted.append("withdrawn, for this is what the server takes now")
    done = send(esmtp, "-v")
    assert done.code == 0
    assert len(server.mails) == 2
    server.settle()
    assert len(server.sessions) == 2
    assert len(provider.asked("token")) == 2
    assert done.err.count("C: AUTH ") == 2


def test_a_server_that_takes_no_token_is_asked_twice_and_the_mail_waits(
    esmtp: Command, agreed: pathlib.Path, provider: OAuthServer, server: SubmissionServer
) -> None:
    server.users = {}
    assert send(esmtp).code == 77
    assert len(provider.asked("token")) == 1  # it was new already
    older(esmtp, 100)
    done = send(esmtp)
    assert done.code == 77
    assert "535" in done.err
    assert "; if it lasts, run `esmtp --authorize alice@example.test`" in done.err
    assert len(provider.asked("token")) == 2
    assert server.mails == []


def test_a_dead_permission_and_a_dead_network_are_told_apart(
    esmtp: Command, agreed: pathlib.Path, provider: OAuthServer, server: SubmissionServer
) -> None:
    provider.refresh_tokens.clear()
    done = send(esmtp)
    assert done.code == 77
    assert "run `esmtp --authorize alice@example.test`" in done.err
    provider.close()
    done = send(esmtp)
    assert done.code == 75
    assert "cannot connect" in done.err
    assert "--authorize" not in done.err


def silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (silent, 75, "did not answer in time"),
        (b"", 75, "closed the connection before it had answered"),
        (http(200, "text/html", b"<html>log in here</html>"), 76, "no answer of OAuth2 (HTTP 200, text/html)"),
        (http(302, "text/html", b"", "Location: https://evil.test/"), 76, "sends us elsewhere"),
        (http(503, "text/html", b"<html>"), 75, "HTTP 503"),
        (http(200, "application/json", b" " * 10**6), 76, "too long"),
        ((200, {"access_token": "two words"}), 76, "none that can be used"),
        ((401, {"error": "invalid_client"}), 78, "check client_id and client_secret"),
    ],
    ids=["silent", "closed", "html", "redirect", "ill", "huge", "odd", "stranger"],
)
def test_a_provider_that_fails_or_lies(
    reply: object,
    code: int,
    words: str,
    esmtp: Command,
    agreed: pathlib.Path,
    rc: Rc,
    provider: OAuthServer,
    server: SubmissionServer,
) -> None:
    usual = (esmtp.home / ".esmtprc").read_text()
    if reply is silent:  # the others have the time they need
        rc(usual + "timeout 5\n")
    provider.plan("token", reply)  # type: ignore[arg-type]
    done = send(esmtp)
    assert (done.code, len(done.err.splitlines())) == (code, 1)
    assert words in done.err
    assert server.mails == []
    rc(usual)
    assert send(esmtp).code == 0  # and is well again


def test_connections_of_a_queue_run_ask_once(
    esmtp: Command, agreed: pathlib.Path, rc: Rc, provider: OAuthServer, server: SubmissionServer
) -> None:
    rc((esmtp.home / ".esmtprc").read_text() + "connections 3\n")
    for _ in range(9):
        assert send(esmtp, "-odq").code == 0
    provider.delay = 0.3
    assert esmtp("-q").code == 0
    assert len(server.mails) == 9
    assert len(provider.asked("token")) == 1


def test_no_token_goes_where_others_can_read_it(
    esmtp: Command, agreed: pathlib.Path, provider: OAuthServer, rc: Rc
) -> None:
    with SubmissionServer(mechanisms=MECHANISMS, tls="none", require_tls=False) as clear:
        text = (esmtp.home / ".esmtprc").read_text()
        rc(re.sub("hostname .*", f"hostname localhost:{clear.port}\nstarttls required", text))
        done = send(esmtp)
        assert done.code == 77
        assert "STARTTLS" in done.err
        assert not any(line.upper().startswith(b"AUTH") for who, line in clear.dialogue if who == "C")


def test_what_a_mail_with_a_cached_token_loads(
    esmtp: Command, agreed: pathlib.Path, provider: OAuthServer, server: SubmissionServer
) -> None:
    assert send(esmtp).code == 0
    lister = Lister(esmtp)
    modules = lister.modules("-f", "alice@example.test", "you@example.test")
    assert "esmtp_py.secret.oauth2.cache" in modules
    assert modules & (FORBIDDEN | {"hashlib", "http.client", "urllib.parse"}) <= lister.of_python("import ssl")


# -- the blocks of the sample ----------------------------------------------------------------------------------


def block(address: str) -> str:
    """The section of sample.esmtprc that serves the address, switched on."""
    text = re.sub(r"(?m)^ *#(?=[a-z])", "", SAMPLE.read_text())
    found = re.search(rf"(?ms)^identity {re.escape(address)}$.*?(?=^(?:identity |#)|\Z)", text)
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("address", "way"),
    [("you@gmail.com", "browser"), ("you@company.example", "device"), ("you@school.example", "device")],
)
def test_blocks_of_the_sample_work(
    address: str, way: str, esmtp: Command, rc: Rc, provider: OAuthServer, server: SubmissionServer
) -> None:
    text = re.sub(r"hostname \S+", f"hostname localhost:{server.port}", block(address))
    provider.client_id = re.findall(r"client_id (\S+)", text)[0]
    provider.client_secret = (re.findall(r'client_secret "(.*)"', text) or [None])[0]
    provider.user = re.findall(r"username (\S+)", text)[0]
    text = "".join(line for line in text.splitlines(keepends=True) if "_endpoint" not in line)
    endpoints = {"authorization": "authorize", "token": "token"} | ({"device": "device"} if way == "device" else {})
    text += "".join(f"{name}_endpoint {provider.url(path)}\n" for name, path in endpoints.items())
    rc(f'{text}ca_file "{server.authority.file}"\n' + ("" if "token_file" in text else "token_file token\n"))
    terminal = esmtp.at_terminal("--authorize", address)
    if way == "browser":
        visit(provider, read(terminal, r"  (\S+)\n\n"))
    else:
        provider.approve(read(terminal, r"code  (\S+)  there"))
    assert terminal.end() == 0, terminal.shown
    done = esmtp("-f", address, "you@example.test", stdin=MAIL)
    assert (done.code, done.err) == (0, "")
    assert server.mails[0].session.user == provider.user


def test_blocks_of_the_sample_are_those_of_the_readme() -> None:
    readme = (SAMPLE.parent / "README.md").read_text()
    for address in ("you@gmail.com", "you@company.example"):
        written = [line.strip() for line in block(address).splitlines() if line.strip()]
        assert "\n".join(written) in re.sub(r"(?m)^ +", "", readme)


# -- where the secrets are, and where not ----------------------------------------------------------------------


@pytest.fixture
def watch(esmtp: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Looks for our canary while the test runs."""
    monkeypatch.setattr(canary, "FORMS", canary.forms(CANARY))
    with Watch(gate=esmtp.home / "gate") as watching:
        yield watching


def test_the_secrets_are_where_they_have_to_be_and_nowhere_else(
    esmtp: Command, agreed: pathlib.Path, rc: Rc, provider: OAuthServer, server: SubmissionServer, watch: Watch
) -> None:
    provider.client_secret = f"GOCSPX-{CANARY}"
    text = (esmtp.home / ".esmtprc").read_text() + "preconnect 'read line <~/gate'\n"
    rc(text.replace(OAuthServer.client_secret, provider.client_secret))
    old, new = f"1//{CANARY}1", f"1//{CANARY}2"
    agreed.write_text(old)
    shown = ""
    tokens = [f"ya29.{CANARY}{number}" for number in range(3)]
    provider.granted += tokens
    provider.plan("token", (200, {"access_token": tokens[0], "refresh_token": new, "expires_in": 3600}))
    done = send(esmtp, "-v", "-X", "transcript")  # taken is only the newest token, and this one is new
    assert done.code == 77
    shown += done.out + done.err
    older(esmtp, 100)
    provider.plan("token", (400, {"error": "invalid_grant", "error_description": f"{new} {provider.client_secret}"}))
    assert send(esmtp, "-odq").code == 0
    done = esmtp("-v", "-X", "transcript", "-q")
    assert "invalid_grant" in done.err
    shown += done.out + done.err
    provider.plan("token", (200, {"access_token": tokens[2], "refresh_token": new, "expires_in": 3600}))
    done = send(esmtp, "-v", "-X", "transcript")
    assert done.code == 0, done.err
    shown += done.out + done.err + esmtp("--check-rc").out + esmtp("--explain", "alice@example.test").out
    shown += esmtp("-bp", "-v").out
    assert agreed.read_text().strip() == new
    [cache] = (esmtp.home / ".esmtp_tokens").glob("*.token")
    known = {".esmtprc", "token", str(cache.relative_to(esmtp.home))}
    assert list(nests(esmtp.home, known)) == []
    assert all(sung((esmtp.home / name).read_bytes()) for name in known)  # the test would see it
    assert sung(shown.encode()) == []
    assert "AUTH " in shown
    assert "esmtp" in watch.seen
    assert watch.found == set()


def test_nor_are_those_of_an_authorisation(
    esmtp: Command, agreed: pathlib.Path, rc: Rc, provider: OAuthServer, server: SubmissionServer, watch: Watch
) -> None:
    provider.client_secret = f"GOCSPX-{CANARY}"
    rc((esmtp.home / ".esmtprc").read_text().replace(OAuthServer.client_secret, provider.client_secret))
    granted = {"access_token": f"ya29.{CANARY}", "refresh_token": f"1//{CANARY}", "expires_in": 3600}

    def given(connection: socket.socket) -> None:
        time.sleep(0.2)  # so that the watch sees us waiting
        connection.sendall(as_json(200, granted))

    for flag in ("--browser", "--device"):
        provider.plan("token", given)
        terminal = esmtp.at_terminal("--authorize", "alice@example.test", flag)
        if flag == "--browser":
            visit(provider, read(terminal, r"  (\S+)\n\n"))
        assert terminal.end() == 0
        assert sung(terminal.shown.encode()) == []
    [cache] = (esmtp.home / ".esmtp_tokens").glob("*.token")
    assert list(nests(esmtp.home, {".esmtprc", "token", str(cache.relative_to(esmtp.home))})) == []
    assert sung(agreed.read_bytes())
    assert watch.found == set()
