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
from esmtp_py.errors import MailError


def main(argv: "list[str] | None" = None) -> int:
    """The command.  argv: with the name it was called by, sys.argv if None.  Returns the exit code."""
    try:
        _hold_descriptors()
        _keep_own_rights()
        _heed_signals()
        options = parse(sys.argv if argv is None else argv)
        _refuse_privilege(options)
        _refuse_arguments(options)
        return RUNS.get(options.mode, _assist)(options)
    except MailError as error:
        return _explained(error)
    except KeyboardInterrupt as stop:  # whoever knows better than that has put it into words
        text = str(stop) or "recipients may or may not have the mail"
        return _explained(MailError("try_again", f"stopped by a signal; {text}"))
    except Exception as error:
        return _our_fault(error)


def run() -> None:
    """The console script: one mail, then the end.

    No garbage is collected on the way and none cleared up at the end, for
    memory ends with the process: a tenth of what a mail costs.
    """
    import gc

    gc.disable()
    try:
        code = main()
    except OSError as error:  # not even the words for what is wrong can be loaded
        os.write(2, f"esmtp: {error}\n".encode("utf-8", "replace"))
        code = 71
    if atexit := sys.modules.get("atexit"):  # nobody else has functions to be called
        atexit._run_exitfuncs()
    os._exit(code)


def _explained(error: MailError) -> int:
    from esmtp_py.cli.terminal import explain

    if not isinstance(error.__cause__, BrokenPipeError) or error.kind != "io":  # `| head` has seen enough
        explain(error)
    return error.outcome().exit_code


def _our_fault(error: Exception) -> int:
    from esmtp_py.cli.terminal import ERR, complain
    from esmtp_py.outcome import TABLE

    complain(f"internal error: {type(error).__name__}: {error} (ESMTP_DEBUG=1 in the environment shows where)")
    if os.environ.get("ESMTP_DEBUG"):
        import traceback

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


def _keep_own_rights() -> None:
    """What we make is for nobody but us, and a caller's umask that is against the owner would close it to us, too."""
    os.umask(os.umask(0o077) & 0o077)


def _heed_signals() -> None:
    """SIGTERM and SIGHUP end a run as SIGINT does: everything is closed, temporary files and children go.

    Who ignores SIGCHLD, because its parent did, never learns how a child ended:
    mail that an mda has taken would be given to it again.
    """
    import _signal  # type: ignore[import-not-found]  # the module ``signal`` without its enums, which take 4 ms

    for number in (_signal.SIGTERM, _signal.SIGHUP):
        if _signal.getsignal(number) == _signal.SIG_DFL:
            _signal.signal(number, _signal.default_int_handler)
    if _signal.getsignal(_signal.SIGCHLD) == _signal.SIG_IGN:
        _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)


def _refuse_privilege(options: Options) -> None:
    """A setuid or setgid program must not open files for its caller."""
    if os.geteuid() == os.getuid() and os.getegid() == os.getgid():
        return
    for flag, value in (("-C", options.rc), ("-X", options.transcript)):
        if value is not None:
            raise MailError("not_permitted", f"{flag} is refused to a program that runs with another user's rights")


def _refuse_arguments(options: Options) -> None:
    """As Postfix does: whoever writes ``mailq ID`` or ``-q 15m`` would wait for what does not come."""
    if options.way and options.mode != "authorize":
        way = f"--{options.way}"
        raise MailError("usage", f"{way} belongs to --authorize: esmtp --authorize ADDRESS {way}")
    if options.recipients and options.mode in _ALONE:
        raise MailError("usage", f"{options.asked} takes no argument {options.recipients[0]}{_ALONE[options.mode]}")
    if options.at and options.mode not in (SEND, VERIFY):
        raise MailError("usage", f"--at {options.at}: {options.asked} sends no mail that could wait until then")


def _send(options: Options) -> int:
    if options.at or options.delivery in ("b", "q", "d"):
        from esmtp_py.cli.enqueue import enqueue

        return enqueue(options)
    from esmtp_py.cli.sendmail import send

    return send(options)


def _run_queue(options: Options) -> int:
    try:
        if options.queue_run == "b":  # most of these end at once
            from esmtp_py.cli.background import deliver

            deliver()
            return 0
        from esmtp_py.cli.queue_run import queue_run

        return queue_run(options)
    except KeyboardInterrupt as stop:
        if stop.args:
            raise
        if options.queue_run[:1].isdigit():  # one that runs for ever ends no other way
            return 0
        raise KeyboardInterrupt("what came of the mail so far is noted, and the rest waits in the queue") from None


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
    return 0


def _help(options: Options) -> int:
    from esmtp_py.cli.help import text
    from esmtp_py.cli.terminal import OUT

    OUT.write(text())
    return 0


def _version(options: Options) -> int:
    from esmtp_py import __version__
    from esmtp_py.cli.terminal import say

    say(f"esmtp {__version__}")
    return 0


def _check_rc(options: Options) -> int:
    from esmtp_py.cli.assistant.check_rc import check_rc
    from esmtp_py.cli.terminal import OUT

    return check_rc(options.rc, OUT)


def _assist(options: Options) -> int:
    from esmtp_py.cli.assistant import assist

    try:
        return assist(options)
    except KeyboardInterrupt:
        return _explained(MailError("try_again", "stopped by a signal"))  # there is no mail to be told of


def _later(options: Options) -> int:
    raise MailError("usage", f"{options.asked}: not available yet in this version")


_ALONE = {
    LIST: "; --show ID shows a mail",
    RUN_QUEUE: "; a time is glued to it, as in -q15m, and --retry-now ID tries a mail",
    ALIASES: "",
}

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
