"""A queue on disk, and mails in it."""

import pathlib
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.store import Store

NOW = 1_700_000_000.0
TEXT = b"From: me@x.org\r\nSubject: x\r\n\r\nhello\r\n"

Put = Callable[..., Locked]


@pytest.fixture
def queue(tmp_path: pathlib.Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "queue")) as opened:
        yield opened


@pytest.fixture
def put(queue: Store) -> Iterator[Put]:
    """Queues a mail for these recipients; returns it locked."""
    held: list[Locked] = []

    def enqueue(*recipients: str | Recipient, text: bytes = TEXT, **options: object) -> Locked:
        people = [Recipient(each) if isinstance(each, str) else each for each in recipients]
        options = {"sender": "me@x.org", **options}
        entry = Entry(NOW, recipients=people, **options)  # type: ignore[arg-type]
        with queue.begin_new(NOW + len(held)) as writer:
            writer.write(entry.head() + text)
            writer.commit()
        locked = queue.lock(writer.name)
        assert locked
        held.append(locked)
        return locked

    yield enqueue
    for locked in held:
        locked.close()
