"""Aliases of a queued mail, replaced once: who has got it never gets it again, whatever the file says later.

The members become recipients of the mail by marks, behind those it had.
"""

from esmtp_py.deliver.expansion import key, members
from esmtp_py.queue.marks import aliased_mark, member_mark
from esmtp_py.queue.ready import waiting
from esmtp_py.queue.report import original_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity
    from esmtp_py.deliver.caller import Caller
    from esmtp_py.queue.locked import Locked


def replace(locked: "Locked", identity: "Identity", caller: "Caller", now: float) -> None:
    """Looks up each recipient that was not yet; one whose alias cannot be used has its ``fate`` then, and waits.

    Not with -n, nor that of a report; nor those who are members already, of a
    mail that others have got in a direct call.
    """
    entry = locked.entry
    if entry.aliases or original_of(locked.name)[0]:
        return
    everyone = entry.recipients
    own = len(everyone) - len(entry.marks.members)
    waits = {number: everyone[number] for number in waiting(entry).values() if number < own}
    asked = {id(each): number for number, each in waits.items() if not (entry.identity and each.orcpt)}
    replaced = members([each for each in waits.values() if id(each) in asked], identity, caller)
    # an alias is not the user of its name, as in ``joe: joe, joe@example.org``
    aliases = {asked[id(alias)] for alias, _ in replaced} | entry.marks.aliased
    users = [each for number, each in enumerate(everyone) if number not in aliases and not each.fate]
    there = {key(each.address) for each in users}
    lines = []
    for alias, found in replaced:
        number = asked[id(alias)]
        lines += [member_mark(now, number, member) for member in found if key(member.address) not in there]
        lines.append(aliased_mark(now, number))
        there.update(key(member.address) for member in found)
    if lines:
        locked.mark(b"".join(lines))
