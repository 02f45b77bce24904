"""The one policy from a reply to an outcome, as a table."""

import pytest

from esmtp_py.outcome import TABLE
from esmtp_py.smtp import command
from esmtp_py.smtp.reply import Reply
from esmtp_py.smtp.verdict import STEP, too_many_recipients, verdict

GREETING, EHLO, HELO, LHLO, STARTTLS, AUTH, RESPONSE, MAIL, RCPT, DATA, BODY, BDAT, RSET = (
    command.GREETING, command.EHLO, command.HELO, command.LHLO, command.STARTTLS, command.AUTH, command.RESPONSE,
    command.MAIL, command.RCPT, command.DATA, command.BODY, command.BDAT_LAST, command.RSET,
)  # fmt: skip
EVERY = (GREETING, EHLO, HELO, LHLO, STARTTLS, AUTH, RESPONSE, MAIL, RCPT, DATA, BODY, BDAT, RSET)


def judged(verb: str, text: str) -> tuple[str, str]:
    fate = verdict(verb, Reply(int(text[:3]), [text[4:].encode()]), "mx.example.org")
    return fate.kind, fate.status


@pytest.mark.parametrize("verb", [MAIL, RCPT, BODY, BDAT])
def test_2xx_delivers(verb: str) -> None:
    assert judged(verb, "250 2.6.0 ok") == ("delivered", "2.6.0")
    assert judged(verb, "250 ok") == ("delivered", "2.0.0")
    assert judged(verb, "299 ok") == ("delivered", "2.0.0")


@pytest.mark.parametrize("verb", EVERY)
@pytest.mark.parametrize("text", ["450 4.2.0 x", "421 x", "499 x", "454 4.7.0 x", "452 4.3.1 x", "432 4.7.12 x"])
def test_4xx_is_to_be_tried_again_at_every_step(verb: str, text: str) -> None:
    kind, status = judged(verb, text)
    assert kind == "try_again"
    assert status == (text.split()[1] if text[4] == "4" else "4.0.0")


@pytest.mark.parametrize("verb", [GREETING, EHLO, HELO, LHLO, RSET])
@pytest.mark.parametrize("text", ["554 5.7.1 x", "500 x", "502 5.5.1 x", "521 5.3.2 x"])
def test_a_refused_session_is_no_bounce(verb: str, text: str) -> None:
    assert judged(verb, text) == ("server_refused", "4.3.2")


@pytest.mark.parametrize(
    ("verb", "text", "kind"),
    [
        (STARTTLS, "554 5.7.3 x", "tls"),
        (STARTTLS, "501 x", "tls"),
        (AUTH, "535 5.7.8 x", "auth"),
        (AUTH, "504 5.5.4 x", "auth"),
        (AUTH, "500 x", "auth"),
        (RESPONSE, "535 5.7.8 x", "auth"),
        (RESPONSE, "501 5.5.2 x", "auth"),
        # a log-in is missing or too weak, wherever that is found out
        (MAIL, "530 5.7.0 x", "auth"),
        (MAIL, "534 5.7.9 x", "auth"),
        (MAIL, "535 x", "auth"),
        (MAIL, "538 5.7.11 x", "auth"),
        (RCPT, "530 5.7.0 x", "auth"),
        (EHLO, "530 x", "auth"),
        (BODY, "530 5.7.0 x", "auth"),
        # but Courier
        (MAIL, "534 SIZE=Message too big.", "too_big"),
        (BODY, "534 Message header size exceeds policy limit.", "too_big"),
        (MAIL, "550 5.7.1 x", "refused"),
        (MAIL, "553 5.1.8 x", "refused"),
        (MAIL, "550 5.1.1 x", "refused"),
        (MAIL, "503 5.5.1 x", "server_refused"),
        (MAIL, "552 5.3.4 x", "too_big"),
        (MAIL, "552 x", "too_big"),
        (RCPT, "550 5.1.1 x", "unknown_user"),
        (RCPT, "553 5.1.1 x", "unknown_user"),
        (RCPT, "550 x", "refused"),
        (RCPT, "550 5.1.10 x", "refused"),
        (RCPT, "550 5.7.1 x", "refused"),
        (RCPT, "552 5.2.2 x", "refused"),
        (RCPT, "552 x", "refused"),
        (RCPT, "552 5.3.4 x", "too_big"),
        (RCPT, "503 5.5.1 x", "refused"),
        (DATA, "554 5.7.1 x", "refused"),
        (DATA, "552 x", "too_big"),
        (BODY, "554 5.7.1 x", "content"),
        (BODY, "554 5.6.0 x", "content"),
        (BODY, "550 x", "content"),
        (BODY, "552 x", "too_big"),
        (BODY, "552 5.3.4 x", "too_big"),
        (BODY, "550 5.1.1 x", "unknown_user"),
        (BODY, "550 5.1.2 x", "refused"),
        (BODY, "552 5.2.2 x", "refused"),
        (BDAT, "554 5.7.1 x", "content"),
        (BDAT, "550 5.1.1 x", "unknown_user"),
        (BDAT, "552 5.2.3 x", "refused"),
    ],
)
def test_5xx(verb: str, text: str, kind: str) -> None:
    found, status = judged(verb, text)
    assert found == kind
    deferred = TABLE[kind][0] == "deferred"
    assert status == (TABLE[kind][1] if deferred or text[4:6] != "5." else text.split()[1])


@pytest.mark.parametrize("verb", EVERY)
def test_the_words_say_who_and_where(verb: str) -> None:
    fate = verdict(verb, Reply(550, [b"5.7.1 no", b"5.7.1 never"]), "mx.example.org")
    assert fate.text == f"mx.example.org said in reply to {STEP.get(verb, verb)}: 550 5.7.1 no; 5.7.1 never"
    assert (fate.remote, fate.reply) == ("mx.example.org", "550 5.7.1 no; 5.7.1 never")


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("452 x", True),
        ("552 x", True),
        ("431 Too many recipients.", True),
        ("452 4.5.3 x", True),
        ("552 5.5.3 x", True),
        ("451 4.5.3 x", True),
        ("452 4.2.2 x", False),
        ("452 4.3.1 x", False),
        ("552 5.2.2 x", False),
        ("450 x", False),
        ("550 x", False),
        ("550 5.1.1 x", False),
    ],
)
def test_too_many_recipients(text: str, full: bool) -> None:
    assert too_many_recipients(Reply(int(text[:3]), [text[4:].encode()])) is full
