"""Whole runs of the queue against a server that outlives them: what it took is compared with what the queue noted.

The server is in this process and remembers each mail it said 250 to.  A run is
spoiled at one call; then runs follow, later and with a server in good health,
until the queue is empty.  A mail may be taken twice only if

    the server had taken it before the spoiled run ended, and
    the queue did not know of that when it had ended,

which is the window between the 250 and the mark, and only as many as were in
flight on one connection.  Where the run could still speak it must have said so.
"""

import email
import os
import pathlib
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from unittest import mock

from esmtp_py.cli.raw import unpack
from esmtp_py.deliver.pipeline import WINDOW
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import TABLE, Outcome
from esmtp_py.queue.entry import Entry
from esmtp_py.queue.marks import Fate, outcome_mark
from esmtp_py.queue.runner import Run as QueueRun
from esmtp_py.queue.store import Store
from tests.crash.copies import Copied, Copies
from tests.crash.scenario import Command, Scenario
from tests.crash.scenarios import Queue, environment, queue_of
from tests.crash.syscalls import FORKS, LOOKS, REMOVES
from tests.crash.tracer import Call, Run
from tests.server import SubmissionServer
from tests.server.authority import shared_certificate

BODY = b"".join(b"line %d of a mail\r\n" % number for number in range(40))
# Seconds after the spoiled run: longer than each back-off, and no sender is warned of a delay yet.
LATER = (200, 600, 1500, 3000, 6000, 10000)

REFUSED = "no@y.org"
SENDER = "me@x.org"

# What a run may end with.
CODES = {0, *(row[2] for row in TABLE.values())}

Delivery = tuple[str, str]  # the mail's number, one of its recipients


class Standing:
    """What the queue knows at some time, read as a run would: which deliveries wait, which reports it holds."""

    def __init__(self, home: pathlib.Path, body: bytes) -> None:
        queue = Queue(home)
        self.reports: dict[str, str] = {}  # number of the mail it is about: what became of the report so far
        self.fates: dict[Delivery, Fate] = {}
        for name, message in queue.mails().items():
            if name.count("-") > 1:
                outcome = queue.entry(name).marks.fate(0).outcome
                self.reports[_about(message)] = outcome.text if outcome else ""
                continue
            assert message.endswith(b"\r\n\r\n" + body), "torn"
            entry = queue.entry(name)
            for number, recipient in enumerate(entry.recipients):
                self.fates[name.split("-")[1], recipient.address] = entry.marks.fate(number)
        queue.nothing_strange()

    def waits(self, delivery: Delivery) -> bool:
        return delivery in self.fates and not self.fates[delivery].settled

    def words(self, delivery: Delivery) -> str:
        outcome = self.fates[delivery].outcome
        return outcome.text if outcome else ""


class Journey(Scenario):
    """Mails in the queue, and ``esmtp -q``.

    mails:   {number: recipients}; those to REFUSED are to come back, the others to arrive.
    ill:     replies of the server until the spoiled run has ended, beside the refusal.
    options: of the server.
    """

    mails: dict[str, list[str]] = {}
    ill: dict[str, str] = {}
    options: dict[str, object] = {"tls": "none", "mechanisms": ()}
    rc = "starttls disabled\n"
    host = "127.0.0.1"
    body = BODY

    def __init__(self, copies: Copies) -> None:
        self.server = SubmissionServer(**self.options)  # type: ignore[arg-type]
        self._copies = copies
        self.twice: list[int] = []  # for each point that had any: how many were sent twice

    # -- before -----------------------------------------------------------------------

    def prepare(self, home: pathlib.Path) -> Command:
        self.server.settle()
        self.server.mails.clear()
        self.server.sessions.clear()
        self._server_is(self.ill)
        self._write_rc(home)
        with Store.open(str(queue_of(home))) as store:
            self._fill(store, home)
        return Copied(self._copies, "-q", env=environment(home), cwd=home)

    def _fill(self, store: Store, home: pathlib.Path) -> None:
        for number, people in self.mails.items():
            self._put(store, home, number, people, time.time() - 10)

    def _put(self, store: Store, home: pathlib.Path, number: str, people: list[str], when: float) -> str:
        entry = Entry(when, SENDER, [Recipient(address) for address in people])
        with store.begin(f"{when:.0f}-{number}") as writer:
            writer.write(entry.head() + b"Subject: %s\r\n\r\n" % number.encode() + self.body)
            writer.commit()
        os.utime(queue_of(home) / "new" / writer.name, (when, when))
        return writer.name

    def _server_is(self, replies: dict[str, str]) -> None:
        self.server.replies = {f"RCPT {REFUSED}": "550 5.1.1 no such user", **replies}

    def _write_rc(self, home: pathlib.Path) -> None:
        path = home / ".esmtprc"
        path.touch(0o600)
        path.write_text(f"identity {SENDER}\nhostname {self.host}:{self.server.port}\nhelo client.x.org\n{self.rc}")

    # -- after ------------------------------------------------------------------------

    def matters(self, call: Call, home: pathlib.Path) -> bool:
        """Not how Python looks at its standard files before anything else."""
        return super().matters(call, home) and not (call.name in LOOKS and call.path.startswith("/memfd:"))

    def check(self, home: pathlib.Path, run: Run) -> None:
        self.server.settle()
        assert run.code == -9 or run.code in CODES
        assert b"Traceback" not in run.err
        assert b"internal" not in run.err
        before, told, standing = self.taken(), self.reports(), Standing(home, self.body)
        self._check_nobody_is_forgotten(before, told, standing)
        self._server_is({})
        self._run_until_empty(home)
        self.server.settle()
        assert self.server.violations == []
        self._check_each_arrived(run, before, standing)
        self._check_each_was_told(run, told, standing)

    def taken(self) -> Counter[Delivery]:
        """How often each delivery was said 250 to."""
        found: Counter[Delivery] = Counter()
        for mail in self.server.mails:
            if mail.sender:
                assert mail.data.endswith(b"\r\n\r\n" + self.body), "torn"
                number = str(email.message_from_bytes(mail.data)["Subject"])
                found.update((number, address) for address in mail.recipients)
        return found

    def reports(self) -> Counter[tuple[str, bytes]]:
        """How often each report was: the number of the mail it is about, its text."""
        found: Counter[tuple[str, bytes]] = Counter()
        for mail in self.server.mails:
            if not mail.sender:
                assert mail.recipients == [SENDER]
                assert f"Final-Recipient: rfc822; {REFUSED}\r\n".encode() in mail.data
                found[_about(mail.data), mail.data] += 1
        return found

    def _expected(self) -> Iterator[Delivery]:
        return ((number, address) for number, people in self.mails.items() for address in people)

    def _check_nobody_is_forgotten(
        self, before: Counter[Delivery], told: Counter[tuple[str, bytes]], standing: Standing
    ) -> None:
        """Also if no further run ever comes: what the queue no longer holds has arrived, or come back."""
        known = set(standing.reports) | {number for number, _ in told}
        for delivery in self._expected():
            if standing.waits(delivery):
                continue
            number, address = delivery
            if address != REFUSED:
                assert before[delivery] == 1, f"lost: {delivery}"
            elif delivery not in standing.fates or "failure" in standing.fates[delivery].reported:
                assert number in known, f"lost: {delivery} and nobody was told"

    def _run_until_empty(self, home: pathlib.Path) -> None:
        now = time.time()
        with mock.patch.dict(os.environ, environment(home)), Store.open(str(queue_of(home))) as store:
            for later in LATER:
                run_at(store, now + later)
                if not store.ids():
                    break
            assert store.ids() == [], "it stays for ever"
            assert store.ids("failed") == []
        queue = Queue(home)
        queue.nothing_strange()
        queue.leftovers()

    def _check_each_arrived(self, run: Run, before: Counter[Delivery], standing: Standing) -> None:
        after = self.taken()
        again = [delivery for delivery in after if after[delivery] > 1]
        for delivery in self._expected():
            if delivery[1] == REFUSED:
                assert not after[delivery]
            else:
                assert after[delivery], f"lost: {delivery}"
        for delivery in again:
            assert after[delivery] == 2, "once for each crash"
            assert before[delivery] == 1, f"{delivery} was sent twice, and not because of the crash"
            assert standing.waits(delivery), f"{delivery} was noted, and sent again"
            self._check_it_was_said(run, standing.words(delivery))
        self._count(run, again)

    def _check_each_was_told(self, run: Run, told: Counter[tuple[str, bytes]], standing: Standing) -> None:
        after = self.reports()
        numbers = Counter(number for number, _ in after)
        wanted = [number for number, address in self._expected() if address == REFUSED]
        assert numbers == Counter(wanted), "one report each, and always the same"
        for report, times in after.items():
            if times > 1:
                assert times == 2, "once for each crash"
                assert told[report] == 1, "a report was sent twice, and not because of the crash"
                assert report[0] in standing.reports, "it was gone, and sent again"
                self._check_it_was_said(run, standing.reports[report[0]])
        self._count(run, [report for report in after if after[report] > 1])

    def _check_it_was_said(self, run: Run, words: str) -> None:
        if run.code >= 0:
            assert "more than once" in words or b"more than once" in run.err, "a duplicate, and not a word of it"

    def _count(self, run: Run, again: "list[Delivery] | list[tuple[str, bytes]]") -> None:
        assert not again or run.hit
        assert len(again) <= WINDOW
        if again:
            self.twice.append(len(again))


def run_at(store: Store, seconds: float) -> None:
    """A run in this process, at that time."""
    QueueRun(store, unpack, clock=lambda: seconds).all_due()


def _about(report: bytes) -> str:
    """The number of the mail that a report is about."""
    text = report.split(b"Content-Type: text/rfc822-headers")[-1]
    text = text.split(b"Content-Type: message/rfc822")[-1]
    return text.split(b"Subject: ", 1)[1].split(b"\r\n")[0].decode()


class Bounce(Journey):
    """A mail that only comes back."""

    mails = {"1": [REFUSED]}


class Local(Bounce):
    """It comes back through the MDA; that one is not ours, and goes on when we are killed."""

    SCRIPT = "#!/bin/sh\nmkdir -p ~/box && cat >~/box/.$$ && sync ~/box/.$$ && mv ~/box/.$$ ~/box/$$\n"

    def _write_rc(self, home: pathlib.Path) -> None:
        self._box = home / "box"
        script = home / "deliver"
        script.write_text(self.SCRIPT)
        script.chmod(0o700)
        self.rc = f'{type(self).rc}mda "{script}"\n'
        super()._write_rc(home)

    def reports(self) -> Counter[tuple[str, bytes]]:
        assert self.server.mails == []
        texts = [path.read_bytes() for path in self._box.glob("[0-9]*")]
        assert all(text.endswith(b"--\n") for text in texts), "torn"
        return Counter((_about(text.replace(b"\n", b"\r\n")), text) for text in texts)

    def matters(self, call: Call, home: pathlib.Path) -> bool:
        return super().matters(call, home) and len(call.process) < 2

    def _check_it_was_said(self, run: Run, words: str) -> None:
        if run.hit and not run.hit.path.startswith("pipe:"):  # no kernel fails there; then its status is not known
            super()._check_it_was_said(run, words)


class Long(Local):
    """A mail for somebody here, and longer than a pipe: whoever reads it must not take the first part for all."""

    mails = {"1": ["joe"]}
    body = BODY * 300

    def taken(self) -> Counter[Delivery]:
        assert self.server.mails == []
        texts = [path.read_bytes() for path in self._box.glob("[0-9]*")]
        assert all(text.endswith(b"\n\n" + self.body.replace(b"\r\n", b"\n")) for text in texts), "torn"
        return Counter({("1", "joe"): len(texts)} if texts else {})

    def reports(self) -> Counter[tuple[str, bytes]]:
        return Counter()


class Secured(Journey):
    """TLS and a password.  No tickets, for when they come is a matter of luck."""

    mails = {"1": ["a@y.org", REFUSED]}
    rc = "username alice\npassword secret\n"
    host = "localhost"

    @property
    def options(self) -> dict[str, object]:  # type: ignore[override]
        context: ssl.SSLContext = shared_certificate().server_context()
        context.num_tickets = 0
        return {"context": context}

    def _write_rc(self, home: pathlib.Path) -> None:
        self.rc = f"{type(self).rc}ca_file {self.server.authority.file}\n"
        super()._write_rc(home)


class Lockstep(Journey):
    """A server that takes one command at a time."""

    mails = {"1": ["a@y.org", REFUSED], "2": ["b@y.org"]}
    options = {"tls": "none", "mechanisms": (), "without": ("PIPELINING", "CHUNKING")}


class Clearing(Journey):
    """So many that their removal is made durable meanwhile, in a thread; only that is looked at."""

    mails = {f"{number:02}": ["a@y.org"] for number in range(18)}

    def matters(self, call: Call, home: pathlib.Path) -> bool:
        behind = len(call.process) > 1
        return behind or bool(call.process and call.name in REMOVES | FORKS)


class Resumed(Journey):
    """Most of what can become of mails in one window, where other runs have been before.

    Some were tried, of one the sender was not told yet, one is only to be removed; the connection is lost at last.
    """

    mails = {
        "1": ["a@y.org", REFUSED],
        "2": ["busy@y.org"],
        "3": ["b@y.org", "busy@y.org"],
        "4": ["lost@y.org"],
        "5": ["c@y.org"],
    }
    # and those with a past that no run in good order leaves: {number: {recipient: what became of it}}
    left = {
        "6": {"a@y.org": "delivered", REFUSED: "unknown_user"},
        "7": {"a@y.org": "delivered", "b@y.org": "delivered"},
        "8": {"a@y.org": "delivered", "b@y.org": "delivered", "c@y.org": "try_again"},
    }
    ill = {"RCPT busy@y.org": "451 4.2.1 busy", "RCPT lost@y.org": ""}
    body = BODY * 8  # so that the marks are read apart from the head

    def _fill(self, store: Store, home: pathlib.Path) -> None:
        then = int(time.time()) - 5000  # whole seconds, for its clock stands still
        for number, people in self.mails.items():
            self._put(store, home, number, people, then)
        self._server_is(dict.fromkeys(self.ill, "451 4.2.1 busy"))
        with mock.patch.dict(os.environ, environment(home)):
            run_at(store, then + 1000)
        self.server.settle()
        self._server_is(self.ill)
        for number, fates in self.left.items():
            name = self._put(store, home, number, list(fates), then)
            locked = store.lock(name)
            assert locked
            with locked:
                for place, (address, kind) in enumerate(fates.items()):
                    locked.mark(outcome_mark(then, [place], Outcome(kind, f"what the server said of {address}")))

    def check(self, home: pathlib.Path, run: Run) -> None:
        super().check(home, run)
        taken = super().taken()
        for number, fates in self.left.items():
            for address, kind in fates.items():
                assert kind != "delivered" or not taken[number, address], "noted by a run before, and sent again"

    def taken(self) -> Counter[Delivery]:
        found = super().taken()
        found.update(
            (n, address) for n, fates in self.left.items() for address in fates if fates[address] == "delivered"
        )
        return found

    def _expected(self) -> Iterator[Delivery]:
        yield from super()._expected()
        yield from ((number, address) for number, fates in self.left.items() for address in fates)
