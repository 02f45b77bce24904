"""The end of data is where we put it, and nowhere else."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.message.dots import stuff
from esmtp_py.message.intake import Intake


def stuffed(*chunks: bytes) -> bytes:
    return b"".join(stuff(chunks))


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"..\r\n.a\r\n", b"...\r\n..a\r\n.\r\n"),
        (b"a\r\n.\r\n.\r\n", b"a\r\n..\r\n..\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
        (b"\r\n.", b"\r\n..\r\n.\r\n"),
    ],
)
def test_stuffed_however_it_is_cut(body: bytes, wire: bytes) -> None:
    assert stuffed(body) == wire
    assert stuffed(*(body[i : i + 1] for i in range(len(body)))) == wire
    for cut in range(len(body)):
        assert stuffed(body[:cut], b"", body[cut:]) == wire


@pytest.mark.parametrize(
    "body", [b"a\n", b"a\nb", b"\n.\n", b"a\r", b"\r.\r", b"\r\n.\r", b"a\r\r\n", b"\n", b"\r", b"\n\r\n"]
)
def test_a_line_end_that_is_none_never_leaves(body: bytes) -> None:
    cuts = [(body,), *((body[:cut], body[cut:]) for cut in range(1, len(body))), tuple(bytes([c]) for c in body)]
    for chunks in cuts:
        with pytest.raises(MailError) as raised:
            stuffed(*chunks)
        assert (raised.value.kind, raised.value.status) == ("content", "5.6.1")


SMUGGLING = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\n.\r\n",
    b"\n\r.\r\n",
    b"\r\r\n.\r\r\n",
]


@pytest.mark.parametrize("end", SMUGGLING, ids=repr)
def test_smuggled_ends_of_data_are_text(end: bytes) -> None:
    """CVE-2023-51764, -51765, -51766: one message in, one message out, however it is cut."""
    message = b"Subject: x\n\nfirst" + end + b"MAIL FROM:<evil@x>" + end + b"last" + end
    for cut in range(len(message) + 1):
        intake = Intake(dot_ends=False)
        body = [intake.feed(message[:cut]), intake.feed(message[cut:]), intake.finish()]
        wire = b"\r\n" + stuffed(*body)
        assert wire.endswith(b"\r\n.\r\n")
        assert wire.count(b"\r\n.\r\n") == 1
        assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
        assert b"MAIL FROM:<evil@x>" in wire
