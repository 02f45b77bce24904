"""The Makefile, as far as it is not used by every run of the tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.packaging.installation import ROOT


def test_an_old_python_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    pretend = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[2])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{pretend}' \"$@\"\n")
    old.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "run", f"PYTHON={old}"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert f"esmtp needs Python 3.11 or newer, {old} is not" in done.stderr
    assert not (tmp_path / ".venv").exists()
