"""The FIFO of owed replies."""

import pytest

from esmtp_py.errors import MailError
from esmtp_py.smtp import command
from esmtp_py.smtp.client import Client, OutOfOrder, OutOfStep
from esmtp_py.smtp.command import Command, Payload


def said(client: Client, *commands: Command) -> list[Command]:
    for each in commands:
        client.send(each)
    return list(client.output())


def answers(client: Client, data: bytes) -> list[tuple[str, int]]:
    return [(c.verb, r.code) for c, r in client.feed(data)]


def greeted() -> Client:
    client = Client()
    answers(client, b"220 mx\r\n")
    said(client, command.hello("EHLO", "me"))
    answers(client, b"250 mx\r\n")
    return client


def transaction() -> list[Command]:
    return [command.mail("a@b", []), command.rcpt("c@d", []), command.bdat(1, Payload(lambda: [b"x"]))]


def test_a_new_connection_is_owed_its_greeting() -> None:
    client = Client()
    assert client.owed
    assert client.owed.verb == command.GREETING
    assert answers(client, b"220 mx\r\n") == [("GREETING", 220)]
    assert client.owed is None
    assert client.idle
    said(client, command.hello("EHLO", "me"))
    assert not client.idle


def test_replies_go_to_the_commands_in_order() -> None:
    client = greeted()
    said(client, *transaction(), command.plain("QUIT"))
    assert answers(client, b"250 a\r\n550 b\r\n503 c\r\n221 d\r\n") == [
        ("MAIL", 250),
        ("RCPT", 550),
        ("BDAT LAST", 503),
        ("QUIT", 221),
    ]
    assert client.closing


def test_nothing_is_owed_before_it_is_written() -> None:
    client = greeted()
    client.send(command.plain("NOOP"))
    assert client.next
    with pytest.raises(OutOfStep, match="nobody asked for: 250 early"):
        answers(client, b"250 early\r\n")


def test_only_what_was_taken_is_owed() -> None:
    """The rest of a flight that is cut short is neither written nor answered."""
    client = greeted()
    for each in transaction():
        client.send(each)
    taken = next(client.output())
    assert client.owed is taken
    assert answers(client, b"250 ok\r\n") == [("MAIL", 250)]
    assert client.owed is None
    assert client.next
    assert client.next.verb == "RCPT"


def test_lmtp_answers_the_message_several_times() -> None:
    client = greeted()
    said(client, command.mail("a@b", []), command.rcpt("c@d", []), command.bdat(1, Payload(lambda: [b"x"]), 3))
    assert answers(client, b"250 m\r\n250 r\r\n250 1\r\n550 2\r\n") == [
        ("MAIL", 250),
        ("RCPT", 250),
        ("BDAT LAST", 250),
        ("BDAT LAST", 550),
    ]
    assert client.owed
    assert client.owed.replies == 1


def test_421_answers_nothing_and_is_no_protocol_error() -> None:
    with pytest.raises(MailError) as raised:
        answers(greeted(), b"421 bye\r\n")
    assert (raised.value.kind, raised.value.reply) == ("try_again", "421 bye")
    assert not isinstance(raised.value, OutOfStep)


def test_out_of_step_is_a_protocol_error_that_quotes_the_reply() -> None:
    client = greeted()
    said(client, command.mail("a@b", []))
    with pytest.raises(OutOfStep, match="MAIL it said: 354 go") as raised:
        answers(client, b"354 go\r\n")
    assert (raised.value.kind, raised.value.reply) == ("protocol", "354 go")


def test_an_exchange_keeps_the_line_until_it_is_over() -> None:
    client = greeted()
    said(client, command.auth("LOGIN", None))
    with pytest.raises(OutOfOrder):
        client.send(command.plain("QUIT"))
    answers(client, b"334 \r\n")
    said(client, command.auth_response(b"YQ=="))
    answers(client, b"535 no\r\n")
    assert client.allows("MAIL")


def test_a_refused_data_has_no_body() -> None:
    client = greeted()
    said(client, command.mail("a@b", []), command.rcpt("c@d", []), command.plain("DATA"))
    answers(client, b"250 m\r\n250 r\r\n451 no\r\n")
    with pytest.raises(OutOfOrder):
        client.send(command.body(Payload(list)))
    assert client.allows("RSET")


@pytest.mark.parametrize("surplus", [b"250 injected\r\n", b"2", b"\n", b"220-go on"])
def test_nothing_may_come_with_the_reply_to_starttls(surplus: bytes) -> None:
    client = greeted()
    said(client, command.plain("STARTTLS"))
    with pytest.raises(MailError, match="more than its reply to STARTTLS") as raised:
        answers(client, b"220 go\r\n" + surplus)
    assert raised.value.kind == "protocol"


def test_nor_between_it_and_the_handshake() -> None:
    client = greeted()
    said(client, command.plain("STARTTLS"))
    answers(client, b"220 go\r\n")
    answers(client, b"2")
    with pytest.raises(MailError, match="more than its reply to STARTTLS"):
        client.secured()


def test_after_the_handshake_all_is_forgotten() -> None:
    client = greeted()
    said(client, command.plain("STARTTLS"))
    answers(client, b"220 go\r\n")
    assert not client.allows("EHLO"), "not before it"
    client.secured()
    assert client.allows("EHLO")
    assert not client.allows("MAIL"), "the old EHLO counts no more"
    assert not client.allows("AUTH")


def test_a_refused_starttls_leaves_the_session_as_it_was() -> None:
    client = greeted()
    said(client, command.plain("STARTTLS"))
    answers(client, b"454 later\r\n")
    assert client.allows("QUIT")


def test_a_secret_is_concealed_from_when_it_is_written() -> None:
    seen: list[bytes] = []
    client = Client(lambda tag, line: seen.append(line))
    answers(client, b"220 mx\r\n")
    said(client, command.hello("EHLO", "me"))
    answers(client, b"250 mx\r\n")
    said(client, command.auth("PLAIN", b"AGEAc2VjcmV0"))
    ((_, reply),) = client.feed(b"500 AUTH PLAIN AGEAc2VjcmV0?\r\n")
    assert str(reply) == "500 AUTH PLAIN *?"
    assert b"AGEAc2VjcmV0" not in b"".join(seen)
