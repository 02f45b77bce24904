"""Invariant: any alias file is read, and each name in it comes to clean addresses, or to a MailError with its line.

What --check-rc finds nothing wrong with can be used.
"""

import os
import tempfile

from esmtp_py.config.aliases import MOST, Aliases
from esmtp_py.errors import MailError
from esmtp_py.message.address import parse_mailboxes
from tests.fuzz.driver import main

SEEDS = [
    b'# a\nroot: me@x.org, joe\nteam: ann, bob@x.net,\r\n    "carl r"@x.net # b\ndefault: postmaster@x.org\n',
    b'joe: joe, \\joe, joe@x.org\n"a b": c (d (e), f), g\nc: d\nd: e\ne: c\n',
    b'a: b, b\nb: :include:/etc/passwd\nc: |sh\nd: /etc/x\ne: "|sh"\nf:\ng: ,,\n',
    "jörg: jürgen@exämple.de\n\ufeffx: y\n".encode(),
    b"a: x@y SIZE=1, <>, a@[127.0.0.1], A@X.org, a@x.org\n",
]


def refusal(error: MailError, path: str, *, foreseen: bool = True) -> None:
    assert error.kind == "config"
    assert error.text.startswith(f"{path}:"), error.text
    assert foreseen or "more than" in error.text, error.text  # how deep and how many depends on where one begins


def target(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        os.write(file.fileno(), data)
        aliases = Aliases(file.name)
    broken = list(aliases.problems())
    for error in broken:
        refusal(error, file.name)
    for name in aliases._aliases:
        try:
            found = aliases.expand(name)
        except MailError as error:
            refusal(error, file.name, foreseen=bool(broken))
            continue
        assert found
        assert len(found) <= MOST
        for address in found:
            assert not any(ch < " " or "\x7f" <= ch <= "\x9f" for ch in address), address
            assert [each.address for each in parse_mailboxes(address.encode())] == [address]


if __name__ == "__main__":
    main(target, SEEDS)
