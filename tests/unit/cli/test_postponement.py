"""Who sees to a mail that the rc has put into the queue."""

import time

import pytest

from esmtp_py.cli import background, postponement
from esmtp_py.cli.mail import Mail
from esmtp_py.cli.options import Options
from esmtp_py.config.identity import Identity


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What was queued, and for when; and the runs that were started in the background: of all that is due."""
    made: list[tuple[str, float]] = []

    def store(mail: Mail, *, not_before: float) -> str:
        made.append(("store", not_before))
        return "1700000000-a"

    def run(*names: str) -> None:
        made.append((" ".join(["run", *names]), 0))

    monkeypatch.setattr(postponement, "store", store)
    monkeypatch.setattr(background, "run", run)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    return made


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity(delivery="queue"), [("store", 0)]),
        (Identity(delivery="queue", undo=30), [("store", 1030.0)]),
        (Identity(delivery="background"), [("store", 0), ("run", 0)]),
        (Identity(delivery="background", undo=30), [("store", 1030.0), ("run", 0)]),
        (Identity(delivery="on-failure", undo=30), [("store", 1030.0), ("run", 0)]),
        (Identity(delivery="interactive", undo=30), [("store", 1030.0), ("run", 0)]),
        (Identity(undo=30), [("store", 1030.0), ("run", 0)]),
    ],
)
def test_the_queue_alone_or_a_process_too(
    calls: list[tuple[str, float]], identity: Identity, expected: list[tuple[str, float]]
) -> None:
    assert postponement.postponed(Mail(Options()), identity)
    assert postponement.postpone(Mail(Options()), identity) == 0
    assert calls == expected


@pytest.mark.parametrize("identity", [Identity(), Identity(delivery="interactive"), Identity(delivery="on-failure")])
def test_now(identity: Identity) -> None:
    assert not postponement.postponed(Mail(Options()), identity)
