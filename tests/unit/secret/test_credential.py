"""password_from credential: systemd's directory, and nothing that others could have put there."""

import os
from pathlib import Path

import pytest

from esmtp_py.errors import MailError
from esmtp_py.secret.credential import fetch


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def put(directory: Path, content: bytes = b"hunter2", mode: int = 0o400) -> None:
    path = directory / "smtp"
    path.write_bytes(content)
    path.chmod(mode)


def failure() -> str:
    with pytest.raises(MailError) as raised:
        fetch("smtp")
    assert (raised.value.kind, raised.value.status) == ("try_again", "4.7.0")
    return raised.value.text


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o600])
@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\nx"])
def test_its_first_line(content: bytes, mode: int, directory: Path) -> None:
    put(directory, content, mode)
    assert fetch("smtp") == "hunter2"


def test_outside_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "LoadCredential=smtp:FILE" in failure()


def test_a_service_without_it(directory: Path) -> None:
    assert "the service has no credential smtp: add LoadCredential=smtp:FILE" in failure()


@pytest.mark.parametrize("mode", [0o444, 0o460, 0o602])
def test_what_others_can_read_or_write_is_not_systemds(mode: int, directory: Path) -> None:
    put(directory, mode=mode)
    assert "others have access to it" in failure()


def test_no_link_and_no_pipe(directory: Path) -> None:
    other = directory / "other"
    other.write_bytes(b"hunter2")
    other.chmod(0o400)
    (directory / "smtp").symlink_to(other)
    assert "symbolic link" in failure()
    (directory / "smtp").unlink()
    os.mkfifo(directory / "smtp", 0o400)
    assert "no regular file" in failure()


def test_an_empty_one(directory: Path) -> None:
    put(directory, b"")
    assert "the credential smtp is empty" in failure()
