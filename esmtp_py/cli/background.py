"""A queue run behind the caller's back: it has its prompt again, and no pipe is kept open."""

import os


def run(name: str) -> None:
    """Starts a process that delivers this mail; returns at once.  If it cannot start, the next run has the mail."""
    try:
        if os.fork():
            return
    except OSError:
        return
    code = 1
    try:
        os.setsid()
        _let_go()
        _deliver(name)
        code = 0
    finally:
        os._exit(code)  # whatever happens, the caller's code is not run twice


def _let_go() -> None:
    """Nobody must wait for the end of a pipe that we would hold."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.chdir("/")


def _deliver(name: str) -> None:
    from esmtp_py.cli.raw import unpack
    from esmtp_py.queue.runner import Run
    from esmtp_py.queue.store import Store

    with Store.open(create=False) as queue:
        Run(queue, unpack).these([name])
