"""One line for each mail that an identity was to send, for its ``log`` and its ``syslog``.

The fields are those of msmtp, so that what reads its logs reads ours:

    Nov 25 22:36:56 host=smtp.example.org tls=on auth=on user=me from=me@x recipients=a@y,b@z mailsize=2048
        smtpstatus=250 smtpmsg='250 2.0.0 Ok: queued' exitcode=EX_OK          (all of it on one line)

Imported only for an identity that has one of the two.  That a line could not
be written changes no mail's fate: it is a warning.
"""

import time

from esmtp_py.errors import MailError
from esmtp_py.outcome import DELIVERED, Outcome, exit_code
from esmtp_py.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.message.envelope import Envelope

# sysexits(3)
EXIT_NAMES = {
    0: "EX_OK",
    64: "EX_USAGE",
    65: "EX_DATAERR",
    66: "EX_NOINPUT",
    67: "EX_NOUSER",
    68: "EX_NOHOST",
    69: "EX_UNAVAILABLE",
    70: "EX_SOFTWARE",
    71: "EX_OSERR",
    73: "EX_CANTCREAT",
    74: "EX_IOERR",
    75: "EX_TEMPFAIL",
    76: "EX_PROTOCOL",
    77: "EX_NOPERM",
    78: "EX_CONFIG",
}


_AUTHPRIV = 10 << 3  # the only facility without a name in some of Python's versions


def note(
    identity: "Identity",
    envelope: "Envelope",
    size: int,
    outcomes: "dict[str, Outcome]",
    seconds: "float | None" = None,
) -> str:
    """Writes the line of one mail.

    outcomes: by recipient, those of this attempt.  size: of the message in
    bytes.  seconds: since 1970, None for now.  Returns what to warn of, "" if
    all went well.
    """
    text = line(identity, envelope, size, outcomes)
    warning = ""
    if identity.syslog:
        _to_syslog(identity.syslog, text, exit_code(list(outcomes.values())) == 0)
    if identity.log:
        stamp = time.strftime("%b %d %H:%M:%S", time.localtime(seconds))
        warning = _to_file(identity.log, f"{stamp} {text}\n")
    return warning


def line(identity: "Identity", envelope: "Envelope", size: int, outcomes: "dict[str, Outcome]") -> str:
    """What is written, without the time."""
    code = exit_code(list(outcomes.values()))
    user = f" user={_word(identity.username)}" if identity.username else ""
    login = f"auth=on{user}" if identity.logs_in else "auth=off"
    fields = [
        f"host={_word(identity.server.host or identity.server.path)}",
        f"tls={_tls(identity)}",
        login,
        f"from={_word(envelope.sender or '<>')}",
        f"recipients={','.join(_word(address) for address in outcomes)}",
        f"mailsize={size}",
        *_said(outcomes),
        f"exitcode={EXIT_NAMES.get(code, str(code))}",
    ]
    return " ".join(fields)


def _tls(identity: "Identity") -> str:
    """``if-offered`` where the rc neither demands nor forbids it."""
    if identity.tls_demanded or identity.implicit_tls:
        return "on"
    return "if-offered" if identity.tls_wanted else "off"


def _said(outcomes: "dict[str, Outcome]") -> list[str]:
    """The words of the server, and for what was not delivered whom it concerns and why."""
    failures = {address: outcome for address, outcome in outcomes.items() if outcome.fate != DELIVERED}
    spoken = next((o.reply for o in (*failures.values(), *outcomes.values()) if o.reply), "")
    fields = [f"smtpstatus={spoken[:3]}", f"smtpmsg='{_quoted(spoken)}'"] if spoken else []
    if failures:
        why = "; ".join(f"{address}: {outcome.text or outcome.kind}" for address, outcome in failures.items())
        fields.append(f"errormsg='{_quoted(why)}'")
    return fields


def _word(text: str) -> str:
    return printable(text).replace(" ", "\\x20")


def _quoted(text: str) -> str:
    """A quote of the peer's must not end ours."""
    return printable(text).replace("'", '"')


def _to_file(path: str, text: str) -> str:
    import os

    from esmtp_py.deliver.logfile import open_log

    try:
        fd = open_log(path)
    except MailError as error:
        return f"not logged: {error.text}"
    try:
        os.write(fd, text.encode("utf-8", "backslashreplace"))  # one write: lines of several processes do not mix
    except OSError as error:
        return f"not logged: {path}: {error.strerror}"
    finally:
        os.close(fd)
    return ""


def _to_syslog(facility: str, text: str, good: bool) -> None:
    import syslog

    code = getattr(syslog, f"LOG_{facility.upper()}", _AUTHPRIV)
    syslog.openlog("esmtp", syslog.LOG_PID, code)
    syslog.syslog(syslog.LOG_INFO if good else syslog.LOG_ERR, text)
