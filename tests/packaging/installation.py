"""Builds the distributions and installs them into environments of their own.

No network: the build backend and the dependencies are those of the environment
the tests run in, which a path file shows to the new one.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Its standard output.  Raises AssertionError with all it said when it fails."""
    done = subprocess.run(command, cwd=cwd, env=clean_environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def clean_environment() -> dict[str, str]:
    """Ours without what points Python or pip somewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "VIRTUAL_ENV"))}


def build(directory: Path, *which: str) -> list[Path]:
    """Build into ``directory``; without ``which`` the sdist, and the wheel from it.  The files, sorted by name."""
    run(sys.executable, "-m", "build", "--no-isolation", *which, "--outdir", directory)
    return sorted(directory.iterdir())


class Installation:
    """An environment with esmtp and, by way of the running one, what esmtp depends on.

    prefix: its directory.   editable: whether the package is the checkout itself.
    """

    def __init__(self, prefix: Path, what: Path, *, editable: bool = False) -> None:
        self.prefix = prefix
        self.editable = editable
        venv.create(prefix, symlinks=True, with_pip=False)
        self.packages = Path(run(self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        (self.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet"]
        flags = ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
        run(*pip, *flags, *(["--editable"] if editable else []), what)

    @property
    def python(self) -> Path:
        return self.command("python")

    def command(self, name: str) -> Path:
        return self.prefix / "bin" / name
