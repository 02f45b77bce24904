"""``--doctor``: everything a mail needs, looked at one after the other; a line for each, and what to do.

    ok    rc file      /home/me/.esmtprc: 2 identities
    note  queue        3 mails wait, the oldest for 2 hours
    bad   log-in       me@example.org: 535 …; check username and password in the rc

A bad line is one that keeps mail from leaving, or from the place for copies.  No mail is sent.
"""

from esmtp_py.cli.assistant.colour import painted
from esmtp_py.cli.assistant.finding import BAD, NOTE, OK
from esmtp_py.cli.terminal import OUT
from esmtp_py.config.policy import IMAP
from esmtp_py.deliver.caller import Caller
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK, TABLE
from esmtp_py.printable import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.cli.assistant.finding import Finding
    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity
    from esmtp_py.config.model import Config

_COLOURS = {OK: "green", NOTE: "yellow", BAD: "red"}


def doctor(options: "Options") -> int:
    """Prints the findings; the exit status is that of the first bad one, 0 if there is none."""
    if options.recipients:
        raise MailError("usage", "--doctor takes no argument; -C names another rc file")
    code = EX_OK
    for finding in _findings(options):
        level = painted(f"{finding.level:4}", _COLOURS[finding.level])
        OUT.write(f"{level}  {finding.about:12} {printable(finding.text)}\n")
        if finding.level == BAD and not code:
            code = TABLE[finding.kind][2]
    return code


def _findings(options: "Options") -> "Iterator[Finding]":
    from esmtp_py.cli.assistant import checks, copies

    yield from checks.clock()
    yield from checks.name(Caller())
    yield from checks.sendmail()
    yield from checks.queue()
    config, findings = checks.rc(options.rc)
    yield from findings
    if config:
        yield from checks.logs(config)
    for identity in _servers(config):
        yield from checks.server(identity)
    for identity in config.identities if config else ():
        if identity.record == IMAP:
            yield from copies.server(identity)


def _servers(config: "Config | None") -> "list[Identity]":
    """The identities that have a server to look at, each once."""
    if config is None:
        return []
    return [identity for identity in config.identities if not identity.force_mda and not _only_mda(identity)]


def _only_mda(identity: "Identity") -> bool:
    """Nothing but a command for local mail is written there."""
    return bool(identity.mda) and "hostname" not in identity.origin
