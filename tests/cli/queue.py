"""A queue in the home of the ``esmtp`` fixture, filled without the command line."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest

from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import RAW, Entry
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.store import Store
from tests.conftest import Command

TEXT = b"To: a@x.org\r\nSubject: x\r\n\r\nhello\r\n"
NOW = 1_700_000_000  # Tue Nov 14 22:13:20 2023


class Queue:
    """path: where it is; ``store`` is open as long as the test runs."""

    def __init__(self, home: pathlib.Path) -> None:
        self.path = home / ".esmtp_queue"
        self.store = Store.open(str(self.path))

    def add(self, entry: "Entry | None" = None, text: bytes = TEXT, *, marks: bytes = b"") -> str:
        """Queues a mail and returns its id."""
        entry = entry or Entry(NOW, "me@x.org", [Recipient("a@x.org")])
        with self.store.begin_new(entry.time) as writer:
            writer.write(entry.head())
            writer.write(text)
            writer.commit()
        if marks:
            with self.lock(writer.name) as locked:
                locked.mark(marks)
        return writer.name

    def call(self, *argv: bytes, text: bytes = TEXT) -> str:
        """What the wrapper queues."""
        return self.add(Entry(NOW, form=RAW, argv=list(argv)), text)

    def lock(self, name: str) -> Locked:
        locked = self.store.lock(name)
        assert locked
        return locked

    def entry(self, name: str) -> Entry:
        entry = self.store.read(name)
        assert entry
        return entry

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("*") if not path.is_dir())


@pytest.fixture
def queue(esmtp: Command) -> Iterator[Queue]:
    made = Queue(esmtp.home)
    with contextlib.closing(made.store):
        yield made
