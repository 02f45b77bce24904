"""A queue of 100,000 mails: listing it, adding to it, the first mail of a run; and what a run needs of memory."""

import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import time

from bench.backlog import Backlog
from bench.enqueue import Caller, Enqueue
from bench.gauge import Run, run
from bench.installation import real_python
from bench.mailer import EsmtpQueue
from bench.table import judged, line
from tests.interop.mailserver import MailServer
from tests.interop.postfix import wait_until

GAUGE = str(pathlib.Path(__file__).with_name("gauge.py"))
# Postfix says so when it takes MAIL (at the first RCPT, to be exact, which came with it).
MAIL_SEEN = "sasl_username=alice"
MEGABYTES = 100


class LongQueue:
    """A home with so many mails in its queue, and a server for them.   raw: as the wrapper has written them."""

    def __init__(self, server: MailServer, directory: pathlib.Path, esmtp: str, count: int, *, raw: bool) -> None:
        directory.mkdir()
        self.server, self.directory, self.esmtp, self.count = server, directory, esmtp, count
        self.mailer = EsmtpQueue(directory, server, esmtp, server.ports["submission"])
        self.mailer.backlog.fill(count, raw=raw)

    def listing(self, rounds: int) -> list[Run]:
        """mailq, into a file.  RuntimeError if that has not every mail."""
        times = []
        output = self.directory / "listing"
        for _ in range(rounds):
            with open(output, "wb") as file:
                times.append(run([self.esmtp, "-bp"], self.mailer.environ, output=file.fileno()))
            *_, last = output.read_text().splitlines()
            if f" {self.count} Requests." not in last:
                raise RuntimeError(f"mailq ends with {last!r}, and {self.count} mails were queued")
        return times

    def enqueueing(self, rounds: int) -> tuple[Caller, Caller]:
        """-odq into an empty queue and into this one, in turn."""
        call = [self.esmtp, "-odq", "-i", "-f", "alice@example.test", "bench@discard.test"]
        empty, full = Caller(self.directory / "empty", "", call), Caller(self.mailer.home, "", call)
        Enqueue(self.directory).take_turns([empty, full], rounds)
        self.count += rounds + 2
        return empty, full

    def first_mail(self) -> float:
        """Seconds from the start of ``esmtp -q`` until the server sees the first MAIL; the run is ended then."""
        postfix = self.server.postfix
        postfix.settle()
        postfix.mark()
        began = time.perf_counter()
        with open(self.directory / "run", "wb") as output:
            runner = subprocess.Popen(
                [self.esmtp, "-q"], env=self.mailer.environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            wait_until(lambda: MAIL_SEEN in postfix.log(), "the first MAIL", 120)
            return time.perf_counter() - began
        finally:
            runner.send_signal(signal.SIGTERM)
            runner.wait()
            postfix.settle()


class Memory:
    """Peak memory of a run, from fresh queues."""

    def __init__(self, server: MailServer, directory: pathlib.Path, esmtp: str) -> None:
        self.server, self.directory, self.esmtp = server, directory, esmtp
        self.mailer = EsmtpQueue(directory, server, esmtp, server.ports["submission"])

    def peak(self, count: int, size: int) -> int:
        """In kB, for so many mails of so many bytes."""
        backlog: Backlog = self.mailer.backlog
        backlog.fill(count, size)
        result, output = self.directory / "peak", self.directory / "output"
        with open(os.devnull, "rb") as stdin, open(output, "wb") as target:
            run(
                [real_python(), "-I", "-S", GAUGE, str(result), self.esmtp, "-q"],
                self.mailer.environ,
                stdin=stdin.fileno(),
                output=target.fileno(),
            )
        if backlog.waiting():
            said = output.read_text(errors="replace")
            raise RuntimeError(f"{backlog.waiting()} of {count} mails were not sent: {said[-500:]}")
        self.server.postfix.settle()
        return int(result.read_text())


def measure(server: MailServer, directory: pathlib.Path, esmtp: str, quick: bool) -> None:
    """Prints a line for each."""
    count = 10_000 if quick else 100_000
    line(f"{count} mails in the queue", "", "", "", "goal")
    for raw in (False, True):
        bench = LongQueue(server, directory / ("raw" if raw else "wire"), esmtp, count, raw=raw)
        long_queue(bench, "written by the wrapper" if raw else "written by esmtp", quick)
        shutil.rmtree(bench.directory)
    memory(server, directory / "memory", esmtp, quick)


def long_queue(bench: LongQueue, kind: str, quick: bool) -> None:
    line(f"{kind}:", "")
    listed = bench.listing(1 if quick else 3)
    listing = statistics.median(made.wall for made in listed)
    cpu = statistics.median(made.cpu for made in listed)
    line("mailq (s)", f"{listing:.2f}", f"CPU {cpu:.2f}", "", judged(listing, 2, "at most 2 s:"))
    empty, full = bench.enqueueing(10 if quick else 40)
    ratio = full.middle / empty.middle
    line("one more, -odq (ms)", str(full), f"empty: {empty}", f"{ratio:.2f}", judged(ratio, 1.2, "at most 1.20:"))
    firsts = [bench.first_mail() for _ in range(1 if quick else 3)]
    first = statistics.median(firsts)
    line("first MAIL of a run (s)", f"{first:.2f}", "", "", judged(first, 5, "at most 5 s:"))


def memory(server: MailServer, directory: pathlib.Path, esmtp: str, quick: bool) -> None:
    directory.mkdir()
    bench = Memory(server, directory, esmtp)
    line("peak memory of a run", "kB", "kB", "more", "goal")
    many = 1000 if quick else 10_000
    for what, few, much in (
        (f"100 mails, {many} mails", (100, 2000), (many, 2000)),
        (f"a mail of 2 kB, of {MEGABYTES} MB", (1, 2000), (1, MEGABYTES * 1_000_000)),
    ):
        small, big = bench.peak(*few), bench.peak(*much)
        more = (big - small) / 1024
        line(what, str(small), str(big), f"+{more:.1f}", judged(more, 8, "at most 8 MiB more:"))
