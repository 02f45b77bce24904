"""Which mails --retry-now leaves to a run, and a disk that fails; what each verb does is in tests/cli."""

import os
import pathlib

import pytest

from esmtp_py.cli import background
from esmtp_py.cli.options import parse
from esmtp_py.cli.steer import steer
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.store import Store


def test_a_mail_that_nothing_was_done_with_is_not_left_to_a_run(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESMTP_QUEUE_DIR", str(tmp_path / "queue"))
    runs: list[tuple[str, ...]] = []
    monkeypatch.setattr(background, "run", lambda *names: runs.append(names))
    with Store.open() as store:
        busy, free = (_queued(store) for _ in range(2))
        with store.lock(busy) or pytest.fail("the lock is not to be had"):
            assert steer(parse(["esmtp", "--retry-now", busy, "1700000000-1", free])) == 75
    assert runs == [(free,)]
    assert f"esmtp: {busy}: in delivery just now; nothing was done with it\n" in capfd.readouterr().err


def test_what_cannot_be_taken_out_of_the_queue_is_not_in_a_file_either(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.unlink

    def unlink(path: str, *, dir_fd: int | None = None) -> None:
        if dir_fd is not None:
            raise OSError(1, os.strerror(1))
        real(path)

    monkeypatch.setenv("ESMTP_QUEUE_DIR", str(tmp_path / "queue"))
    with Store.open() as store:
        name = _queued(store)
        monkeypatch.setattr(os, "unlink", unlink)
        with pytest.raises(MailError, match="cannot remove"):
            steer(parse(["esmtp", "--undo", str(tmp_path / "back")]))
        assert not (tmp_path / "back").exists()
        assert store.has(name)


def _queued(store: Store) -> str:
    with store.begin_new(1_700_000_000) as writer:
        writer.write(Entry(1_700_000_000, "me@x.org", [Recipient("a@x.org")]).head())
        writer.write(b"Subject: x\r\n\r\n")
        writer.commit()
    return writer.name
