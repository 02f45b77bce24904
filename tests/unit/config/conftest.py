"""A home of its own for each test, and no /etc/esmtprc."""

import os
import pathlib
from collections.abc import Callable

import pytest

from esmtp_py.config import rcfile


@pytest.fixture
def home(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """$HOME; its .esmtprc does not exist yet, nor does the system's rc file, which is etc/esmtprc beside it."""
    made = tmp_path / "home"
    made.mkdir()
    (tmp_path / "etc").mkdir()
    monkeypatch.setenv("HOME", str(made))
    monkeypatch.setattr(rcfile, "SYSTEM_RC", str(tmp_path / "etc" / "esmtprc"))
    return made


@pytest.fixture
def write(home: pathlib.Path) -> Callable[..., pathlib.Path]:
    """Writes ~/.esmtprc, or another file."""

    def made(text: str, mode: int = 0o600, path: pathlib.Path = home / ".esmtprc") -> pathlib.Path:
        path.write_text(text)
        path.chmod(mode)
        return path

    return made


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[pathlib.Path], None]:
    """Makes a file, or a link itself, somebody else's."""

    def give(path: pathlib.Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, 4711, -1, follow_symlinks=False)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: path.lstat().st_uid + 1)

    return give
