"""What a plain send imports of the message package: its own modules and nothing that takes time to load."""

import subprocess
import sys
from pathlib import Path

import esmtp_py

# DESIGN.md, start-up; phrase, literal, unicodedata only when such an address comes.
FORBIDDEN = "re enum dataclasses typing pathlib argparse getopt logging tempfile shlex json email subprocess inspect"
FORBIDDEN += " contextlib asyncio keyring ply collections functools socket importlib.metadata unicodedata binascii"
FORBIDDEN += " esmtp_py.message.phrase esmtp_py.message.literal"

PROGRAM = """
import sys
from esmtp_py.message.address import format_mailbox, parse_mailboxes, parse_reverse_path
from esmtp_py.message.dots import stuff
from esmtp_py.message.envelope import Envelope
from esmtp_py.message.header import Header, conceal
from esmtp_py.message.intake import Intake
from esmtp_py.message.message import Message
from esmtp_py.message.newlines import to_lf
from esmtp_py.message.originate import complete, date_line, message_id, recipients_of, sender_of
from esmtp_py.spool import Spool
intake, body = Intake(dot_ends=True), Spool()
body.write(intake.feed(b"From: me@example.org\\nTo: J. R. Doe <you@example.org>, root\\nBcc: b@x\\n\\nhello\\n.\\n"))
body.write(intake.finish())
body.finish()
assert len(recipients_of(intake.header)) == 3 and sender_of(intake.header) and parse_reverse_path(b"<a@x>")
conceal(intake.header)
complete(intake.header, date=date_line(0, 0), message_id=message_id("1", "x"), from_line=format_mailbox("Me", "me@x"))
assert b"".join(stuff(Message(intake.header, body).chunks())).endswith(b"hello\\r\\n.\\r\\n")
print(*sys.modules)
"""


def test_a_plain_mail_loads_nothing_slow() -> None:
    package = str(Path(esmtp_py.__file__).parents[1])
    program = f"import sys; sys.path[:0] = [{package!r}]\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "esmtp_py.message.originate" in loaded
    assert loaded & set(FORBIDDEN.split()) == set()
