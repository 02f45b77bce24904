"""Which mails are tried after all others, and alone."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.outcome import TABLE, Outcome
from esmtp_py.queue.marks import outcome_mark
from esmtp_py.queue.suspect import beyond_suspicion, is_suspect
from tests.unit.queue.conftest import NOW, Put


@pytest.mark.parametrize("kind", sorted(TABLE))
def test_who_is_a_suspect(put: Put, kind: str) -> None:
    locked = put("a@x.org")
    assert not is_suspect(locked.entry)
    locked.mark(outcome_mark(NOW, [0], Outcome(kind)))
    assert is_suspect(locked.entry) == (kind in ("connection_lost", "protocol", "internal", "io"))


def test_nobody_who_has_it_makes_a_mail_suspect(put: Put) -> None:
    locked = put("a@x.org", "b@x.org")
    lost, later = Outcome("connection_lost"), Outcome("try_again")
    locked.mark(outcome_mark(NOW, [0], Outcome("delivered")) + outcome_mark(NOW, [1], lost))
    assert is_suspect(locked.entry)
    locked.mark(outcome_mark(NOW + 1, [1], later))
    assert not is_suspect(locked.entry)


@pytest.mark.parametrize(("kind", "fate"), [("dns", "dns"), ("auth", "auth"), ("connection_lost", "unreachable")])
def test_a_mail_that_the_server_has_not_seen_is_none(put: Put, kind: str, fate: str) -> None:
    outcome = beyond_suspicion(MailError(kind, "why", remote="mx", reply="421 why"))
    assert (outcome.kind, outcome.text, outcome.remote, outcome.reply) == (fate, "why", "mx", "421 why")
    locked = put("a@x.org")
    locked.mark(outcome_mark(NOW, [0], outcome))
    assert not is_suspect(locked.entry)
