"""A queue run behind the caller's back: it has its prompt again, and no pipe is kept open.

Each mail that is queued with -odb, or by the wrapper, starts one; ``queue.turn``
sees to it that few of them have something to do.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.renewal import Renewal
    from esmtp_py.queue.store import Store


def run(*names: str) -> None:
    """Starts a process that delivers what is due; returns at once.  If it cannot start, or dies, the next run has it.

    names: these mails only, and at once.
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
        deliver(*names)
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


def deliver(*names: str) -> None:
    """Does it in this process, silently: the mails of that name, or all that is due when it is this process's turn."""
    import gc

    from esmtp_py.queue.store import Store

    gc.enable()  # unlike a mail, this may last for a day
    with Store.open(create=False) as queue:
        if names:
            from esmtp_py.cli.raw import unpack
            from esmtp_py.queue.runner import Run

            Run(queue, unpack).these(names)
        else:
            from esmtp_py.cli.renewal import Renewal
            from esmtp_py.queue.turn import take_turns

            renewal = Renewal()
            take_turns(queue, lambda: _look(queue, renewal))


def _look(queue: "Store", renewal: "Renewal") -> float:
    """One run, and a last look: one that wanted to come next may have been killed."""
    from esmtp_py.cli.raw import unpack
    from esmtp_py.queue.runner import Run

    renewal.begin_anew(background=True)  # it may have slept for hours
    run = Run(queue, unpack)
    tally, seen = run.all_due(), None
    while run.last != seen:
        seen, run = run.last, Run(queue, unpack, tally=tally)
        run.all_after(seen)
    return tally.next
