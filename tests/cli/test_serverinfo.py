"""--serverinfo: what a server is like, seen without logging in."""

import hashlib
import pathlib
import ssl
from collections.abc import Callable

import pytest

from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], pathlib.Path]


def facts(text: str) -> dict[str, str]:
    return {label: rest.strip() for label, _, rest in (line.partition(":") for line in text.splitlines())}


def fingerprint(server: SubmissionServer) -> str:
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", server.port)))
    return "SHA256:" + hashlib.sha256(der).hexdigest()


def statements(server: SubmissionServer, *more: str) -> str:
    lines = (f"hostname localhost:{server.port}", "username alice", 'password "canary"', *more)
    return "identity me@x.org\n" + "\n".join(lines) + "\n"


def test_starttls(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer() as server:
        rc(statements(server, f"ca_file {server.authority.file}"))
        done = esmtp("--serverinfo", "me@x.org")
        assert (done.code, done.err) == (0, "")
        assert [session.user for session in server.sessions] == [""]
        assert not any(who == "C" and b"AUTH" in line for who, line in server.dialogue)
    told = facts(done.out)
    assert told["TLS"].startswith("TLSv1.3 ")
    assert told["TLS"].endswith("by STARTTLS")
    assert told["greeting"].startswith("220 ")
    assert "PIPELINING" in told["extensions"]
    assert told["login"] == "PLAIN LOGIN CRAM-MD5"
    assert told["certificate"] == "for localhost, 127.0.0.1, ::1"
    assert "trustme" in told["issuer"]
    assert "problem" not in told
    assert server.violations == []


def test_tls_from_the_first_byte_and_the_default_identity(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="implicit") as server:
        rc(statements(server, f"ca_file {server.authority.file}", "starttls implicit"))
        done = esmtp("--serverinfo")
        expected = fingerprint(server)
    assert done.code == 0
    assert facts(done.out)["TLS"].endswith("from the first byte")
    assert facts(done.out)["fingerprint"] == expected


@pytest.mark.parametrize("more", [(), ("fingerprint SHA256:" + "0" * 64,)])
def test_a_certificate_that_is_not_trusted_is_shown(esmtp: Command, rc: Rc, more: tuple[str, ...]) -> None:
    with SubmissionServer(tls="implicit") as server:
        rc(statements(server, "starttls implicit", *more))
        done = esmtp("--serverinfo", "me@x.org")
        expected = fingerprint(server)
        told = facts(done.out)
        assert done.code == 77
        assert told["fingerprint"] == expected
        assert "certificate" in told["problem"]
        # and with that fingerprint in the rc a mail goes
        rc(statements(server, "starttls implicit", f"fingerprint {expected}").replace("canary", "secret"))
        assert esmtp("-f", "me@x.org", "you@y.org", stdin=b"Subject: x\n\ny\n").code == 0


def test_no_tls_where_there_must_be_some(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none") as server:
        rc(statements(server, "starttls required").replace("localhost", "127.0.0.1"))
        done = esmtp("--serverinfo", "me@x.org")
    assert done.code == 77
    assert "does not offer STARTTLS" in done.out + done.err


def test_it_does_not_log_in_without_a_username_either(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(mechanisms=("ANONYMOUS",)) as server:
        rc(f"identity me@x.org hostname localhost:{server.port} auth anonymous ca_file {server.authority.file}\n")
        assert esmtp("--serverinfo", "me@x.org").code == 0
        assert [session.mechanism for session in server.sessions] == [""]


def test_a_server_that_waits_for_tls_is_shown_with_what_to_write(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="implicit") as server:
        rc(statements(server, f"ca_file {server.authority.file}", "timeout 5"))  # which is also for what it says in TLS
        done = esmtp("--serverinfo", "me@x.org")
        told = facts(done.out)
        assert (done.code, done.err) == (75, "")
        assert told["TLS"].endswith("from the first byte")
        assert told["fingerprint"] == fingerprint(server)
        assert "did not answer in time" in told["problem"]
        assert "; in TLS from the first byte it answers: write `starttls implicit`" in told["problem"]
        assert not any(who == "C" and b"AUTH" in line for who, line in server.dialogue)


def test_no_server(esmtp: Command, rc: Rc) -> None:
    rc("identity me@x.org hostname 127.0.0.1:1\n")
    done = esmtp("--serverinfo", "me@x.org")
    assert (done.code, done.out) == (75, "")
    assert "Connection refused" in done.err


def test_words_of_the_server_play_no_tricks(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"GREETING": "220 \x1b[31mred"}) as server:
        rc(f"identity me@x.org hostname localhost:{server.port}\n")
        done = esmtp("--serverinfo", "me@x.org")
    assert "\x1b" not in done.out
    assert "\\x1b[31mred" in done.out
