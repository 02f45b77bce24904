"""A small program around the Store, for the harness: what a front door and a runner do, without a network.

    driver.py enqueue    queue standard input, say its id
    driver.py finish     deliver to the first recipient, fail for the second, report, remove; for all mails
    driver.py give-up    put each mail into failed/
    driver.py tidy       sweep, and open each mail

Each line on standard output says what is durable.
"""

import os
import sys

from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue import marks
from esmtp_py.queue.entry import Damaged, Entry
from esmtp_py.queue.store import Store
from esmtp_py.queue.writer import Exists

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.queue.locked import Locked

TIME = 1_700_000_000
NEVER = 2_000_000_000


def say(text: str) -> None:
    try:
        os.write(1, f"{text}\n".encode())
    except OSError:
        pass  # what is said has been done already


def read() -> bytes:
    try:
        return os.read(0, 65536)
    except OSError as error:
        raise MailError("unreadable", f"cannot read the message: {error.strerror}") from error


def enqueue(store: Store) -> None:
    entry = Entry(TIME, "me@x.org", [Recipient("a@x.org"), Recipient("b@x.org")])
    with store.begin_new(TIME) as writer:
        writer.write(entry.head())
        while chunk := read():
            writer.write(chunk)
        writer.commit()
    say(f"queued {writer.name}")


def finish(store: Store) -> None:
    """Reports are only looked at when the mail they are about has gone."""
    for name in store.ids():
        if name.endswith("-f"):
            continue
        mail = store.lock(name)
        if mail is None:
            continue
        with mail:
            mail.verify()
            deliver(mail)
            report(store, mail)
            mail.remove()
        store.sync()
        say(f"removed {name}")


def deliver(mail: "Locked") -> None:
    for number, kind in enumerate(("delivered", "unknown_user")):
        if not mail.entry.marks.fate(number).settled:
            say(f"tried {number} of {mail.name}")
            mail.mark(marks.outcome_mark(TIME, [number], Outcome(kind, "words", reply="250 ok")))
            say(f"noted {number} of {mail.name}")


def report(store: Store, mail: "Locked") -> None:
    if marks.FAILURE in mail.entry.marks.fate(1).reported:
        return
    try:
        with store.begin(f"{mail.name}-f") as writer:
            writer.write(Entry(TIME, "", [Recipient("me@x.org")]).head() + b"Subject: failure\r\n\r\n")
            writer.commit()
    except Exists:
        pass
    mail.mark(marks.reported_mark(TIME, [1], marks.FAILURE))
    say(f"reported {mail.name}")


def give_up(store: Store) -> None:
    for name in store.ids():
        mail = store.lock(name)
        if mail:
            with mail:
                mail.to_failed()
            say(f"gave up {name}")


def tidy(store: Store) -> None:
    store.sweep(NEVER)
    for name in store.ids():
        try:
            mail = store.lock(name)
        except Damaged:
            say(f"damaged {name}")
            continue
        if mail:
            mail.close()


def main() -> int:
    actions = {"enqueue": enqueue, "finish": finish, "give-up": give_up, "tidy": tidy}
    try:
        with Store.open() as store:
            actions[sys.argv[1]](store)
    except MailError as error:
        os.write(2, f"driver: {error.text}\n".encode())
        return error.outcome().exit_code
    return 0


if __name__ == "__main__":
    # No clean-up of modules: what matters has been said.
    sys.exit(main())
