"""RFC 5321 section 4.5.3.2, and an end for every session."""

import pytest

from esmtp_py.smtp.command import AUTH, BDAT_LAST, BODY, DATA, EHLO, GREETING, MAIL, QUIT, RCPT
from esmtp_py.smtp.patience import BLOCK, SESSION, Patience


@pytest.mark.parametrize(
    ("verb", "minutes"),
    [(GREETING, 5), (EHLO, 5), (AUTH, 5), (MAIL, 5), (RCPT, 5), (DATA, 2), (BODY, 10), (BDAT_LAST, 10)],
)
def test_the_rfcs_own(verb: str, minutes: int) -> None:
    assert Patience().reply(verb) == 60 * minutes


def test_between_blocks_of_a_message() -> None:
    assert Patience().block == BLOCK == 180
    assert Patience(7).block == 7


@pytest.mark.parametrize("verb", [GREETING, EHLO, MAIL, DATA, BODY])
def test_the_rcs_timeout_is_for_every_reply(verb: str) -> None:
    assert Patience(7).reply(verb) == 7
    assert Patience(3000).reply(verb) == 3000


def test_nobody_waits_long_for_a_goodbye() -> None:
    assert Patience().reply(QUIT) == 10
    assert Patience(3).reply(QUIT) == 3
    assert Patience(3000).reply(QUIT) == 10


def test_a_session_has_an_end_that_a_large_mail_puts_off() -> None:
    assert Patience().session(0) == SESSION
    assert Patience().session(1 << 30) == SESSION + (1 << 30) / 8192
    assert Patience(10).session(0) == 120
    assert all(Patience(s).session(0) > Patience(s).reply(v) for s in (0, 1, 600) for v in (BODY, MAIL))
