"""The one exception a part may raise when the way ends before an Outcome.

A MailError carries a kind of ``outcome.TABLE``, so whoever catches it knows
whether it is temporary, which exit code it is, and what to tell the person.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.outcome import Outcome


class MailError(Exception):
    """Ends a session, or the whole run.

    kind: a row of outcome.TABLE.  text: one line, what happened and what to
    do about it; behind that of an rc file there is the place in it, on more
    lines.  status, remote, reply: as in Outcome.
    """

    def __init__(self, kind: str, text: str, *, status: str = "", remote: str = "", reply: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.status = status
        self.remote = remote
        self.reply = reply

    def outcome(self) -> "Outcome":
        """This error as the fate of a recipient, in one line."""
        from esmtp_py.outcome import Outcome

        return Outcome(
            self.kind, self.text.partition("\n")[0], status=self.status, remote=self.remote, reply=self.reply
        )
