"""Where a domain submits its mail (RFC 6186, 8314), against a DNS server of the test's own."""

import builtins
import itertools
import time
from collections.abc import Iterator

import dns.resolver
import pytest

from esmtp_py.errors import MailError
from esmtp_py.net import srv
from esmtp_py.net.srv import SERVICES, Record, in_order, look_up, places
from tests.server.nameserver import NameServer, Srv

SUBMISSIONS, SUBMISSION = "_submissions._tcp.example.org.", "_submission._tcp.example.org."


def later() -> float:
    return time.monotonic() + 20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with NameServer({}) as running:
        ours = dns.resolver.Resolver(configure=False)
        ours.nameservers, ours.port = ["127.0.0.1"], running.port
        ours.timeout = 20  # of one try: each name is asked for once, however late the answer
        monkeypatch.setattr(dns.resolver, "default_resolver", ours)
        yield running


def found(domain: str = "example.org") -> list[tuple[str, int, bool]]:
    return [(place.host, place.port, place.implicit) for place in places(domain, SERVICES, later())]


def refused(domain: str = "example.org", deadline: float = 0) -> MailError:
    with pytest.raises(MailError) as raised:
        list(places(domain, SERVICES, deadline or later()))
    assert raised.value.text.isprintable()
    return raised.value


def test_tls_from_the_first_byte_comes_first(server: NameServer) -> None:
    server.records[SUBMISSION] = [(0, 1, 587, "mail.example.org.")]
    server.records[SUBMISSIONS] = [(20, 1, 465, "b.example.org."), (10, 1, 4650, "a.example.org.")]
    assert found() == [
        ("a.example.org", 4650, True), ("b.example.org", 465, True), ("mail.example.org", 587, False),
    ]  # fmt: skip


def test_the_second_service_is_not_asked_for_without_need(server: NameServer) -> None:
    server.records[SUBMISSIONS] = [(0, 1, 465, "a.example.org.")]
    next(places("example.org", SERVICES, later()))
    assert server.asked == [SUBMISSIONS]


@pytest.mark.parametrize("missing", [None, [], [(0, 0, 0, ".")]])
def test_one_service_only(missing: list[Srv] | None, server: NameServer) -> None:
    server.records[SUBMISSION] = [(0, 1, 587, "mail.example.org.")]
    if missing is not None:
        server.records[SUBMISSIONS] = missing
    assert found() == [("mail.example.org", 587, False)]


def test_no_such_domain(server: NameServer) -> None:
    error = refused()
    assert error.kind == "host_unknown"
    assert error.text == (
        "example.org has no SRV record for mail submission: write its server in hostname, without srv:"
    )
    assert server.asked == [SUBMISSIONS, SUBMISSION]


def test_a_target_that_is_a_dot_means_no(server: NameServer) -> None:
    server.records[SUBMISSIONS] = server.records[SUBMISSION] = [(0, 0, 0, ".")]
    error = refused()
    assert error.kind == "host_unknown"
    assert "says that it takes no mail for submission" in error.text


@pytest.mark.parametrize("trouble", ["servfail", "refused", "silent", "garbage"])
@pytest.mark.parametrize("name", [SUBMISSIONS, SUBMISSION])
def test_trouble_is_temporary(name: str, trouble: str, server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not taken for a no, or another server would be asked than the domain has."""

    def impatient(asked: str, deadline: float) -> list[Record]:
        with monkeypatch.context() as patch:
            if asked == name:
                patch.setattr(srv, "LOOK_UP_SECONDS", 0.5)
            return look_up(asked, deadline)

    monkeypatch.setattr(srv, "look_up", impatient)
    server.records[name] = trouble
    error = refused()
    assert error.kind == "dns"
    assert f"cannot look up {name} now: " in error.text


def test_the_deadline_of_the_session(server: NameServer) -> None:
    server.records[SUBMISSIONS] = "silent"
    begun = time.monotonic()
    assert refused(deadline=begun + 0.2).kind == "dns"
    assert time.monotonic() - begun < 5


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconfigured() -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver, "get_default_resolver", unconfigured)
    assert refused().kind == "dns"


def test_a_domain_beyond_ascii(server: NameServer) -> None:
    server.records["_submissions._tcp.xn--bcher-kva.example."] = [(0, 1, 465, "a.xn--bcher-kva.example.")]
    assert found("bücher.example.")[0] == ("a.xn--bcher-kva.example", 465, True)


@pytest.mark.parametrize("domain", ["x" * 64 + ".org", "a..org", "ü" * 64 + ".org", ".".join(["abcdefgh"] * 32)])
def test_a_domain_that_is_none(domain: str, server: NameServer) -> None:
    assert refused(domain).kind == "config"
    assert server.asked == []


def test_a_target_that_is_no_host_name(server: NameServer) -> None:
    server.records[SUBMISSIONS] = [(0, 1, 465, r"a\032b.example.org."), (1, 1, 465, r"a\000.example.org.")]
    server.records[SUBMISSION] = [(0, 1, 587, r"a\.b\@c.example.org."), (1, 1, 587, "ok.example.org.")]
    assert found() == [("ok.example.org", 587, False)]


def test_not_a_thousand_records(server: NameServer) -> None:
    server.records[SUBMISSIONS] = [(n, 1, 465, f"a{n}.x.org.") for n in range(60)]
    assert len(look_up(SUBMISSIONS, later())) == srv.MAX_RECORDS


def test_without_dnspython(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("dns"):
            raise ImportError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    error = refused()
    assert error.kind == "config"
    assert "needs dnspython: pip install 'esmtp-py[dns]', or write the name of the server" in error.text


# -- priority and weight (RFC 2782) -------------------------------------------------------------


def order(records: list[tuple[int, int]], lots: Iterator[int]) -> list[int]:
    made = [Record(priority, weight, number, "x") for number, (priority, weight) in enumerate(records)]
    return [record.port for record in in_order(made, lambda below: next(lots) % below)]


def test_priority_before_weight() -> None:
    assert order([(10, 1), (0, 0), (5, 65535)], itertools.repeat(0)) == [1, 2, 0]


def test_the_lot_decides_as_the_weights_say() -> None:
    first = [order([(0, 0), (0, 1), (0, 3)], iter([lot, 0, 0]))[0] for lot in range(5)]
    assert first == [0, 1, 2, 2, 2], "0 wins with the lot 0 alone"


def test_each_comes_once_and_at_last() -> None:
    for lot in range(200):
        assert sorted(order([(0, 1), (0, 1), (0, 10), (1, 0), (1, 0)], iter([lot] * 5))) == [0, 1, 2, 3, 4]


def test_by_lot() -> None:
    seen = {tuple(r.port for r in in_order([Record(0, 1, 1, "x"), Record(0, 1, 2, "x")])) for _ in range(200)}
    assert seen == {(1, 2), (2, 1)}
