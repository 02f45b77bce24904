"""Queue files for hypothesis: entries with everything in them that people and attackers write."""

from hypothesis import strategies as st

from esmtp_py.message.envelope import NEVER, NOTIFY_WORDS, Recipient
from esmtp_py.outcome import TABLE, Outcome
from esmtp_py.queue.digest import ALGORITHM, new
from esmtp_py.queue.entry import RAW, WIRE, Entry, seal_line

# What is special to the format, and what an argv that was no UTF-8 has become.
odd = st.sampled_from(["%", "%0A", "\n", "\r", "\0", "\t", " ", "<", ">", '"', "é", "\u2028", "\udcff", "\x7f", "日"])
texts = st.lists(st.one_of(st.text("ab@.=,", max_size=4), odd, st.characters(codec="utf-8")), max_size=8).map("".join)
addresses = st.one_of(st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.org", fullmatch=True), texts)
notifies = st.one_of(
    st.just(()), st.just(NEVER), st.lists(st.sampled_from(NOTIFY_WORDS), min_size=1, max_size=3, unique=True).map(tuple)
)
recipients = st.builds(Recipient, addresses, notifies, texts)
# Whole microseconds, as the clock is written.
times = (
    st.integers(0, 9_999_999_999_999_999).map(lambda micro: micro / 1_000_000).map(lambda time: float(f"{time:.6f}"))
)

SEAL_LOOKALIKES = [b"\nseal 5 blake2b 00\n", b"\nseal ", b"seal", b"\ndelivered 1 0 delivered 2.0.0 - ok #00000000\n"]
messages = st.lists(
    st.one_of(st.binary(max_size=30), st.sampled_from([*SEAL_LOOKALIKES, b"\r\n", b"\n\n", b"argv 1\nx\n"])), max_size=8
).map(b"".join)

entries = st.builds(
    Entry,
    times,
    st.none() | addresses,
    st.lists(recipients, max_size=4),
    body=st.sampled_from(["", "7BIT", "8BITMIME", "BINARYMIME"]),
    ret=st.sampled_from(["", "FULL", "HDRS"]),
    envid=texts,
    requiretls=st.booleans(),
    full_name=st.none() | texts,
    rc=texts,
    hops=st.integers(0, 9999),
    errors=st.sampled_from(["", "print", "mail", "quiet"]),
    not_before=times,
    form=st.just(WIRE),
)
calls = st.builds(Entry, times, form=st.just(RAW), argv=st.lists(st.binary(max_size=20) | messages, max_size=6))
any_entries = entries | calls

outcomes = st.builds(
    Outcome,
    st.sampled_from(sorted(TABLE)),
    texts,
    status=st.sampled_from(["", "4.1.2", "5.7.509"]),
    remote=st.sampled_from(["", "mx.example.org", "odd name"]),
    reply=texts,
)


def sealed(entry: Entry, message: bytes) -> bytes:
    """A whole file, without marks."""
    covered = entry.head() + message
    digest = new()
    digest.update(covered)
    return covered + seal_line(len(covered), ALGORITHM, digest.hexdigest())
