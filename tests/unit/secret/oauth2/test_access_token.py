"""One token for all who need it: cached, renewed in time, fetched once, kept safe; and what is said without one."""

import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from subprocess import PIPE

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.errors import MailError
from esmtp_py.outcome import DEFERRED
from esmtp_py.secret.oauth2 import access_token, authorized, cache
from esmtp_py.secret.oauth2.client import Client
from esmtp_py.secret.oauth2.store import store
from esmtp_py.secret.oauth2.tokens import Tokens
from tests.server.oauth import OAuthServer, as_json, http
from tests.unit.secret.oauth2.conftest import MakeIdentity

Together = Callable[[], list[str]]


def cached(home: pathlib.Path) -> pathlib.Path:
    [file] = (home / ".esmtp_tokens").glob("*.token")
    return file


def age(home: pathlib.Path, since: float = 0, until: float = 0) -> None:
    """The cached token becomes older, or ends sooner, by so many seconds."""
    of, begin, end, token, _ = cached(home).read_text().split("\n")
    cached(home).write_text(f"{of}\n{float(begin) - since}\n{float(end) - until}\n{token}\n")


def failure(identity: Identity) -> MailError:
    with pytest.raises(MailError) as caught:
        access_token(identity)
    assert caught.value.outcome().fate == DEFERRED
    return caught.value


def test_a_refresh_token_becomes_an_access_token(provider: OAuthServer, identity: MakeIdentity) -> None:
    assert access_token(identity()).reveal() == provider.granted[0]
    [request] = provider.requests
    assert request.fields["grant_type"] == "refresh_token"
    assert request.fields["scope"] == "mail.send"


def test_the_token_is_cached_for_others_to_use_and_nobody_else_to_read(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    first = access_token(identity())
    assert access_token(identity()) == first
    assert len(provider.requests) == 1
    directory = home / ".esmtp_tokens"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


def test_it_is_renewed_shortly_before_it_ends(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    first = access_token(identity())
    age(home, since=3530, until=3530)  # of 3600 seconds: 70 are left
    assert access_token(identity()) == first
    age(home, since=20, until=20)
    assert access_token(identity()) != first
    assert len(provider.requests) == 2


def test_a_short_life_is_used_too(provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path) -> None:
    provider.lifetime = 40
    first = access_token(identity())
    assert access_token(identity()) == first
    age(home, since=21, until=21)
    assert access_token(identity()) != first


@pytest.mark.parametrize("expires", [{}, {"expires_in": None}, {"expires_in": "soon"}, {"expires_in": True}])
def test_where_no_lifetime_is_said_it_is_short(
    expires: dict[str, object], provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    provider.plan("token", (200, {"access_token": "abc", "token_type": "bearer"} | expires))
    assert access_token(identity()).reveal() == "abc"
    assert access_token(identity()).reveal() == "abc"
    age(home, since=241, until=241)
    assert access_token(identity()).reveal() != "abc"


@pytest.mark.parametrize("lie", [0, -5, "0"])
def test_a_token_that_is_said_to_be_dead_is_used_once(
    lie: object, provider: OAuthServer, identity: MakeIdentity
) -> None:
    provider.plan("token", (200, {"access_token": "abc", "expires_in": lie}))
    assert access_token(identity()).reveal() == "abc"
    assert access_token(identity()).reveal() != "abc"


@pytest.mark.parametrize("lie", [1e300, 10**40, "999999999"])
def test_no_token_lives_for_ever(
    lie: object, provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    provider.plan("token", (200, {"access_token": "abc", "expires_in": lie}))
    assert access_token(identity()).reveal() == "abc"
    assert float(cached(home).read_text().split("\n")[2]) < time.time() + 86401


def test_a_clock_that_was_set_back_makes_no_token_good(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    first = access_token(identity())
    age(home, since=-7200, until=-7200)
    second = access_token(identity())
    assert second != first
    age(home, until=-(10**7))  # nor one that would live for years
    assert access_token(identity()) != second


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [],
        lambda lines: lines[:3],
        lambda lines: lines[:4],
        lambda lines: [*lines, "more"],
        lambda lines: [lines[0], "x", *lines[2:]],
        lambda lines: [*lines[:2], "nan", *lines[3:]],
        lambda lines: [*lines[:2], "inf", *lines[3:]],
        lambda lines: [*lines[:3], "two words", ""],
        lambda lines: [*lines[:3], "\udcff", ""],
    ],
)
def test_a_damaged_cache_costs_a_request_and_no_more(
    change: Callable[[list[str]], list[str]], provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    access_token(identity())
    lines = cached(home).read_text().split("\n")
    cached(home).write_text("\n".join(change(lines)), errors="surrogateescape")
    assert access_token(identity()).reveal() == provider.granted[1]


def test_another_scope_is_another_token(provider: OAuthServer, identity: MakeIdentity) -> None:
    first = access_token(identity())
    assert access_token(identity(scope="other")) != first


def test_what_the_server_refused_is_not_given_again(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    first = access_token(identity())
    age(home, since=100)
    second = access_token(identity(), refused=first)
    assert second != first
    assert access_token(identity(), refused=first) == second  # somebody else was refused the same one
    assert len(provider.requests) == 2


def test_a_token_that_is_refused_when_it_is_new_is_not_renewed(provider: OAuthServer, identity: MakeIdentity) -> None:
    first = access_token(identity())
    assert access_token(identity(), refused=first) == first
    assert len(provider.requests) == 1


def test_a_rotated_refresh_token_is_kept(provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path) -> None:
    provider.rotating = True
    for _ in range(3):
        access_token(identity())
        assert {(home / "refresh").read_text().strip()} == provider.refresh_tokens
        cached(home).unlink()
    assert (home / "refresh").stat().st_mode & 0o777 == 0o600


def test_a_rotated_refresh_token_is_kept_before_the_access_token_is(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    provider.rotating = True
    monkeypatch.setattr(cache.Cache, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        access_token(identity())
    assert {(home / "refresh").read_text().strip()} == provider.refresh_tokens


def test_very_long_tokens(provider: OAuthServer, identity: MakeIdentity) -> None:
    provider.pad = 40000
    assert len(access_token(identity()).reveal()) > 50000
    assert access_token(identity()).reveal() == provider.granted[0]


# -- many at once ----------------------------------------------------------------------------------------------


# Who sleeps waits for the lock, and says so.
ASK = """
import os, sys, time
from esmtp_py.config import load
from esmtp_py.errors import MailError
from esmtp_py.secret.oauth2 import access_token
[identity] = load(sys.argv[1]).identities
pause = time.sleep
def sleep(seconds):
    open(f"waits.{os.getpid()}", "w").close()
    pause(seconds)
time.sleep = sleep
print("ready", flush=True)
sys.stdin.readline()
try:
    print(access_token(identity).reveal())
except MailError as error:
    print(f"{error.kind}: {error.text}")
"""


@pytest.fixture
def together(provider: OAuthServer, home: pathlib.Path, identity: MakeIdentity) -> Callable[[], list[str]]:
    """What eight processes get that ask at the same time."""
    rc = home / "rc"
    rc.touch(0o600)
    rc.write_text(f"hostname mx.example.test\nusername alice\n{provider.rc()}token_file refresh\n")

    def ask() -> list[str]:
        argv = [sys.executable, "-c", ASK, str(rc)]
        processes = [subprocess.Popen(argv, stdin=PIPE, stdout=PIPE, text=True, cwd=home) for _ in range(8)]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        return [process.communicate(timeout=60)[0].strip() for process in processes]

    return ask


def when_all_wait(home: pathlib.Path, answer: bytes) -> Callable[[socket.socket], None]:
    """That answer, when seven of the eight have come to the lock."""

    def say(connection: socket.socket) -> None:
        end = time.monotonic() + 60
        while len(list(home.glob("waits.*"))) < 7:
            assert time.monotonic() < end
            time.sleep(0.01)
        connection.sendall(answer)

    return say


def test_eight_processes_ask_once(provider: OAuthServer, home: pathlib.Path, together: Together) -> None:
    provider.rotating = True  # a second request with the same refresh token would fail
    provider.plan("token", when_all_wait(home, as_json(200, {"access_token": "abc", "expires_in": 3600})))
    assert together() == ["abc"] * 8
    assert len(provider.requests) == 1


def test_eight_processes_whose_token_has_ended_ask_once(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path, together: Together
) -> None:
    access_token(identity())
    age(home, since=4000, until=4000)
    assert together() == [provider.granted[1]] * 8
    assert len(provider.requests) == 2


def test_who_waited_for_a_request_that_failed_does_not_make_it_again(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path, together: Together
) -> None:
    provider.plan("token", *[when_all_wait(home, http(503, "text/html", b"<html>"))] * 8)
    found = together()
    assert len(set(found)) == 1
    assert found[0].startswith("try_again: ")
    assert len(provider.requests) == 1
    provider.forget_plans()
    # whoever comes later asks, and is not told of yesterday
    assert access_token(identity()).reveal() == provider.granted[0]


@pytest.fixture
def failing(provider: OAuthServer, identity: MakeIdentity, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody has the lock, and fails as soon as others wait for it."""
    has, fails = threading.Event(), threading.Event()
    client = Client(identity())

    def hold() -> None:
        try:
            with cache.Cache(client, store(client).key).locked():
                has.set()
                fails.wait(30)
                raise MailError("auth", "the permission is dead")
        except MailError:
            pass  # it has left word

    thread = threading.Thread(target=hold)
    thread.start()
    assert has.wait(30)
    monkeypatch.setattr(time, "sleep", lambda seconds: fails.set())
    yield
    fails.set()
    thread.join(30)


def test_who_waited_fails_with_the_same_words(failing: None, provider: OAuthServer, identity: MakeIdentity) -> None:
    assert failure(identity()).text == "the permission is dead"
    assert provider.requests == []
    assert access_token(identity()).reveal() == provider.granted[0]  # not so who comes later


def test_what_the_user_agrees_to_is_kept_whoever_has_failed_meanwhile(
    failing: None, provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    authorized(Client(identity()), Tokens(Secret("abc"), Secret("def"), 3600))
    assert (home / "refresh").read_text() == "def\n"
    assert access_token(identity()).reveal() == "abc"


def test_yesterdays_failure_is_forgotten_also_when_the_clock_was_wrong(
    provider: OAuthServer, identity: MakeIdentity, home: pathlib.Path
) -> None:
    provider.plan("token", "invalid_grant")
    failure(identity())
    [lock] = (home / ".esmtp_tokens").glob("*.lock")
    assert "invalid_grant" in lock.read_text()
    os.utime(lock, (time.time() + 10**6,) * 2)
    assert access_token(identity()).reveal() == provider.granted[0]
    assert lock.read_text() == ""


def test_threads_of_one_process_ask_once(provider: OAuthServer, identity: MakeIdentity) -> None:
    found: list[Secret] = []
    threads = [threading.Thread(target=lambda: found.append(access_token(identity()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [secret.reveal() for secret in found] == provider.granted * 6


def test_a_lock_that_is_never_given_free_is_not_waited_for_for_ever(
    provider: OAuthServer, identity: MakeIdentity, monkeypatch: pytest.MonkeyPatch, home: pathlib.Path
) -> None:
    import fcntl

    access_token(identity())
    cached(home).unlink()
    [lock] = (home / ".esmtp_tokens").glob("*.lock")
    monkeypatch.setattr(cache, "LOCK_SECONDS", 0.1)
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        error = failure(identity())
    assert error.kind == "try_again"
    assert "too long" in error.text
    assert access_token(identity())


# -- what goes wrong -------------------------------------------------------------------------------------------


def test_a_dead_refresh_token_asks_for_the_user(provider: OAuthServer, identity: MakeIdentity) -> None:
    provider.refresh_tokens.clear()
    error = failure(identity())
    assert error.kind == "auth"
    assert "run `esmtp --authorize alice@example.test`" in error.text
    assert "invalid_grant" in error.text


def test_a_network_failure_does_not(provider: OAuthServer, identity: MakeIdentity) -> None:
    me = identity(token_endpoint="http://127.0.0.1:1/token")
    error = failure(me)
    assert error.kind == "unreachable"
    assert "--authorize" not in error.text
    assert "no access token for alice" in error.text


def test_a_cached_token_needs_no_network(provider: OAuthServer, identity: MakeIdentity) -> None:
    first = access_token(identity())
    provider.close()
    assert access_token(identity()) == first


def test_no_refresh_token_at_all(identity: MakeIdentity, home: pathlib.Path) -> None:
    (home / "refresh").unlink()
    error = failure(identity())
    assert error.kind == "auth"
    assert f"there is no token_file {home}/refresh; run `esmtp --authorize alice@example.test`" in error.text


@pytest.mark.parametrize("content", ["", "\n", "two words\n", "one\ntwo\n", "é\n"])
def test_a_token_file_that_holds_none(content: str, identity: MakeIdentity, home: pathlib.Path) -> None:
    (home / "refresh").write_text(content)
    error = failure(identity())
    assert error.kind == "auth"
    assert "holds no refresh token" in error.text


def test_a_token_file_that_others_can_read(identity: MakeIdentity, home: pathlib.Path) -> None:
    (home / "refresh").chmod(0o640)
    error = failure(identity())
    assert error.kind == "config"
    assert "chmod 600" in error.text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_token_file_of_somebody_else(identity: MakeIdentity, home: pathlib.Path) -> None:
    os.chown(home / "refresh", 65534, 65534)
    assert failure(identity()).kind == "config"


def test_a_directory_of_tokens_that_is_open_to_others(identity: MakeIdentity, home: pathlib.Path) -> None:
    access_token(identity())
    (home / ".esmtp_tokens").chmod(0o750)
    error = failure(identity())
    assert error.kind == "config"
    assert "chmod 700" in error.text


def test_a_directory_of_tokens_that_is_a_link(identity: MakeIdentity, home: pathlib.Path) -> None:
    (home / "elsewhere").mkdir(0o700)
    (home / ".esmtp_tokens").symlink_to("elsewhere")
    assert failure(identity()).kind == "config"


@pytest.mark.parametrize("name", ["client_id", "token_endpoint", "username"])
def test_what_the_rc_lacks_is_named(name: str, identity: MakeIdentity) -> None:
    error = failure(identity(**{name: ""}))
    assert error.kind == "config"
    assert f"`{name}`" in error.text
