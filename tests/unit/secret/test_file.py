"""password_file, and the rules for every file with a secret in it."""

import os
from pathlib import Path

import pytest

from esmtp_py.errors import MailError
from esmtp_py.secret.file import fetch

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def secret(tmp_path: Path, content: bytes = b"hunter2\n", mode: int = 0o600) -> Path:
    path = tmp_path / "pw"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def failure(path: Path) -> str:
    with pytest.raises(MailError) as raised:
        fetch(str(path))
    assert (raised.value.kind, raised.value.status) == ("try_again", "4.7.0")
    assert "hunter2" not in raised.value.text
    return raised.value.text


@pytest.mark.parametrize("content", [b"hunter2", b"hunter2\n", b"hunter2\r\n", b"hunter2\nmore\n" * 9999])
def test_its_first_line(content: bytes, tmp_path: Path) -> None:
    assert fetch(str(secret(tmp_path, content))) == "hunter2"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_closed_to_others(mode: int, tmp_path: Path) -> None:
    assert fetch(str(secret(tmp_path, mode=mode))) == "hunter2"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o610])
def test_open_to_others(mode: int, tmp_path: Path) -> None:
    path = secret(tmp_path, mode=mode)
    assert f"(mode {mode:04o}); run: chmod 600 {path}" in failure(path)


def test_our_own_link_is_as_good_as_the_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(secret(tmp_path))
    assert fetch(str(link)) == "hunter2"


@ROOT
def test_a_strangers_link_is_not(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(secret(tmp_path))
    os.lchown(link, 12345, 12345)
    assert "the symbolic link belongs to 12345, not to you" in failure(link)


@ROOT
def test_nor_is_a_strangers_file(tmp_path: Path) -> None:
    path = secret(tmp_path)
    os.chown(path, 12345, 12345)
    assert "belongs to 12345, not to you; run: chown" in failure(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "No such file" in failure(tmp_path / "missing")
    assert "is a directory" in failure(tmp_path)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    assert "is a named pipe" in failure(fifo)
    assert "is a device" in failure(Path(os.devnull))
    assert "null" in failure(Path("a\0b"))


@pytest.mark.parametrize("content", [b"", b"\n", b"\nhunter2\n"])
def test_an_empty_first_line_is_no_password(content: bytes, tmp_path: Path) -> None:
    assert "is empty where the password should be" in failure(secret(tmp_path, content))


def test_a_whole_mailbox_is_no_password(tmp_path: Path) -> None:
    assert "more than 4096 bytes" in failure(secret(tmp_path, b"hunter2 " * 1000))
