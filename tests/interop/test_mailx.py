"""bsd-mailx and s-nail, the two commands that scripts call ``mail``."""

import pathlib
from collections.abc import Callable

from tests.conftest import Command
from tests.interop.callers import two_identities
from tests.interop.mailserver import MailServer
from tests.interop.programs import needs

WriteRc = Callable[[str], pathlib.Path]


@needs("bsd-mailx")
def test_bsd_mailx(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    rc(two_identities(server))
    (esmtp.home / ".mailrc").write_text(f"set sendmail={esmtp.named('sendmail')}\n")
    who = ("-r", "bob@example.test", "-b", f"hidden.{address}", address)
    done = esmtp.run("bsd-mailx", "-n", "-s", "from mailx", *who, stdin=b"Hello.\n")
    assert (done.code, done.err) == (0, "")
    server.postfix.wait_log("status=sent")  # mailx does not wait for sendmail
    server.postfix.sessions()
    for recipient in (address, f"hidden.{address}"):
        [mail] = server.mails(recipient)
        assert (mail.login, mail.body, mail.get("Subject")) == ("bob", b"Hello.\n", "from mailx")
        assert mail.get_all("Bcc") == []


@needs("s-nail")
def test_s_nail(server: MailServer, esmtp: Command, rc: WriteRc, address: str) -> None:
    config = rc(two_identities(server))
    settings = (
        f"mta={esmtp.named('sendmail')}",
        f"mta-arguments=-C {config}",  # s-nail gives root its own HOME
        "sendwait",
        "from=alice@example.test",
    )
    options = [word for setting in settings for word in ("-S", setting)]
    who = ("-r", "alice@example.test", "-b", f"hidden.{address}", address)
    done = esmtp.run("s-nail", "-n", *options, "-s", "from s-nail", *who, stdin=b"Hello.\n", MAILRC="/dev/null")
    assert (done.code, done.err) == (0, "")
    for recipient in (address, f"hidden.{address}"):
        [mail] = server.mails(recipient)
        assert (mail.login, mail.body, mail.get("Subject")) == ("alice", b"Hello.\n", "from s-nail")
        assert mail.get_all("Bcc") == []
