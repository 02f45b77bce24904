"""What has become of a queued mail: lines appended to its file, each a step that cannot be undone.

Pure.  A mark is one line, and ends with a check sum of itself: a line torn by
a full disk, or damaged, does not count, and no other line suffers.

    VERB T WHAT... #SUM
    delivered T RECIPIENTS KIND STATUS REMOTE TEXT[ TAB REPLY]     failed, deferred: the same
    reported T RECIPIENTS REPORT          the report (failure, delay, success) is durable
    recorded T                            the sender's copy was made
    member T RECIPIENT <address> NOTIFY=... ORCPT=...      aliased T RECIPIENT
    hold T      release T      retry T      at T SECONDS
    kept T      on its way to failed/     again T      somebody has moved it back, and it is tried anew

T: seconds since 1970.  RECIPIENTS: numbers from 0, in the entry's order, as
``0,2-5``.  KIND: a row of outcome.TABLE.  REMOTE: ``-`` if no peer spoke.
A member is a recipient like any other, behind those of the entry; when all
members of an alias are there, it is itself ``aliased``.
"""

from binascii import crc32

from esmtp_py.outcome import DEFERRED, DELIVERED, FAILED, TABLE, Outcome
from esmtp_py.queue.entry import Damaged, escape, recipient_words
from esmtp_py.queue.reading import recipient_of, unescape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from esmtp_py.message.envelope import Recipient

FAILURE, DELAY, SUCCESS = "failure", "delay", "success"

# The words of a peer are for a person: more than this nobody reads, and a mark is one write.
_TEXT_LIMIT = 1000
# What a mark names must fit an address list somebody can have: it bounds what a damaged number can cost.
_RECIPIENT_LIMIT = 1 << 24

# A mark written by a newer version, with a kind unknown here, still says what became of the mail.
_GENERAL = {DELIVERED: "delivered", FAILED: "refused", DEFERRED: "try_again"}


class Fate:
    """One recipient so far.

    outcome:  the last one; None before the first attempt.
    time:     when that was, in seconds since 1970.
    tries:    how often it was deferred.
    reported: which of FAILURE, DELAY and SUCCESS the sender has been, or surely will be, told.
    """

    __slots__ = ("outcome", "reported", "time", "tries")

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.time = 0
        self.tries = 0
        self.reported: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Delivered or failed: nothing more is to be tried."""
        return self.outcome is not None and self.outcome.fate != DEFERRED


class Marks:
    """All marks of one file, folded.

    fates:  number of the recipient: Fate, for those that have one.
    held:   True between hold and release.
    at:     deliver no earlier, as asked for later than submission; 0 if not asked.
    hurry:  retry came after the last attempt: neither the back-off nor a time that was asked for counts.
    members: recipients that aliases stand for, numbered on from those of the entry.
    aliased: numbers of these aliases.
    recorded: the sender has a copy.
    times:  of attempts, in the order of the file (the clock may have been set meanwhile).
    kept:   nothing is left to be tried; found in new/, it was moved back there.
    since:  when it was tried anew after that, 0 if it was not; what was before does not count.
    torn:   the last line has no end; an append must begin with LF.
    """

    __slots__ = ("aliased", "at", "fates", "held", "hurry", "kept", "members", "recorded", "since", "times", "torn")

    def __init__(self, data: bytes = b"") -> None:
        self.fates: dict[int, Fate] = {}
        self.kept = False
        self.since = 0
        self.held = False
        self.at = 0
        self.hurry = False
        self.members: list[Recipient] = []
        self.aliased: set[int] = set()
        self.recorded = False
        self.times: list[int] = []
        self.torn = False
        self.fold(data)

    def fate(self, number: int) -> Fate:
        """Of this recipient; a new one if it has none yet."""
        if number not in self.fates:
            self.fates[number] = Fate()
        return self.fates[number]

    def fold(self, data: bytes) -> None:
        """Takes in marks, in the order they were appended; what is no sound mark is ignored."""
        if not data:
            return
        self.torn = not data.endswith(b"\n")
        for line in data.split(b"\n"):
            words = _checked(line)
            if words is not None:
                self._take(words)

    @property
    def tries(self) -> int:
        """Attempts after which something was left to do: the step of the back-off."""
        return max((fate.tries for fate in self.fates.values()), default=0)

    def _take(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        time, _, rest = rest.partition(" ")
        if not _is_number(time):
            return
        when = int(time)
        if verb in _GENERAL:
            self._outcome(verb, when, rest)
        elif verb == "reported":
            self._reported(rest)
        elif verb == "recorded":
            self.recorded = True
        elif verb == "member":
            self._member(rest)
        elif verb == "aliased":
            for number in _numbers(rest):
                self.fate(number).outcome = Outcome("delivered", "replaced by those it stands for")
                self.aliased.add(number)
        elif verb == "at" and _is_number(rest):
            self.at = int(rest)
        elif verb in ("hold", "release"):
            self.held = verb == "hold"
        elif verb == "retry":
            self.hurry, self.at = True, 0
        elif verb == "kept":
            self.kept = True
        elif verb == "again":
            self._begin_anew(when)

    def _begin_anew(self, when: int) -> None:
        """For all but those who have it."""
        self.kept, self.since = False, when
        self.times.clear()
        self.fates = {
            number: fate for number, fate in self.fates.items() if fate.outcome and fate.outcome.fate == DELIVERED
        }

    def _outcome(self, verb: str, when: int, rest: str) -> None:
        words = rest.split(" ", 4)
        if len(words) < 5:
            return
        numbers, (kind, status, remote, text) = _numbers(words[0]), words[1:]
        text, _, reply = text.partition("\t")
        if TABLE.get(kind, ("",))[0] != verb:
            kind = _GENERAL[verb]
        remote = "" if remote == "-" else _plain(remote)
        outcome = Outcome(kind, _plain(text), status=status, remote=remote, reply=_plain(reply))
        for number in numbers:
            fate = self.fate(number)
            fate.outcome, fate.time = outcome, when
            fate.tries += verb == DEFERRED
        self.hurry = False
        if not self.times or self.times[-1] != when:
            self.times.append(when)

    def _reported(self, rest: str) -> None:
        numbers, _, report = rest.partition(" ")
        for number in _numbers(numbers):
            fate = self.fate(number)
            if report not in fate.reported:
                fate.reported += (report,)

    def _member(self, rest: str) -> None:
        try:
            self.members.append(recipient_of(rest.partition(" ")[2]))
        except Damaged:
            pass  # of a newer version; as for any other mark, what it says is not known


# -- writing: each returns a whole line ----------------------------------------------------------------------------


def outcome_mark(when: float, recipients: "Iterable[int]", outcome: Outcome) -> bytes:
    """What became of these recipients: delivered, failed or deferred, with the peer's words."""
    text = escape(outcome.text[:_TEXT_LIMIT])
    reply = "\t" + escape(outcome.reply[:_TEXT_LIMIT]) if outcome.reply else ""
    remote = escape(outcome.remote[:_TEXT_LIMIT]).replace(" ", "%20") or "-"
    status = outcome.status if outcome.status.replace(".", "").isdigit() else TABLE[outcome.kind][1]
    return _mark(f"{outcome.fate} {int(when)} {_ranges(recipients)} {outcome.kind} {status} {remote} {text}{reply}")


def reported_mark(when: float, recipients: "Iterable[int]", report: str) -> bytes:
    """The report about these recipients (FAILURE, DELAY or SUCCESS) is durable."""
    return _mark(f"reported {int(when)} {_ranges(recipients)} {report}")


def recorded_mark(when: float) -> bytes:
    """The sender's copy was made, or could not be; in no further attempt it is made again."""
    return _mark(f"recorded {int(when)}")


def member_mark(when: float, number: int, member: "Recipient") -> bytes:
    """A recipient that this one, an alias, stands for."""
    return _mark(f"member {int(when)} {number} {recipient_words(member)}")


def aliased_mark(when: float, number: int) -> bytes:
    """All members of this recipient are there; nothing more is to be done for itself."""
    return _mark(f"aliased {int(when)} {number}")


def hold_mark(when: float) -> bytes:
    """Not to be delivered before a release_mark."""
    return _mark(f"hold {int(when)}")


def release_mark(when: float) -> bytes:
    """Ends a hold, and nothing else: when it is due is as before."""
    return _mark(f"release {int(when)}")


def retry_mark(when: float) -> bytes:
    """Due at once, without regard to back-off and ``at``; a hold stays."""
    return _mark(f"retry {int(when)}")


def at_mark(when: float, seconds: float) -> bytes:
    """Not to be delivered before ``seconds`` since 1970; a later one counts instead of this."""
    return _mark(f"at {int(when)} {int(seconds)}")


def kept_mark(when: float) -> bytes:
    """Goes to failed/; in new/, it is to be tried again."""
    return _mark(f"kept {int(when)}")


def again_mark(when: float) -> bytes:
    """It came back from there: whoever has not got it is tried as if for the first time."""
    return _mark(f"again {int(when)}")


def _mark(text: str) -> bytes:
    line = text.encode("utf-8", "backslashreplace")
    return b"%b #%08x\n" % (line, crc32(line))


# -- reading -------------------------------------------------------------------------------------------------------


def _checked(line: bytes) -> "str | None":
    """The text of a line whose sum is right."""
    text, mark, digits = line.rpartition(b" #")
    if not mark or digits != b"%08x" % crc32(text):
        return None
    return text.decode("utf-8", "replace")


def _plain(text: str) -> str:
    """Unescaped, or, where a newer version escapes in another way, as it stands: the fate counts, not the words."""
    try:
        return unescape(text)
    except Damaged:
        return text


def _is_number(text: str) -> bool:
    return len(text) <= 18 and text.isascii() and text.isdigit()


def _ranges(numbers: "Iterable[int]") -> str:
    """``0,2-5`` for 0, 2, 3, 4, 5: a mark for ten thousand recipients of one outcome is short."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)


def _numbers(text: str) -> "list[int]":
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not (_is_number(first) and _is_number(last)) or int(last) >= _RECIPIENT_LIMIT:
            return []
        numbers += range(int(first), int(last) + 1)
    return numbers
