"""The queue's scenarios: enqueueing by Python and by the shell, and all that a runner does with the store."""

import os
import pathlib
import shutil
import sys

from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import Entry, is_id
from esmtp_py.queue.marks import FAILURE
from esmtp_py.queue.store import Store
from tests.crash.driver import NEVER, TIME
from tests.crash.scenario import Command, Scenario
from tests.crash.syscalls import REMOVES
from tests.crash.tracer import Run

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = ROOT / "tests/crash/driver.py"
WRAPPER = ROOT / "scripts/esmtp-wrapper"
TEXT = b"Subject: x\r\n\r\n" + b"0123456789\r\n" * 300


def environment(home: pathlib.Path, package: pathlib.Path = ROOT) -> dict[str, str]:
    """As little as possible, the same in every run."""
    return {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C",
    }


def copy_package(place: pathlib.Path) -> pathlib.Path:
    """Makes there what can be changed, and returns ``place``.

    Without the grammar, and without what Python, started by another test, has not compiled to its end: that may go
    before it is copied.
    """
    ignored = shutil.ignore_patterns("grammar", "*.pyc.*")
    shutil.copytree(ROOT / "esmtp_py", place / "esmtp_py", ignore=ignored, symlinks=True)
    return place


def queue_of(home: pathlib.Path) -> pathlib.Path:
    return home / ".esmtp_queue"


class Queue:
    """What is in a queue, read by the code that delivers from it: everything that is seen must be whole."""

    def __init__(self, home: pathlib.Path) -> None:
        self.path = queue_of(home)

    def mails(self, where: str = "new") -> dict[str, bytes]:
        """id: message.  Raises Damaged for anything half done."""
        found = {}
        with Store.open(str(self.path), create=False) as store:
            for name in store.ids(where):
                mail = store.lock(name, where)
                assert mail, f"{name} is locked by nobody"
                with mail:
                    mail.verify()
                    found[name] = b"".join(mail.chunks())
        return found

    def entry(self, name: str) -> Entry:
        with Store.open(str(self.path)) as store:
            entry = store.read(name)
            assert entry
            return entry

    def leftovers(self) -> list[str]:
        """In tmp/; none is left after a sweep."""
        if not (self.path / "tmp").is_dir():
            return []
        found = os.listdir(self.path / "tmp")
        with Store.open(str(self.path)) as store:
            store.sweep(NEVER)
        assert os.listdir(self.path / "tmp") == []
        return found

    def nothing_strange(self) -> None:
        """No name that is no id, nothing set aside."""
        for where in ("new", "corrupt", "failed"):
            if (self.path / where).is_dir():
                names = os.listdir(self.path / where)
                assert all(map(is_id, names)), names
                assert where != "corrupt" or names == []


class Enqueue(Scenario):
    """Status 0: it is there, whole.  Another: it is not.  Killed: whole or not at all; and nothing else is left."""

    one_line = True  # says why, if it ends with another status

    def __init__(self, *, first: bool, package: pathlib.Path = ROOT) -> None:
        self.first = first  # there is no queue yet
        self.package = package

    def prepare(self, home: pathlib.Path) -> Command:
        if not self.first:
            Store.open(str(queue_of(home))).close()
        return self.command(home)

    def command(self, home: pathlib.Path) -> Command:
        argv = [sys.executable, "-S", str(DRIVER), "enqueue"]
        return Command(argv, env=environment(home, self.package), stdin=TEXT, cwd=home)

    def check(self, home: pathlib.Path, run: Run) -> None:
        queue = Queue(home)
        mails = list(queue.mails().values())
        spoiled_removal = run.hit is not None and (run.hit.name in REMOVES or run.hit.program == "rm")
        if run.code == 0:
            assert mails == [TEXT], "accepted, and not there"
        elif run.code > 0:
            assert mails == [] or spoiled_removal, "refused, and there"
            assert run.err.count(b"\n") == 1 or not self.one_line, "one line says why"
        else:
            assert mails in ([], [TEXT])
        queue.nothing_strange()
        leftovers = queue.leftovers()
        assert leftovers == [] or run.code < 0 or spoiled_removal


class Wrapped(Enqueue):
    """The shell's way to do the same."""

    one_line = False  # shells have something to say, too

    def __init__(self, shell: str, *, first: bool, run: bool = False) -> None:
        super().__init__(first=first)
        self.shell = shell
        self.run = run  # a run of the queue is started afterwards

    def command(self, home: pathlib.Path) -> Command:
        path = shutil.which(self.shell)
        assert path
        shell = [path, "sh"] if self.shell == "busybox" else [path]
        mode = [] if self.run else ["-odq"]
        argv = [*shell, str(WRAPPER), *mode, "-oi", "-f", "me@x.org", "a@x.org"]
        return Command(argv, env=environment(home) | {"ESMTP": "/bin/true"}, stdin=TEXT, cwd=home)


class Running(Scenario):
    """One mail in the queue, which ``driver.py`` does something with."""

    action = ""

    def __init__(self, package: pathlib.Path = ROOT) -> None:
        self.package = package

    def prepare(self, home: pathlib.Path) -> Command:
        with Store.open(str(queue_of(home))) as store:
            entry = Entry(TIME, "me@x.org", [Recipient("a@x.org"), Recipient("b@x.org")])
            with store.begin_new(TIME) as writer:
                writer.write(entry.head() + TEXT)
                writer.commit()
        return self.command(home)

    def command(self, home: pathlib.Path) -> Command:
        argv = [sys.executable, "-S", str(DRIVER), self.action]
        return Command(argv, env=environment(home, self.package), cwd=home)

    def again(self, home: pathlib.Path) -> list[str]:
        """Another run, undisturbed; what it says."""
        done = self.command(home).plain()
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().splitlines()


class Finish(Running):
    """No fate that was noted is forgotten, the sender is told once, and the mail stays until all is done."""

    action = "finish"

    def check(self, home: pathlib.Path, run: Run) -> None:
        queue, said = Queue(home), run.out.decode().splitlines()
        mails = queue.mails()
        reports = [name for name in mails if name.endswith("-f")]
        originals = [name for name in mails if not name.endswith("-f")]
        assert len(reports) <= 1
        for name in originals:
            assert mails[name] == TEXT
            fates = queue.entry(name).marks
            for number in (0, 1):
                assert fates.fate(number).settled or f"noted {number} of {name}" not in said, "noted, and forgotten"
            assert reports or FAILURE not in fates.fate(1).reported, "reported, and no report"
        assert originals or reports, "gone, and nobody told"
        assert not originals or run.code != 0, "done, and still there"
        queue.nothing_strange()
        self.check_again(home, said, reports)

    def check_again(self, home: pathlib.Path, said: list[str], reports: list[str]) -> None:
        for line in self.again(home):
            if line.startswith("tried"):
                assert line.replace("tried", "noted") not in said, "delivered again although it was noted"
        after = Queue(home)
        assert len(after.mails()) == 1
        assert after.mails().keys() >= set(reports)
        after.leftovers()


class GiveUp(Running):
    """It is in new/ or in failed/, never in both or in neither."""

    action = "give-up"

    def check(self, home: pathlib.Path, run: Run) -> None:
        queue = Queue(home)
        waiting, failed = queue.mails(), queue.mails("failed")
        assert [*waiting.values(), *failed.values()] == [TEXT]
        assert not waiting or run.code != 0
        self.again(home)
        assert list(queue.mails("failed").values()) == [TEXT]


class Tidy(Running):
    """A damaged file is in new/ or in corrupt/; the mail beside it is not touched, old rubbish goes."""

    action = "tidy"

    def prepare(self, home: pathlib.Path) -> Command:
        command = super().prepare(home)
        queue = queue_of(home)
        for name in ("new/1600000000-1", "new/stranger", "tmp/1600000000-2"):
            (queue / name).write_bytes(b"esmtp-queue 1\n")
            (queue / name).chmod(0o600)
        return command

    def check(self, home: pathlib.Path, run: Run) -> None:
        self.check_places(home)
        self.again(home)
        self.check_places(home)
        queue = queue_of(home)
        assert sorted(os.listdir(queue / "corrupt")) == ["1600000000-1", "stranger"]
        assert os.listdir(queue / "tmp") == []
        assert list(Queue(home).mails().values()) == [TEXT]

    def check_places(self, home: pathlib.Path) -> None:
        queue = queue_of(home)
        for name in ("1600000000-1", "stranger"):
            assert (queue / "new" / name).exists() != (queue / "corrupt" / name).exists()
        assert len(os.listdir(queue / "new")) + len(list(queue.glob("corrupt/*"))) == 3
