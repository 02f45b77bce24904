"""An upgrade while a process waits for mail: it goes on as the new program."""

import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

import esmtp_py
from tests.cli.conftest import way_to
from tests.conftest import Command
from tests.server import SubmissionServer

MAIL = b"Subject: x\n\ny\n"

# Of a module that is imported by every run over the queue.
LATER = "\nopen(os.environ['HOME'] + '/renewed', 'a').close()\n"


@pytest.fixture
def program(esmtp: Command) -> list[str]:
    """An installation of its own, which can be replaced."""
    shutil.copytree(
        pathlib.Path(esmtp_py.__file__).parent,
        esmtp.home / "lib/esmtp_py",
        ignore=shutil.ignore_patterns("__pycache__", "corpus"),
    )
    esmtp.environ |= {"PYTHONPATH": str(esmtp.home / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    return [sys.executable, "-P", "-m", "esmtp_py"]


def upgrade(esmtp: Command) -> None:
    """As pip does it: new files under the names of the old ones."""
    for name, more in (("queue/runner.py", "\nimport os" + LATER), ("__init__.py", "")):
        path = esmtp.home / "lib/esmtp_py" / name
        path.with_suffix(".new").write_text(path.read_text() + more)
        path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("upgraded", [True, False])
def test_a_run_that_waits_for_mail(
    esmtp: Command, program: list[str], rc: Callable[[str], pathlib.Path], upgraded: bool
) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org\n{way_to(server)}undo 3s\n")
        # the first run looks, finds that it is too early, and sleeps; it has the old module by then
        assert esmtp.run(*program, "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
        waits = esmtp.home / ".esmtp_queue/sleeping"
        while not waits.exists() or not waits.stat().st_mtime:
            os.sched_yield()
        if upgraded:
            upgrade(esmtp)
        server.wait(1)
    assert (esmtp.home / "renewed").exists() == upgraded


def test_one_that_runs_again_and_again(esmtp: Command, program: list[str], rc: Callable[[str], pathlib.Path]) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org\n{way_to(server)}")
        with subprocess.Popen([*program, "-q1s"], env=esmtp.environ, cwd=esmtp.home) as daemon:
            try:
                for number in (1, 2):
                    assert esmtp.run(*program, "-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
                    server.wait(number)
                    assert (esmtp.home / "renewed").exists() == (number == 2)
                    upgrade(esmtp)
            finally:
                daemon.terminate()
