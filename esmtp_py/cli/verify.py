"""-bv: where each recipient's mail would go.  Sends nothing and opens no connection."""

from esmtp_py.cli.mail import Mail
from esmtp_py.cli.terminal import say
from esmtp_py.deliver.expansion import key
from esmtp_py.outcome import Outcome, exit_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options
    from esmtp_py.deliver.route import Leg
    from esmtp_py.deliver.select import Choice


def verify(options: "Options") -> int:
    """One line for each recipient on standard output; the exit code says whether all have a way."""
    mail = Mail(options)
    choice, envelope = mail.prepare(with_message=options.from_header)
    stands_for = _aliases(mail)
    mail.replace_aliases()
    routes = {key(address): (leg, taken) for leg in mail.legs(None) for taken, address in _addresses(leg)}
    for recipient in envelope.recipients:
        if recipient.fate:
            say(f"{recipient.address}: nowhere: {recipient.fate.text}")
            continue
        for address in stands_for.get(recipient.address, [recipient.address]):
            leg, taken = routes[key(address)]
            say(f"{recipient.address}: {_route(choice, leg, taken, recipient.address)}")
    return exit_code([_prospect(leg) for leg, _ in routes.values()])


def _aliases(mail: Mail) -> "dict[str, list[str]]":
    """The recipients that are aliases: {name: whom it stands for}."""
    assert mail.choice
    assert mail.envelope
    identity = mail.choice.identity
    if not (identity.aliases and mail.options.aliases):
        return {}
    from esmtp_py.deliver.expansion import members

    found = members(mail.envelope.recipients, identity, mail.caller)
    return {alias.address: [member.address for member in whom] for alias, whom in found}


def _addresses(leg: "Leg") -> list[tuple[str, str]]:
    """What the courier is told, and for which recipient of ours."""
    return [(taken, asked) for taken, originals in leg.originals.items() for asked in originals]


def _route(choice: "Choice", leg: "Leg", taken: str, asked: str) -> str:
    renamed = f"as {taken}, " if taken != asked else ""
    sender = leg.envelope.sender or "<>"
    return f"{renamed}identity {choice.identity.name}, from {sender}, {leg.courier.describe()}"


def _prospect(leg: "Leg") -> Outcome:
    from esmtp_py.deliver.route import NoRoute

    return Outcome("config" if isinstance(leg.courier, NoRoute) else "delivered")
