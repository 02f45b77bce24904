"""-bv: where mail would go, and that nothing goes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PIPE, Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]


def test_each_recipient_has_its_line(esmtp: Command, server: SubmissionServer, rc: Rc) -> None:
    rc(
        f"identity me@home.org\n{way_to(server)}{PIPE}"
        f"identity me@work.com\nhostname smtp.work.com\nusername me\npassword secret\n"
    )
    done = esmtp("-bv", "you@y.org", "joe, B <b@z.org>")
    assert (done.code, done.err) == (0, "")
    first, second, third = done.out.splitlines()
    assert first == f"you@y.org: identity me@home.org, from me@home.org, smtp://127.0.0.1:{server.port}"
    assert second.startswith("joe: identity me@home.org, from me@home.org, pipe to cat ")
    assert third.startswith("b@z.org: identity me@home.org, ")
    assert server.sessions == []
    assert Mailbox(esmtp.home).mail == b""

    done = esmtp("-bv", "-f", "me@work.com", "you@y.org")
    assert done.out == "you@y.org: identity me@work.com, from me@work.com, smtp://smtp.work.com:587 as me\n"
    assert "secret" not in done.out


def test_standard_input_is_read_with_t_only(esmtp: Command, local: Mailbox) -> None:
    done = esmtp("-bv", "-t", stdin=b"To: a@x.org\nBcc: joe\nFrom: other@y.org\n\n")
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["a@x.org", "joe"]
    assert esmtp.run("/bin/sh", "-c", f"exec {esmtp.program} -bv joe <&-").code == 0


def test_what_the_rc_rewrites_is_shown(esmtp: Command, rc: Rc) -> None:
    rc("identity me@x.org\nhostname mx.x.org\nqualifydomain q.org\n")
    done = esmtp("-bv", "-f", "root", "joe")
    assert done.out == "joe: as joe@q.org, identity me@x.org, from root@q.org, smtp://mx.x.org:587\n"
    done = esmtp("-bv", "-f", "<>", "you@y.org")
    assert done.out == "you@y.org: identity me@x.org, from <>, smtp://mx.x.org:587\n"


@pytest.mark.parametrize("server", ["lmtp:/run/x", "unix:/run/x", "srv:x.org"])
def test_a_socket_and_a_domain_are_shown_as_they_are_written(esmtp: Command, rc: Rc, server: str) -> None:
    rc(f"hostname {server}\n")
    assert esmtp("-bv", "-f", "me@x.org", "you@y.org").out.endswith(f", from me@x.org, {server}\n")


def test_no_route(esmtp: Command, rc: Rc) -> None:
    rc("identity me@x.org\nhostname mx.x.org\n")
    done = esmtp("-bv", "joe", "you@y.org")
    assert done.code == 78
    assert done.out.splitlines()[1].startswith("you@y.org: ") or done.out.splitlines()[0].startswith("you@y.org: ")
    assert "mda" in done.out


def test_mistakes(esmtp: Command, local: Mailbox) -> None:
    assert esmtp("-bv").code == 64
    assert esmtp("-bv", "a@").code == 65
    assert esmtp("-bv", "-C", "none", "a@x.org").code == 78
