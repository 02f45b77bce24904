"""Where a domain's server may be: what the DNS says comes before what is usual."""

from collections.abc import Iterator

import dns.resolver
import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.providers import guesses
from esmtp_py.deliver import find_server
from esmtp_py.deliver.find_server import find, named
from esmtp_py.deliver.survey import Survey
from esmtp_py.errors import MailError
from tests.server.nameserver import NameServer

SUBMISSIONS, SUBMISSION = "_submissions._tcp.example.org.", "_submission._tcp.example.org."


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with NameServer({}) as running:
        ours = dns.resolver.Resolver(configure=False)
        ours.nameservers, ours.port = ["127.0.0.1"], running.port
        monkeypatch.setattr(dns.resolver, "default_resolver", ours)
        yield running


def tried(good: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """What is found where only ``good`` answers as it should, and what was tried."""

    def survey(identity: Identity) -> Survey:
        if str(identity.server) != good:
            raise MailError("unreachable", "nobody")
        seen = Survey()
        seen.certificate = object()  # type: ignore[assignment]
        return seen

    monkeypatch.setattr(find_server, "survey", survey)
    places: list[str] = []
    return find("example.org", places.append), places


def test_what_the_dns_says_is_tried_first(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.records[SUBMISSIONS] = [(0, 1, 465, "a.example.org.")]
    server.records[SUBMISSION] = [(0, 1, 587, "b.example.net.")]
    assert tried("b.example.net:587", monkeypatch) == ("b.example.net:587", ["a.example.org:465", "b.example.net:587"])


@pytest.mark.parametrize("records", [[], [(0, 0, 0, ".")], "servfail"])
def test_otherwise_the_usual_names(records: object, server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.records[SUBMISSIONS] = records  # type: ignore[assignment]
    assert tried("nobody:25", monkeypatch) == ("", guesses("example.org"))


def test_none_is_tried_twice(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.records[SUBMISSION] = [(0, 1, 587, "mail.example.org.")]
    assert tried("nobody:25", monkeypatch)[1].count("mail.example.org:587") == 1


def test_a_port_must_say_how_tls_begins(server: NameServer) -> None:
    server.records[SUBMISSIONS] = [(0, 1, 4650, "a.example.org."), (1, 1, 465, "b.example.org.")]
    server.records[SUBMISSION] = [(0, 1, 465, "c.example.org."), (1, 1, 2525, "d.example.org.")]
    assert named("example.org") == ["b.example.org:465", "d.example.org:2525"]


def test_without_a_dns_the_first_guess_is_the_last(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def survey(identity: Identity) -> Survey:
        raise MailError("dns", f"cannot look up {identity.server.host} now")

    monkeypatch.setattr(find_server, "survey", survey)
    places: list[str] = []
    with pytest.raises(MailError, match=r"cannot look up smtp\.example\.org now"):
        find("example.org", places.append)
    assert len(places) == 1
