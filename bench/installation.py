"""esmtp as a user has it: a wheel, in a virtual environment with nothing else in it, compiled."""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def real_python() -> str:
    """The interpreter itself: a version manager's shim would cost more than the mail."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)


class Installation:
    """Makes a wheel of the checkout and installs it under ``directory``.

    esmtp:  path of the console script.      python: the environment's interpreter.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.python = str(directory / "venv/bin/python")
        self.esmtp = str(directory / "venv/bin/esmtp")
        # Only what pip needs to find its index: PYTHONDONTWRITEBYTECODE above all must be out of it.
        self._environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def make(self) -> None:
        wheels = self.directory / "wheels"
        self._run(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "-w", str(wheels), str(ROOT))
        [wheel] = wheels.iterdir()
        self._run(real_python(), "-m", "venv", str(self.directory / "venv"))
        # An old pip writes console scripts that import re.
        self._run(self.python, "-m", "pip", "install", "-qq", "--upgrade", "pip")
        self._run(self.python, "-m", "pip", "install", "-qq", str(wheel))
        # Newer Pythons, pipx and uv make no such thing; its .pth file would be run at each start.
        self._run(self.python, "-m", "pip", "uninstall", "-qq", "-y", "setuptools")
        self._run(self.python, "-m", "compileall", "-q", str(self.directory / "venv/lib"))

    def _run(self, *argv: str) -> None:
        subprocess.run(argv, env=self._environ, cwd=self.directory, check=True, stdin=subprocess.DEVNULL)
