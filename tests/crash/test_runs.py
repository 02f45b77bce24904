"""Each call of whole runs: killed there, and met by every error there; nothing is lost, and what is doubled is told."""

import errno
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator

import pytest

from tests.crash.copies import Copied, Copies
from tests.crash.durability import broken_promises
from tests.crash.runs import Bounce, Clearing, Journey, Local, Lockstep, Long, Resumed, Secured
from tests.crash.scenario import KINDS, Command, sweep
from tests.crash.scenarios import ROOT, copy_package, queue_of
from tests.crash.tracer import KILL, Run

SCENARIOS: dict[str, type[Journey]] = {
    "bounce": Bounce,
    "mda": Local,
    "long": Long,
    "resumed": Resumed,
    "tls": Secured,
    "lockstep": Lockstep,
    "clearing": Clearing,
}
# So many tests share the calls, for other cores to take some.
SHARES = {KILL: 4, "EIO": 2, "EINTR": 2}
# A thread that only removes opens nothing, reads nothing, talks to nobody.
NOWHERE = {("clearing", kind) for kind in ("EMFILE", "short", "ECONNRESET")}

SWEEPS = [
    pytest.param(name, kind, share, id=f"{name}-{kind}-{share}")
    for name in SCENARIOS
    for kind in KINDS
    for share in range(SHARES.get(kind, 1))
    if (name, kind) not in NOWHERE
]


@pytest.fixture(scope="module")
def copies() -> Iterator[Copies]:
    with Copies() as program:
        yield program


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """In memory if that is possible: it is about calls, and a busy disk would take ten times as long for each fsync."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="esmtp-") as path:
        yield pathlib.Path(path)


@pytest.mark.parametrize(("name", "kind", "share"), SWEEPS)
def test_nothing_is_lost(
    name: str,
    kind: str,
    share: int,
    place: pathlib.Path,
    copies: Copies,
    count: Callable[[int], None],
    record_property: Callable[[str, object], None],
) -> None:
    scenario = SCENARIOS[name](copies)
    with scenario.server:
        sweep(scenario, kind, place, count, (share, SHARES.get(kind, 1)))
    record_property("twice", scenario.twice)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_promises_what_is_safe(name: str, place: pathlib.Path, copies: Copies) -> None:
    scenario = SCENARIOS[name](copies)
    with scenario.server:
        run = scenario.prepare(place).traced()
    assert run.code == 0
    assert broken_promises(run, str(queue_of(place))) == []


# -- the harness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_copy_does_what_the_command_does(name: str, place: pathlib.Path, copies: Copies) -> None:
    scenario = SCENARIOS[name](copies)
    found = []
    with scenario.server:
        for kind in (Command, Copied):
            home = place / "home"
            home.mkdir()
            run = kind.traced(scenario.prepare(home))  # type: ignore[arg-type]
            scenario.check(home, run)
            found.append(deeds(scenario, home, run))
            shutil.rmtree(home)
    assert found[0] == found[1]
    assert len(found[0]) > 20


def deeds(scenario: Journey, home: pathlib.Path, run: Run) -> list[tuple[object, ...]]:
    """What each thread of a run did, without the numbers, which differ from one run to the next."""
    calls = [call for call in run.calls if scenario.matters(call, home) and call.result != -errno.EAGAIN]
    calls.sort(key=lambda call: call.process)
    return [(call.process, call.name, *(re.sub(r"\d+", "", path) for path in call.paths)) for call in calls]


CARELESS = {
    "gone before the server has it": (
        "lane",
        "locked.verify()\n",
        "locked.verify(), locked.remove()\n",
        Bounce,
        KILL,
        "lost",
    ),
    "gone, and nobody told": ("report", "writer.commit()", "pass", Bounce, KILL, "nobody was told"),
    "told twice": (
        "report",
        'f"{locked.name}-{_LETTERS[kind]}{number}"',
        'f"{locked.name}-f{os.getpid()}"',
        Bounce,
        KILL,
        "one report each",
    ),
    "noted and forgotten": (
        "ledger",
        "numbers = _unsettled(locked.entry)",
        "numbers = [0]",
        Resumed,
        "EIO",
        "not a word",
    ),
    "silent": ("locked", "it may be sent more than once", "", Secured, "EIO", "not a word"),
}


@pytest.mark.parametrize(("module", "old", "new", "journey", "kind", "word"), CARELESS.values(), ids=CARELESS)
def test_a_careless_run_is_found_out(
    module: str, old: str, new: str, journey: type[Journey], kind: str, word: str, place: pathlib.Path
) -> None:
    package = copy_package(place / "package")
    (package / "esmtp_py/grammar").symlink_to(ROOT / "grammar")
    path = package / f"esmtp_py/queue/{module}.py"
    source = path.read_text(encoding="utf-8")
    assert old in source
    path.write_text(source.replace(old, new).replace('"""\n\n', '"""\n\nimport os\n\n', 1), encoding="utf-8")
    with Copies(package) as copies:
        scenario = journey(copies)
        with scenario.server, pytest.raises(AssertionError, match=word):
            sweep(scenario, kind, place, lambda number: None)
