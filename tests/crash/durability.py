"""Whether what a program promised was on the disk when it promised it: the order of its calls, read strictly.

The model of a disk that forgets all it was not told to keep: a file's content
is safe after fsync of the file, a name after fsync of its directory.  It is
stricter than any file system, so that one fsync too few is seen on all.
"""

import os

from tests.crash.syscalls import MAKES, REMOVES, RENAMES, WRITES
from tests.crash.tracer import Call, Run


class Disk:
    """What of it is not safe yet, after some calls.

    contents: files written since their last fsync.
    names:    directory: names in it that were made or removed since its last fsync.
    """

    def __init__(self) -> None:
        self.contents: set[str] = set()
        self.names: dict[str, set[str]] = {}

    def after(self, call: Call) -> None:
        """Takes in a call that has returned."""
        if call.result is None or call.result < 0:
            return
        if call.name in WRITES or call.name in ("ftruncate", "fallocate"):
            self.contents.add(call.path)
        elif call.name in ("fsync", "fdatasync"):
            self.contents.discard(call.path)
            self.names.pop(call.path, None)
        elif call.name in ("sync", "syncfs"):
            self.contents.clear()
            self.names.clear()
        elif call.name in RENAMES:
            self._renamed(*call.paths)
        elif call.name in MAKES:
            self._changed(call.paths[-1])
        elif call.name in REMOVES:
            self._changed(call.path)
            self.contents.discard(call.path)
        elif call.name in ("open", "openat", "creat") and _creates(call):
            self._changed(call.path)

    def _renamed(self, old: str, new: str) -> None:
        self._changed(old)
        self._changed(new)
        if old in self.contents:
            self.contents.discard(old)
            self.contents.add(new)

    def _changed(self, path: str) -> None:
        self.names.setdefault(os.path.dirname(path), set()).add(os.path.basename(path))


def _creates(call: Call) -> bool:
    flags = call.args[2] if call.name == "openat" else call.args[1]
    return call.name == "creat" or bool(flags & os.O_CREAT)


def broken_promises(run: Run, queue: str) -> list[str]:
    """What was promised too early in a run.  queue: its directory.

    A rename out of tmp/ promises that the content is safe.  Each line on
    standard output, and the end of the first program with status 0, promise
    that everything in the queue is, except what is in tmp/.
    """
    disk = Disk()
    found = []
    for call in run.calls:
        if call.name in RENAMES and call.path in disk.contents:
            found.append(f"{call}: renamed before its content was safe")
        if _promises(call):
            found += [f"{call}: {text}" for text in _unsafe(disk, queue)]
        disk.after(call)
    return found


def _promises(call: Call) -> bool:
    if call.name == "exit_group":
        return call.process == () and call.args[0] == 0
    return call.name == "write" and call.args[0] == 1 and call.path.startswith("/memfd:")


def _unsafe(disk: Disk, queue: str) -> list[str]:
    tmp = f"{queue}/tmp"
    content = [
        f"the content of {path}" for path in disk.contents if path.startswith(queue) and not path.startswith(tmp)
    ]
    names = [
        f"{', '.join(sorted(names))} in {directory}"
        for directory, names in disk.names.items()
        if directory != tmp and (directory.startswith(queue) or os.path.basename(queue) in names)
    ]
    return [f"{what} is not safe" for what in content + names]
