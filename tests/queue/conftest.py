"""A queue of its own with a clock of its own, and runs over it in this process."""

import os
import pathlib
import time
from collections.abc import Callable, Iterator

import pytest

from esmtp_py.cli.raw import unpack
from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import Marks
from esmtp_py.queue.runner import Run
from esmtp_py.queue.schedule import LONGEST
from esmtp_py.queue.store import Store
from esmtp_py.queue.tally import Tally
from tests.server.listener import Listener

NOW = 1_700_000_000.0
HOUR, DAY, YEAR = 3600, 86400, 365 * 86400

TEXT = b"From: me@x.org\r\nSubject: hello\r\n\r\nbody\r\n"


class Queue:
    """store; now: what its clock shows.  rc files and mails are written by the methods."""

    def __init__(self, home: pathlib.Path, store: Store) -> None:
        self.home = home
        self.store = store
        self.now = NOW
        self._put = 0

    def rc(self, text: str, name: str = ".esmtprc") -> pathlib.Path:
        path = self.home / name
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        return path

    def way(self, server: Listener, *more: str, address: str = "me@x.org") -> None:
        """An rc with one identity, whose mail goes to that server, in clear text and without a password."""
        self.rc(section(server, *more, address=address))

    def put(
        self, *recipients: str | Recipient, sender: str | None = "me@x.org", text: bytes = TEXT, **options: object
    ) -> str:
        """Queues a mail now; returns its id.  Each one is a microsecond or more younger than the one before."""
        self._put += 1
        time = self.now + self._put / 1000
        people = [Recipient(each) if isinstance(each, str) else each for each in recipients]
        entry = Entry(time, sender, people, **options)  # type: ignore[arg-type]
        with self.store.begin_new(time) as writer:
            writer.write(entry.head() + text)
            writer.commit()
        os.utime(self.file(writer.name), (self.now, self.now))
        return writer.name

    def run(self, *names: str) -> Tally:
        """All that is due, or these; leaves no queue file open."""
        self.now += 1
        run = Run(self.store, unpack, clock=lambda: self.now)
        tally = run.these(names) if names else run.all_due()
        assert open_files(self.home) == []
        return tally

    def later(self, seconds: float = LONGEST * 1.25) -> None:
        """So much time goes by; as much as the longest back-off unless told."""
        self.now += seconds

    def ids(self, where: str = "new") -> list[str]:
        return self.store.ids(where)

    def file(self, name: str, where: str = "new") -> pathlib.Path:
        return pathlib.Path(self.store.path) / where / name

    def marks(self, name: str, where: str = "new") -> Marks:
        entry = self.store.read(name, where)
        assert entry
        return entry.marks

    def fates(self, name: str) -> list[str]:
        """The kind of outcome for each recipient so far, "" before the first attempt."""
        entry = self.store.read(name)
        assert entry
        fates = [entry.marks.fate(number).outcome for number in range(len(entry.recipients))]
        return [fate.kind if fate else "" for fate in fates]

    def words(self, name: str, number: int = 0) -> str:
        """What the last outcome says."""
        outcome = self.marks(name).fate(number).outcome
        assert outcome
        return outcome.text

    def message(self, name: str, where: str = "new") -> bytes:
        """What is stored, without envelope and marks."""
        locked = self.store.lock(name, where)
        assert locked
        with locked:
            return b"".join(locked.chunks())


def section(server: Listener, *more: str, address: str = "me@x.org") -> str:
    """An identity whose mail goes to that server, in clear text and without a password."""
    lines = (f"identity {address}", f"hostname 127.0.0.1:{server.port}", "starttls disabled", *more)
    return "\n".join(lines) + "\n"


def open_files(home: pathlib.Path) -> list[str]:
    """Queue files that this process has open."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue  # that of listdir itself, or of a server that has ended a session
        if target.startswith(f"{home}/.esmtp_queue/") and not os.path.isdir(target):
            found.append(target)
    return found


@pytest.fixture
def queue(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ESMTP_QUEUE_DIR", raising=False)
    with pytest.MonkeyPatch.context() as zone:
        zone.setenv("TZ", "UTC")
        time.tzset()
        with Store.open() as store:
            yield Queue(tmp_path, store)
    time.tzset()


Break = Callable[[str, OSError], None]
