"""Who the server is told, for every way of naming recipients; and that mistakes send nothing."""

import pytest

from tests.conftest import Command
from tests.server import SubmissionServer

CASES = [
    (["a@x.org"], b"To: z@x.org\n", ["a@x.org"]),
    (["b@x.org", "a@x.org"], b"", ["b@x.org", "a@x.org"]),
    (["a@x.org, B <b@x.org>"], b"", ["a@x.org", "b@x.org"]),
    (["a@x.org,b@x.org", "A@X.ORG", "a@X.org"], b"", ["a@x.org", "b@x.org", "A@X.ORG"]),
    (["-t"], b"To: a@x.org\nCc: c@x.org\nBcc: b@x.org\n", ["a@x.org", "c@x.org", "b@x.org"]),
    (["-t"], b"Bcc: b@x.org\nTo:a@x.org\n", ["a@x.org", "b@x.org"]),
    (["-t"], b"To:\ta@x.org\n", ["a@x.org"]),
    (["-t"], b"To: a@x.org,\n b@x.org,\n\tc@x.org\n", ["a@x.org", "b@x.org", "c@x.org"]),
    (["-t"], b"TO : a@x.org\ncc: b@x.org\nto: c@x.org\n", ["a@x.org", "c@x.org", "b@x.org"]),
    (["-t"], b"To: a@x.org", ["a@x.org"]),
    (["-t"], b"Bcc: b@x.org\n\nTo: body@x.org\n", ["b@x.org"]),
    (
        ["-t"],
        b'To: team: a@x.org, "Doe, Joe" <b@x.org>;, c@x.org (comment, "d@x.org)\n',
        ["a@x.org", "b@x.org", "c@x.org"],
    ),
    (["-t"], b'To: "joe doe"@x.org, "a,b"@x.org\n', ['"joe doe"@x.org', '"a,b"@x.org']),
    (["-t"], b"To: undisclosed-recipients:;\nBcc: b@x.org\n", ["b@x.org"]),
    (["-t"], b"Resent-To: r@x.org\nTo: a@x.org\nResent-Bcc: s@x.org\nBcc: b@x.org\n", ["r@x.org", "s@x.org"]),
    (["-t", "z@x.org", "a@X.org"], b"To: a@x.org, b@x.org\n", ["z@x.org", "a@X.org", "b@x.org"]),
    (["-t", "-Oextra_recipients=remove", "b@X.org"], b"To: a@x.org, b@x.org, c@x.org\n", ["a@x.org", "c@x.org"]),
    (["a@x.org", "-Oextra_recipients=remove"], b"", ["a@x.org"]),
]


@pytest.mark.parametrize(("args", "header", "recipients"), CASES)
def test_recipients(
    esmtp: Command, submission: SubmissionServer, args: list[str], header: bytes, recipients: list[str]
) -> None:
    done = esmtp(*args, stdin=header + (b"" if b"\n\n" in header or not header.endswith(b"\n") else b"\nbody\n"))
    assert (done.code, done.err) == (0, "")
    assert [mail.recipients for mail in submission.mails] == [recipients]
    assert b"bcc:" not in submission.mails[0].data.partition(b"\r\n\r\n")[0].lower()


@pytest.mark.parametrize(
    ("args", "header", "code"),
    [
        (["-t"], b"Subject: nobody\n", 65),
        (["-t"], b"", 65),
        (["-t"], b"To: undisclosed-recipients:;\n", 65),
        (["-t"], b"To: a@x.org, b@\n", 65),
        (["-t"], b"To: a@x.org\nCc: <b@x.org\n", 65),
        (["-t"], b"To: alice@x.org)bob@evil.example\n", 65),
        (["-t", "b@"], b"To: a@x.org\n", 65),
        (["a@x.org", "b@"], b"", 65),
        (["a@x.org", ""], b"", 65),
        (["a@x.org\nRCPT TO:<b@x.org>"], b"", 65),
        (["a@x.org\r"], b"", 65),
        (["a@x.org> NOTIFY=NEVER"], b"", 65),
        (["-f", "me@x.org\r\nRCPT TO:<b@x.org>", "a@x.org"], b"", 65),
        (["-f", "me@x.org> SIZE=1", "a@x.org"], b"", 65),
        (["-f", "-t", "a@x.org"], b"", 65),
        (["-f", "-C/tmp/rc", "a@x.org"], b"", 65),
        (["-t", "-Oextra_recipients=remove", "a@x.org"], b"To: a@x.org\n", 65),
        ([], b"To: a@x.org\n", 64),
    ],
)
def test_one_bad_address_and_nothing_is_sent(
    esmtp: Command, submission: SubmissionServer, args: list[str], header: bytes, code: int
) -> None:
    done = esmtp(*args, stdin=header + b"\nbody\n")
    assert done.code == code
    assert done.err.startswith("esmtp: ")
    assert done.err.count("\n") == 1
    assert submission.sessions == []


@pytest.mark.parametrize(
    ("args", "wish"),
    [
        ([], {}),
        (["-N", "never"], {"NOTIFY": "NEVER"}),
        (["-N", "Success,delay"], {"NOTIFY": "SUCCESS,DELAY"}),
    ],
)
def test_notify(esmtp: Command, submission: SubmissionServer, args: list[str], wish: dict[str, str]) -> None:
    assert esmtp(*args, "a@x.org", "b@x.org", stdin=b"\nbody\n").code == 0
    for wishes in submission.mails[0].wishes:
        assert {name: value for name, value in wishes.items() if name == "NOTIFY"} == wish


def test_ret_and_envid(esmtp: Command, submission: SubmissionServer) -> None:
    assert esmtp("-R", "hdrs", "-V", "a b+1", "a@x.org", stdin=b"\nbody\n").code == 0
    parameters = submission.mails[0].parameters
    assert (parameters["RET"], parameters["ENVID"]) == ("HDRS", "a+20b+2B1")


def test_utf8_address(esmtp: Command, submission: SubmissionServer) -> None:
    assert esmtp("jörg@x.org", stdin=b"\nbody\n").code == 0
    assert submission.mails[0].recipients == ["jörg@x.org"]
    assert "SMTPUTF8" in submission.mails[0].parameters


def test_a_thousand_recipients(esmtp: Command, submission: SubmissionServer) -> None:
    many = [f"user{n}@x.org" for n in range(1000)]
    assert esmtp("-t", stdin=b"Bcc: " + b",\n ".join(map(str.encode, many)) + b"\n\nbody\n").code == 0
    assert [address for mail in submission.mails for address in mail.recipients] == many
