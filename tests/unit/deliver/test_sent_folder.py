"""The IMAP server for sent mail hears the password, and may quote it: nobody gets to see that."""

import base64
import contextlib

import pytest

from esmtp_py.concealed import Secret
from esmtp_py.config.identity import Identity
from esmtp_py.config.policy import IMAP
from esmtp_py.config.server import Server
from esmtp_py.deliver.sent_folder import SentFolder
from esmtp_py.errors import MailError
from tests.server.scripted import Conversation, ScriptedServer, Step, say, stall

PASSWORD = "hunter2-hunter2"
QUOTED = f"{PASSWORD} {base64.b64encode(f'{chr(0)}alice{chr(0)}{PASSWORD}'.encode()).decode()} is wrong"


def answer(*lines: str) -> Step:
    """To the next command, whatever its tag: TAG stands for that."""

    def step(talk: Conversation) -> None:
        tag = talk.wire.line().split(b" ")[0].decode()
        talk.wire.connection.sendall("".join(line.replace("TAG", tag) + "\r\n" for line in lines).encode())

    return step


def log_in(last: str) -> Step:
    """AUTHENTICATE PLAIN with its one challenge."""

    def step(talk: Conversation) -> None:
        tag = talk.wire.line().split(b" ")[0].decode()
        talk.wire.connection.sendall(b"+ \r\n")
        talk.wire.line()
        talk.wire.connection.sendall(f"{last.replace('TAG', tag)}\r\n".encode())

    return step


CAPABLE = answer("* CAPABILITY IMAP4rev1 AUTH=PLAIN", "TAG OK done")
GREETED = (say(b"* OK hello\r\n"), CAPABLE)


def failure(*steps: Step) -> MailError:
    with ScriptedServer([*GREETED, *steps, stall]) as server:
        identity = Identity(
            username="alice",
            password=Secret(PASSWORD),
            starttls="disabled",
            imap_server=Server("127.0.0.1", str(server.port), protocol=IMAP),
        )
        with pytest.raises(MailError) as raised, contextlib.closing(SentFolder(identity)) as folder:
            folder.append(3, lambda: [b"x\r\n"], 0)
    return raised.value


@pytest.mark.parametrize(
    "steps",
    [
        (log_in(f"TAG NO {QUOTED}"),),
        (log_in("TAG OK done"), CAPABLE, answer(f"TAG NO {QUOTED}")),
        (log_in("TAG OK done"), CAPABLE, answer("TAG OK done"), answer(f"TAG NO {QUOTED}")),
        (log_in("TAG OK done"), CAPABLE, answer("TAG OK done"), answer(f"* BYE {QUOTED}", "TAG NO bye")),
    ],
    ids=["login", "folders", "append", "bye"],
)
def test_what_it_quotes_is_not_shown(steps: tuple[Step, ...]) -> None:
    error = failure(*steps)
    assert "* " in error.text
    assert PASSWORD not in error.text + error.reply
    assert base64.b64encode(PASSWORD.encode()).decode()[:-2] not in error.text + error.reply
    assert "is wrong" in error.text
