"""What --doctor looks at.  Each check yields Findings; none raises."""

import os
import time

from esmtp_py.cli.assistant.finding import BAD, NOTE, OK, Finding
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.queue.store import Store

# When this was written: a clock that shows an earlier time is wrong.
_WRITTEN = 1_790_000_000
# Seconds that a mail which is due waits at most where something runs the queue.
_NEGLECTED = 3600
_DAY = 86400


def clock(now: "float | None" = None) -> "Iterator[Finding]":
    """A clock that is wrong makes certificates invalid and mail look old."""
    now = time.time() if now is None else now
    shown = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(now))
    if now < _WRITTEN:
        yield Finding(
            BAD, "clock", f"{shown} is in the past: set the clock, or certificates will not be valid", "system"
        )
    else:
        yield Finding(OK, "clock", shown)


def name(caller: "Caller") -> "Iterator[Finding]":
    """What we call ourselves."""
    if "." in caller.host:
        yield Finding(OK, "host name", caller.host)
    else:
        yield Finding(
            NOTE,
            "host name",
            f"{caller.host} has no domain; some servers want one: write `helo` in the rc if yours does",
        )


def sendmail(path: str = "/usr/sbin/sendmail") -> "Iterator[Finding]":
    """Whether cron and the like call us."""
    import sys

    ours = os.path.realpath(sys.argv[0])
    if not os.path.exists(path):
        yield Finding(NOTE, "sendmail", f"there is no {path}; for cron and others: ln -s {ours} {path}")
    elif os.path.realpath(path) == ours or "esmtp" in os.path.realpath(path):
        yield Finding(OK, "sendmail", f"{path} is this program")
    else:
        real = os.path.realpath(path)
        link = f" ({real})" if real != path else ""
        yield Finding(NOTE, "sendmail", f"{path} is another program{link}; cron's mail goes there")


# -- rc file --------------------------------------------------------------------------------------


def rc(path: "str | None") -> "tuple[Config | None, list[Finding]]":
    """The config, None if it cannot be used, and what is to be said of it."""
    from esmtp_py.config import rcfile
    from esmtp_py.config.advice import advice
    from esmtp_py.config.model import without_file
    from esmtp_py.config.reader import interpret, load

    try:
        config = load(path)
        found = rcfile.find(path)
    except MailError as error:
        first = error.text.split("\n")[0]
        return None, [Finding(BAD, "rc file", f"{first}; `esmtp --check-rc` shows everything")]
    if found is None:
        return without_file(), [Finding(NOTE, "rc file", "there is none: `esmtp --setup` writes one")]
    statements, _, _ = interpret(found.source)
    count = len(config.identities)
    findings = [Finding(OK, "rc file", f"{config.path}: {count} {'identity' if count == 1 else 'identities'}")]
    findings += [Finding(NOTE, "rc file", warning) for warning in advice(statements, config, found.source)]
    return config, findings


# -- queue ----------------------------------------------------------------------------------------


def queue(now: "float | None" = None) -> "Iterator[Finding]":
    """Whether it can be used, whether something runs it, and what lies there."""
    from esmtp_py.queue.store import Store

    now = time.time() if now is None else now
    try:
        with Store.open(create=False) as store:
            yield from _contents(store, now)
    except MailError as error:
        yield Finding(BAD, "queue", error.text, error.kind)


def _contents(store: "Store", now: float) -> "Iterator[Finding]":
    from esmtp_py.cli.assistant import copies
    from esmtp_py.queue.store import CORRUPT, FAILED

    names = store.ids()
    if not names:
        yield Finding(OK, "queue", f"{store.path}: nothing waits")
    else:
        yield _waiting(store, names, now)
    for where, what in ((CORRUPT, "damaged"), (FAILED, "neither delivered nor reported")):
        count = len(store.ids(where))
        if count:
            yield Finding(NOTE, "queue", f"{count} in {store.path}/{where}, {what}: `mailq` lists them")
    yield from copies.waiting(store)


def _waiting(store: "Store", names: list[str], now: float) -> Finding:
    """Mail that was due an hour ago: nothing has run the queue since."""
    count = f"{len(names)} mail{'s' if len(names) > 1 else ''} wait{'' if len(names) > 1 else 's'}"
    due = next(iter(store.due(now - _NEGLECTED)), "")
    if due:
        return Finding(
            BAD,
            "queue",
            f"{count}, and nothing has run the queue for an hour: put deliver into the crontab, as the README says",
            "try_again",
        )
    return Finding(NOTE, "queue", f"{count}; `mailq -v` says why, and when it is tried next")


# -- log ------------------------------------------------------------------------------------------


def logs(config: "Config") -> "Iterator[Finding]":
    """Whether each file that the rc names can be written; mail leaves without it, too."""
    from esmtp_py.deliver.logfile import open_log

    for path in dict.fromkeys(identity.log for identity in config.identities if identity.log):
        directory = os.path.dirname(path)
        try:
            if os.path.lexists(path):
                os.close(open_log(path))
                yield Finding(OK, "log", path)
            elif os.access(directory, os.W_OK | os.X_OK):
                yield Finding(OK, "log", f"{path}, as soon as there is something to note")
            else:
                yield Finding(
                    NOTE, "log", f"{path}: {directory} is no directory that you may write to; name another file"
                )
        except MailError as error:
            yield Finding(NOTE, "log", error.text)


# -- servers --------------------------------------------------------------------------------------


def server(identity: "Identity") -> "Iterator[Finding]":
    """What TLS needs, name, connection, TLS and log-in, each only if the one before is good."""
    where = f"{identity.name}: {identity.server.written}"
    faults = list(_tls_files(identity))
    yield from faults
    if any(finding.level == BAD for finding in faults):
        return
    try:
        yield from _resolved(identity, where)
        yield from _connected(identity, where)
    except MailError as error:
        text = f"{where}: {error.text}{_ADVICE.get(error.kind, '')}"
        yield Finding(BAD, _STEPS.get(error.kind, "server"), text, error.kind)
        return
    if identity.logs_in or identity.nameless_login:
        yield _logged_in(identity)


# What to do where the error does not say it: a mail would be sent again later.
_ADVICE = {
    "dns": "; is there a network? /etc/resolv.conf says who is asked",
    "unreachable": "; is there a network, and is the port right? Some networks block it",
}

# Which step an error ends.
_STEPS = {"dns": "DNS", "host_unknown": "DNS", "tls": "TLS", "config": "rc file"}


def _tls_files(identity: "Identity") -> "Iterator[Finding]":
    from esmtp_py.cli.assistant.tls_files import open_keys, unusable

    for statement, text in unusable(identity):
        yield Finding(BAD, "rc file", f"{identity.origin[statement]}: {text}")
    for statement, text in open_keys(identity):
        yield Finding(NOTE, "rc file", f"{identity.origin[statement]}: {text}")


def _resolved(identity: "Identity", where: str) -> "Iterator[Finding]":
    if identity.proxy or identity.server.path or identity.server.srv or not identity.server.host:
        return  # the proxy looks it up; and what srv: finds shows when it is connected to
    from esmtp_py.net.connect import resolve

    rows = resolve(identity.server.host, identity.server.service)
    addresses = dict.fromkeys(str(row[4][0]) for row in rows)
    yield Finding(OK, "DNS", f"{where} is {', '.join(list(addresses)[:4])}")


def _connected(identity: "Identity", where: str) -> "Iterator[Finding]":
    from esmtp_py.deliver.survey import survey

    seen = survey(identity)
    if seen.fault:
        raise seen.fault
    if not seen.certificate:
        yield Finding(OK, "connection", f"{where}, without TLS")
        return
    yield Finding(OK, "TLS", f"{where}, {seen.tls}")
    end = seen.certificate.end
    if end is not None and end - time.time() < 7 * _DAY:
        yield Finding(NOTE, "TLS", f"{where}: its certificate ends on {time.strftime('%Y-%m-%d', time.gmtime(end))}")


def _logged_in(identity: "Identity") -> Finding:
    """What has gone wrong here is about the log-in, most likely the password: the rest was good a moment ago."""
    from esmtp_py.deliver.session import Session
    from esmtp_py.deliver.survey import LOGIN_SECONDS, hurried

    try:
        Session(hurried(identity, LOGIN_SECONDS)).close()
    except MailError as error:
        return Finding(BAD, "log-in", f"{identity.name}: {error.text}", error.kind)
    return Finding(OK, "log-in", f"{identity.name}: {identity.username or identity.auth} is let in")
