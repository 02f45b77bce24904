"""Reads the rc file: the door to everything else in this package."""

from esmtp_py.config import rcfile
from esmtp_py.config.build import build
from esmtp_py.config.driver import Unexpected, parse
from esmtp_py.config.model import Config, without_file
from esmtp_py.config.source import Problem, Source
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.grammar.esmtprc import Statement

SECRETS = ("password", "certificate_passphrase", "client_secret")


def load(path: "str | None" = None) -> Config:
    """The Config of the rc file named by -C, else ~/.esmtprc, else /etc/esmtprc, else that of no file.

    Raises MailError("config").  If the file is at fault its text has, for
    each mistake, three lines: ``file:line:column: message``, the line of the
    file with its secrets left out, and a caret.
    """
    found = rcfile.find(path)
    if found is None:
        return without_file()
    if found.faults:
        raise MailError("config", "\n".join(found.faults))
    statements, config, problems = interpret(found.source)
    if problems:
        from esmtp_py.config.complaint import report

        raise MailError("config", report(found.source, problems))
    if found.open_to_others and holds_password(statements):
        raise MailError("config", found.open_to_others)
    return config


def interpret(source: Source) -> "tuple[list[Statement], Config, list[Problem]]":
    """The statements of a file, what they come to, and everything that is wrong, in the order of the file."""
    problems: list[Problem] = []
    try:
        statements = parse(source.text)
    except Unexpected as unexpected:
        statements, problems = _diagnosed(source, unexpected)
    config, more = build(statements, source)
    return statements, config, sorted([*problems, *more], key=lambda problem: problem.offset)


def _diagnosed(source: Source, unexpected: Unexpected) -> "tuple[list[Statement], list[Problem]]":
    """The file once more with PLY, for the mistakes after the first one.

    The first one has to do where PLY is not installed, and under ``python -OO``,
    which leaves no docstrings for it to work on.
    """
    from esmtp_py.config.complaint import Words

    first = Words(source).unexpected(unexpected.after, unexpected.token.lexpos)
    if parse.__doc__ is None:
        return [], [first]
    try:
        from esmtp_py.config.diagnose import diagnose
    except ImportError:
        return [], [first]
    statements, problems = diagnose(source)
    assert problems, "driver and PLY disagree"
    return statements, problems


def holds_password(statements: "list[Statement]") -> bool:
    return any(
        statement.name in SECRETS or (statement.name == "proxy" and _login(statement)) for statement in statements
    )


def _login(statement: "Statement") -> bool:
    from esmtp_py.config.proxy import holds_password

    return any(holds_password(value.text) for value in statement.values if value)
