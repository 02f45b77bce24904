"""A disk that is really full: 64 KiB, filled mail by mail until no more go in, and then used."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.crash.scenarios import DRIVER, WRAPPER, Queue, environment

SIZE = 64 * 1024
FILES = 100


@pytest.fixture
def home(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """On a file system of its own.  Root mounts one; others have no way that outlives a command."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},nr_inodes={FILES},mode=700", "tmpfs", place], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def by_python(home: pathlib.Path, message: bytes) -> "subprocess.CompletedProcess[bytes]":
    argv = [sys.executable, "-S", str(DRIVER), "enqueue"]
    return subprocess.run(argv, input=message, env=environment(home), cwd=home, capture_output=True)


def by_shell(home: pathlib.Path, message: bytes) -> "subprocess.CompletedProcess[bytes]":
    argv = ["sh", str(WRAPPER), "-odq", "-i", "a@x.org"]
    return subprocess.run(argv, input=message, env=environment(home), cwd=home, capture_output=True)


Enqueue = Callable[[pathlib.Path, bytes], "subprocess.CompletedProcess[bytes]"]


@pytest.mark.parametrize("enqueue", [by_python, by_shell])
@pytest.mark.parametrize("size", [10, 5000, 30_000, 100_000])
def test_what_was_accepted_is_whole_and_what_was_not_is_not_there(
    home: pathlib.Path, enqueue: Enqueue, size: int
) -> None:
    accepted, refused = 0, 0
    while refused < 3:
        done = enqueue(home, b"x" * size)
        if done.returncode == 0:
            accepted += 1
            continue
        refused += 1
        assert done.returncode == 73
        assert any(word in done.stderr for word in (b"No space left", b"no room", b"cannot make"))
        assert done.stderr.count(b"\n") == 1
    queue = Queue(home)
    assert list(queue.mails().values()) == [b"x" * size] * accepted
    assert queue.leftovers() == []
    queue.nothing_strange()
    assert accepted or size > SIZE / 2


@pytest.mark.parametrize("enqueue", [by_python, by_shell])
def test_a_disk_without_room_for_the_queue_itself(home: pathlib.Path, enqueue: Enqueue) -> None:
    full(home)
    done = enqueue(home, b"x")
    assert done.returncode == 73
    assert done.stderr.count(b"\n") == 1


def full(home: pathlib.Path) -> None:
    """To the last byte, and the last name."""
    fd = os.open(home / "ballast", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        while True:
            os.write(fd, b"x" * 512)
    except OSError:
        os.close(fd)
    try:
        for number in range(FILES):
            (home / f"ballast{number}").mkdir()
    except OSError:
        pass


def test_a_mark_without_room_stops_the_work_on_that_mail(home: pathlib.Path) -> None:
    """And nothing is forgotten or torn; with room again all is finished."""
    assert by_python(home, b"x" * 100).returncode == 0
    full(home)
    name = next(iter(Queue(home).mails()))
    path = home / ".esmtp_queue/new" / name
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            os.write(fd, b"\n" * 16)  # to the end of its last block
    except OSError:
        os.close(fd)
    argv = [sys.executable, "-S", str(DRIVER), "finish"]
    done = subprocess.run(argv, env=environment(home), cwd=home, capture_output=True)
    assert done.returncode == 74
    assert b"more than once" in done.stderr
    assert Queue(home).mails() == {name: b"x" * 100}
    for ballast in home.glob("ballast*"):
        ballast.rmdir() if ballast.is_dir() else ballast.unlink()
    assert subprocess.run(argv, env=environment(home), cwd=home, capture_output=True).returncode == 0
    assert [*Queue(home).mails()] == [f"{name}-f"]
