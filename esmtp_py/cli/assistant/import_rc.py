"""``--import WHAT``: an esmtprc made of another mailer's configuration, and what of it has no counterpart.

WHAT is msmtprc, ssmtp.conf, nullmailer or mutt, for the file where that
program looks for it, or a path.  The other program's file is only read.
"""

import os

from esmtp_py.cli.terminal import complain, say
from esmtp_py.config import writing
from esmtp_py.config.foreign.here import Here
from esmtp_py.config.foreign.refused import leave_out
from esmtp_py.config.foreign.text import content
from esmtp_py.deliver.caller import MAILNAME, Caller
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options
    from esmtp_py.config.foreign.found import Found

# Where each program looks, in its order.
PLACES = {
    "msmtprc": ("~/.msmtprc", "~/.config/msmtp/config", "/etc/msmtprc"),
    "ssmtp.conf": ("/etc/ssmtp/ssmtp.conf",),
    "nullmailer": ("/etc/nullmailer",),
    "mutt": ("~/.muttrc", "~/.mutt/muttrc", "~/.config/mutt/muttrc"),
}


def import_rc(options: "Options") -> int:
    """Writes the rc file, -C or ~/.esmtprc, which must not exist; MailError when there is nothing to import."""
    if len(options.recipients) != 1:
        raise MailError("usage", f"--import takes one of {', '.join(PLACES)}, or a path")
    kind, path = _place(options.recipients[0])
    found = _read(kind, path)
    leave_out(found)
    if not found.sections:
        for line in found.lost:
            complain(line)
        raise MailError("unreadable", f"{path}: nothing there that sends mail")
    target = options.rc or os.path.expanduser("~/.esmtprc")
    made = writing.text(found.sections, f"Made from {path}")
    writing.write(target, made)
    say(f"{target}: {len(found.sections)} {'identity' if len(found.sections) == 1 else 'identities'} from {path}")
    for line in found.lost:
        complain(f"not taken over: {line}")
    for line in _warnings(target, made):
        complain(line)
    say(f"Look at it, then run: esmtp {'-C ' + target + ' ' if options.rc else ''}--check-rc")
    return EX_OK


def _place(asked: str) -> "tuple[str, str]":
    """(kind, path) of what was asked for."""
    if asked in PLACES:
        for place in PLACES[asked]:
            path = os.path.expanduser(place)
            if os.path.exists(path):
                return asked, path
        raise MailError("unreadable", f"there is no {' and no '.join(PLACES[asked])}; name the path")
    if not os.path.exists(asked):
        raise MailError(
            "unreadable", f"{asked}: there is no such file; one of {', '.join(PLACES)}, or a path, is expected"
        )
    return _kind(asked), asked


def _kind(path: str) -> str:
    """Whose configuration a path is, by what is written there."""
    if os.path.isdir(path):
        return "nullmailer"
    if os.path.basename(path) == "remotes":
        return "remotes"
    first = [line.split(None, 1) for line in content(path).splitlines() if line.strip() and line.lstrip()[:1] != "#"]
    words = [parts[0] for parts in first]
    if "set" in words or "source" in words:
        return "mutt"
    if any(word in words for word in ("account", "host", "defaults")):
        return "msmtprc"
    if any("=" in " ".join(parts) and parts[0].partition("=")[0].lower() == "mailhub" for parts in first):
        return "ssmtp.conf"
    raise MailError("unreadable", f"{path}: whose configuration is it? No line is one of msmtp, ssmtp or Mutt")


def _read(kind: str, path: str) -> "Found":
    if kind in ("nullmailer", "remotes"):
        from esmtp_py.config.foreign import nullmailer

        return nullmailer.read(path if kind == "nullmailer" else os.path.dirname(path) or ".", _here())
    if kind == "ssmtp.conf":
        from esmtp_py.config.foreign import ssmtp

        aliases = os.path.join(os.path.dirname(path), "revaliases")
        return ssmtp.read(content(path), _here(), content(aliases) if os.path.exists(aliases) else "")
    if kind == "msmtprc":
        from esmtp_py.config.foreign import msmtprc

        return msmtprc.read(content(path), _here())
    from esmtp_py.config.foreign import muttrc

    return muttrc.read(content(path), path, _here())


def _here() -> Here:
    caller = Caller()
    mailname = content(MAILNAME).strip() if os.path.exists(MAILNAME) else ""
    return Here(login=caller.login, host=caller.host, mailname=mailname, home=caller.home, environment=os.environ)


def _warnings(path: str, text: str) -> list[str]:
    """Of --check-rc, about a file that is not there, for example."""
    from esmtp_py.cli.assistant.check_rc import warnings
    from esmtp_py.config.reader import interpret
    from esmtp_py.config.source import Source

    directory = os.path.dirname(os.path.abspath(path))
    source = Source(path, text, directory=directory, home=os.environ.get("HOME", ""))
    statements, config, _ = interpret(source)
    return warnings(statements, config, source)
