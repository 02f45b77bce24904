"""Which courier each recipient goes with, and that no leg suffers from another."""

from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.server import Server
from esmtp_py.deliver import route
from esmtp_py.deliver.route import Leg
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.outcome import Outcome, exit_code
from tests.dialogues.script import Octets
from tests.server import SubmissionServer


def message() -> Message:
    return Message(Header([b"Subject: test\r\n"]), Octets(b"Hello.\r\n"))


def envelope(*recipients: str) -> Envelope:
    return Envelope("me@x.org", [Recipient(r) for r in recipients], ret="HDRS", envid="id", body="8BITMIME")


def planned(identity: Identity, *recipients: str) -> list[tuple[str, list[str]]]:
    legs = route.plan(identity, envelope(*recipients))
    return [
        (leg.courier.describe().split(":")[0].split()[0], [r.address for r in leg.envelope.recipients]) for leg in legs
    ]


@pytest.mark.parametrize(
    ("identity", "recipients", "legs"),
    [
        (Identity(), ["a@x.org"], [("smtp", ["a@x.org"])]),
        (Identity(mda="m"), ["a@x.org"], [("smtp", ["a@x.org"])]),
        (Identity(mda="m"), ["bob"], [("pipe", ["bob"])]),
        (
            Identity(mda="m"),
            ["bob", "a@x.org", "joe", "b@y.org"],
            [("smtp", ["a@x.org", "b@y.org"]), ("pipe", ["bob", "joe"])],
        ),
        (Identity(), ["bob", "a@x.org"], [("smtp", ["a@x.org"]), ("nowhere", ["bob"])]),
        (Identity(qualifydomain="q.org"), ["bob", "a@x.org"], [("smtp", ["bob@q.org", "a@x.org"])]),
        (Identity(qualifydomain="q.org", mda="m"), ["bob"], [("smtp", ["bob@q.org"])]),
        (Identity(qualifydomain="q.org"), ["bob", "bob@q.org"], [("smtp", ["bob@q.org"])]),
        (Identity(force_mda="joe", mda="m"), ["a@x.org", "bob", "b@y.org"], [("pipe", ["joe"])]),
        (Identity(force_mda="joe", mda="m", qualifydomain="q.org"), ["a@x.org"], [("pipe", ["joe"])]),
        (Identity(force_mda="joe"), ["a@x.org"], [("nowhere", ["joe"])]),
    ],
)
def test_plan(identity: Identity, recipients: list[str], legs: list[tuple[str, list[str]]]) -> None:
    assert planned(identity, *recipients) == legs


def test_whose_fate_is_known_has_it_and_nobody_else() -> None:
    asked = envelope("a@x.org", "bad", "joe")
    asked.recipients[1].fate = Outcome("config", "no")
    legs = route.plan(Identity(mda="cat >/dev/null"), asked)
    assert [[r.address for r in leg.envelope.recipients] for leg in legs] == [["a@x.org"], ["joe"], ["bad"]]
    assert legs[2].courier.deliver(message(), legs[2].envelope) == {"bad": asked.recipients[1].fate}


def test_a_leg_keeps_the_rest_of_the_envelope() -> None:
    (leg,) = route.plan(Identity(), envelope("a@x.org"))
    got = leg.envelope
    assert (got.sender, got.ret, got.envid, got.body) == ("me@x.org", "HDRS", "id", "8BITMIME")


def test_a_qualified_recipient_keeps_its_wishes() -> None:
    wish = Recipient("bob", ("NEVER",), "orig@x.org")
    (leg,) = route.plan(Identity(qualifydomain="q.org"), Envelope("", [wish]))
    (got,) = leg.envelope.recipients
    assert (got.address, got.notify, got.orcpt) == ("bob@q.org", ("NEVER",), "orig@x.org")


class Fixed:
    """A courier whose answer is known, or who fails."""

    def __init__(self, answer: Callable[[Envelope], dict[str, Outcome]]) -> None:
        self.answer = answer
        self.runs = 0

    def describe(self) -> str:
        return "a test"

    def deliver(self, message: Message, envelope: Envelope) -> dict[str, Outcome]:
        self.runs += 1
        return self.answer(envelope)


def leg(courier: Fixed, **originals: list[str]) -> Leg:
    return Leg(courier, envelope(*originals), originals)


def everybody(kind: str) -> Fixed:
    return Fixed(lambda envelope: {r.address: Outcome(kind) for r in envelope.recipients})


def crash(error: Exception) -> Fixed:
    def answer(envelope: Envelope) -> dict[str, Outcome]:
        raise error

    return Fixed(answer)


def test_outcomes_are_for_the_addresses_the_caller_knows() -> None:
    first, second = leg(everybody("delivered"), one=["a", "b"]), leg(everybody("refused"), two=["c"])
    outcomes = route.deliver(message(), envelope("c", "a", "b"), [first, second])
    assert {a: o.kind for a, o in outcomes.items()} == {"c": "refused", "a": "delivered", "b": "delivered"}
    assert list(outcomes) == ["c", "a", "b"], "in the caller's order"


@pytest.mark.parametrize(
    "error", [ValueError("bug\n"), OSError(22, "x"), MailError("tls", "x"), KeyError(), MemoryError()]
)
@pytest.mark.parametrize("order", [1, -1])
def test_a_leg_that_crashes_starves_no_other(error: Exception, order: int) -> None:
    good = everybody("delivered")
    legs = [leg(crash(error), one=["a"]), leg(good, two=["b"])][::order]
    outcomes = route.deliver(message(), envelope("a", "b"), legs)
    assert good.runs == 1
    assert outcomes["b"].kind == "delivered"
    assert (outcomes["a"].kind, outcomes["a"].fate) == ("internal", "deferred")
    assert type(error).__name__ in outcomes["a"].text
    assert outcomes["a"].text.isprintable()


def test_a_recipient_nobody_speaks_of_is_kept() -> None:
    silent = Fixed(lambda envelope: {})
    outcomes = route.deliver(message(), envelope("a"), [leg(silent, one=["a"])])
    assert outcomes["a"].fate == "deferred"


def test_a_recipient_nobody_asked_for_is_ignored() -> None:
    chatty = Fixed(lambda envelope: {"one": Outcome("delivered"), "x": Outcome("refused")})
    assert list(route.deliver(message(), envelope("a"), [leg(chatty, one=["a"])])) == ["a"]


def test_an_interrupt_is_no_outcome() -> None:
    def interrupted(envelope: Envelope) -> dict[str, Outcome]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        route.deliver(message(), envelope("a"), [leg(Fixed(interrupted), one=["a"])])


def test_a_bug_shows_where_it_is_when_asked(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    route.deliver(message(), envelope("a"), [leg(crash(ValueError("bug")), one=["a"])])
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("ESMTP_DEBUG", "1")
    route.deliver(message(), envelope("a"), [leg(crash(ValueError("bug")), one=["a"])])
    assert "Traceback" in capfd.readouterr().err


def identity(port: int, mda: str) -> Identity:
    return Identity(server=Server("127.0.0.1", str(port)), mda=mda, helo="me.example.org")


def run(who: Identity, *recipients: str) -> dict[str, Outcome]:
    given = envelope(*recipients)
    return route.deliver(message(), given, route.plan(who, given))


def test_a_server_that_is_down_does_not_keep_the_mda_from_running(tmp_path: Path) -> None:
    with SubmissionServer() as server:
        port = server.port
    outcomes = run(identity(port, f"cat >{tmp_path}/mail"), "a@x.org", "bob")
    assert {a: o.kind for a, o in outcomes.items()} == {"a@x.org": "unreachable", "bob": "delivered"}
    assert (tmp_path / "mail").read_bytes().endswith(b"\n\nHello.\n")
    assert exit_code(list(outcomes.values())) == 75


def test_a_failing_smtp_leg_never_starts_an_mda_of_its_own(tmp_path: Path) -> None:
    with SubmissionServer() as server:
        port = server.port
    run(identity(port, f"touch {tmp_path}/ran"), "a@x.org")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("mda", "kind", "code"), [("exit 75", "try_again", 75), ("exit 1", "refused", 69)])
def test_a_failing_mda_does_not_keep_the_server_from_getting_its_mail(mda: str, kind: str, code: int) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        outcomes = run(identity(server.port, mda), "bob", "a@x.org")
    assert {a: o.kind for a, o in outcomes.items()} == {"bob": kind, "a@x.org": "delivered"}
    assert exit_code(list(outcomes.values())) == code
    (mail,) = server.mails
    assert [str(r).partition(" ")[0] for r in mail.recipients] == ["a@x.org"]
    assert server.violations == []


def test_both_legs_get_the_whole_message(tmp_path: Path) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        run(identity(server.port, f"cat >{tmp_path}/mail"), "bob", "a@x.org")
    assert server.mails[0].data == b"Subject: test\r\n\r\nHello.\r\n"
    assert (tmp_path / "mail").read_bytes().endswith(b"Subject: test\n\nHello.\n")


def test_nowhere_to_go_says_what_to_write() -> None:
    (outcome,) = run(Identity(), "bob").values()
    assert (outcome.kind, outcome.exit_code) == ("config", 78)
    assert "mda" in outcome.text
    assert "qualifydomain" in outcome.text
