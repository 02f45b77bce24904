"""The spool keeps every byte, little memory, and nothing on disk behind it."""

import errno
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.dots import stuff
from esmtp_py.message.intake import Intake
from esmtp_py.message.message import CHUNK, Message
from esmtp_py.spool import MEMORY_LIMIT, Spool
from tests.leftovers import descriptors


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def filled(data: bytes, step: int = 10_000) -> Spool:
    body = Spool()
    for start in range(0, len(data), step):
        body.write(data[start : start + step])
    body.finish()
    return body


def pattern(size: int) -> bytes:
    return (b"".join(b"%07d\n" % number for number in range(size // 8 + 1)))[:size]


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, MEMORY_LIMIT, MEMORY_LIMIT + 1, 5 * MEMORY_LIMIT + 7])
@pytest.mark.parametrize("step", [4099, CHUNK, 10 * MEMORY_LIMIT])
def test_what_goes_in_comes_out_again_and_again(size: int, step: int) -> None:
    data = pattern(size)
    with filled(data, step) as body:
        assert body.size == size
        for _ in range(2):
            chunks = list(body.chunks())
            assert b"".join(chunks) == data
            assert all(0 < len(chunk) <= CHUNK for chunk in chunks)


def test_a_small_body_needs_no_file(directory: Path) -> None:
    before = descriptors()
    directory.chmod(0)
    with filled(pattern(MEMORY_LIMIT)) as body:
        assert body.size == MEMORY_LIMIT
        assert descriptors() <= before


@pytest.mark.parametrize("tmpfile", [True, False])
def test_the_file_has_no_name_and_is_the_users_own(
    directory: Path, monkeypatch: pytest.MonkeyPatch, tmpfile: bool
) -> None:
    if not tmpfile:
        monkeypatch.delattr(os, "O_TMPFILE")
    before = descriptors()
    body = filled(pattern(MEMORY_LIMIT + 1))
    ((fd, _),) = descriptors() - before
    assert list(directory.iterdir()) == []
    assert os.fstat(int(fd)).st_dev == directory.stat().st_dev
    assert os.fstat(int(fd)).st_mode & 0o777 == 0o600
    assert os.fstat(int(fd)).st_nlink == 0
    assert not os.get_inheritable(int(fd))
    body.close()
    assert descriptors() <= before


def test_a_file_system_without_nameless_files_will_do(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really = os.open

    def old(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", old)
    with filled(pattern(MEMORY_LIMIT + 1)) as body:
        assert b"".join(body.chunks()) == pattern(MEMORY_LIMIT + 1)
    assert list(directory.iterdir()) == []


def test_memory_is_given_back_when_the_file_begins() -> None:
    with filled(pattern(3 * MEMORY_LIMIT)) as body:
        assert len(body._memory) == 0


def test_the_collector_closes_what_nobody_closed() -> None:
    before = descriptors()
    body = filled(pattern(MEMORY_LIMIT + 1))
    assert descriptors() - before
    del body
    assert descriptors() <= before


def test_the_end_of_with_closes() -> None:
    before = descriptors()
    with filled(pattern(MEMORY_LIMIT + 1)) as body:
        assert descriptors() - before
    assert descriptors() <= before
    assert body.size == MEMORY_LIMIT + 1


def test_close_twice_and_no_reading_after() -> None:
    body = filled(b"abc")
    body.close()
    body.close()
    with pytest.raises(ValueError):
        list(body.chunks())
    with pytest.raises(ValueError):
        body.write(b"d")


def test_no_writing_after_finish() -> None:
    with pytest.raises(ValueError):
        filled(b"abc").write(b"d")


@pytest.mark.parametrize("size", [10, MEMORY_LIMIT * 2])
def test_eight_bit(size: int) -> None:
    assert not filled(b"a" * size).eight_bit
    assert filled(b"a" * size + b"\xe4").eight_bit
    assert filled(b"\xe4" + b"a" * size).eight_bit


def test_readers_do_not_disturb_each_other() -> None:
    data = pattern(4 * MEMORY_LIMIT)
    with filled(data) as body:
        first, second = body.chunks(), body.chunks()
        got: tuple[list[bytes], list[bytes]] = ([], [])
        for one, two in zip(first, second, strict=True):
            got[0].append(one)
            got[1].append(two)
        assert b"".join(got[0]) == b"".join(got[1]) == data
        results: list[bool] = []
        readers = [threading.Thread(target=lambda: results.append(b"".join(body.chunks()) == data)) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert results == [True] * 4


def test_short_and_interrupted_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    really, calls = os.write, 0

    def short(fd: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise InterruptedError
        return really(fd, data[: 1 + len(data) // 2])

    monkeypatch.setattr(os, "write", short)
    data = pattern(2 * MEMORY_LIMIT)
    with filled(data) as body:
        assert calls > 3
        assert b"".join(body.chunks()) == data


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_full_disk_is_temporary_and_says_what_to_do(
    directory: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    really, room = os.write, 3

    def full(fd: int, data: bytes) -> int:
        nonlocal room
        room -= 1
        if room < 0:
            raise OSError(code, os.strerror(code))
        return really(fd, data[:100_000])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MailError) as raised:
        filled(pattern(2 * MEMORY_LIMIT))
    assert raised.value.kind == "io"
    assert raised.value.text == (
        f"cannot spool the message in {directory}: {os.strerror(code)}; set TMPDIR to a directory with room"
    )


def test_a_write_that_writes_nothing_does_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(MailError):
        filled(pattern(MEMORY_LIMIT + 1))


def test_the_next_directory_is_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    with filled(pattern(MEMORY_LIMIT + 1)) as body:
        assert body._directory in ("/var/tmp", "/tmp")


def test_no_directory_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int, mode: int = 0) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MailError) as raised:
        filled(pattern(MEMORY_LIMIT + 1))
    assert raised.value.kind == "io"
    assert "/var/tmp: Permission denied" in raised.value.text
    assert "TMPDIR" in raised.value.text


def test_a_file_that_shrank_or_fails_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(pattern(MEMORY_LIMIT + 1)) as body:
        os.ftruncate(body._fd, 1000)
        with pytest.raises(MailError) as raised:
            list(body.chunks())
        assert raised.value.kind == "io"

        def broken(fd: int, size: int, at: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "pread", broken)
        with pytest.raises(MailError) as raised:
            list(body.chunks())
        assert "Input/output error" in raised.value.text


def test_a_real_limit_of_the_system(directory: Path) -> None:
    """No stand-in for the kernel: it stops this process at the file size limit."""
    program = """
import resource
from esmtp_py.errors import MailError
from esmtp_py.spool import MEMORY_LIMIT, Spool
resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY_LIMIT * 2, MEMORY_LIMIT * 2))
body = Spool()
try:
    for _ in range(100):
        body.write(b"x" * 10_000)
except MailError as error:
    print(error.kind, body.size, error.text)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kind, size, text = done.stdout.split(" ", 2)
    assert kind == "io"
    assert int(size) == MEMORY_LIMIT * 2 // 10_000 * 10_000
    assert text.startswith(f"cannot spool the message in {directory}: File too large")


def test_memory_does_not_grow_with_the_message() -> None:
    """In, spooled, read back and dot-stuffed."""
    chunk = b"a line of text, and a dot\r\n.\r\n" * 2000

    def peak(chunks: int) -> int:
        tracemalloc.start()
        intake, body = Intake(dot_ends=False), Spool()
        body.write(intake.feed(b"Subject: x\n\n"))
        for _ in range(chunks):
            body.write(intake.feed(chunk))
        body.write(intake.finish())
        body.finish()
        wire = sum(map(len, stuff(Message(intake.header, body).chunks())))
        assert wire > chunks * len(chunk)
        body.close()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    small = peak(20)
    assert peak(1000) < small + 64 * 1024
