"""aliases: local names that stand for others, direct, in a queue run, and with -bv."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from esmtp_py.config.identity import Identity
from esmtp_py.deliver.caller import Caller
from esmtp_py.deliver.expansion import members
from esmtp_py.message.envelope import Recipient
from tests.cli.conftest import PIPE, Mailbox, way_to
from tests.cli.test_queue_modes import queued
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
Write = Callable[[str], Path]
MAIL = b"From: me@x.org\nSubject: x\n\nbody\n"


@pytest.fixture
def write(esmtp: Command) -> Write:
    def written(text: str) -> Path:
        path = esmtp.home / "aliases"
        path.write_text(text, encoding="utf-8")
        return path

    return written


@pytest.fixture(params=["direct", "queue", "wrapper"])
def way(request: pytest.FixtureRequest, esmtp: Command, rc: Rc, server: SubmissionServer, write: Write) -> Callable:  # type: ignore[type-arg]
    """Sends with these aliases, and returns the recipients at the server and those of the mda."""

    def send(text: str, *args: str, stdin: bytes = MAIL) -> "tuple[list[str], list[str]]":
        rc(f"identity me@x.org\n{way_to(server)}{PIPE}aliases aliases\n")
        write(text)
        if request.param == "wrapper":
            script = Path(__file__).resolve().parents[2] / "scripts" / "esmtp-wrapper"
            done = esmtp.run("/bin/sh", str(script), "-odq", *args, stdin=stdin, ESMTP=str(esmtp.program))
        else:
            done = esmtp(*(["-odq"] if request.param == "queue" else []), *args, stdin=stdin)
        assert (done.code, done.err) == (0, "")
        if request.param != "direct":
            done = esmtp("-q")
            assert (done.code, done.err) == (0, "")
            assert queued(esmtp) == []
        return sorted(one for mail in server.mails for one in mail.recipients), Mailbox(esmtp.home).recipients

    return send


FILE = "root: joe, admin@x.org\njoe: joe, joe@home.org\nteam: root, Ann <ann@y.org>, Admin@X.org\n"


@pytest.mark.parametrize(
    ("args", "remote", "local"),
    [
        (["root"], ["joe@home.org", "admin@x.org"], ["joe"]),
        (["ROOT", "admin@x.org"], ["joe@home.org", "admin@x.org"], ["joe"]),
        (["root@y.org"], ["root@y.org"], []),
        (["other"], [], ["other"]),
        (["joe", "team"], ["joe@home.org", "admin@x.org", "ann@y.org", "Admin@X.org"], ["joe"]),
    ],
)
def test_local_names_are_replaced(
    way: Callable[..., object], args: list[str], remote: list[str], local: list[str]
) -> None:
    assert way(FILE, *args) == (sorted(remote), local)


def test_recipients_from_the_header_too_and_the_header_stays(
    way: Callable[..., object], server: SubmissionServer
) -> None:
    assert way(FILE, "-t", stdin=b"To: root\nBcc: team\n" + MAIL) == (
        ["Admin@X.org", "admin@x.org", "ann@y.org", "joe@home.org"],
        ["joe"],
    )
    assert server.mails[0].data.startswith(b"To: root\r\nFrom: me@x.org\r\n")


def test_members_have_the_wishes_of_the_sender_and_the_name_that_was_written(
    way: Callable[..., object], server: SubmissionServer
) -> None:
    way("root: a@x.org, b@x.org\n", "-N", "success,failure", "root", "c@x.org")
    [mail] = server.mails
    wishes = dict(zip(mail.recipients, mail.wishes, strict=True))
    assert {address: wish["NOTIFY"] for address, wish in wishes.items()} == dict.fromkeys(wishes, "SUCCESS,FAILURE")
    assert wishes["a@x.org"]["ORCPT"] == wishes["b@x.org"]["ORCPT"]
    assert wishes["a@x.org"]["ORCPT"].startswith("rfc822;root@")
    assert "root" not in wishes["c@x.org"].get("ORCPT", "")


def test_with_n_a_name_is_final(way: Callable[..., object], esmtp: Command) -> None:
    assert way(FILE, "-n", "root") == ([], ["root"])
    assert esmtp("-bv", "-n", "root").out.startswith("root: identity ")


def test_a_list_of_who_gets_it(esmtp: Command, rc: Rc, write: Write) -> None:
    rc(f"identity me@x.org\nhostname mx.x.org\n{PIPE}aliases aliases\n")
    write(FILE)
    done = esmtp("-bv", "team", "you@y.org", "admin@X.ORG")
    assert (done.code, done.err) == (0, "")
    lines = [line.split(", ")[0] for line in done.out.splitlines()]
    assert lines == [
        "team: as joe",
        "team: as joe@home.org",
        "team: as admin@x.org",
        "team: as ann@y.org",
        "team: as Admin@X.org",
        "you@y.org: identity me@x.org",
        "admin@X.ORG: as admin@x.org",
    ]


def test_a_recipient_of_the_local_user_is_none_of_the_alias_of_that_name(way: Callable[..., object]) -> None:
    assert way("admin: \\joe\njoe: joe@home.org\n", "admin", "joe") == (["joe@home.org"], ["joe"])


BROKEN = [
    ("root: joe\nnonsense\n", "2: expected"),
    ("root: |cat\n", "1: root: |cat: mail goes to addresses"),
    ("root: ann\nann: root\n", "2: an alias loop: root, ann, root"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_mistake_is_a_mistake_of_the_rc(esmtp: Command, rc: Rc, write: Write, text: str, said: str) -> None:
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{PIPE}aliases aliases\n")
    path = write(text)
    for flags in ([], ["-bv"]):
        done = esmtp(*flags, "root", stdin=MAIL)
        assert done.code == 78
        assert f"{path}:{said}" in done.err
    assert Mailbox(esmtp.home).mail == b""


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_queued_mail_waits_until_it_is_corrected(esmtp: Command, rc: Rc, write: Write, text: str, said: str) -> None:
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{PIPE}aliases aliases\n")
    write(text)
    assert esmtp("-odq", "root", stdin=MAIL).code == 0
    assert esmtp("-q").code == 0
    [file] = queued(esmtp)
    assert said.encode() in file.read_bytes()
    write("root: ann\n")
    assert esmtp(f"-qI{file.name}").code == 0
    assert Mailbox(esmtp.home).recipients == ["ann"]


def test_who_has_it_does_not_get_it_again(esmtp: Command, rc: Rc, write: Write) -> None:
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\nstarttls disabled\n{PIPE}aliases aliases\n")
    write("root: joe, a@x.org\n")
    assert esmtp("-odq", "root", stdin=MAIL).code == 0
    assert esmtp("-q").code == 0
    assert Mailbox(esmtp.home).recipients == ["joe"]
    [file] = queued(esmtp)
    assert "a@x.org" in esmtp("-bp").out
    assert "joe" not in esmtp("-bp").out
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org\n{way_to(server)}{PIPE}aliases aliases\n")
        write("root: ann, b@x.org\n")  # too late for this mail
        assert esmtp(f"-qI{file.name}").code == 0
    assert server.mails[0].recipients == ["a@x.org"]
    assert Mailbox(esmtp.home).recipients == ["joe"]
    assert queued(esmtp) == []


def test_what_is_queued_after_a_direct_attempt_is_not_replaced_again(esmtp: Command, rc: Rc, write: Write) -> None:
    write("root: joe, a@x.org\njoe: joe, b@x.org\n")
    with SubmissionServer(
        tls="none", mechanisms=(), replies={"RCPT a@x.org": "450 later", "RCPT b@x.org": "250 ok"}
    ) as server:
        rc(f"identity me@x.org\n{way_to(server)}{PIPE}aliases aliases\ndelivery on-failure\n")
        assert esmtp("root", stdin=MAIL).code == 0
        server.replies.clear()
        [file] = queued(esmtp)
        assert b"recipient <a@x.org> ORCPT=root@" in file.read_bytes()
        assert esmtp(f"-qI{file.name}").code == 0
    assert sorted(one for mail in server.mails for one in mail.recipients) == ["a@x.org", "b@x.org"]
    assert Mailbox(esmtp.home).recipients == ["joe"]
    assert queued(esmtp) == []


def test_a_member_that_is_a_local_user_and_waits_is_final(esmtp: Command, rc: Rc, write: Write) -> None:
    write("joe: joe, b@x.org\n")
    with SubmissionServer(tls="none", mechanisms=()) as server:
        rc(f"identity me@x.org\n{way_to(server)}mda 'exit 75'\naliases aliases\ndelivery on-failure\n")
        assert esmtp("joe", stdin=MAIL).code == 0
        [file] = queued(esmtp)
        rc(f"identity me@x.org\n{way_to(server)}{PIPE}aliases aliases\n")
        assert esmtp(f"-qI{file.name}").code == 0
    assert [mail.recipients for mail in server.mails] == [["b@x.org"]]
    assert Mailbox(esmtp.home).recipients == ["joe"]
    assert queued(esmtp) == []


def test_a_mistake_in_a_direct_call_is_mended_in_the_queue(esmtp: Command, rc: Rc, write: Write) -> None:
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{PIPE}aliases aliases\ndelivery on-failure\n")
    write("nonsense\n")
    assert esmtp("root", stdin=MAIL).code == 0
    [file] = queued(esmtp)
    write("root: ann\n")
    assert esmtp(f"-qI{file.name}").code == 0
    assert Mailbox(esmtp.home).recipients == ["ann"]


def test_the_report_names_the_alias(esmtp: Command, rc: Rc, write: Write) -> None:
    write("root: a@x.org\n")
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT a@x.org": "550 5.1.1 no such user"}) as server:
        rc(f"identity me@x.org\n{way_to(server)}aliases aliases\n")
        done = esmtp("root", stdin=MAIL)
        assert done.code == 67
        assert "esmtp: a@x.org: failed: " in done.err
        assert "(for root@" in done.err
        assert esmtp("-odq", "root", stdin=MAIL).code == 0
        assert esmtp("-q").code == 0
    [bounce] = server.mails
    assert bounce.recipients == ["me@x.org"]
    assert b"Original-Recipient: rfc822; root@" in bounce.data
    assert b"Final-Recipient: rfc822; a@x.org" in bounce.data


def test_reports_to_a_local_user_are_not_sent_elsewhere(esmtp: Command, rc: Rc, write: Write) -> None:
    write(f"{esmtp.run('/usr/bin/id', '-un').out.strip()}: nobody@x.org\n")
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT you@y.org": "550 no"}) as server:
        rc(f"identity me@x.org\n{way_to(server)}{PIPE}aliases aliases\n")
        assert esmtp("-odq", "you@y.org", stdin=MAIL).code == 0
        assert esmtp("-q").code == 0
    assert server.mails == []
    assert b"Mail Delivery System" in Mailbox(esmtp.home).mail


def test_a_run_asks_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "aliases"
    for whom in ("a@x.org", "b@x.org"):
        path.write_text(f"root: {whom}\n")
        identity = Identity(aliases=str(path))
        [(_, found)] = members([Recipient("root")], identity, Caller())
        assert [recipient.address for recipient in found] == [whom]
        os.utime(path, (1, 1))  # the same length and time of change: the inode's own time tells
