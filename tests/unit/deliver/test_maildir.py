"""A maildir: whole files only, under names that no other program has."""

import mailbox
import os
import stat
from pathlib import Path

import pytest

from esmtp_py.deliver.maildir import is_maildir, store
from esmtp_py.errors import MailError
from tests.unit.deliver.test_mbox import message


def files(path: Path) -> list[str]:
    return sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())


def test_stored_as_seen_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "sent"
    for body in (b"one\r\n", b"two\r\nFrom x\r\n"):
        store(f"{path}/", message(body), "host.x.org")
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.rglob("*") if each.is_dir()} == {0o700}
    assert len(files(path)) == 2
    for name in files(path):
        content = (path / name).read_bytes()
        assert name.startswith("cur/")
        assert name.endswith(f".host.x.org,S={len(content)}:2,S")
        assert stat.S_IMODE((path / name).stat().st_mode) == 0o600
        assert b"\r" not in content
    mails = list(mailbox.Maildir(path, create=False))
    assert sorted(str(mail.get_payload()) for mail in mails) == ["one\n", "two\nFrom x\n"]
    assert {mail.get_flags() for mail in mails} == {"S"}


def test_a_host_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    store(str(tmp_path / "sent"), message(b""), "../x:y")
    [name] = files(tmp_path / "sent")
    assert "..\\057x\\072y" in name


def test_what_is_a_maildir(tmp_path: Path) -> None:
    assert is_maildir(str(tmp_path))
    assert is_maildir(f"{tmp_path}/none/")
    assert not is_maildir(f"{tmp_path}/none")


@pytest.mark.parametrize("kind", ["link", "file", "other directory", "open", "no parent", "cur is a link"])
def test_what_cannot_be_one_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "sent", tmp_path / "target"
    target.mkdir()
    if kind == "link":
        path.symlink_to(target)
    elif kind == "file":
        path.write_bytes(b"")
    elif kind == "other directory":
        path.mkdir()
        (path / "letters").write_bytes(b"")
    elif kind == "open":
        path.mkdir()
        path.chmod(0o777)
    elif kind == "cur is a link":
        path.mkdir()
        (path / "tmp").mkdir()
        (path / "cur").symlink_to(target)
    else:
        path = tmp_path / "none" / "sent"
    before = files(tmp_path)
    with pytest.raises(MailError) as raised:
        store(f"{path}/", message(b"x\r\n"), "host")
    assert str(path) in raised.value.text
    assert files(tmp_path) == before


@pytest.mark.parametrize("call", ["fsync", "rename", "write"])
def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    store(f"{tmp_path}/sent/", message(b"x\r\n"), "host")
    before = files(tmp_path)

    def fail(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(MailError, match="No space left"):
        store(f"{tmp_path}/sent/", message(b"x\r\n"), "host")
    assert files(tmp_path) == before
