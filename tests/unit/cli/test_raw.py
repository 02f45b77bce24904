"""Mail that the wrapper queued as it came: what its call and its header say."""

import pathlib
from collections.abc import Iterator

import pytest

from esmtp_py.cli.raw import Unpacked, envelope_of, unpack
from esmtp_py.errors import MailError
from esmtp_py.message.envelope import Recipient
from esmtp_py.outcome import Outcome
from esmtp_py.queue.entry import RAW, Entry
from esmtp_py.queue.locked import Locked
from esmtp_py.queue.marks import outcome_mark
from esmtp_py.queue.store import Store

TEXT = b"To: a@x.org, b@x.org\nBcc: c@x.org\nSubject: x\n\nbody\n.\nmore\n"
NOW = 1_700_000_000


class Queue:
    """A store, and one mail of it that is locked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.locked: Locked | None = None

    def lock(self, *argv: bytes, text: bytes = TEXT) -> Locked:
        with self.store.begin_new(NOW) as writer:
            writer.write(Entry(NOW, form=RAW, argv=list(argv)).head())
            writer.write(text)
            writer.commit()
        self.locked = self.store.lock(writer.name)
        assert self.locked
        return self.locked

    def unpack(self, *argv: bytes, text: bytes = TEXT) -> Unpacked:
        return unpack(self.lock(*argv, text=text))


@pytest.fixture
def queue(tmp_path: pathlib.Path) -> Iterator[Queue]:
    with Store.open(str(tmp_path / "queue")) as store:
        queue = Queue(store)
        yield queue
        if queue.locked:
            queue.locked.close()


def addresses(entry: Entry) -> list[str]:
    return [recipient.address for recipient in entry.recipients]


def whole(mail: Unpacked) -> bytes:
    return b"".join(mail.message.chunks())


def test_words_are_recipients_and_bcc_goes(queue: Queue) -> None:
    mail = queue.unpack(b"-i", b"-f", b"me@x.org", b"joe@y.org, Ann <ann@y.org>")
    assert mail.entry.sender == "me@x.org"
    assert addresses(mail.entry) == ["joe@y.org", "ann@y.org"]
    assert whole(mail) == b"To: a@x.org, b@x.org\r\nSubject: x\r\n\r\nbody\r\n.\r\nmore\r\n"
    assert mail.spoiled is None


def test_header_names_recipients(queue: Queue) -> None:
    mail = queue.unpack(b"-ti", b"d@x.org")
    assert addresses(mail.entry) == ["d@x.org", "a@x.org", "b@x.org", "c@x.org"]
    assert mail.entry.sender is None
    assert b"Bcc" not in whole(mail)


def test_lone_dot_ends_it_as_it_does_for_a_direct_call(queue: Queue) -> None:
    assert whole(queue.unpack(b"a@x.org")).endswith(b"\r\n\r\nbody\r\n")


def test_every_option_counts(queue: Queue) -> None:
    call = (
        b"-oem",
        b"-h",
        b"3",
        b"-F",
        b"J\xc3\xb6",
        b"-Nnever",
        b"-R",
        b"hdrs",
        b"-V",
        b"q1",
        b"-B8BITMIME",
        b"-C/rc",
    )
    entry = queue.unpack(*call, b"-f<>", b"a@x.org").entry
    assert (entry.errors, entry.hops, entry.full_name, entry.rc) == ("mail", 3, "Jö", "/rc")
    assert (entry.ret, entry.envid, entry.body, entry.sender) == ("HDRS", "q1", "8BITMIME", "")
    assert entry.recipients[0].notify == ("NEVER",)


def test_marks_stay_with_the_recipients(queue: Queue) -> None:
    locked = queue.lock(b"-t")
    locked.mark(outcome_mark(NOW, [1], Outcome("try_again", "later")))
    entry = unpack(locked).entry
    assert entry is locked.entry
    outcome = entry.marks.fates[1].outcome
    assert outcome is not None
    assert outcome.text == "later"


@pytest.mark.parametrize("text", [b"a: b\n\nx\0y", b"Received: x\n" * 101 + b"\nx"], ids=["nul", "loop"])
def test_spoiled_has_an_envelope_all_the_same(text: bytes, queue: Queue) -> None:
    mail = queue.unpack(b"a@x.org", text=text)
    assert mail.spoiled
    assert addresses(mail.entry) == ["a@x.org"]


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        ([], "usage"),
        ([b"-?"], "usage"),
        ([b"-bi", b"a@x.org"], "usage"),
    ],
)
def test_what_no_direct_call_would_do_has_no_envelope(argv: list[bytes], kind: str, queue: Queue) -> None:
    with pytest.raises(MailError) as caught:
        queue.unpack(*argv, text=b"Subject: x\n\nx\n")
    assert caught.value.kind == kind
    with pytest.raises(MailError):
        envelope_of(Entry(NOW, form=RAW, argv=argv), [b"Subject: x\n\nx\n"])


@pytest.mark.parametrize(
    ("argv", "text", "sender"),
    [
        ([b"-fme@x.org", b"a@x..@"], b"Subject: x\n\nx\n", "me@x.org"),
        ([b"-f", b"me@@x.org", b"a@x.org"], b"Subject: x\n\nx\n", None),
        ([b"-t"], b"Subject: x\n\nx\n", None),
        ([b"-t", b"b@x.org", b"-fme@x.org", b"-Nfailure"], b"To: a b c\nBcc: c@x.org\nSubject: x\n\nx\n", "me@x.org"),
    ],
)
def test_where_an_address_cannot_be_read_there_is_an_envelope_for_a_report(
    argv: list[bytes], text: bytes, sender: str | None, queue: Queue
) -> None:
    mail = queue.unpack(*argv, text=text)
    assert mail.spoiled
    assert mail.spoiled.kind == "bad_address"
    assert addresses(mail.entry) == ["the recipients"]
    assert (mail.entry.sender, mail.entry.aliases) == (sender, "no")
    assert b"Bcc" not in whole(mail)
    with pytest.raises(MailError):
        envelope_of(Entry(NOW, form=RAW, argv=argv), [text])


def test_a_list_reads_only_the_header() -> None:
    def chunks() -> Iterator[bytes]:
        yield TEXT[:30]
        yield TEXT[30:]
        raise AssertionError("read on")

    assert addresses(envelope_of(Entry(NOW, form=RAW, argv=[b"-t"]), chunks())) == ["a@x.org", "b@x.org", "c@x.org"]


def test_a_list_reads_nothing_without_t() -> None:
    def chunks() -> Iterator[bytes]:
        raise AssertionError("read")
        yield b""

    entry = envelope_of(Entry(NOW, form=RAW, argv=[b"-fme@x.org", b"a@x.org"]), chunks())
    assert (entry.sender, addresses(entry)) == ("me@x.org", ["a@x.org"])


def test_other_entries_are_as_they_are() -> None:
    entry = Entry(NOW, "me@x.org", [Recipient("a@x.org")])
    assert envelope_of(entry, iter(())) is entry
    assert addresses(entry) == ["a@x.org"]
