"""A file with a secret: whole or as it was, and the user's alone."""

import os
import pathlib

import pytest

from esmtp_py.errors import MailError
from esmtp_py.secret import private_file


def test_what_is_written_is_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    for content in (b"one\n", b"another, longer one\n", b""):
        private_file.write(str(path), content)
        assert private_file.read(str(path), 100) == content
        assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_there_is_none(tmp_path: pathlib.Path) -> None:
    assert private_file.read(str(tmp_path / "none"), 100) is None
    assert private_file.read(str(tmp_path / "none" / "none"), 100) is None


def test_the_umask_does_not_matter(tmp_path: pathlib.Path) -> None:
    for umask in (0o000, 0o777):
        old = os.umask(umask)
        try:
            private_file.write(str(tmp_path / "file"), b"x")
        finally:
            os.umask(old)
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_its_directory_is_made(tmp_path: pathlib.Path) -> None:
    private_file.write(str(tmp_path / "new" / "file"), b"x")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    with pytest.raises(MailError) as caught:
        private_file.write(str(tmp_path / "a" / "b" / "file"), b"x")
    assert caught.value.kind == "cannot_create"


def test_a_link_stays_one(tmp_path: pathlib.Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "link").symlink_to("dotfiles/file")
    private_file.write(str(tmp_path / "link"), b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dotfiles" / "file").read_bytes() == b"x"


def test_what_a_killed_one_left_is_no_obstacle(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file.new").write_bytes(b"half")
    private_file.write(str(tmp_path / "file"), b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_link_in_the_way_is_not_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "file.new").symlink_to("victim")
    private_file.write(str(tmp_path / "file"), b"x")
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_when_it_fails_the_old_content_is_there(
    step: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    private_file.write(str(path), b"old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(MailError) as caught:
        private_file.write(str(path), b"new")
    monkeypatch.undo()
    assert caught.value.kind == "cannot_create"
    assert "No space left" in caught.value.text
    assert path.read_bytes() == b"old"


def test_it_is_on_the_disk_before_it_has_its_name(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    did: list[str] = []
    for step in ("fsync", "rename"):
        real = getattr(os, step)
        monkeypatch.setattr(os, step, lambda *args, real=real, step=step: (did.append(step), real(*args))[1])
    private_file.write(str(tmp_path / "file"), b"x")
    assert did == ["fsync", "rename", "fsync"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_open_to_others(mode: int, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "file"
    private_file.write(str(path), b"x")
    path.chmod(mode)
    with pytest.raises(MailError) as caught:
        private_file.read(str(path), 100)
    assert caught.value.kind == "config"
    assert "chmod 600" in caught.value.text


def test_no_regular_file(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name in ("fifo", "."):
        with pytest.raises(MailError) as caught:
            private_file.read(str(tmp_path / name), 100)
        assert caught.value.kind == "config"


def test_too_long(tmp_path: pathlib.Path) -> None:
    private_file.write(str(tmp_path / "file"), b"x" * 101)
    with pytest.raises(MailError) as caught:
        private_file.read(str(tmp_path / "file"), 100)
    assert caught.value.kind == "config"
