"""A long queue, made without waiting for the disk after each mail."""

import os
import pathlib
import time

from bench import mail
from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.digest import ALGORITHM, new
from esmtp_py.queue.entry import RAW, Entry, new_id, seal_line
from esmtp_py.queue.store import Store

SENDER = "alice@example.test"
RECIPIENT = "bench@discard.test"  # the server takes it and throws it away
CALL = [b"-i", b"-f", SENDER.encode(), RECIPIENT.encode()]


class Backlog:
    """The queue of a home directory.  What it is filled with is what esmtp itself would have written."""

    def __init__(self, home: pathlib.Path) -> None:
        self.path = home / ".esmtp_queue"
        self._new = self.path / "new"
        self._begun = time.time() - 86400
        self._made = 0

    def fill(self, count: int, size: int = 2000, *, raw: bool = False) -> None:
        """Adds so many mails of that many bytes; they are due, and on the disk.  raw: as the wrapper writes them."""
        Store.open(str(self.path)).close()
        for _ in range(count):
            self._made += 1
            submitted = self._begun + self._made / 10000
            name = new_id(submitted, os.getpid())
            if raw:
                head = Entry(submitted, form=RAW, argv=CALL).head()
                self._add(name, "sha256", head, mail.of_two_kilobytes())
            else:
                head = Entry(submitted, SENDER, [Recipient(RECIPIENT)]).head()
                self._add(name, ALGORITHM, head, *mail.wire(size))
        os.sync()  # or somebody's fsync would have all this to wait for

    def _add(self, name: str, algorithm: str, *parts: bytes) -> None:
        digest, written = new(algorithm), 0
        with open(self._new / name, "xb", opener=_private) as file:
            for data in parts:
                digest.update(data)
                written += file.write(data)
            file.write(seal_line(written, algorithm, digest.hexdigest()))

    def waiting(self) -> int:
        """How many there are."""
        return len(os.listdir(self._new)) if self._new.exists() else 0


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
