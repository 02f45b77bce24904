"""Each call of enqueueing, and of all that a runner does to the queue: killed there, and met by every error there."""

import pathlib
import shutil
from collections.abc import Callable

import pytest

from tests.crash.scenario import KINDS, Scenario, sweep
from tests.crash.scenarios import Enqueue, Finish, GiveUp, Tidy, Wrapped

SCENARIOS: dict[str, Callable[[], Scenario]] = {
    "enqueue": lambda: Enqueue(first=False),
    "enqueue-first": lambda: Enqueue(first=True),
    "finish": Finish,
    "give-up": GiveUp,
    "tidy": Tidy,
    "dash": lambda: Wrapped("dash", first=False, run=True),
    "dash-first": lambda: Wrapped("dash", first=True),
    "busybox": lambda: Wrapped("busybox", first=False, run=True),
    "busybox-first": lambda: Wrapped("busybox", first=True),
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "ECONNRESET"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_and_nothing_is_half_done(
    name: str, kind: str, tmp_path: pathlib.Path, count: Callable[[int], None]
) -> None:
    shell = name.split("-")[0]
    if shell in ("dash", "busybox") and not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    sweep(SCENARIOS[name](), kind, tmp_path, count)
