"""What became of one recipient, and the one table that says what that means.

Every courier answers with Outcomes; the command line turns them into a
sysexits code, a server into an SMTP reply, the queue into keep, bounce or
done.  All three read ``TABLE`` and nothing else.
"""

DELIVERED = "delivered"  # a courier has taken responsibility
DEFERRED = "deferred"  # not now: keep the mail and try again
FAILED = "failed"  # never: tell the sender

EX_OK = 0

# kind: (fate, enhanced status of RFC 3463, sysexits code, SMTP reply code)
#
# A kind says whose fault it is and what to do next.  Deferred kinds differ
# in the exit code of a direct delivery; a queue keeps the mail for all of them.
TABLE: dict[str, tuple[str, str, int, int]] = {
    # done
    "delivered": (DELIVERED, "2.0.0", 0, 250),
    # permanent: this recipient, or this mail, will never be taken
    "usage": (FAILED, "5.5.4", 64, 501),
    "bad_address": (FAILED, "5.1.3", 65, 553),
    "content": (FAILED, "5.6.0", 65, 554),
    "too_big": (FAILED, "5.3.4", 65, 552),
    "unreadable": (FAILED, "5.3.0", 66, 554),
    "unknown_user": (FAILED, "5.1.1", 67, 550),
    "refused": (FAILED, "5.0.0", 69, 554),
    "loop": (FAILED, "5.4.6", 69, 554),
    "internal": (DEFERRED, "4.3.0", 70, 451),
    "not_permitted": (FAILED, "5.7.1", 77, 550),
    # temporary: the mail is good, the way is not
    "try_again": (DEFERRED, "4.0.0", 75, 451),
    "unreachable": (DEFERRED, "4.4.1", 75, 451),
    "connection_lost": (DEFERRED, "4.4.2", 75, 451),
    "dns": (DEFERRED, "4.4.3", 75, 451),
    "host_unknown": (DEFERRED, "4.4.4", 68, 451),
    "server_refused": (DEFERRED, "4.3.2", 69, 451),
    "system": (DEFERRED, "4.3.0", 71, 451),
    "cannot_create": (DEFERRED, "4.3.1", 73, 452),
    "io": (DEFERRED, "4.3.0", 74, 451),
    "protocol": (DEFERRED, "4.5.0", 76, 451),
    "auth": (DEFERRED, "4.7.8", 77, 454),
    "tls": (DEFERRED, "4.7.5", 77, 454),
    "config": (DEFERRED, "4.3.5", 78, 451),
}


class Outcome:
    """The fate of one recipient.

    kind:   a row of TABLE; fate, exit_code and smtp_code follow from it.
    status: enhanced status "c.s.d" (RFC 3463); the row's own if not given.
    text:   one line for people, the peer's own words where it spoke.
    remote: the peer that spoke ("" if none did), for reports (RFC 3464).
    reply:  the peer's whole reply as one line, code first; "" if none.
    warning: what people should know although it was delivered; "" if nothing.
    action: what we owe a sender who asked to hear of success (RFC 3464 section 2.3.3):
            "relayed", to a server that does not report, "delivered", here; "" if the server reports.
    """

    __slots__ = ("action", "kind", "remote", "reply", "status", "text", "warning")

    def __init__(self, kind: str, text: str = "", *, status: str = "", remote: str = "", reply: str = "") -> None:
        self.kind = kind
        self.text = text
        self.status = status or TABLE[kind][1]
        self.remote = remote
        self.reply = reply
        self.warning = ""
        self.action = ""

    @property
    def fate(self) -> str:
        return TABLE[self.kind][0]

    @property
    def exit_code(self) -> int:
        return TABLE[self.kind][2]

    @property
    def smtp_code(self) -> int:
        return TABLE[self.kind][3]

    def __repr__(self) -> str:
        return f"Outcome({self.kind!r}, {self.text!r}, status={self.status!r})"


def exit_code(outcomes: "list[Outcome]") -> int:
    """The sysexits code of a whole run: that of its worst outcome.

    Deferred is worse than failed, for a caller that drops the mail after a
    permanent code would lose the deferred recipients.  Outcomes of one fate
    that disagree become the general code of that fate (75, 69), and so does
    a permanent failure beside a delivery: "partly refused".
    """
    if not outcomes:
        return EX_OK
    for fate, general in ((DEFERRED, "try_again"), (FAILED, "refused")):
        codes = {o.exit_code for o in outcomes if o.fate == fate}
        if not codes:
            continue
        alone = fate == DEFERRED or all(o.fate == FAILED for o in outcomes)
        return codes.pop() if len(codes) == 1 and alone else TABLE[general][2]
    return EX_OK
