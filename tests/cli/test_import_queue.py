"""--import-queue: mail of the old wrapper and of msmtpq comes over whole, is never run, doubled or lost."""

import os
import pathlib
import subprocess

import pytest

from esmtp_py.errors import MailError
from esmtp_py.queue.entry import RAW
from esmtp_py.queue.importer import words as split
from tests.cli.queue import Queue, queue
from tests.conftest import SCRIPTS, Command

__all__ = ["queue"]

TEXT = b"Subject: old\nTo: a@x.org\n\nhi\n.\nmore\n"
WHEN = 1_500_000_000


class Old:
    """Queues as older programs leave them."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home

    def esmtp(
        self, command: str, text: bytes = TEXT, name: str = "aB3dE6gH", where: str = ".esmtp_queue"
    ) -> pathlib.Path:
        directory = self.home / where / name
        directory.mkdir(parents=True, mode=0o700)
        directory.parent.chmod(0o700)
        (directory / "cmd").write_text(command + "\n")
        self._write(directory / "mail", text)
        return directory

    def msmtp(self, command: str, text: bytes = TEXT, name: str = "2017-07-14-02.40.00") -> pathlib.Path:
        directory = self.home / ".msmtp.queue"
        directory.mkdir(exist_ok=True, mode=0o700)
        (directory / f"{name}.msmtp").write_text(command + "\n")
        self._write(directory / f"{name}.mail", text)
        return directory

    def _write(self, path: pathlib.Path, text: bytes) -> None:
        path.write_bytes(text)
        os.utime(path, (WHEN, WHEN))


@pytest.fixture
def old(esmtp: Command) -> Old:
    return Old(esmtp.home)


def the_mail(queue: Queue) -> tuple[list[bytes], bytes, float]:
    """argv, message and time of the one mail in the queue."""
    [name] = queue.store.ids()
    with queue.lock(name) as mail:
        mail.verify()
        assert mail.entry.form == RAW
        return mail.entry.argv, b"".join(mail.chunks()), mail.entry.time


def test_wrapper_of_the_c_esmtp(esmtp: Command, queue: Queue, old: Old) -> None:
    directory = old.esmtp("-f me@x.org -- a@x.org b@x.org")
    done = esmtp("--import-queue")
    assert (done.code, done.err) == (0, "")
    [name] = queue.store.ids()
    assert done.out == f"{directory}: queued as {name}\n"
    # the message was whole: a lone dot in it must not end it now
    assert the_mail(queue) == ([b"-i", b"-f", b"me@x.org", b"--", b"a@x.org", b"b@x.org"], TEXT, WHEN)
    assert not directory.exists()
    listed = esmtp("-bp").out
    assert "Fri Jul 14 02:40:00  me@x.org\n" in listed
    assert " b@x.org\n" in listed


def test_msmtpq(esmtp: Command, queue: Queue, old: Old) -> None:
    directory = old.msmtp("-oi --read-recipients --from=me@x.org")
    done = esmtp("--import-queue")
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 1)
    assert the_mail(queue) == ([b"-i", b"-oi", b"-t", b"-fme@x.org"], TEXT, WHEN)
    assert list(directory.iterdir()) == []


def test_a_directory_is_named(esmtp: Command, queue: Queue, old: Old) -> None:
    directory = old.esmtp("a@x.org", where="other").parent
    assert esmtp("--import-queue").out.startswith("no mail of an older queue in ")
    assert esmtp("--import-queue", str(directory)).code == 0
    assert len(queue.store.ids()) == 1


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("esmtp -f me@x.org a@x.org", [b"-f", b"me@x.org", b"a@x.org"]),
        ("/usr/bin/esmtp a@x.org", [b"a@x.org"]),
        (
            """esmtp -F 'J. $HOME `id`' "a\\"b c"@x.org a\\@x.org ''""",
            [b"-F", b"J. $HOME `id`", b'a"b c@x.org', b"a@x.org", b""],
        ),
        ("  a@x.org \t b@x.org  ", [b"a@x.org", b"b@x.org"]),
    ],
)
def test_words_of_a_command_line(command: str, words: list[bytes]) -> None:
    found = [os.fsencode(word) for word in split(command)]
    assert found[-len(words) :] == words


@pytest.mark.parametrize("char", [";", "&", "|", "<", ">", "(", ")", "$", "`", "\n"])
def test_what_a_shell_would_do_something_with_is_no_word(char: str) -> None:
    for text in (char, f"a{char}b", f"a {char}"):
        with pytest.raises(MailError):
            split(text)
    assert split(f"'a{char}b'") == [f"a{char}b"]


EVIL = [
    "a@x.org; touch canary",
    "a@x.org && touch canary",
    "a@x.org | tee canary",
    "$(touch canary) a@x.org",
    "`touch canary` a@x.org",
    '"$(touch canary)"@x.org',
    '"`touch canary`"@x.org',
    "a@x.org > canary",
    "a@x.org\ntouch canary",
    "'a@x.org",
    '"a@x.org',
    "a@x.org\\",
    "(a@x.org)",
]


@pytest.mark.parametrize("command", EVIL)
def test_nothing_is_executed(command: str, esmtp: Command, queue: Queue, old: Old) -> None:
    directory = old.esmtp(command)
    done = esmtp("--import-queue")
    assert done.code == 65
    assert done.err.startswith(f"esmtp: {directory}: left where it is: ")
    assert not (esmtp.home / "canary").exists()
    assert queue.store.ids() == []
    assert (directory / "mail").read_bytes() == TEXT


@pytest.mark.parametrize(
    "command", ["", "-f me@x.org", "-a work a@x.org", "--host=h a@x.org", "a@x..@", "-bp", "-bv a@x.org"]
)
def test_a_call_that_cannot_be_sent_is_left(command: str, esmtp: Command, queue: Queue, old: Old) -> None:
    directory, fine = old.esmtp(command), old.esmtp("b@x.org", name="bbbbbbbb")
    done = esmtp("--import-queue")
    assert done.code == 65
    assert done.err.count("\n") == 1
    assert str(directory) in done.err
    assert sorted(os.listdir(directory)) == ["cmd", "mail"]
    assert not fine.exists()
    assert len(queue.store.ids()) == 1


def test_half_a_mail_is_left(esmtp: Command, queue: Queue, old: Old) -> None:
    locked, no_mail = old.esmtp("a@x.org"), old.esmtp("a@x.org", name="bbbbbbbb")
    (locked / "lock").touch()
    (no_mail / "mail").unlink()
    pairs = old.msmtp("a@x.org")
    (pairs / "2017-07-14-02.40.00.msmtp").unlink()
    done = esmtp("--import-queue")
    assert done.code == 65
    assert done.err.count("left where it is") == 3
    assert (queue.store.ids(), (locked / "mail").exists(), len(list(pairs.iterdir()))) == ([], True, 1)


def test_links_and_pipes_are_left(esmtp: Command, queue: Queue, old: Old) -> None:
    linked, pipe = old.esmtp("a@x.org"), old.esmtp("a@x.org", name="bbbbbbbb")
    secret = esmtp.home / "secret"
    secret.write_bytes(TEXT)
    for directory in (linked, pipe):
        (directory / "mail").unlink()
    (linked / "mail").symlink_to(secret)
    os.mkfifo(pipe / "mail")
    assert esmtp("--import-queue").code == 65
    assert queue.store.ids() == []
    assert secret.exists()


def test_a_directory_of_others_is_not_touched(esmtp: Command, queue: Queue, old: Old) -> None:
    directory = old.esmtp("a@x.org", where="open").parent
    directory.chmod(0o777)
    done = esmtp("--import-queue", str(directory))
    assert done.code == 66
    assert (directory / "aB3dE6gH" / "mail").exists()
    assert esmtp("--import-queue", "missing").code == 66


def test_an_import_that_was_cut_short_doubles_nothing(esmtp: Command, queue: Queue, old: Old) -> None:
    old.esmtp("a@x.org")
    esmtp("--import-queue")
    names = queue.store.ids()
    directory = old.esmtp("a@x.org")  # as it is when we die before it is removed
    done = esmtp("--import-queue")
    assert (done.code, done.err) == (0, "")
    assert queue.store.ids() == names
    assert not directory.exists()
    other = old.esmtp("b@x.org")
    done = esmtp("--import-queue")
    assert done.code == 65
    assert other.exists()
    assert queue.store.ids() == names


def test_durable_before_the_old_one_goes(esmtp: Command, queue: Queue, old: Old) -> None:
    old.esmtp("a@x.org")
    trace = esmtp.home / "trace"
    program = ["strace", "-y", "-o", str(trace), "-e", "trace=fsync,rename,renameat,renameat2,unlink,unlinkat,rmdir"]
    try:
        subprocess.run([*program, SCRIPTS / "esmtp", "--import-queue"], env=esmtp.environ, check=True, cwd=esmtp.home)
    except FileNotFoundError:
        pytest.skip("strace is not installed")
    calls = [line.partition("(")[0] for line in trace.read_text().splitlines() if "esmtp_queue" in line]
    assert calls[:3] == ["fsync", calls[1], "fsync"]
    assert calls[1].startswith("rename")
    assert set(calls[3:]) <= {"unlink", "unlinkat", "rmdir"}
    assert len(calls) == 6


def test_no_room_leaves_everything(esmtp: Command, queue: Queue, old: Old) -> None:
    directory = old.esmtp("a@x.org", where="other")
    (queue.path / "tmp").rmdir()
    (queue.path / "tmp").touch()
    done = esmtp("--import-queue", str(directory.parent))
    assert done.code == 71
    assert (directory / "mail").read_bytes() == TEXT


def test_a_relative_rc_is_left_for_a_person(esmtp: Command, queue: Queue, old: Old) -> None:
    """The old program looked for it wherever it happened to be called."""
    directory = old.esmtp("-C my.rc -f me@x.org a@x.org")
    done = esmtp("--import-queue")
    assert done.code == 65
    assert f"{directory}: left where it is: -C my.rc: " in done.err
    assert queue.store.ids() == []
    (directory / "cmd").write_text("-C /home/me/my.rc -f me@x.org a@x.org\n")
    assert esmtp("--import-queue").code == 0
    assert len(queue.store.ids()) == 1
