"""--help: the tables of ``flags``, grouped, on one screen and a bit."""

from esmtp_py.cli.flags import FLAGS, INERT, LATER, LONG, MODES, SETTINGS, Flag

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
        _row(f"-b{letter}", doc + (" (not yet in this version)" if mode == LATER else ""))
        for letter, (mode, doc) in MODES.items()
    ]
    groups["Names of -O, letters of -o"] = [
        _row(f"{setting.name} {setting.letter}".rstrip(), setting.doc) for setting in SETTINGS
    ]
    inert = " ".join("-" + flag.name for flag in FLAGS.values() if flag.group == INERT)
    body = "".join(f"\n{title}:\n{''.join(rows)}" for title, rows in groups.items())
    return f"{_USAGE}{body}\n{INERT}: {inert}, and sendmail's other options.\nMore in esmtp(1) and esmtprc(5).\n"


def _written(flag: Flag) -> str:
    if len(flag.name) > 1:
        return f"--{flag.name} {flag.argument}".rstrip()
    glue = "" if flag.argument.startswith("[") else " "
    return f"-{flag.name}{glue}{flag.argument}".rstrip()


def _row(what: str, doc: str) -> str:
    return f"  {what:<24} {doc}\n"
