"""Servers for tests and for ``make run``: a strict submission server, and one that plays a script.

    with SubmissionServer() as server:
        ...                            # send to 127.0.0.1:server.port, trust server.authority.file
        assert server.mails[0].data == b"..."
        assert server.violations == []

    with ScriptedServer(script("S: 220 x", "C: EHLO *", "S: 421 4.3.2 later", "= close")) as server:
        ...

Both listen on loopback or on a unix socket, need no root and no files outside
a temporary directory, and have done all their work when the ``with`` ends.
"""

from tests.server.authority import Authority, Certificate, shared_authority
from tests.server.scripted import ScriptedServer, script
from tests.server.session import EXTENSIONS, Session
from tests.server.submission import SubmissionServer
from tests.server.transaction import Mail

__all__ = [
    "EXTENSIONS",
    "Authority",
    "Certificate",
    "Mail",
    "ScriptedServer",
    "Session",
    "SubmissionServer",
    "script",
    "shared_authority",
]
