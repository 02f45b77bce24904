"""In CI a skip fails the run, wherever it happens; anywhere else it stays a skip."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

SKIPS = {
    "test": "import pytest\ndef test_it(): pytest.skip('no server')\n",
    "mark": "import pytest\n@pytest.mark.skipif(True, reason='no server')\ndef test_it(): pass\n",
    "fixture": "import pytest\n@pytest.fixture\ndef it(): pytest.skip('no server')\ndef test_it(it): pass\n",
    "module": "import pytest\npytest.skip('no server', allow_module_level=True)\n",
}


def run(directory: pathlib.Path, ci: str) -> "subprocess.CompletedProcess[str]":
    """pytest, with this project's conftest.py, over a test file for each way to skip."""
    here = pathlib.Path(__file__).parent
    (directory / "conftest.py").write_bytes((here.parent / "conftest.py").read_bytes())
    for name, source in SKIPS.items():
        (directory / f"test_{name}.py").write_text(source)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", str(directory)],
        cwd=directory,
        env=os.environ | {"CI": ci},
        capture_output=True,
        text=True,
    )


def test_skips_fail_in_ci(tmp_path: pathlib.Path) -> None:
    done = run(tmp_path, "true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert len(re.findall("^skipped, which CI forbids: .*no server", done.stdout, re.MULTILINE)) == len(SKIPS)


def test_skips_pass_elsewhere(tmp_path: pathlib.Path) -> None:
    done = run(tmp_path, "")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED or done.returncode == pytest.ExitCode.OK
    assert f"{len(SKIPS)} skipped" in done.stdout
