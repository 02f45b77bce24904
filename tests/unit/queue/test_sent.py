"""Copies for the IMAP server: each is brought there once."""

import os
from collections.abc import Callable, Iterable

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.config.model import Config
from esmtp_py.deliver import sent_folder
from esmtp_py.message.header import Header
from esmtp_py.message.message import Message
from esmtp_py.queue.sent import keep, put_away
from esmtp_py.queue.store import SENT, Store
from tests.dialogues.script import Octets
from tests.unit.queue.conftest import NOW

ME = Identity(addresses=("me@x.org",), is_default=True)


def test_a_copy_that_cannot_be_removed_is_not_brought_there_again(
    queue: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: list[bytes] = []
    said: list[str] = []

    class Folder:
        def __init__(self, identity: Identity) -> None:
            pass

        def append(self, size: int, chunks: Callable[[], Iterable[bytes]], seconds: float) -> None:
            brought.append(b"".join(chunks()))

        def close(self) -> None:
            pass

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, os.strerror(1))

    monkeypatch.setattr(sent_folder, "SentFolder", Folder)
    keep(queue, ME, Message(Header([b"Subject: x\r\n"]), Octets(b"body\r\n")), "", NOW)
    [name] = queue.ids(SENT)
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", refuse)
            put_away(queue, lambda _: Config((ME,), ME), said.append)
    assert brought == [b"Subject: x\r\n\r\nbody\r\n"]
    assert [(f"/sent/{name}: " in line, "the IMAP server has this copy" in line) for line in said] == [(True, True)] * 2
    put_away(queue, lambda _: Config((ME,), ME), said.append)
    assert (len(brought), len(said), queue.ids(SENT)) == (1, 2, [])
