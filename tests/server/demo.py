"""``make run``: one mail, the whole way, on loopback.

Starts the submission server, writes an rc file that points to it, calls the
installed ``esmtp`` as a mail program would, and shows what was said and what
arrived.  Fails loudly when anything did not go as it should.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import textwrap

from tests.server.submission import SubmissionServer
from tests.server.transaction import Mail

RC = """\
# The rc file of this run; esmtprc(5) explains every line.
identity alice@example.org
    hostname localhost:{port}
    username alice
    password "secret"
    starttls required
    ca_file {ca_file}
"""

MAIL = b"""\
From: Alice <alice@example.org>
To: Bob <bob@example.net>
Bcc: carol@example.net
Subject: The whole way

Hello Bob,

this went over STARTTLS and AUTH. The next line is a lone dot:
.
and Carol, who is in Bcc, is known to the envelope only.
"""


def main() -> int:
    esmtp = os.path.join(sysconfig.get_path("scripts"), "esmtp")
    with SubmissionServer() as server, tempfile.TemporaryDirectory() as directory:
        rc = os.path.join(directory, "esmtprc")
        show("A submission server listens on loopback.  The rc file:", write_rc(rc, server))
        command = [esmtp, "-C", rc, "-f", "alice@example.org", "-v", "-i", "-t"]
        print(f"\n$ {' '.join(command)} < mail", flush=True)
        status = subprocess.run(command, input=MAIL, stderr=subprocess.STDOUT, timeout=60).returncode
        server.settle()
    print(f"\nExit status {status}.")
    for mail in server.mails:
        show_mail(mail)
    complaints = server.violations + judge(status, server.mails)
    for complaint in complaints:
        print(f"demo: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


def write_rc(path: str, server: SubmissionServer) -> str:
    text = RC.format(port=server.port, ca_file=server.authority.file)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as rc:
        rc.write(text)
    return text


def show(title: str, text: str) -> None:
    print(f"\n{title}\n")
    print(textwrap.indent(text, "    ", lambda line: True))


def show_mail(mail: Mail) -> None:
    session = mail.session
    how = f"{session.tls}, AUTH {session.mechanism} as {session.user}, {mail.command}, {session.turns} turns"
    show(f"What the server took ({how}):", f"from {mail.sender}\nto   " + "\nto   ".join(mail.recipients) + "\n")
    print(textwrap.indent(mail.data.decode("utf-8", "backslashreplace"), "    ", lambda line: True).replace("\r", ""))


def judge(status: int, mails: list[Mail]) -> list[str]:
    """What is wrong with the result; [] if nothing is."""
    if status != 0 or len(mails) != 1:
        return [f"exit status {status}, {len(mails)} mails instead of one"]
    mail = mails[0]
    facts = {
        "it came without TLS": not mail.session.tls,
        "it came without AUTH": not mail.session.user,
        f"sender {mail.sender}": mail.sender != "alice@example.org",
        f"recipients {mail.recipients}": mail.recipients != ["bob@example.net", "carol@example.net"],
        "Bcc was not removed": b"carol" in mail.data.partition(b"\r\n\r\n")[0].lower(),
        "the body was changed": not mail.data.endswith(MAIL.partition(b"\n\n")[2].replace(b"\n", b"\r\n")),
    }
    return [complaint for complaint, wrong in facts.items() if wrong]


if __name__ == "__main__":
    sys.exit(main())
