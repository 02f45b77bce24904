"""A lane's decisions: which mail goes alone, when a session is old, when the server is left alone."""

import time
from collections.abc import Callable

import pytest

from esmtp_py.cli.raw import unpack
from esmtp_py.config.identity import Identity
from esmtp_py.config.model import Config
from esmtp_py.config.server import Server
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.pipeline import Parcel, Pipeline
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Envelope
from esmtp_py.outcome import Outcome
from esmtp_py.queue import lane as module
from esmtp_py.queue.lane import LOSSES, Lane
from esmtp_py.queue.ledger import Ledger
from esmtp_py.queue.marks import outcome_mark
from esmtp_py.queue.respite import Respite
from esmtp_py.queue.store import Store
from esmtp_py.queue.supply import Supply
from esmtp_py.queue.tally import Tally
from tests.unit.queue.conftest import NOW, Put


class Talk:
    def cut(self) -> None:
        self.was_cut = True


class Sessions:
    """Stands for Session and Pipeline: a script of what becomes of each session, and what was offered to it."""

    def __init__(self, *script: "list[str] | MailError") -> None:
        self.script = list(script)
        self.offered: list[list[str]] = []
        self.windows: list[int] = []
        self.talk = Talk()

    def session(
        self, identity: Identity, trace: object = None, *, meanwhile: "Callable[[], object]" = lambda: None
    ) -> "Sessions":
        error = self.script[0] if self.script else None
        if not isinstance(error, MailError):
            meanwhile()
            return self
        del self.script[0]
        if error.kind == "auth":  # the others end before the login
            meanwhile()
        raise error

    def close(self) -> None:
        pass

    def pipeline(self, session: object, window: int) -> "Carrier":
        self.windows.append(window)
        self.offered.append([])
        return Carrier(self)


class Carrier:
    """Each word of the script is one mail's: "ok", "no", "later", "lost", "421", "left"; what is behind it is "ok"."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.words = self.sessions.script.pop(0) if self.sessions.script else []
        self.left: list[Parcel] = []

    def carry(self, parcels):  # type: ignore[no-untyped-def]
        words = list(self.words)
        for parcel in parcels:
            address = parcel.envelope.recipients[0].address
            self.sessions.offered[-1].append(address)
            word = words.pop(0) if words else "ok"
            if word == "left":
                self.left.append(parcel)
                return self.left
            outcome = {
                "ok": Outcome("delivered"),
                "no": Outcome("refused"),
                "later": Outcome("try_again"),
                "lost": Outcome("connection_lost"),
                "421": Outcome("try_again"),
            }[word]
            parcel.settle({recipient.address: outcome for recipient in parcel.envelope.recipients})
            if word == "lost":
                raise MailError("connection_lost", "gone")
            if word == "421":
                raise MailError("try_again", "421 go", reply="421 go")
        return self.left


class Try:
    """A lane over mails to a, b, c…"""

    def __init__(self, queue: Store, sessions: Sessions, patch: pytest.MonkeyPatch, **statements: object) -> None:
        patch.setattr(module, "Session", sessions.session)
        patch.setattr(module, "Pipeline", sessions.pipeline)
        self.queue, self.sessions, self.tally = queue, sessions, Tally()
        self.now = NOW + 1000
        self.identity = Identity(server=Server("mx.x.org", "25"), **statements)  # type: ignore[arg-type]
        self.renew()

    def renew(self) -> None:
        """What the next run has."""
        config = Config((self.identity,), self.identity)
        ledger = Ledger(self.queue, Caller(), lambda: self.now, self.tally)
        self.supply = Supply(Respite(self.queue, self.identity, lambda: self.now))
        self.lane = Lane(config, "", self.identity, ledger, unpack, self.supply)
        self.supply.lanes = [self.lane]

    def run(self) -> list[str]:
        """The first letters of who was offered to each session of this run."""
        del self.sessions.offered[:]
        self.renew()
        self.supply.names.extend(self.queue.ids())
        assert self.supply.begin() == [self.lane]
        self.lane.run()
        self.now += 3600
        return ["".join(address[0] for address in offered) for offered in self.sessions.offered]

    def kinds(self) -> list[str]:
        """Why each mail that is left waits."""
        entries = [self.queue.read(name) for name in self.queue.ids()]
        return [f.outcome.kind if f.outcome else "" for e in entries if e for f in [e.marks.fate(0)]]


def put_letters(put: Put, letters: str) -> None:
    for letter in letters:
        put(f"{letter}@x.org").close()


def test_one_session_for_all(queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put_letters(put, "abcd")
    trial = Try(queue, Sessions(), monkeypatch)
    assert trial.run() == ["abcd"]
    assert trial.tally.delivered == 4


@pytest.mark.parametrize(
    ("script", "offered", "left"),
    [
        # progress: one session after the other
        ([["ok", "lost"], ["ok", "lost"], ["ok"]], ["ab", "cd", "ef"], ["connection_lost"] * 2),
        (
            [["no", "lost"], ["no", "lost"], []],
            ["ab", "cd", "ef", "mm"],
            ["connection_lost"] * 2,
        ),  # and two reports to me
        # none: twice is enough
        ([["lost"], ["lost"]], ["a", "b"], ["connection_lost"] * 2 + ["unreachable"] * 4),
        ([["later", "lost"], ["lost"]], ["ab", "c"], ["try_again"] + ["connection_lost"] * 2 + ["unreachable"] * 3),
        # once, and it goes on
        ([["lost"], ["ok", "lost"], ["lost"], []], ["a", "bc", "d", "ef"], ["connection_lost"] * 3),
        # 421: at once, whatever was delivered; after progress the others have lost nothing
        ([["ok", "421"]], ["ab"], ["try_again", "", "", "", ""]),
        ([["421"]], ["a"], ["try_again"] * 6),
        # taken and not sent: they are first in the next session
        ([["ok", "left"], []], ["ab", "bcdef"], []),
        ([["left"], ["left"]], ["a", "a"], ["try_again"] * 6),
        # never got so far
        ([MailError("auth", "535")], [], ["auth"] * 6),
        ([["ok", "lost"], MailError("dns", "away")], ["ab"], ["connection_lost"] + ["dns"] * 4),
        ([MailError("connection_lost", "at the greeting")], [], ["unreachable"] * 6),
        ([MailError("protocol", "rubbish")], [], ["unreachable"] * 6),
    ],
)
def test_sessions_that_end_early(
    queue: Store,
    put: Put,
    monkeypatch: pytest.MonkeyPatch,
    script: "list[list[str] | MailError]",
    offered: list[str],
    left: list[str],
) -> None:
    put_letters(put, "abcdef")
    trial = Try(queue, Sessions(*script), monkeypatch)
    assert trial.run() == offered
    assert trial.kinds() == left
    assert trial.sessions.script == []


@pytest.mark.parametrize(
    ("window", "most", "lanes", "ready"),
    [(3, 1 << 20, 1, 3), (100, 1 << 20, 1, 6), (100, 150, 1, 2), (3, 1 << 20, 2, 0)],
)
def test_the_first_flight_is_ready_when_the_login_is_over(
    queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch, window: int, most: int, lanes: int, ready: int
) -> None:
    """As many as may be in flight at once, by number and by size; none, when another lane may be the first."""
    put_letters(put, "abcdef")
    trial = Try(queue, Sessions(), monkeypatch)
    monkeypatch.setattr(module, "WINDOW_BYTES", most)
    real, taken = trial.sessions.pipeline, []

    def pipeline(session: object, window: int) -> Carrier:
        taken.append(6 - len(trial.supply.names))
        return real(session, window)

    monkeypatch.setattr(module, "Pipeline", pipeline)
    trial.supply.names.extend(queue.ids())
    trial.supply.begin()
    trial.supply.window = window
    trial.supply._at_work = lanes
    trial.lane.run()
    assert taken == [ready]
    assert ["".join(a[0] for a in offered) for offered in trial.sessions.offered] == ["abcdef"]


def test_who_lost_the_connection_goes_last_and_alone(queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put_letters(put, "abc")
    trial = Try(queue, Sessions(["lost"], []), monkeypatch)
    assert trial.run() == ["a", "bc"]
    put_letters(put, "de")
    del trial.sessions.windows[:]
    assert trial.run() == ["de", "a"]
    assert trial.sessions.windows == [module.WINDOW, 1]
    assert queue.ids() == []


def test_each_of_many_suspects_has_its_turn(queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every run the first two lose the connection, whoever they are: the others move up."""
    put_letters(put, "abcdef")
    for name in queue.ids():
        locked = queue.lock(name)
        assert locked
        locked.mark(outcome_mark(NOW, [0], Outcome("connection_lost")))
        locked.close()
    trial = Try(queue, Sessions(*[["lost"]] * LOSSES * 4), monkeypatch)
    assert [trial.run() for _ in range(4)] == [["a", "b"], ["c", "d"], ["e", "f"], ["a", "b"]]


@pytest.mark.parametrize(("timeout", "seconds"), [(0, 1800), (10, 60)])
def test_a_session_ends_in_good_order_before_its_hour_is_over(
    queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch, timeout: int, seconds: float
) -> None:
    put_letters(put, "abcdef")
    trial = Try(queue, Sessions(), monkeypatch, timeout=timeout)
    clock = [time.monotonic()]
    marked = Ledger.note

    def note(ledger: Ledger, name: str, fates: dict[str, Outcome]) -> bool:
        clock[0] += seconds / 2
        return marked(ledger, name, fates)

    monkeypatch.setattr(Ledger, "note", note)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    assert trial.run() == ["ab", "cd", "ef"]


def test_stopped_it_tries_nothing_more(queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put_letters(put, "abc")
    trial = Try(queue, Sessions(["ok", "lost"]), monkeypatch)
    marked = Ledger.note

    def note(ledger: Ledger, name: str, fates: dict[str, Outcome]) -> bool:
        trial.lane.stop()
        return marked(ledger, name, fates)

    monkeypatch.setattr(Ledger, "note", note)
    assert trial.run() == ["a"]
    assert trial.sessions.talk.was_cut
    assert trial.kinds() == ["", ""], "what was not tried has no mark"


def test_nothing_escapes_and_all_is_closed(queue: Store, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    put_letters(put, "abc")
    trial = Try(queue, Sessions(), monkeypatch)

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Lane, "_one_session", broken)
    assert trial.run() == []
    assert ["ZeroDivisionError" in line for line in trial.tally.said] == [True]
    assert trial.kinds() == ["", "", ""]


def test_the_real_pipeline_takes_a_window() -> None:
    """What the stand-ins here stand for."""
    assert Pipeline.__init__.__annotations__["window"] is int
    assert Envelope("", []).recipients == []
