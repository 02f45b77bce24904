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


BROKEN = [
    ("root: joe\nnonsense\n", "2: expected"),
    ("root: |cat\n", "1: root: |cat: mail goes to addresses"),
    ("root: ann\nann: root\n", "2: an alias loop: root, ann, root"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_a_mistake_is_a_mistake_of_the_rc(esmtp: Command, rc: Rc, write: Write, text: str, said: str) -> None:
    rc(f"identity me@x.org\nhostname 127.0.0.1:1\n{PIPE}aliases aliases\n")
    path = write(text)
    done = esmtp("root", stdin=MAIL)
    assert done.code == 78
    assert f"esmtp: root: not delivered for now: {path}:{said}" in done.err
    done = esmtp("-bv", "root", "you@y.org")
    assert (done.code, done.err) == (78, "")
    assert done.out.startswith(f"root: nowhere: {path}:{said}")
    assert "you@y.org: identity me@x.org, " in done.out
    assert Mailbox(esmtp.home).mail == b""


# A file, who gets a mail to all of ALL all the same, and who waits with what reason.
ALL = ["root", "x@y.z", "bad", "joe", "team"]
UNUSABLE = [
    ("bad: |x\n", ["a@x.org", "x@y.z"], {"bad": ":1: bad: |x: ", "team": ":1: bad: |x: "}),
    ("bad: /x\n", ["a@x.org", "x@y.z"], {"bad": ":1: bad: /x: ", "team": ":1: bad: /x: "}),
    ("bad:\n", ["a@x.org", "x@y.z"], {"bad": ":1: bad stands for nobody", "team": ":1: bad stands for nobody"}),
    ("bad: bad2\nbad2: bad\n", ["a@x.org", "x@y.z"], {"bad": ":2: an alias loop", "team": ":2: an alias loop"}),
    ("nonsense\n", ["x@y.z"], dict.fromkeys(["root", "bad", "joe", "team"], ":1: expected")),
    ("bad: a\0\n", ["x@y.z"], dict.fromkeys(["root", "bad", "joe", "team"], ":1: a control character")),
    (None, ["x@y.z"], dict.fromkeys(["root", "bad", "joe", "team"], ": the alias file cannot be read")),
]


@pytest.fixture
def unusable(esmtp: Command, rc: Rc, server: SubmissionServer, write: Write) -> Callable[..., Path]:
    """An rc with these statements more, and these aliases before those of root and team."""

    def written(text: "str | None", more: str = "") -> Path:
        rc(f"identity me@x.org\n{way_to(server)}{PIPE}aliases aliases\n{more}")
        path = write(f"{text}root: a@x.org\nteam: a@x.org, bad\n")
        if text is None:
            path.unlink()
        return path

    return written


@pytest.mark.parametrize(("text", "remote", "waits"), UNUSABLE)
def test_an_unusable_alias_is_the_fate_of_those_who_lead_to_it(
    esmtp: Command, unusable: Callable[..., Path], server: SubmissionServer, text: str, remote: list[str], waits: dict
) -> None:  # fmt: skip
    path = unusable(text)
    done = esmtp(*ALL, stdin=MAIL)
    assert done.code == 78
    said = [line.removeprefix("esmtp: ").partition(": not delivered for now: ")[::2] for line in done.err.splitlines()]
    assert [name for name, _ in said] == list(waits)
    assert all(why.startswith(f"{path}{waits[name]}") for name, why in said)
    assert [sorted(mail.recipients) for mail in server.mails] == [remote]
    assert Mailbox(esmtp.home).recipients == [name for name in ["joe"] if name not in waits]


@pytest.mark.parametrize("way", ["direct", "on-failure", "queue"])
@pytest.mark.parametrize(("text", "remote", "waits"), UNUSABLE)
def test_in_the_queue_too_until_it_is_corrected(
    esmtp: Command, unusable: Callable[..., Path], server: SubmissionServer, write: Write,
    text: str, remote: list[str], waits: dict, way: str,
) -> None:  # fmt: skip
    unusable(text, "delivery on-failure\n" if way == "on-failure" else "")
    flags = {"direct": ["-odi"], "queue": ["-odq"], "on-failure": []}[way]
    assert esmtp(*flags, *ALL, stdin=MAIL).code == (78 if way == "direct" else 0)
    if way == "direct":
        assert queued(esmtp) == []
        return
    if way == "queue":
        assert esmtp("-q").code == 0
    assert [sorted(mail.recipients) for mail in server.mails] == [remote]
    [file] = queued(esmtp)
    for _ in range(2):  # who waits once more finds nobody else to wait for
        shown = esmtp("-bp").out
        assert all(why in shown for why in waits.values())
        assert "x@y.z" not in shown
        assert esmtp(f"-qI{file.name}").code == 0
    write("bad: b@x.org\nroot: a@x.org\nteam: a@x.org, bad\n")
    assert esmtp(f"-qI{file.name}").code == 0
    assert queued(esmtp) == []
    taken = [address for mail in server.mails for address in mail.recipients]
    assert sorted(taken) == ["a@x.org", "b@x.org", "x@y.z"]
    assert Mailbox(esmtp.home).recipients == ["joe"]


def test_an_unusable_alias_is_not_delivered_with_the_user_of_its_name(
    esmtp: Command, unusable: Callable[..., Path]
) -> None:
    unusable("admin: \\bad\nbad: |x\n")
    assert esmtp("admin", "bad", stdin=MAIL).code == 78


def test_all_mail_for_one_user_needs_no_aliases(esmtp: Command, unusable: Callable[..., Path]) -> None:
    unusable("nonsense\n", "force_mda me\n")
    assert esmtp("bad", "x@y.z", stdin=MAIL).code == 0
    assert esmtp("-bv", "bad").out.startswith("bad: as me, ")
    assert Mailbox(esmtp.home).recipients == ["me"]


def test_a_recipient_of_the_local_user_is_none_of_the_alias_of_that_name(way: Callable[..., object]) -> None:
    assert way("admin: \\joe\njoe: joe@home.org\n", "admin", "joe") == (["joe@home.org"], ["joe"])


@pytest.mark.parametrize("bad", ["admin: /x\njoe: joe@home.org\n", "admin: \\joe\njoe: /x\n"])
def test_nor_when_one_of_them_is_corrected_later(
    esmtp: Command, unusable: Callable[..., Path], server: SubmissionServer, write: Write, bad: str
) -> None:
    unusable(bad)
    assert esmtp("-odq", "admin", "joe", stdin=MAIL).code == 0
    assert esmtp("-q").code == 0
    [file] = queued(esmtp)
    write("admin: \\joe\njoe: joe@home.org\n")
    for _ in range(2):
        assert esmtp(f"-qI{file.name}").code == 0
    assert [mail.recipients for mail in server.mails] == [["joe@home.org"]]
    assert Mailbox(esmtp.home).recipients == ["joe"]
    assert queued(esmtp) == []


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
    """Of the same length and time of change: the inode's own time tells."""
    path = tmp_path / "aliases"
    path.touch()
    for whom in ("a@x.org", "b@x.org"):
        before = path.stat().st_ctime_ns
        while path.stat().st_ctime_ns == before:  # its clock may tick only 250 times a second
            path.write_text(f"root: {whom}\n")
            os.utime(path, (1, 1))
        identity = Identity(aliases=str(path))
        [(_, found)] = members([Recipient("root")], identity, Caller())
        assert [recipient.address for recipient in found] == [whom]
