"""A long piece of work done by two processes in turn, its results in order.

Reading 100,000 mails for a list keeps one processor busy for longer than
somebody who waits for it likes; most machines have another one.
"""

import os

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Fewer are done before a second process is of any use.
WORTH_IT = 16

_HEAD = 8


def in_turn(parts: "list[list[str]]", work: "Callable[[list[str]], bytes]") -> "Iterator[bytes]":
    """``work(part)`` for each part, in order; a helper does every second one.

    It runs ahead by no more than a pipe holds.  What it does not do, because
    there is none or it has died, is done here.
    """
    helper = _Helper(parts[1::2], work) if len(parts) >= WORTH_IT and _processors() > 1 else None
    try:
        for number, part in enumerate(parts):
            done = helper.take() if helper and number % 2 else None
            yield work(part) if done is None else done
    finally:
        if helper:
            helper.close()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Helper:
    """A child that does some of the parts, and hands over the results in a pipe: length, bytes."""

    __slots__ = ("_fd", "_pid")

    def __init__(self, parts: "list[list[str]]", work: "Callable[[list[str]], bytes]") -> None:
        self._fd, writer = os.pipe()
        self._pid = 0
        try:
            self._pid = os.fork()
        except OSError:  # no room for a process: the pipe is at its end then, and we are alone
            os.close(writer)
            return
        if self._pid:
            os.close(writer)
            return
        try:
            os.close(self._fd)
            for part in parts:
                done = work(part)
                _write(writer, len(done).to_bytes(_HEAD, "little") + done)
        except (OSError, MailError):
            pass
        finally:
            os._exit(0)

    def take(self) -> "bytes | None":
        """The next result; None, now and from now on, if there is no more."""
        head = self._read(_HEAD)
        return self._read(int.from_bytes(head, "little")) if head is not None else None

    def close(self) -> None:
        """It ends by itself, at the latest when it finds nobody at the other end."""
        os.close(self._fd)
        if self._pid:
            os.waitpid(self._pid, 0)

    def _read(self, size: int) -> "bytes | None":
        parts = []
        while size:
            part = os.read(self._fd, size)
            if not part:
                return None
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
