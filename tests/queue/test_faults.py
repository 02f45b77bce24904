"""What a server can do to a queue run: the rows of the fault table, one after the other."""

import pytest

from esmtp_py.message.envelope import Recipient
from tests.queue.conftest import TEXT, Queue, section
from tests.server import ScriptedServer, SubmissionServer
from tests.server.scripted import Step, script

FAST = ("250-mx.example.test", "250-PIPELINING", "250 CHUNKING")
PLAIN = ("250 mx.example.test",)


def opening(*ehlo: str) -> list[str]:
    return ["S: 220 mx.example.test", "C: EHLO *", *(f"S: {line}" for line in ehlo)]


@pytest.fixture
def server() -> SubmissionServer:
    return SubmissionServer(tls="none", mechanisms=())


# -- the connection is lost ----------------------------------------------------------------------------------------


BEFORE_DATA: dict[str, list[str]] = {
    "at the greeting": ["= close"],
    "instead of EHLO's reply": ["S: 220 mx.example.test", "C: EHLO *", "= reset"],
    "inside of EHLO's reply": ["S: 220 mx.example.test", "C: EHLO *", r"s: 250-mx\r\n250-PIPEL", "= close"],
    "instead of MAIL's reply": [*opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "= close"],
    "instead of RCPT's reply": [
        *opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "S: 250 ok", "C: RCPT TO:<a@x.org>", "= reset",
    ],
    "instead of DATA's reply": [
        *opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "S: 250 ok", "C: RCPT TO:<a@x.org>", "S: 250 ok", "C: DATA",
        "= close",
    ],
}  # fmt: skip


@pytest.mark.parametrize("how", BEFORE_DATA)
def test_lost_before_data(queue: Queue, how: str) -> None:
    with ScriptedServer(script(*BEFORE_DATA[how])) as server:
        queue.way(server)
        name = queue.put("a@x.org")
        tally = queue.run()
    assert (tally.delivered, tally.deferred, tally.failed, tally.said) == (0, 1, 0, [])
    assert queue.fates(name)[0] in ("connection_lost", "unreachable")
    assert "127.0.0.1" in queue.words(name)
    assert "while waiting for the reply to" in queue.words(name)
    assert "more than once" not in queue.words(name)


def test_lost_in_the_body_the_dot_is_never_sent(queue: Queue) -> None:
    """The server closes after the first piece of a large message."""
    steps: list[Step] = script(
        *opening(*PLAIN), "C: MAIL FROM:<me@x.org>*", "S: 250 ok", "C: RCPT TO:<a@x.org>", "S: 250 ok", "C: DATA",
        "S: 354 go", "= take 100000", "= reset",
    )  # fmt: skip
    with ScriptedServer(steps) as server:
        queue.way(server)
        name = queue.put("a@x.org", text=TEXT + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 100_000)
        queue.run()
    assert queue.fates(name) == ["connection_lost"]
    assert b"\r\n.\r\n" not in server.data[0] + server.tail


@pytest.mark.parametrize("ehlo", [PLAIN, FAST])
def test_lost_after_the_message_no_reply(queue: Queue, ehlo: tuple[str, ...]) -> None:
    if ehlo is PLAIN:
        end = ["S: 354 go", "= data", "= close"]
        steps = script(
            *opening(*ehlo),
            "C: MAIL FROM:<me@x.org>",
            "S: 250 ok",
            "C: RCPT TO:<a@x.org>",
            "S: 250 ok",
            "C: DATA",
            *end,
        )
    else:
        steps = script(*opening(*ehlo), "C: MAIL FROM:<me@x.org>", "C: RCPT TO:<a@x.org>", "C: BDAT * LAST", "= close")
    with ScriptedServer(steps) as server:
        queue.way(server)
        name = queue.put("a@x.org")
        assert queue.run().deferred == 1
    assert queue.fates(name) == ["connection_lost"]
    assert "it may be sent more than once" in queue.words(name)


@pytest.mark.parametrize("end", [["= close"], ["= reset"], ["S: 421 4.3.2 bye", "= close"]])
def test_lost_after_250(queue: Queue, end: list[str]) -> None:
    steps = script(
        *opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "S: 250 ok", "C: RCPT TO:<a@x.org>", "S: 250 ok", "C: DATA",
        "S: 354 go", "= data", "S: 250 taken", "C: QUIT", *end,
    )  # fmt: skip
    with ScriptedServer(steps) as server:
        queue.way(server)
        queue.put("a@x.org")
        tally = queue.run()
    assert (tally.delivered, tally.deferred) == (1, 0)
    assert queue.ids() == []


def test_250_with_a_dash_is_no_reply(queue: Queue) -> None:
    steps = script(
        *opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "S: 250 ok", "C: RCPT TO:<a@x.org>", "S: 250 ok", "C: DATA",
        "S: 354 go", "= data", "S: 250-taken", "= close",
    )  # fmt: skip
    with ScriptedServer(steps) as server:
        queue.way(server)
        name = queue.put("a@x.org")
        queue.run()
    assert queue.fates(name) == ["connection_lost"]


def test_after_a_loss_the_rest_goes_on_in_a_further_session(queue: Queue, server: SubmissionServer) -> None:
    """What was not yet sent is not at fault, and a server may close after every few mails."""
    server.replies["RCPT b@x.org"] = ""
    with server:
        queue.way(server)
        names = [queue.put(f"{letter}@x.org") for letter in "abc"]
        del names[0]
        # without pipelining, so that c is not in flight when b loses the connection
        server.extensions = ()
        tally = queue.run()
        server.settle()
    assert (tally.delivered, tally.deferred) == (2, 1)
    assert queue.ids() == [names[0]]
    assert queue.fates(names[0]) == ["connection_lost"]
    assert len(server.sessions) == 2


def test_a_server_that_closes_after_every_mail_gets_them_all(queue: Queue) -> None:
    steps = script(
        *opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "S: 250 ok", "C: RCPT TO:<*>", "S: 250 ok", "C: DATA",
        "S: 354 go", "= data", "S: 250 taken", "= close",
    )  # fmt: skip
    with ScriptedServer(steps) as server:
        queue.way(server)
        for number in range(7):
            queue.put(f"{number}@x.org")
        tally = queue.run()
    # one settles, the next one is on its way when the connection turns out to be closed
    assert tally.delivered + tally.deferred == 7
    assert tally.delivered >= 4
    assert tally.delivered == len(server.data)
    assert server.connections <= 7


def test_a_mail_the_server_cannot_stand_holds_up_nobody(queue: Queue, server: SubmissionServer) -> None:
    """Nullmailer's CVE-2002-1313: one mail at the head of the queue kept all others from leaving."""
    server.replies["RCPT poison@x.org"] = ""
    with server:
        queue.way(server)
        poison = queue.put("poison@x.org")
        others = [queue.put(f"r{number}@x.org") for number in range(100)]
        for _ in range(2):
            queue.run()
            queue.later(600)
        server.settle()
    assert queue.ids() == [poison]
    assert sorted(mail.recipients[0] for mail in server.mails) == sorted(f"r{n}@x.org" for n in range(len(others)))


def test_two_of_them_neither(queue: Queue, server: SubmissionServer) -> None:
    server.replies |= {f"RCPT poison{number}@x.org": "" for number in range(4)}
    with server:
        queue.way(server)
        poison = [queue.put(f"poison{number}@x.org") for number in range(4)]
        for number in range(30):
            queue.put(f"r{number}@x.org")
        for _ in range(5):
            queue.run()
            queue.later(2000)
    assert queue.ids() == poison
    assert len(server.mails) == 30


def test_a_server_that_always_loses_us_is_left_alone(queue: Queue) -> None:
    steps = script(*opening(*PLAIN), "C: MAIL FROM:<me@x.org>", "= close")
    with ScriptedServer(steps) as server:
        queue.way(server)
        names = [queue.put(f"{number}@x.org") for number in range(20)]
        assert queue.run().deferred == 20
    assert server.connections == 2
    assert all(queue.fates(name) != [""] for name in names)


# -- the server refuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["MAIL", "RCPT b@x.org", "END"])
@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")])
def test_4xx_waits_and_the_others_go_on(
    queue: Queue, server: SubmissionServer, step: str, without: tuple[str, ...]
) -> None:
    server.extensions = tuple(e for e in server.extensions if e not in without)
    server.replies[step] = "451 4.7.1 greylisted"
    with server:
        queue.way(server)
        names = [queue.put(f"{letter}@x.org") for letter in "abc"]
        tally = queue.run()
        if step.startswith("RCPT"):
            assert (tally.delivered, tally.deferred, queue.ids()) == (2, 1, [names[1]])
        else:
            assert (tally.delivered, tally.deferred, queue.ids()) == (0, 3, names)
        assert queue.fates(names[1]) == ["try_again"]
        assert "greylisted" in queue.words(names[1])
        server.settle()
        assert len(server.sessions) == 1
        assert queue.run().deferred == 0, "not before the back-off is over"
        del server.replies[step]
        queue.later()
        queue.run()
    assert queue.ids() == []
    assert len(server.mails) == 3
    assert server.violations == []


@pytest.mark.parametrize("step", ["GREETING", "EHLO"])
@pytest.mark.parametrize("reply", ["554 5.3.2 go away", "521 5.3.2 no mail here", "451 4.3.2 later", "421 4.3.2 later"])
def test_a_server_that_refuses_the_session_is_put_off_and_nothing_bounces(
    queue: Queue, server: SubmissionServer, step: str, reply: str
) -> None:
    server.replies |= {step: reply, "HELO": reply}
    with server:
        queue.way(server)
        names = [queue.put(f"{letter}@x.org") for letter in "abc"]
        tally = queue.run()
        server.settle()
    assert (tally.delivered, tally.deferred, tally.failed) == (0, 3, 0)
    assert queue.ids() == names
    assert len(server.sessions) == 1
    assert all(reply[:3] in queue.words(name) for name in names)


@pytest.mark.parametrize(
    ("step", "reply", "status"),
    [
        ("MAIL", "550 5.7.1 not from you", "5.7.1"),
        ("RCPT", "550 5.1.1 no such user", "5.1.1"),
        ("DATA", "554 5.6.0 not this", "5.6.0"),
        ("END", "554 5.7.1 spam", "5.7.1"),
        ("END", "552 5.3.4 too big", "5.3.4"),
    ],
)
def test_5xx_bounces(queue: Queue, server: SubmissionServer, step: str, reply: str, status: str) -> None:
    server.extensions = tuple(e for e in server.extensions if step != "DATA" or e != "CHUNKING")
    only = "RCPT joe@x.org" if step == "RCPT" else step
    server.replies[only] = reply
    with server:
        queue.way(server, "mda 'cat >>mail'")
        queue.put("joe@x.org")
        queue.rc((queue.home / ".esmtprc").read_text().replace("cat >>mail", f"cat >>{queue.home}/mail"))
        tally = queue.run()
    assert (tally.delivered, tally.deferred, tally.failed) == (1, 0, 1), "the report is delivered, too"
    assert queue.ids() == []
    report = (queue.home / "mail").read_text()
    assert "Return-Path: <>" in report
    assert f"\nStatus: {status}\n" in report
    assert reply in report
    assert server.mails == []


def test_three_fates_in_one_mail(queue: Queue, server: SubmissionServer) -> None:
    server.replies |= {"RCPT no@x.org": "550 5.1.1 no such user", "RCPT later@x.org": "451 4.2.1 busy"}
    with server:
        queue.way(server)
        name = queue.put("yes@x.org", "no@x.org", "later@x.org")
        tally = queue.run()
        assert (tally.delivered, tally.deferred, tally.failed) == (1, 1, 1), "the report, the mail, its recipient"
        assert queue.fates(name) == ["delivered", "unknown_user", "try_again"]
        assert [(mail.sender, mail.recipients) for mail in server.mails] == [
            ("me@x.org", ["yes@x.org"]),
            ("", ["me@x.org"]),
        ]
        assert b"no@x.org" in server.mails[1].data
        assert b"Final-Recipient: rfc822; yes@x.org" not in server.mails[1].data
        assert b"Final-Recipient: rfc822; later@x.org" not in server.mails[1].data
        server.replies.clear()
        queue.later()
        queue.run()
    assert queue.ids() == []
    assert [mail.recipients for mail in server.mails[2:]] == [["later@x.org"]], "nobody else gets it again"


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")])
def test_too_many_recipients_each_exactly_once(
    queue: Queue, server: SubmissionServer, without: tuple[str, ...]
) -> None:
    server.extensions = tuple(e for e in server.extensions if e not in without)
    server.recipient_limit = 3
    people = [f"r{number}@x.org" for number in range(10)]
    with server:
        queue.way(server)
        queue.put(*people)
        queue.put("last@x.org")
        tally = queue.run()
    assert (tally.delivered, tally.deferred) == (2, 0)
    assert sorted(r for mail in server.mails for r in mail.recipients) == sorted([*people, "last@x.org"])
    assert all(len(mail.recipients) <= 3 for mail in server.mails)
    assert queue.ids() == []


def test_too_many_recipients_and_the_session_ends_before_the_rest(queue: Queue, server: SubmissionServer) -> None:
    """QUIT may have gone with what looked like the last mail."""
    server.recipient_limit = 60
    people = [f"r{number}@x.org" for number in range(90)]
    with server:
        queue.way(server)
        for _ in range(3):
            queue.put(*people)
        assert queue.run().delivered == 3
    found = sorted(r for mail in server.mails for r in mail.recipients)
    assert found == sorted(people * 3)
    assert queue.ids() == []


def test_421_in_mid_session_puts_the_identity_off(queue: Queue, server: SubmissionServer) -> None:
    server.extensions = ()
    server.replies["RCPT b@x.org"] = "421 4.3.2 shutting down"
    with server:
        queue.way(server)
        names = [queue.put(f"{letter}@x.org") for letter in "abcd"]
        tally = queue.run()
        server.settle()
        assert (tally.delivered, tally.deferred) == (1, 3)
        assert queue.ids() == names[1:]
        assert len(server.sessions) == 1
        assert "shutting down" in queue.words(names[1])
        assert [queue.fates(name) for name in names[2:]] == [[""], [""]], "nothing was said about these"
        assert any("put off until" in why for why in tally.waits)
        queue.run()
        server.settle()
        assert len(server.sessions) == 1, "no retry within the back-off"
        del server.replies["RCPT b@x.org"]
        queue.later()
        queue.run()
    assert queue.ids() == []
    assert sorted(mail.recipients[0] for mail in server.mails) == [f"{letter}@x.org" for letter in "abcd"]


def test_421_takes_no_delivery_back_that_was_pipelined(queue: Queue, server: SubmissionServer) -> None:
    server.replies["RCPT c@x.org"] = "421 4.3.2 shutting down"
    with server:
        queue.way(server)
        names = [queue.put(f"{letter}@x.org") for letter in "abcd"]
        queue.run()
    assert queue.ids() == names[2:]
    assert [mail.recipients for mail in server.mails] == [["a@x.org"], ["b@x.org"]]


# -- log-in, TLS, names --------------------------------------------------------------------------------------------


def test_535_puts_the_identity_off_after_one_attempt_and_nothing_bounces(queue: Queue) -> None:
    with SubmissionServer(tls="none", users={"alice": "another"}) as server:
        queue.way(server, "username alice", "password secret")
        names = [queue.put(f"{number}@x.org") for number in range(5)]
        tally = queue.run()
        queue.run()
        server.settle()
    assert (tally.deferred, tally.failed) == (5, 0)
    assert queue.ids() == names
    assert [queue.fates(name) for name in names] == [["auth"]] * 5
    assert len(server.sessions) == 1, "no hammering of the account"
    assert sum(line.startswith(b"AUTH") for line in server.sessions[0].commands) == 1
    assert server.mails == []


def test_535_also_in_a_queue_that_takes_several_batches(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esmtp_py.queue.runner.BATCH", 3)
    with SubmissionServer(tls="none", users={"alice": "another"}) as server:
        queue.way(server, "username alice", "password secret")
        for number in range(10):
            queue.put(f"{number}@x.org")
        assert queue.run().deferred == 10
        server.settle()
    assert len(server.sessions) == 1


def test_a_log_in_that_is_only_away_waits(queue: Queue) -> None:
    with SubmissionServer(tls="none", replies={"AUTH": "454 4.7.0 try later"}) as server:
        queue.way(server, "username alice", "password secret")
        name = queue.put("a@x.org")
        queue.run()
    assert queue.fates(name) == ["try_again"]


TLS_FAULTS = {
    "a certificate that nobody knows": (["starttls required"], "starttls"),
    "a server without STARTTLS": (["starttls required"], "none"),
    "a server that speaks no TLS": (["starttls implicit"], "none"),
}


@pytest.mark.parametrize("fault", TLS_FAULTS)
def test_tls_that_fails_keeps_the_mail_and_the_password(queue: Queue, fault: str) -> None:
    more, tls = TLS_FAULTS[fault]
    with SubmissionServer(tls=tls, require_auth=False) as server:
        lines = [f"hostname localhost:{server.port}", "username alice", "password secret", "timeout 5", *more]
        queue.rc("identity me@x.org\n" + "\n".join(lines) + "\n")
        names = [queue.put("a@x.org"), queue.put("b@x.org")]
        tally = queue.run()
        server.settle()
    assert (tally.deferred, queue.ids()) == (2, names)
    assert queue.fates(names[0])[0] in ("tls", "protocol", "unreachable")
    assert len(server.sessions) == 1
    assert not any(line.startswith(b"AUTH") for session in server.sessions for line in session.commands)


@pytest.mark.parametrize(("code", "kind"), [("EAI_AGAIN", "dns"), ("EAI_NONAME", "host_unknown")])
def test_names_that_cannot_be_looked_up(queue: Queue, monkeypatch: pytest.MonkeyPatch, code: str, kind: str) -> None:
    import _socket

    lookups = []

    def fail(*asked: object) -> None:
        lookups.append(asked)
        raise _socket.gaierror(getattr(_socket, code), "no answer")

    monkeypatch.setattr("esmtp_py.net.connect._socket.getaddrinfo", fail)
    queue.rc("identity me@x.org\nhostname mail.invalid:587\n")
    names = [queue.put("a@x.org"), queue.put("b@x.org")]
    tally = queue.run()
    assert (tally.deferred, tally.failed) == (2, 0)
    assert [queue.fates(name) for name in names] == [[kind], [kind]]
    assert len(lookups) == 1


def test_nobody_listens(queue: Queue) -> None:
    queue.rc("identity me@x.org\nhostname 127.0.0.1:1\n")
    name = queue.put("a@x.org")
    assert queue.run().deferred == 1
    assert queue.fates(name) == ["unreachable"]


# -- garbage -------------------------------------------------------------------------------------------------------


GARBAGE = [
    r"s: hello\r\n",
    r"s: \x00\xff\xfe\r\n",
    r"s: 999 what\r\n",
    r"s: 250-a\r\n550 b\r\n",
    r"s: 250 ok\r\n250 ok\r\n250 ok\r\n",
    "= flood",
]


@pytest.mark.parametrize("reply", GARBAGE)
def test_garbage_keeps_the_mail(queue: Queue, reply: str) -> None:
    with ScriptedServer(script(*opening(*PLAIN), "C: MAIL FROM:<me@x.org>", reply, "= close")) as server:
        queue.way(server)
        name = queue.put("a@x.org")
        tally = queue.run()
        server.mismatches.clear()  # a flood that is cut short is no fault of ours
    assert (tally.delivered, tally.deferred) == (0, 1)
    assert queue.fates(name)[0] in ("protocol", "connection_lost")
    assert queue.words(name).isprintable()


def test_a_reply_too_many_takes_nothing_for_delivered(queue: Queue) -> None:
    """Postfix once took a 221 for the answer to the data, and lost the mail."""
    steps = script(
        *opening(*FAST), "C: MAIL FROM:<me@x.org>", "C: RCPT TO:<a@x.org>", "C: BDAT * LAST", f"= take {len(TEXT)}",
        "S: 250 ok", "S: 250 ok", "S: 250 ok", "S: 250 and one more", "S: 221 bye", "= close",
    )  # fmt: skip
    with ScriptedServer(steps) as server:
        queue.way(server, "message_id disabled")
        name = queue.put("a@x.org", text=TEXT)
        tally = queue.run()
        server.mismatches.clear()
    assert tally.delivered == 0
    assert queue.ids() == [name]


# -- one way for many, many ways side by side ----------------------------------------------------------------------


@pytest.mark.parametrize("without", [(), ("CHUNKING",), ("CHUNKING", "PIPELINING")])
def test_many_mails_log_in_once(queue: Queue, without: tuple[str, ...]) -> None:
    with SubmissionServer(tls="none", without=without) as server:
        queue.way(server, "username alice", "password secret")
        for number in range(150):
            queue.put(f"r{number}@x.org")
        tally = queue.run()
        server.settle()
    assert (tally.delivered, tally.said) == (150, [])
    assert len(server.sessions) == 1
    assert [mail.recipients for mail in server.mails] == [[f"r{n}@x.org"] for n in range(150)], "oldest first"
    assert server.violations == []
    assert server.sessions[0].ended == "QUIT"


def test_a_hanging_or_failing_identity_never_delays_another(queue: Queue, server: SubmissionServer) -> None:
    """The hanging server goes on only when the good one has all its mail."""
    with server:

        def wait_for_the_other(talk: object) -> None:
            server.wait(5)

        with ScriptedServer([wait_for_the_other, *script("= close")]) as hanging:
            queue.rc(
                section(hanging, address="hang@x.org")
                + section(server, address="me@x.org")
                + "identity dead@x.org\nhostname 127.0.0.1:1\n"
                + "identity broken@x.org\nhostname 127.0.0.1:1\npreconnect false\n"
            )
            for _ in range(5):
                for sender in ("hang@x.org", "dead@x.org", "broken@x.org", "me@x.org"):
                    queue.put("a@x.org", sender=sender)
            tally = queue.run()
    assert (tally.delivered, tally.deferred + len(queue.ids("failed"))) == (5, 15)
    assert len(server.mails) == 5
    assert hanging.connections == 1


def test_recipients_keep_their_wishes(queue: Queue, server: SubmissionServer) -> None:
    with server:
        queue.way(server)
        queue.put(
            Recipient("a@x.org", ("SUCCESS", "DELAY"), "b@y.org"),
            Recipient("c@x.org", ("NEVER",)),
            ret="HDRS",
            envid="e=1",
        )
        queue.run()
    [mail] = server.mails
    assert mail.wishes == [{"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;b@y.org"}, {"NOTIFY": "NEVER"}]
    assert (mail.parameters["RET"], mail.parameters["ENVID"]) == ("HDRS", "e+3D1")
