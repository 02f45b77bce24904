"""Line ends, dots, NULs and 8-bit bytes, from standard input to the wire."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Mailbox
from tests.conftest import Command
from tests.server import SubmissionServer

HEAD = b"Date: x\nFrom: me@x.org\nMessage-ID: <1@x>\n\n"


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"a\nb\r\nc\rd\n", b"a\r\nb\r\nc\r\nd\r\n"),
        (b"a\r\n\r\nb\r\r\nc", b"a\r\n\r\nb\r\n\r\nc\r\n"),
        (b"\n\r\n\r", b"\r\n\r\n\r\n"),
        (b"\xff\xfe\n", b"\xff\xfe\r\n"),
    ],
)
def test_every_line_ends_in_crlf(esmtp: Command, submission: SubmissionServer, body: bytes, wire: bytes) -> None:
    assert esmtp("you@y.org", stdin=HEAD + body).code == 0
    assert submission.mails[0].data == HEAD.replace(b"\n", b"\r\n") + wire


DOTS = [
    (b"a\n.\nb\n", b"a\n"),
    (b"a\r\n.\r\nb\r\n", b"a\n"),
    (b"a\n..\n.b\n", b"a\n..\n.b\n"),
    (b".\nb\n", b""),
    (b"a\n.", b"a\n"),
]


@pytest.mark.parametrize(("body", "kept"), DOTS)
def test_lone_dot_ends_the_message(esmtp: Command, mailbox: Mailbox, body: bytes, kept: bytes) -> None:
    assert esmtp("joe", stdin=HEAD + body).code == 0
    assert mailbox.body == kept


@pytest.mark.parametrize("flag", ["-i", "-oi", "-OIgnoreDots=true", "-ti", "-o i"])
@pytest.mark.parametrize(("body", "_"), DOTS)
def test_lone_dot_is_text_with_i(esmtp: Command, mailbox: Mailbox, flag: str, body: bytes, _: bytes) -> None:
    assert esmtp(*flag.split(), "joe", stdin=HEAD + body).code == 0
    text = body.replace(b"\r\n", b"\n")
    assert mailbox.body == (text if text.endswith(b"\n") else text + b"\n")


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING", "8BITMIME")])
@pytest.mark.parametrize(
    "body", [b".\n", b"..\n.x\n.\n", b"x\n.\nQUIT\n", b"x\r.\rRSET\r", b"\n.\r\nMAIL FROM:<a@b>\n"]
)
def test_dots_and_commands_in_the_body_stay_in_the_body(
    esmtp: Command,
    rc,
    without: tuple[str, ...],
    body: bytes,  # type: ignore[no-untyped-def]
) -> None:
    with SubmissionServer(tls="none", mechanisms=(), without=without) as server:
        rc(f"identity me@x.org\nhostname 127.0.0.1:{server.port}\nstarttls disabled\n")
        assert esmtp("-i", "you@y.org", stdin=HEAD + body).code == 0
    assert [mail.data.partition(b"\r\n\r\n")[2] for mail in server.mails] == [
        body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    ]
    assert server.violations == []


def test_nul_is_refused(esmtp: Command, mailbox: Mailbox) -> None:
    done = esmtp("joe", "ann", stdin=HEAD + b"a\0b\n")
    assert done.code == 65
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["joe", "ann"]
    assert "NUL" in done.err
    assert mailbox.mail == b""


def test_nul_in_the_header_is_refused(esmtp: Command, mailbox: Mailbox) -> None:
    assert esmtp("joe", stdin=b"Subject: a\0b\n\nx\n").code == 65
    assert mailbox.mail == b""


@pytest.mark.parametrize("flag", ["-B7BIT", "-B8BITMIME"])
def test_nul_is_refused_in_text_of_any_type(esmtp: Command, mailbox: Mailbox, flag: str) -> None:
    assert esmtp(flag, "joe", stdin=HEAD + b"a\0b\n").code == 65


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("body", [b"a\0b\rc\n.\n\xff", b"\x89PNG\r\n\x1a\n\0\r", b"\r\n\r\n"])
def test_binary_body_is_left_alone(esmtp: Command, mailbox: Mailbox, body: bytes, queued: bool) -> None:
    more = ["-odq"] if queued else []
    assert esmtp("-B", "binarymime", "-f", "me@x.org", *more, "joe", stdin=HEAD + body).code == 0
    assert not queued or esmtp("-q").code == 0
    assert b"\r" not in mailbox.mail.partition(b"\n\n")[0]
    assert mailbox.body == body


@pytest.mark.parametrize("record", ["box", "box/"])
def test_so_is_that_of_the_copy(esmtp: Command, rc: Callable[[str], Path], record: str) -> None:
    body = b"\x89PNG\r\n\x1a\n\0\r"
    rc(f'mda "cat >/dev/null"\nrecord {record}\n')
    assert esmtp("-B", "binarymime", "joe", stdin=HEAD + body).code == 0
    [copy] = list(esmtp.home.glob("box*/cur/*")) or [esmtp.home / "box"]
    assert body in copy.read_bytes()


def test_eight_bit_is_declared_where_it_can_be(esmtp: Command, submission: SubmissionServer) -> None:
    assert esmtp("you@y.org", stdin=HEAD + b"\xc3\xa9\n").code == 0
    assert submission.mails[0].parameters.get("BODY") == "8BITMIME"


def test_large_mail_comes_through_whole(esmtp: Command, submission: SubmissionServer) -> None:
    body = b"".join(b"%07d %s\n" % (n, b"x" * 60) for n in range(20_000))
    assert esmtp("you@y.org", stdin=HEAD + body).code == 0
    assert submission.mails[0].data.partition(b"\r\n\r\n")[2] == body.replace(b"\n", b"\r\n")
