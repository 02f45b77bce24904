"""How fast a queue of 300 mails leaves, 50 ms from the server: esmtp beside the others."""

import pathlib
import statistics
from collections.abc import Callable

from bench.mailer import Dma, EsmtpQueue, Mailer, Nullmailer, PostfixRelay, one_by_one
from bench.relay import Relay
from bench.table import judged, judged_least, line
from tests.interop.mailserver import MailServer

MAILS = 300
RTT = 0.05


class Drained:
    """seconds: for all of them, in each round.  connections, turns: of the last round, turns of its longest one."""

    def __init__(self, seconds: list[float], connections: int, turns: int, scaled: int) -> None:
        self.seconds = seconds
        self.connections = connections
        self.turns = turns
        self.scaled = scaled

    @property
    def middle(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        three = (min(self.seconds), self.middle, max(self.seconds))
        return " / ".join(f"{value:.2f}" for value in three) if len(self.seconds) > 1 else f"{self.middle:.1f}"


Make = Callable[[pathlib.Path, MailServer, int], Mailer]


def drained(server: MailServer, directory: pathlib.Path, make: Make, mails: int, rounds: int) -> tuple[Mailer, Drained]:
    """Sets one of them up and lets it empty its queue so many times; RuntimeError when it is not to be had."""
    seconds, trips = [], []
    with Relay(server.ports["submission"], rtt=RTT) as relay:
        mailer = make(directory, server, relay.port)
        count = mailer.sample or mails
        for _ in range(rounds):
            mailer.fill(count)
            before = len(relay.rest())
            server.postfix.mark()
            seconds.append(mailer.drain() * mails / count)
            trips = relay.rest()[before:]
            server.postfix.settle()
            arrived = server.postfix.log().count("status=sent")
            if mailer.left() or arrived != count:
                raise RuntimeError(f"of {count} mails {mailer.left()} were left, and {arrived} arrived")
    turns = max((trip.turns for trip in trips), default=0)
    scaled = mailer.sample if mailer.sample and mailer.sample != mails else 0
    return mailer, Drained(seconds, len(trips), turns, scaled)


def measure(server: MailServer, directory: pathlib.Path, esmtp: str, quick: bool) -> None:
    """Prints a line for each, and what each was told to do."""
    mails = 60 if quick else MAILS
    line(f"{mails} mails of 2 kB at {RTT * 1000:.0f} ms", "seconds", "connections, turns", "x ours", "goal")
    ours, best = drained(
        server,
        directory,
        lambda where, server, port: EsmtpQueue(where, server, esmtp, port),
        mails,
        3 if quick else 9,
    )
    goal = judged(best.middle, 1.0, "at most 1.0 s:") if not quick else ""
    line(ours.name, str(best), f"{best.connections}, {best.turns}", "", goal)
    notes = [f"{ours.name}: {ours.version} ({ours.settings})"]
    others: tuple[tuple[str, Make, float], ...] = (
        ("msmtp", one_by_one, 100),
        ("Postfix", PostfixRelay, 10),
        ("nullmailer", Nullmailer, 0),
        ("dma", Dma, 0),
    )
    for name, make, least in others:
        try:
            mailer, other = drained(server, directory, make, mails, 1)
        except (RuntimeError, AssertionError, OSError) as error:
            notes.append(f"{name} is left out: {error}")
            continue
        ratio = other.middle / best.middle
        goal = judged_least(ratio, least, f"at least {least:.0f}:") if least and not quick else ""
        line(name, str(other), f"{other.connections}, {other.turns}", f"{ratio:.0f}", goal)
        how = f"; {other.scaled} mails one after the other were measured, the time is for {mails}"
        notes.append(f"{name}: {mailer.version} ({mailer.settings}{how if other.scaled else ''})")
    print(*notes, sep="\n", flush=True)
