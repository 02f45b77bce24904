"""Where every run begins and ends: dispatch by name and flags, and the last word on errors.

esmtp, sendmail, mailq, newaliases and deliver are this one program.  Whatever
happens, a person sees one line and a script a sysexits code, never a traceback.
"""

import os
import sys

from esmtp_py.cli.flags import (
    ALIASES,
    CHECK_RC,
    HELP,
    IMPORT,
    LATER,
    LIST,
    RUN_QUEUE,
    SEND,
    STEER,
    VERIFY,
    VERSION,
)
from esmtp_py.cli.options import Options, parse
from esmtp_py.cli.terminal import OUT, complain, explain, say
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK, TABLE


def main(argv: "list[str] | None" = None) -> int:
    """The command.  argv: with the name it was called by, sys.argv if None.  Returns the exit code."""
    try:
        _hold_descriptors()
        _heed_signals()
        options = parse(sys.argv if argv is None else argv)
        _refuse_privilege(options)
        return RUNS.get(options.mode, _assist)(options)
    except MailError as error:
        explain(error)
        return error.outcome().exit_code
    except KeyboardInterrupt:
        complain("stopped by a signal; recipients may or may not have the mail")
        return TABLE["try_again"][2]
    except Exception as error:
        return _our_fault(error)


def run() -> None:
    """The console script: one mail, then the end.

    No garbage is collected on the way and none cleared up at the end, for
    memory ends with the process: a tenth of what a mail costs.
    """
    import gc

    gc.disable()
    code = main()
    if atexit := sys.modules.get("atexit"):  # nobody else has functions to be called
        atexit._run_exitfuncs()
    os._exit(code)


def _our_fault(error: Exception) -> int:
    complain(f"internal error: {type(error).__name__}: {error} (ESMTP_DEBUG=1 in the environment shows where)")
    if os.environ.get("ESMTP_DEBUG"):
        import traceback

        from esmtp_py.cli.terminal import ERR

        ERR.write("".join(traceback.format_exception(error)))
    return TABLE["internal"][2]


def _hold_descriptors() -> None:
    """Fills closed standard descriptors, or a socket would take their place and get our messages.

    Standard input is filled with something that cannot be read: a closed
    input is an error, not an empty message.
    """
    for fd, mode in ((0, os.O_WRONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, mode)


def _heed_signals() -> None:
    """SIGTERM and SIGHUP end a run as SIGINT does: everything is closed, temporary files and children go."""
    import _signal  # type: ignore[import-not-found]  # the module ``signal`` without its enums, which take 4 ms

    for number in (_signal.SIGTERM, _signal.SIGHUP):
        if _signal.getsignal(number) == _signal.SIG_DFL:
            _signal.signal(number, _signal.default_int_handler)


def _refuse_privilege(options: Options) -> None:
    """A setuid or setgid program must not open files for its caller."""
    if os.geteuid() == os.getuid() and os.getegid() == os.getgid():
        return
    for flag, value in (("-C", options.rc), ("-X", options.transcript)):
        if value is not None:
            raise MailError("not_permitted", f"{flag} is refused to a program that runs with another user's rights")


def _send(options: Options) -> int:
    if options.at or options.delivery in ("b", "q", "d"):
        from esmtp_py.cli.enqueue import enqueue

        return enqueue(options)
    from esmtp_py.cli.sendmail import send

    return send(options)


def _run_queue(options: Options) -> int:
    from esmtp_py.cli.queue_run import queue_run

    return queue_run(options)


def _list(options: Options) -> int:
    from esmtp_py.cli.mailq import mailq

    return mailq(options)


def _steer(options: Options) -> int:
    from esmtp_py.cli.steer import steer

    return steer(options)


def _import(options: Options) -> int:
    from esmtp_py.cli.import_queue import import_queue

    return import_queue(options)


def _verify(options: Options) -> int:
    from esmtp_py.cli.verify import verify

    return verify(options)


def _aliases(options: Options) -> int:
    """Nothing is compiled, so nothing is out of date."""
    return EX_OK


def _help(options: Options) -> int:
    from esmtp_py.cli.help import text

    OUT.write(text())
    return EX_OK


def _version(options: Options) -> int:
    from esmtp_py import __version__

    say(f"esmtp {__version__}")
    return EX_OK


def _check_rc(options: Options) -> int:
    from esmtp_py.cli.check_rc import check_rc

    return check_rc(options.rc, OUT)


def _assist(options: Options) -> int:
    from esmtp_py.cli.assistants import assist

    return assist(options)


def _later(options: Options) -> int:
    raise MailError("usage", f"{options.asked}: not available yet in this version")


RUNS = {
    SEND: _send,
    VERIFY: _verify,
    ALIASES: _aliases,
    RUN_QUEUE: _run_queue,
    LIST: _list,
    STEER: _steer,
    IMPORT: _import,
    HELP: _help,
    VERSION: _version,
    CHECK_RC: _check_rc,
    LATER: _later,
}
