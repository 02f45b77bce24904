"""Standard input on its way into the queue: the same message as one that is held, and as little of it as possible."""

import os
import re
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esmtp_py.cli import stdin
from esmtp_py.cli.stdin import Incoming, read_message
from esmtp_py.errors import MailError

Feed = Callable[[list[bytes]], None]


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Sets the pieces in which standard input comes."""

    def set_pieces(pieces: list[bytes]) -> None:
        left: Iterator[bytes] = iter([*filter(None, pieces), b""])
        monkeypatch.setattr(stdin, "_read", lambda: next(left))

    return set_pieces


def whole(incoming: Incoming) -> tuple[list[bytes], bytes]:
    return incoming.header().fields, b"".join(incoming.chunks())


PIECE = st.sampled_from(
    [b"To: a@x\n", b"Subject: x\r\n y\r\n", b"\n", b"body\n", b".\n", b".", b"\r", b"x" * 70, b"\0"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECE, max_size=8), st.booleans(), st.booleans())
def test_it_is_the_message_that_would_have_been_held(
    feed: Feed, pieces: list[bytes], dot_ends: bool, binary: bool
) -> None:
    feed(pieces)
    held, fault = read_message(dot_ends=dot_ends, binary=binary)
    feed(pieces)
    incoming = Incoming(dot_ends=dot_ends, binary=binary)
    if fault:
        with pytest.raises(MailError, match=re.escape(fault.text)):
            whole(incoming)
    else:
        assert whole(incoming) == (held.header.fields, b"".join(held.chunks()))


def test_what_is_done_with_the_header_counts(feed: Feed) -> None:
    feed([b"Bcc: a@x\nTo: b@x\n\nbody"])
    incoming = Incoming(dot_ends=False, binary=False)
    incoming.header().remove(b"Bcc")
    assert b"".join(incoming.chunks()) == b"To: b@x\r\n\r\nbody\r\n"


def test_the_body_is_read_when_it_is_wanted(feed: Feed) -> None:
    feed([b"To: b@x\n\none\n", b"two\n"])
    incoming = Incoming(dot_ends=False, binary=False)
    incoming.header()
    chunks = incoming.chunks()
    assert [next(chunks), next(chunks)] == [b"To: b@x\r\n\r\n", b"one\r\n"]
    assert stdin._read() == b"two\n"


def test_a_signal_while_it_comes_is_no_message(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> bytes:
        raise KeyboardInterrupt

    feed([b"To: b@x\n\none\n"])
    incoming = Incoming(dot_ends=False, binary=False)
    incoming.header()
    monkeypatch.setattr(stdin, "_read", interrupted)
    with pytest.raises(MailError, match="stopped by a signal"):
        list(incoming.chunks())
    incoming.hear_out()  # which would be interrupted, too


@pytest.mark.parametrize("ends", ["input", "limit"])
def test_a_caller_is_heard_out_but_not_for_ever(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(stdin, "STDIN", reader)
    monkeypatch.setattr(stdin, "_HEARD_OUT", 1 << 20)
    size = 300_000 if ends == "input" else 2 << 20
    broken: list[bool] = []

    def caller() -> None:
        try:
            for _ in range(0, size, 50_000):
                os.write(writer, b"x" * 50_000)
        except BrokenPipeError:
            broken.append(True)
        os.close(writer)

    thread = threading.Thread(target=caller)
    thread.start()
    Incoming(dot_ends=False, binary=False).hear_out()
    os.close(reader)
    thread.join()
    assert broken == ([] if ends == "input" else [True])
