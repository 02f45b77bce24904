"""What this process has open, and which children, for tests that see to it that nothing is left behind."""

import os
import pathlib

PLACE = "/proc/self/fd"


def descriptors() -> set[tuple[str, str]]:
    """Number and target of each; none where the system does not say.

    After a test there must be none that was not there before: ``descriptors() <= before``.  There may be fewer, for
    what another test has left in a cycle goes when it is collected.
    """
    found = set()
    for number in os.listdir(PLACE) if os.path.isdir(PLACE) else ():
        try:
            found.add((number, os.readlink(f"{PLACE}/{number}")))
        except OSError:
            pass  # that of listdir itself
    return found


def children() -> set[str]:
    """The process ids of all children, also of those that have ended and are not waited for; as with ``descriptors``.

    A server that all tests of a session share is one, too.
    """
    return {pid for task in pathlib.Path("/proc/self/task").glob("*/children") for pid in task.read_text().split()}
