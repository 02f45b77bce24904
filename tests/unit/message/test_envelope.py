"""The envelope: local names told from addresses, and one leg of it with all else unchanged."""

from esmtp_py.message.address import parse_mailboxes
from esmtp_py.message.envelope import Envelope, Recipient


def test_a_recipient_without_a_domain_is_local() -> None:
    words = b'root, a@x, "john doe", "a b"@x, |/bin/x, /dev/null, -x'
    local = [Recipient(mailbox.address).local for mailbox in parse_mailboxes(words)]
    assert local == [True, False, True, False, True, True, True]


def test_a_leg_has_the_same_wishes_for_other_recipients() -> None:
    whole = Envelope(
        "me@x", [Recipient("a@x"), Recipient("root")], body="8BITMIME", ret="HDRS", envid="1", requiretls=True
    )
    leg = whole.to(whole.recipients[1:])
    assert [recipient.address for recipient in leg.recipients] == ["root"]
    assert [recipient.address for recipient in whole.recipients] == ["a@x", "root"]
    for name in ("sender", "body", "ret", "envid", "requiretls"):
        assert getattr(leg, name) == getattr(whole, name)
        assert getattr(leg, name)
