"""--help: the tables of ``flags``, grouped, on one screen and a bit."""

import textwrap

from esmtp_py.cli.flags import FLAGS, INERT, LATER, LONG, MODES, SETTINGS, Flag

# Of the terminals that are still the usual ones.
WIDTH = 80

# The longest flag with its argument.
_COLUMN = 25

_USAGE = """\
usage: esmtp [flags] [--] recipient ...
       esmtp -t [flags]
Sends the mail on standard input, as sendmail does; ~/.esmtprc says how.
"""


def text() -> str:
    """The whole help text."""
    groups: dict[str, list[str]] = {}
    for flag in (*FLAGS.values(), *LONG.values()):
        if flag.group != INERT:
            groups.setdefault(flag.group, []).append(_row(_written(flag), flag.doc))
    groups["Modes of -b"] = [
        _row(f"-b{letter}", doc + (" (not yet)" if mode == LATER else "")) for letter, (mode, doc) in MODES.items()
    ]
    groups["Names of -O, letters of -o"] = [
        _row(f"{setting.name} {setting.letter}".rstrip(), setting.doc) for setting in SETTINGS
    ]
    inert = " ".join("-" + flag.name for flag in FLAGS.values() if flag.group == INERT)
    without = textwrap.fill(f"{INERT}: {inert}, and sendmail's other options.", WIDTH, break_on_hyphens=False)
    body = "".join(f"\n{title}:\n{''.join(rows)}" for title, rows in groups.items())
    return f"{_USAGE}{body}\n{without}\nMore in esmtp(1) and esmtprc(5).\n"


def _written(flag: Flag) -> str:
    if len(flag.name) > 1:
        return f"--{flag.name} {flag.argument}".rstrip()
    glue = "" if flag.argument.startswith("[") else " "
    return f"-{flag.name}{glue}{flag.argument}".rstrip()


def _row(what: str, doc: str) -> str:
    """Two columns; what does not fit into the second one goes on below."""
    indent = " " * (_COLUMN + 3)
    return textwrap.fill(doc, WIDTH, initial_indent=f"  {what:<{_COLUMN}} ", subsequent_indent=indent) + "\n"
