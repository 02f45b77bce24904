"""The sendmail run: one mail from standard input, through its identity's couriers, to an exit code.

    options -> message -> identity and envelope -> header policy -> legs -> outcomes -> report

Each step has what the next one needs or raises a MailError; nothing was sent
then, and ``_give_up`` tells it to whom -oe says.
"""

import os
import time

from esmtp_py.cli import report
from esmtp_py.cli.mail import Mail
from esmtp_py.cli.stdin import STDIN
from esmtp_py.cli.terminal import complain, explain
from esmtp_py.cli.transcript import Transcript
from esmtp_py.deliver.originate import date_of, originate
from esmtp_py.errors import MailError
from esmtp_py.outcome import DELIVERED, Outcome, exit_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.select import Choice

    Trace = Callable[[str, bytes], None]

# Bytes of a mail that takes its time: a person at the terminal sees how it goes.
LARGE = 1 << 20

# Errors after which standard input is not looked at any more: the call makes
# no sense, or the input itself has failed.
_AT_ONCE = ("usage", "unreadable", "io")


def send(options: "Options") -> int:
    """Sends the mail on standard input; returns the exit code."""
    mail, trace = Mail(options), None
    try:
        trace = Transcript(options.verbose, options.transcript).trace
        choice, _ = mail.prepare(with_message=True)
        identity = choice.identity
        if options.delivery or not (identity.undo or identity.delivery):
            return _finish(mail, _deliver(mail, choice, trace), trace)
        from esmtp_py.cli.postponement import keep_deferred, postpone, postponed

        if postponed(mail, identity):
            return postpone(mail, identity)
        return _finish(mail, keep_deferred(mail, identity, _deliver(mail, choice, trace)), trace)
    except MailError as error:
        return _give_up(mail, error, trace)
    except Exception:
        if mail.message and options.errors == "mail":
            _keep(mail)
        raise


def _deliver(mail: Mail, choice: "Choice", trace: "Trace | None") -> dict[str, Outcome]:
    from esmtp_py.deliver.route import deliver

    assert mail.message
    assert mail.envelope
    header, full_name, seconds = mail.message.header, mail.options.full_name, time.time()
    unique = f"{int(seconds):x}.{os.getpid():x}.{os.urandom(8).hex()}"
    try:
        mail.envelope.requiretls |= choice.identity.tls_required_ext
        if choice.identity.dsn_notify:
            from esmtp_py.deliver.wishes import wish

            wish(mail.envelope.recipients, mail.envelope.sender, choice.identity)
        mail.replace_aliases()
        originate(header, choice, mail.caller, full_name=full_name, seconds=seconds, unique=unique)
        if mail.spoiled:
            raise mail.spoiled
        if mail.message.size >= LARGE and os.isatty(2):
            from esmtp_py.cli.meter import Meter

            mail.message.body = Meter(mail.message.body)
        outcomes = deliver(mail.message, mail.envelope, mail.legs(trace))
    except MailError as error:
        outcomes = _all(mail, error)
    if choice.identity.logged:
        _log(mail, choice.identity, outcomes)
    if choice.identity.record and any(outcome.fate == DELIVERED for outcome in outcomes.values()):
        _record(mail, choice.identity)
    return outcomes


def _log(mail: Mail, identity: "Identity", outcomes: dict[str, Outcome]) -> None:
    from esmtp_py.deliver.log import note

    assert mail.message
    assert mail.envelope
    warning = note(identity, mail.envelope, mail.message.size, outcomes)
    if warning:
        complain(f"warning: {warning}")


def _record(mail: Mail, identity: "Identity") -> None:
    from esmtp_py.cli.sent import keep_copy

    try:
        warning = keep_copy(mail, identity)
    except KeyboardInterrupt:  # the mail has left, and its caller must not send it again
        warning = "stopped by a signal before there was a copy"
    if warning and mail.options.errors != "quiet":
        complain(f"warning: {warning}")


def _all(mail: Mail, error: MailError) -> dict[str, Outcome]:
    assert mail.envelope
    return {recipient.address: error.outcome() for recipient in mail.envelope.recipients}


def _finish(mail: Mail, outcomes: dict[str, Outcome], trace: "Trace | None") -> int:
    """Reports as -oe says; the exit code is the same whatever it says."""
    assert mail.message
    assert mail.envelope
    assert mail.choice
    code = exit_code(list(outcomes.values()))
    failed = report.failures(mail.envelope, outcomes)
    if mail.options.verbose:
        report.tell([r for r in mail.envelope.recipients if r not in failed], outcomes)
    if mail.options.errors != "quiet":
        report.warn(outcomes)
    if not failed or mail.options.errors == "quiet":
        return code
    if mail.options.errors == "mail":
        from esmtp_py.cli.notice import mail_back

        if mail_back(
            mail.message, mail.envelope, outcomes, mail.choice.identity, mail.caller, trace, date_of(time.time())
        ):
            return code
        report.tell(failed, outcomes)
        _keep(mail)
        return code
    report.tell(failed, outcomes)
    return code


def _give_up(mail: Mail, error: MailError, trace: "Trace | None") -> int:
    """Nothing was sent.  With an envelope every recipient has failed; without one there is only the error."""
    if mail.message and mail.envelope and mail.choice:
        return _finish(mail, _all(mail, error), trace)
    if mail.options.errors != "quiet":
        explain(error)
    if error.kind not in _AT_ONCE and not mail.input_touched and not os.isatty(STDIN):
        _hear_out(mail)
    if mail.options.errors == "mail" and mail.message:
        _keep(mail)
    return error.outcome().exit_code


def _keep(mail: Mail) -> None:
    """There is no way to the sender, and whoever asked for a report by mail throws our words away."""
    from esmtp_py.cli.notice import keep

    assert mail.message
    keep(mail.message, mail.envelope.sender if mail.envelope else mail.options.sender or "", mail.caller)


def _hear_out(mail: Mail) -> None:
    """Reads what the caller is still writing: a broken pipe would hide our exit code from it."""
    try:
        mail.read()
    except MailError:
        pass
