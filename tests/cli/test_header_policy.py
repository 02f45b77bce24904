"""from_header, full_name, date, undisclosed_recipients, domain and dsn_notify, direct and through the queue."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PIPE, Mailbox, way_to
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], Path]
WHOLE = b"Date: Fri, 1 Jan 2010 00:00:00 +0000\nMessage-ID: <1@x>\nTo: joe@y.org\nX-odd :  two\n\tfolded   \n"


@pytest.fixture(params=["direct", "queue"])
def send(request: pytest.FixtureRequest, esmtp: Command) -> Callable[..., None]:
    """Sends a mail whose header policy is applied at once, or when a run takes it from the queue."""

    def direct(*args: str, stdin: bytes) -> None:
        done = esmtp(*args, stdin=stdin)
        assert (done.code, done.err) == (0, "")

    def by_queue(*args: str, stdin: bytes) -> None:
        direct("-odq", *args, stdin=stdin)
        direct("-q", stdin=b"")

    return direct if request.param == "direct" else by_queue


@pytest.fixture
def policy(esmtp: Command, rc: Rc) -> Callable[[str], Mailbox]:
    """An rc for me@x.org with these statements, whose mail all goes to the mailbox."""

    def write(statements: str) -> Mailbox:
        rc(f"identity me@x.org, also@x.org, *@lists.x.org\n{PIPE}force_mda joe\n{statements}")
        return Mailbox(esmtp.home)

    return write


@pytest.mark.parametrize(
    ("came", "statements", "leaves"),
    [
        (b"From: root (Cron Daemon)\n", "from_header force\nfull_name Me", b"From: Me <me@x.org>\n"),
        (b"FROM : a@y.org,\n b@y.org\nfrom: c@y.org\n", "from_header force\nfull_name Me", b"From: Me <me@x.org>\n"),
        (b"From: me@x.org\nFrom: ceo@y.org\n", "from_header force\nfull_name ''", b"From: me@x.org\n"),
        (b"From: News <n@lists.x.org>\n", "from_header force", b"From: News <n@lists.x.org>\n"),
        (b"From: News <n@lists.x.org>\n", "from_header force\nfull_name ''", b"From: n@lists.x.org\n"),
        (b"From: n@lists.x.org\n", "from_header force\nsender o@x.org\nfull_name ''", b"From: o@x.org\n"),
        (b"From: Also <also@x.org>\n", "from_header force\nfull_name Me", b"From: Me <also@x.org>\n"),
        (b"from :  M <ME@x.org>\n", "from_header force", b"from :  M <ME@x.org>\n"),
        (b"From: Also\n <also@x.org>\n", "from_header force", b"From: Also\n <also@x.org>\n"),
        (b"From: M <me@x.org>\n", "from_header force\nfull_name J\u00f6", b"From: =?utf-8?q?J=C3=B6?= <me@x.org>\n"),
        (b"From: root\n", "from_header force\nsender other@x.org\nfull_name ''", b"From: other@x.org\n"),
        (b"From: root@host\n", "from_header keep", b"From: root@host\n"),
        (b"From: root@host\n", "full_name Me", b"From: root@host\n"),
    ],
)
def test_the_from_field(
    send: Callable[..., None], policy: Callable[[str], Mailbox], came: bytes, statements: str, leaves: bytes
) -> None:
    mailbox = policy(statements + "\n")
    send("-f", "me@x.org", "joe@y.org", stdin=came + WHOLE + b"\nbody\n")
    assert mailbox.mail == b"Return-Path: <me@x.org>\n" + leaves + WHOLE + b"\nbody\n"


@pytest.mark.parametrize("args", [(), ("-f", "o@y.org")])
def test_the_from_field_that_is_forced_to_be_what_it_is(
    send: Callable[..., None], esmtp: Command, rc: Rc, args: tuple[str, ...]
) -> None:
    """Where the rc names no address, that of the mail is as good as the sender's: nothing of its name is lost."""
    rc(f"{PIPE}force_mda joe\nfrom_header force\n")
    send(*args, "joe@y.org", stdin=b"From: O <o@y.org>\n\nbody\n")
    assert Mailbox(esmtp.home).message["From"] == "O <o@y.org>"


def test_a_second_author_is_not_hidden_behind_our_own(
    send: Callable[..., None], policy: Callable[[str], Mailbox]
) -> None:
    mailbox = policy("from_header force\n")
    send("-f", "me@x.org", "joe@y.org", stdin=b"From: me@x.org\nFROM : ceo@y.org\nSubject: x\n\nx\n")
    assert b"ceo@y.org" not in mailbox.mail
    assert mailbox.mail.count(b"me@x.org") == 2, "Return-Path and From"


@pytest.mark.parametrize(
    ("args", "statements", "author"),
    [
        ([], "full_name 'Me Myself'", "Me Myself <me@x.org>"),
        (["-F", "Cron"], "full_name 'Me Myself'", "Cron <me@x.org>"),
        ([], "full_name ''", "me@x.org"),
        ([], "full_name Me\nfrom_header force", "Me <me@x.org>"),
        (["-f", "news@lists.x.org"], "full_name Me", "Me <news@lists.x.org>"),
        ([], "from_header keep\nfull_name Me", None),
    ],
)
def test_a_missing_from_field(
    send: Callable[..., None], policy: Callable[[str], Mailbox], args: list[str], statements: str, author: "str | None"
) -> None:
    mailbox = policy(statements + "\n")
    send(*args, "joe@y.org", stdin=b"Subject: x\n\nbody\n")
    assert mailbox.message["From"] == author


def test_the_author_of_a_mail_that_is_resent_stays(send: Callable[..., None], policy: Callable[[str], Mailbox]) -> None:
    mailbox = policy("from_header force\nfull_name Me\ndate disabled\nmessage_id disabled\n")
    received, old = b"Received: by y\n", b"Resent-From: old@y.org\nFrom: a@y.org\n"
    send("joe@y.org", stdin=b"Resent-From: root\nResent-To: joe@y.org\n" + received + old + b"\nx\n")
    head = b"Return-Path: <me@x.org>\nResent-From: Me <me@x.org>\nResent-To: joe@y.org\n"
    assert mailbox.mail == head + received + old + b"\nx\n"


def test_date_and_undisclosed_recipients_can_be_left_to_others(
    send: Callable[..., None], policy: Callable[[str], Mailbox]
) -> None:
    mailbox = policy("date disabled\nundisclosed_recipients disabled\nmessage_id disabled\n")
    send("joe@y.org", stdin=b"From: me@x.org\nTo:\nSubject: x\n\nx\n")
    assert mailbox.mail == b"Return-Path: <me@x.org>\nFrom: me@x.org\nTo:\nSubject: x\n\nx\n"


def test_bare_names_get_the_domain_in_header_and_sender_and_a_local_one_stays_local(
    send: Callable[..., None], esmtp: Command, server: SubmissionServer, rc: Rc
) -> None:
    rc(f"identity me\n{way_to(server)}{PIPE}domain h.org\n")
    message = b"From: me (M)\nTo: joe, Ann\n <ann>\nCc: you@y.org\nSubject: joe\n"
    send("-t", stdin=message + b"Date: x\nMessage-ID: <1@x>\n\nx\n")
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("me@h.org", ["you@y.org"])
    expected = b"From: me@h.org (M)\nTo: joe@h.org, Ann\n <ann@h.org>\nCc: you@y.org\nSubject: joe\n"
    assert mail.data.replace(b"\r\n", b"\n").startswith(expected)
    mailbox = Mailbox(esmtp.home)
    assert mailbox.recipients == ["joe", "ann"]
    assert expected in mailbox.mail


def test_without_mda_a_local_recipient_gets_the_domain_too(
    send: Callable[..., None], server: SubmissionServer, rc: Rc
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}domain h.org\n")
    send("joe", "you@y.org", stdin=b"Subject: x\n\nx\n")
    assert server.mails[0].recipients == ["joe@h.org", "you@y.org"]


def test_qualifydomain_is_for_recipients_and_domain_for_the_sender(
    send: Callable[..., None], server: SubmissionServer, rc: Rc
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}domain h.org\nqualifydomain q.org\n")
    send("-f", "me", "joe", stdin=b"Subject: x\n\nx\n")
    assert (server.mails[0].sender, server.mails[0].recipients) == ("me@h.org", ["joe@q.org"])


def test_a_domain_beyond_ascii_is_ascii_in_the_header(
    send: Callable[..., None], policy: Callable[[str], Mailbox]
) -> None:
    mailbox = policy("domain b\u00fccher.example\n")
    send("joe@y.org", stdin=b"To: joe\n\nx\n")
    assert mailbox.message["To"] == "joe@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "FAILURE,DELAY"),
        (["-N", "success"], "SUCCESS"),
        (["-N", "never"], "NEVER"),
        (["-f", "<>"], ""),
    ],
)
def test_when_to_be_told(
    send: Callable[..., None], server: SubmissionServer, rc: Rc, args: list[str], said: str
) -> None:
    rc(f"identity me@x.org\n{way_to(server)}dsn_notify failure, delay\n")
    send(*args, "you@y.org", stdin=b"Subject: x\n\nx\n")
    [mail] = server.mails
    assert [wishes.get("NOTIFY", "") for wishes in mail.wishes] == [said]


def test_a_report_is_as_its_author_made_it(esmtp: Command, rc: Rc) -> None:
    with SubmissionServer(tls="none", mechanisms=(), replies={"RCPT bad@y.org": "550 5.1.1 no"}) as server:
        rc(
            f"identity me@x.org\n{way_to(server)}from_header force\nfull_name Me\ndsn_notify failure\n"
            "force sender other@x.org\n"
        )
        assert esmtp("-odq", "bad@y.org", stdin=b"From: root\n\nx\n").code == 0
        assert esmtp("-q").code == 0
    [report] = server.mails
    head = report.data.partition(b"\r\n\r\n")[0]
    assert b"From: Mail Delivery System <me@x.org>" in head
    assert b"Sender:" not in head
    assert report.wishes == [{}]
    assert b"From: Me <me@x.org>" in report.data, "the mail that it returns is the one that was tried"
