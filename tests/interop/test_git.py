"""git send-email: a series, one run of sendmail for each patch, all well within a second or two."""

import pathlib
from collections.abc import Callable

from tests.conftest import Command
from tests.interop.callers import two_identities
from tests.interop.mailserver import MailServer
from tests.interop.programs import needs

pytestmark = needs("git")
WriteRc = Callable[[str], pathlib.Path]

SERIES = """
git init -q repo && cd repo
git config user.name Alice; git config user.email alice@example.test
git config sendemail.smtpserver "$SENDMAIL"; git config sendemail.envelopeSender auto
git config sendemail.confirm never; git config sendemail.suppresscc self
for n in one two three; do echo "line $n" >> file; git add file; git commit -q -m "Patch $n"; done
git format-patch -q --root -o ../patches
git send-email --to "$TO" --cc "copy.$TO" ../patches/*.patch
"""


def test_series_of_three(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(two_identities(server))
    esmtp.environ |= {"SENDMAIL": str(esmtp.named("sendmail")), "TO": address, "GIT_CONFIG_NOSYSTEM": "1"}
    done = esmtp.run("/bin/sh", "-ec", SERIES)
    assert done.code == 0, done
    mails = server.mails(address)
    assert sorted(mail.get("Subject") for mail in mails) == [
        f"[PATCH {n}/3] Patch {word}" for n, word in enumerate(("one", "two", "three"), 1)
    ]
    assert {mail.login for mail in mails} == {"alice"}
    first = next(mail for mail in mails if "1/3" in mail.get("Subject"))
    for mail in mails:
        assert len(mail.get_all("Message-ID")) == len(mail.get_all("Date")) == 1
        assert mail is first or mail.get("In-Reply-To") == first.get("Message-ID")
    assert len(server.mails(f"copy.{address}")) == 3
