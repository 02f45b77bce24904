"""Who is told what (RFC 3461): that it failed, takes long, or has arrived; each once, whichever run does it.

The report is durable before the mark that says so, which is the order in which
a run that is killed in between does it again, and finds the report.
"""

from esmtp_py.outcome import DELIVERED, Outcome
from esmtp_py.queue import schedule
from esmtp_py.queue.bounce import wanted
from esmtp_py.queue.marks import DELAY, FAILURE, SUCCESS, reported_mark
from esmtp_py.queue.report import unreported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.message.envelope import Recipient
    from esmtp_py.queue.locked import Locked
    from esmtp_py.queue.ready import Ready
    from esmtp_py.queue.report import Reports
    from esmtp_py.queue.tally import Tally


class Notifications:
    """Of the mails of one lane.  MailError when a report, or the mark for it, cannot be made durable."""

    __slots__ = ("_clock", "_reports", "_tally")

    def __init__(self, reports: "Reports", tally: "Tally", clock: "Callable[[], float]") -> None:
        self._reports = reports
        self._tally = tally
        self._clock = clock

    def failures(self, locked: "Locked", mail: "Ready") -> bool:
        """True when every failed recipient is one the sender knows of, or does not want to."""
        failures = unreported(locked.entry)
        if not failures:
            return True
        if not mail.envelope.sender:
            return False
        whole = mail.envelope.to([recipient for recipient, _ in failures.values()])
        fates = {recipient.address: outcome for recipient, outcome in failures.values()}
        heard = wanted(whole, fates)
        recipients = {number: recipient for number, (recipient, _) in failures.items() if recipient in heard}
        now = self._clock()
        if recipients:
            self._reports.write(locked, mail, FAILURE, min(recipients), recipients, fates, now)
        locked.mark(reported_mark(now, failures, FAILURE))
        self._tally.count(failed=1, untold=not recipients)
        return True

    def delay(self, locked: "Locked", mail: "Ready") -> None:
        """One warning for each mail, whoever of its recipients it is about: all of them have waited as long."""
        entry, now = locked.entry, self._clock()
        everyone = entry.recipients
        numbers = schedule.late(entry, everyone, now)
        if not numbers or not mail.envelope.sender:
            return
        recipients = {number: everyone[number] for number in numbers}
        fates = {
            recipient.address: entry.marks.fate(number).outcome or Outcome("try_again")
            for number, recipient in recipients.items()
        }
        self._reports.write(locked, mail, DELAY, 0, recipients, fates, now)
        locked.mark(reported_mark(now, [0, *numbers], DELAY))  # 0: the report goes by that number

    def success(self, locked: "Locked", mail: "Ready", fates: dict[str, Outcome]) -> bytes:
        """Where the server does not tell a sender who wants to hear of it; returns the mark, to be made with the fates.

        Before the delivery is noted, for only now it is known that we owe it.
        """
        if not mail.envelope.sender:
            return b""
        asked: dict[int, Recipient] = {}
        for recipient in mail.envelope.recipients:
            fate = fates.get(recipient.address)
            if fate and fate.action and fate.fate == DELIVERED and "SUCCESS" in recipient.notify:
                asked[mail.numbers[recipient.address]] = recipient
        if not asked:
            return b""
        now = self._clock()
        self._reports.write(locked, mail, SUCCESS, min(asked), asked, fates, now)
        return reported_mark(now, asked, SUCCESS)
