"""An upgrade while a process waits for mail: it goes on as the new program."""

import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

import esmtp_py
from tests.cli.conftest import way_to
from tests.cli.test_undo_window import let_go
from tests.conftest import Command
from tests.interop.postfix import wait_until
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
        rc(f"identity me@x.org\n{way_to(server)}undo 1h\n")
        # the first run looks, finds that it is too early, and sleeps; it has the old module by then
        assert esmtp.run(*program, "-odb", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
        waits = esmtp.home / ".esmtp_queue/sleeping"
        wait_until(lambda: waits.exists() and waits.stat().st_mtime > time.time() + 60, "a run that sleeps")
        if upgraded:
            upgrade(esmtp)
        rc(f"identity me@x.org\n{way_to(server)}")

        def here() -> bool:
            let_go(esmtp)
            return bool(server.mails)

        wait_until(here, "the mail")
    assert (esmtp.home / "renewed").exists() == upgraded


def test_one_that_runs_again_and_again(esmtp: Command, program: list[str], rc: Callable[[str], pathlib.Path]) -> None:
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org\n{way_to(server)}")
        with subprocess.Popen([*program, "-q1s"], env=esmtp.environ, cwd=esmtp.home) as daemon:
            try:
                for number in (1, 2):
                    assert esmtp.run(*program, "-odq", "-f", "me@x.org", "joe@x.org", stdin=MAIL).code == 0
                    server.wait(number)
                    if number == 1:
                        assert not (esmtp.home / "renewed").exists()
                        upgrade(esmtp)
                        # or a run that has begun before takes the second mail
                        wait_until((esmtp.home / "renewed").exists, "the new program")
            finally:
                daemon.terminate()
