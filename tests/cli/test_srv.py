"""``hostname srv:DOMAIN`` with the command as it is installed, a DNS of the test's own, and servers that it names."""

import pathlib
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Command, Done
from tests.ports import free_port
from tests.server import SubmissionServer
from tests.server.nameserver import NameServer

WriteRc = Callable[[str], pathlib.Path]
RESOLVER = """
import dns.resolver, os
ours = dns.resolver.default_resolver = dns.resolver.Resolver(configure=False)
ours.nameservers, ours.port = ["127.0.0.1"], int(os.environ["DNS_PORT"])
"""
HERE, ELSEWHERE = "localhost", "example.org"


@pytest.fixture
def names(esmtp: Command) -> Iterator[NameServer]:
    """The DNS that the command asks."""
    directory = esmtp.home / "resolver"
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(RESOLVER)
    with NameServer({}) as running:
        esmtp.environ |= {"PYTHONPATH": str(directory), "DNS_PORT": str(running.port)}
        yield running


def named(names: NameServer, service: str, domain: str, *ports: int, target: str = "localhost.") -> None:
    names.records[f"_{service}._tcp.{domain}."] = [(n, 1, port, target) for n, port in enumerate(ports)]


def rc_for(server: SubmissionServer, domain: str, more: str = "") -> str:
    login = f"username alice\npassword secret\nca_file {server.authority.file}\n"
    return f"hostname srv:{domain}\n{login}{more}"


def send(esmtp: Command) -> Done:
    return esmtp("-v", "-f", "me@example.test", "you@example.test", stdin=b"Subject: x\n\ny\n")


def arrived(done: Done, server: SubmissionServer) -> None:
    assert done.code == 0, done.err
    assert len(server.mails) == 1
    assert server.mails[0].session.tls
    assert server.violations == []


def refused(done: Done, server: SubmissionServer, code: int, says: str) -> None:
    assert done.code == code, done.err
    assert says in done.err
    assert server.mails == []
    assert not [line for who, line in server.dialogue if who == "C" and line.startswith(b"AUTH")]


@pytest.mark.parametrize(("service", "tls"), [("submissions", "implicit"), ("submission", "starttls")])
def test_a_server_in_the_domain(service: str, tls: str, names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    with SubmissionServer(tls=tls) as server:
        named(names, service, HERE, server.port)
        rc(rc_for(server, HERE))
        arrived(send(esmtp), server)
        assert server.sessions[0].server_name == "localhost"


def test_one_that_does_not_answer(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    port = free_port()
    with SubmissionServer() as server:
        named(names, "submissions", HERE, port)
        named(names, "submission", HERE, port, server.port)
        rc(rc_for(server, HERE))
        arrived(send(esmtp), server)


def test_none_answers(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    port = free_port()
    with SubmissionServer() as server:
        named(names, "submission", HERE, port)
        rc(rc_for(server, HERE))
        refused(send(esmtp), server, 75, f"cannot connect to localhost[127.0.0.1]:{port}: Connection refused")


def test_a_server_of_somebody_else(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    """RFC 6186 section 6: nothing is even connected to before the user has said that it is right."""
    with SubmissionServer() as server:
        named(names, "submission", ELSEWHERE, server.port)
        rc(rc_for(server, ELSEWHERE))
        refused(send(esmtp), server, 78, "is localhost, which is outside of example.org, and the DNS may be forged")
        assert server.sessions == []
        rc(rc_for(server, ELSEWHERE, "tls_hostname localhost\n"))
        arrived(send(esmtp), server)


def test_a_name_that_only_looks_like_the_domain(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    with SubmissionServer() as server:
        named(names, "submission", ELSEWHERE, server.port, target="evilexample.org.")
        rc(rc_for(server, ELSEWHERE))
        refused(send(esmtp), server, 78, "is evilexample.org, which is outside of example.org")


def test_the_certificate_must_be_for_the_name_that_was_said(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    with SubmissionServer() as server:
        named(names, "submission", ELSEWHERE, server.port)
        rc(rc_for(server, ELSEWHERE, "tls_hostname mail.example.org\n"))
        refused(send(esmtp), server, 77, "its certificate is not for mail.example.org")


def test_the_certificate_must_be_for_the_server(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    other = SubmissionServer(certificate=SubmissionServer().authority.issue("mail.example.org"))
    with other as server:
        named(names, "submission", HERE, server.port)
        rc(rc_for(server, HERE))
        refused(send(esmtp), server, 77, "its certificate is not for localhost")


@pytest.mark.parametrize("login", ["", "username alice\npassword secret\n"])
def test_no_tls_no_mail(login: str, names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    """With or without a login: only a certificate shows that the DNS has told the truth."""
    with SubmissionServer(tls="none", mechanisms=(), require_auth=False) as server:
        named(names, "submission", HERE, server.port)
        rc(f"hostname srv:{HERE}\n{login}")
        refused(send(esmtp), server, 77, "does not offer STARTTLS, so nothing shows that it is the server of the")
        rc(f"hostname srv:{HERE}\nstarttls disabled\n")
        assert send(esmtp).code == 0


def test_a_pin(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    with SubmissionServer() as server:
        named(names, "submission", ELSEWHERE, server.port)
        rc(f"hostname srv:{ELSEWHERE}\nfingerprint SHA256:{'0' * 64}\n")
        refused(send(esmtp), server, 77, "not the one of fingerprint in the rc")


@pytest.mark.parametrize(("policy", "asked"), [("implicit", "submissions"), ("disabled", "submission")])
def test_only_what_the_policy_has_a_use_for_is_looked_up(
    policy: str, asked: str, names: NameServer, esmtp: Command, rc: WriteRc
) -> None:
    rc(f"hostname srv:{ELSEWHERE}\nstarttls {policy}\n")
    done = send(esmtp)
    assert done.code == 68
    assert "has no SRV record for mail submission" in done.err
    assert set(names.asked) == {f"_{asked}._tcp.example.org."}  # a resolver that has to wait asks again


def test_dns_that_does_not_answer_is_tried_again(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    names.records["_submissions._tcp.example.org."] = "servfail"
    rc(f"hostname srv:{ELSEWHERE}\n")
    done = send(esmtp)
    assert done.code == 75
    assert "cannot look up _submissions._tcp.example.org. now" in done.err


def test_not_through_a_proxy(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    rc(f"hostname srv:{ELSEWHERE}\nproxy socks5://127.0.0.1:1\n")
    done = send(esmtp)
    assert done.code == 78
    assert "srv: in hostname asks the DNS, which proxy in the rc is there to avoid" in done.err
    assert names.asked == []


def test_what_the_assistants_say(names: NameServer, esmtp: Command, rc: WriteRc) -> None:
    with SubmissionServer() as server:
        named(names, "submission", HERE, server.port)
        rc(rc_for(server, HERE))
        assert "srv:localhost" in esmtp("--check-rc").out
        explained = esmtp("--explain", "me@example.test").out
        assert "srv:localhost" in explained
        assert "the server that the DNS names, in localhost" in explained
        assert f"localhost[127.0.0.1]:{server.port}" in esmtp("--serverinfo", "me@example.test").out
