"""``--serverinfo [ADDRESS]``: what an identity's server is like: TLS, certificate, extensions, mechanisms.

Connects as a mail would, and leaves before the log-in: no secret is looked up
and no mail is sent.  A certificate that cannot be trusted is shown all the
same, with what is wrong with it, for its fingerprint may be what the user came for.
"""

from esmtp_py.cli.mail import given_sender
from esmtp_py.cli.terminal import say
from esmtp_py.config import load
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.select import select
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.survey import Survey


def serverinfo(options: "Options") -> int:
    """Prints what was seen; returns 0, or the exit status of what a mail would have failed with."""
    from esmtp_py.cli.transcript import Transcript
    from esmtp_py.deliver.survey import survey

    if len(options.recipients) > 1:
        raise MailError("usage", "--serverinfo takes one address, or none for the default identity")
    config = load(options.rc)
    if options.recipients:
        identity = select(config, Caller(), given_sender(options.recipients[0], options.asked), "").identity
    else:
        identity = config.default
    seen = survey(identity, Transcript(options.verbose, options.transcript).trace)
    for label, text in _facts(identity, seen):
        say(f"{label + ':':12} {text}")
    return seen.fault.outcome().exit_code if seen.fault else EX_OK


def _facts(identity: "Identity", seen: "Survey") -> "Iterator[tuple[str, str]]":
    yield "server", f"{identity.server.written}, reached at {seen.peer}"
    yield "greeting", seen.greeting
    if seen.certificate:
        yield "TLS", f"{seen.tls}, {'from the first byte' if seen.implicit else 'by STARTTLS'}"
        yield from seen.certificate.facts()
    else:
        yield "TLS", "STARTTLS is offered" if seen.starttls else "not offered"
    yield "extensions", " ".join(word for word in seen.extensions if not word.startswith("AUTH")) or "none"
    yield "login", " ".join(seen.mechanisms) or "not offered"
    if seen.fault:
        yield "problem", seen.fault.text
