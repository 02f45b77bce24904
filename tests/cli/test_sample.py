"""The blocks of sample.esmtprc for providers with passwords and for a company's relay: each sends a mail as it stands.

Only the servers are ours, and the authority that vouches for them; the blocks with OAuth2 are in test_oauth2.
"""

import json
import pathlib
from collections.abc import Callable

from tests.cli.test_oauth2 import block
from tests.conftest import Command
from tests.server import SubmissionServer

Rc = Callable[[str], pathlib.Path]
ROOT = pathlib.Path(__file__).parents[2]
MAIL = b"Subject: x\n\nx\n"


def test_a_provider_with_app_passwords(esmtp: Command, rc: Rc) -> None:
    text = block("you@fastmail.com")
    esmtp.environ |= {"PYTHONPATH": str(ROOT), "PYTHON_KEYRING_BACKEND": "tests.keyrings.FileKeyring"}
    with SubmissionServer(tls="implicit", users={"you@fastmail.com": "app password"}) as server:
        (esmtp.home / "keyring.json").write_text(
            json.dumps({"smtp://localhost": {"you@fastmail.com": "app password"}}), encoding="utf-8"
        )
        assert "hostname smtp.fastmail.com:465" in text
        text = text.replace("smtp.fastmail.com:465", f"localhost:{server.port}\nstarttls implicit")
        rc(f'{text.replace("imap.fastmail.com", "127.0.0.1:1")}ca_file "{server.authority.file}"\n')
        assert esmtp("-f", "you@fastmail.com", "them@example.net", stdin=MAIL).code == 0
        assert server.mails[0].sender == "you@fastmail.com"
        assert server.sessions[0].user == "you@fastmail.com"
    assert server.violations == []
    [copy] = (esmtp.home / ".esmtp_queue" / "sent").iterdir()  # that server is not there: the copy waits for it
    assert b"Subject: x" in copy.read_bytes()


def test_the_relay_of_a_company(esmtp: Command, rc: Rc) -> None:
    text = block("you@corp.example")
    with SubmissionServer(mechanisms=()) as server:
        text = text.replace("relay.corp.example:25", f"localhost:{server.port}")
        rc(f'{text}ca_file "{server.authority.file}"\n')
        assert esmtp("-f", "you@corp.example", "colleague", stdin=MAIL).code == 0
        assert server.mails[0].recipients == ["colleague@corp.example"]
        assert server.sessions[0].tls
        assert server.sessions[0].hello == "laptop.corp.example"
    assert server.violations == []
    done = esmtp("-f", "you@corp.example", "colleague", stdin=MAIL)
    assert done.code == 0, "the relay is away: the mail is kept"
    assert len(list((esmtp.home / ".esmtp_queue" / "new").iterdir())) == 1
