"""The line for a recipient: form, words, advice."""

import pytest

from esmtp_py.cli import report
from esmtp_py.message.envelope import Envelope, Recipient
from esmtp_py.outcome import FAILED, TABLE, Outcome

JOE = Recipient("joe@x.org")


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (
            Outcome("unknown_user", "mx.x.org said in reply to RCPT TO: 550 5.1.1 No such user"),
            "joe@x.org: failed: mx.x.org said in reply to RCPT TO: 550 5.1.1 No such user; check the address",
        ),
        (
            Outcome("connection_lost", "mx.x.org closed the connection, while sending"),
            "joe@x.org: not delivered for now: mx.x.org closed the connection, while sending; send it again later",
        ),
        (Outcome("delivered", "250 2.0.0 Ok"), "joe@x.org: delivered: 250 2.0.0 Ok"),
        (
            Outcome("refused", reply="554 no\r\n", remote="mx.x.org"),
            "joe@x.org: failed: 554 no\\x0d\\x0a; the server will not take it",
        ),
        (Outcome("refused", "the mda said no"), "joe@x.org: failed: the mda said no; the command of mda in the rc"),
        (Outcome("not_permitted"), "joe@x.org: failed: not permitted"),
    ],
)
def test_line(outcome: Outcome, line: str) -> None:
    assert report.line(JOE, outcome).startswith(line)


def test_a_long_reply_is_cut() -> None:
    assert len(report.line(Recipient("x" * 100_000), Outcome("refused", "y" * 100_000))) < 3000


@pytest.mark.parametrize("kind", [kind for kind in TABLE if kind != "delivered"])
def test_every_kind_has_a_line(kind: str) -> None:
    fate = "failed" if TABLE[kind][0] == FAILED else "not delivered for now"
    assert report.line(JOE, Outcome(kind, "words")).startswith(f"joe@x.org: {fate}: words")


def test_one_line_for_each_failed_recipient_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    envelope = Envelope("me@x.org", [Recipient(f"u{n}@x.org") for n in range(30)])
    outcomes = {
        r.address: Outcome("delivered" if r.address == "u7@x.org" else "try_again", "451 later")
        for r in envelope.recipients
    }
    report.tell(report.failures(envelope, outcomes), outcomes)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"u{n}@x.org" for n in range(30) if n != 7]
    assert all(line.startswith("esmtp: u") for line in lines)


def test_advice_is_not_given_twice() -> None:
    unknown = Outcome("host_unknown", "no host is called mx: check hostname in the rc")
    assert report.line(JOE, unknown).count("check hostname") == 1
