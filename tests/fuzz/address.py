"""Invariant: any bytes are a list of clean addresses, each of which reads as itself again, or an AddressError."""

from esmtp_py.message.address import AddressError, format_mailbox, parse_mailboxes, parse_reverse_path
from tests.fuzz.driver import main

SEEDS = [
    b"a@x, J. R. Doe <b@y.org>, root",
    b'"john doe"@x, "Doe, J." <@r,@s:t@u>, "a\\"b"@[192.0.2.1]',
    b"friends (all (of) them): a@x, B <b@y>;, undisclosed-recipients:;",
    b"=?utf-8?q?J=C3=B6rg?= =?iso-8859-1?b?5A==?= <j@x>, (c) d . e (f) @ (g) h . i",
    "Jörg <jörg@exämple.de>, 用户@例え.jp".encode(),
    b"alice@example.org)bob@evil.example",
    b"<a@x> SIZE=1 a@[IPv6:2001:db8::1] joe..doe@x.",
]


def refusal(error: AddressError, data: bytes) -> None:
    assert error.text.isprintable(), error.text
    assert 0 <= error.offset <= len(data)


def target(data: bytes) -> None:
    try:
        mailboxes = parse_mailboxes(data)
    except AddressError as error:
        refusal(error, data)
        return
    for mailbox in mailboxes:
        address = mailbox.address
        assert not any(ch < " " or "\x7f" <= ch <= "\x9f" for ch in address + mailbox.name), mailbox
        assert ("@" in address) == bool(mailbox.domain), mailbox
        assert [again.address for again in parse_mailboxes(address.encode())] == [address], mailbox
        one = parse_reverse_path(f"<{address}>".encode())
        assert one is not None
        assert one.address == address
        written = format_mailbox(mailbox.name, address).replace(b"\r\n", b"")
        assert [again.address for again in parse_mailboxes(written)] == [address], written


if __name__ == "__main__":
    main(target, SEEDS)
