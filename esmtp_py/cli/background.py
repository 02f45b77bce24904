"""A queue run behind the caller's back: it has its prompt again, and no pipe is kept open."""

import os
import time

# A machine that was asleep is looked after so soon.
_NAP = 10.0


def run(*names: str, not_before: float = 0) -> None:
    """Starts a process that delivers these mails; returns at once.  If it cannot start, or dies, the next run has them.

    not_before: in seconds since 1970; it waits until then.
    """
    try:
        if os.fork():
            return
    except OSError:
        return
    code = 1
    try:
        os.setsid()
        _let_go()
        _wait(not_before)
        _deliver(names)
        code = 0
    finally:
        os._exit(code)  # whatever happens, the caller's code is not run twice


def _let_go() -> None:
    """Nobody must wait for the end of a pipe that we would hold."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir("/")


def _wait(until: float) -> None:
    """The clock of the wall counts; but one that is set back does not keep a process here for years."""
    started, patience = time.monotonic(), until - time.time() + _NAP
    while (left := until - time.time()) > 0 and time.monotonic() < started + patience:
        time.sleep(min(left, _NAP))


def _deliver(names: tuple[str, ...]) -> None:
    from esmtp_py.cli.raw import unpack
    from esmtp_py.queue.runner import Run
    from esmtp_py.queue.store import Store

    with Store.open(create=False) as queue:
        Run(queue, unpack).these(names)
