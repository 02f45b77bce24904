"""``--completion SHELL``: what bash, zsh and fish need to complete our options, made from the tables of ``flags``.

    eval "$(esmtp --completion bash)"

Addresses come from the rc file and ids from the queue, at the moment they are asked for.
"""

from esmtp_py.cli.flags import ERROR_MODES, FLAGS, GLUED, INERT, LONG, MODES, NONE, SETTINGS, Flag
from esmtp_py.cli.terminal import OUT
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options

SHELLS = ("bash", "zsh", "fish")

# What can follow a flag, where it is one of a few words.
WORDS = {
    "-b": tuple(MODES),
    "-e": tuple(ERROR_MODES),
    "-N": ("never", "success", "failure", "delay"),
    "-R": ("full", "hdrs"),
    "-B": ("7BIT", "8BITMIME", "BINARYMIME"),
    "-O": tuple(f"{setting.name}=" for setting in SETTINGS),
    "-o": ("i", "dq", "db", "di", *(f"e{letter}" for letter in "pmqwe")),
    "--completion": SHELLS,
    "--import": ("msmtprc", "ssmtp.conf", "nullmailer", "mutt"),
}
# Else what it is, by its name in --help.
FILE, ADDRESS, ID = "file", "address", "id"
_KINDS = {"FILE": FILE, "DIR": FILE, "ADDRESS": ADDRESS, "ID ...": ID}

# The rc file knows the addresses, the queue its ids.  What begins with a dash would be an option, and few people have
# an address that a shell would make something of: those with letters, digits and what stands in names pass.  Zsh and
# fish quote them where it is needed, bash does not, and evaluates words that it is given all at once (compgen -W).
_ADDRESSES = (
    "esmtp --check-rc 2>/dev/null | sed -n 's/^identity *\\(.*\\)  # .*/\\1/p' | tr ', ' '\\n\\n' "
    "| sed 's/^\"\\(.*\\)\"$/\\1/' | grep '^[[:alnum:]_][[:alnum:]_.+=&/'\\''-]*@[[:alnum:]_.-]*$'"
)
_IDS = (
    'esmtp --json 2>/dev/null | sed -n \'s/.*"queue_id": *"\\([^"]*\\)".*/\\1/p\' '
    "| grep '^[[:alnum:]_][[:alnum:]_.-]*$'"
)


def completion(options: "Options") -> int:
    """Prints the script for the shell that is named; MailError("usage") for another one."""
    asked = options.recipients[0] if len(options.recipients) == 1 else ""
    if asked not in SHELLS:
        raise MailError("usage", f"--completion {asked or 'SHELL'}: one of {', '.join(SHELLS)} is expected")
    OUT.write({"bash": bash, "zsh": zsh, "fish": fish}[asked]())
    return EX_OK


def flags() -> list[Flag]:
    """Those worth completing."""
    return [flag for flag in (*FLAGS.values(), *LONG.values()) if flag.group != INERT]


def _written(flag: Flag) -> str:
    return f"-{flag.name}" if len(flag.name) == 1 else f"--{flag.name}"


def _kind(flag: Flag) -> str:
    return _KINDS.get(flag.argument.strip("[]"), "")


# -- bash -----------------------------------------------------------------------------------------


def bash() -> str:
    """For eval, or a file in share/bash-completion/completions."""
    cases = [(" | ".join(_of_kind(kind)), how) for kind, how in _BASH_KINDS.items()]
    cases += [(name, f"COMPREPLY=($(compgen -W '{' '.join(words)}' -- \"$word\"))") for name, words in WORDS.items()]
    body = "".join(f"    {pattern})\n        {how}\n        return ;;\n" for pattern, how in cases)
    glued = "".join(
        f"    {name}*) COMPREPLY=($(compgen -W '{' '.join(name + word for word in words)}' -- \"$word\")) ;;\n"
        for name, words in WORDS.items()
        if len(name) == 2
    )
    every = " ".join(_written(flag) for flag in flags())
    return f"""# bash completion of esmtp
_esmtp() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}} found
    COMPREPLY=()
    case $before in
{body}    esac
    case $word in
{glued}    -*) COMPREPLY=($(compgen -W '{every}' -- "$word")) ;;
    esac
}}
complete -o bashdefault -o default -F _esmtp esmtp sendmail
complete -W '-v --json -q' mailq
"""


_BASH_KINDS = {
    FILE: ":",  # what bash does by default, which knows about blanks in names
    ADDRESS: f"""while IFS= read -r found; do
            printf -v found %q "$found"
            [[ $found != "$word"* ]] || COMPREPLY+=("$found")
        done < <({_ADDRESSES})""",
    ID: f'COMPREPLY=($(compgen -W "$({_IDS}) ALL" -- "$word"))',
}


def _of_kind(kind: str) -> list[str]:
    return [_written(flag) for flag in flags() if _kind(flag) == kind]


# -- zsh ------------------------------------------------------------------------------------------


def zsh() -> str:
    """For eval, or as _esmtp in a directory of $fpath."""
    specs = "".join(f"        {_zsh_spec(flag)} \\\n" for flag in flags())
    return f"""#compdef esmtp sendmail
_esmtp_addresses() {{
    compadd -- $({_ADDRESSES})
}}
_esmtp_ids() {{
    compadd -- $({_IDS}) ALL
}}
_esmtp() {{
    _arguments -s \\
{specs}        '*:recipient:_esmtp_addresses'
}}
if [ "$funcstack[1]" = _esmtp ]; then _esmtp "$@"; else compdef _esmtp esmtp sendmail; fi
"""


def _zsh_spec(flag: Flag) -> str:
    name, doc = _written(flag), flag.doc.replace("[", "\\[").replace("]", "\\]").replace("'", "'\\''")
    if flag.takes == NONE:
        return f"'{name}[{doc}]'"
    actions = {FILE: "_files", ADDRESS: "_esmtp_addresses", ID: "_esmtp_ids"}
    action = f"({' '.join(WORDS[name])})" if name in WORDS else actions.get(_kind(flag), " ")
    glue = "+" if len(name) == 2 and flag.takes != GLUED else "-" if len(name) == 2 else ""
    optional = ":" if flag.argument.startswith("[") else ""
    what = flag.argument.strip("[]").partition(" ")[0].replace(":", "")
    return f"'{name}{glue}[{doc}]:{optional}{what}:{action}'"


# -- fish -----------------------------------------------------------------------------------------


def fish() -> str:
    """For source, or as esmtp.fish in a directory of $fish_complete_path."""
    lines = [f"complete -c esmtp {_fish_flag(flag)}" for flag in flags()]
    return "\n".join(
        [
            "# fish completion of esmtp",
            f"function __esmtp_addresses\n    {_ADDRESSES}\nend",
            f"function __esmtp_ids\n    {_IDS}\n    echo ALL\nend",
            *lines,
            "complete -c sendmail -w esmtp",
            "",
        ]
    )


def _fish_flag(flag: Flag) -> str:
    name, doc = _written(flag), flag.doc.replace("\\", "\\\\").replace("'", "\\'")
    words = [f"-s {flag.name}" if len(flag.name) == 1 else f"-l {flag.name}", f"-d '{doc}'"]
    actions = {ADDRESS: "(__esmtp_addresses)", ID: "(__esmtp_ids)"}
    if name in WORDS:
        words.append(f"-xa '{' '.join(WORDS[name])}'")
    elif _kind(flag) in actions:
        words.append(f"-xa '{actions[_kind(flag)]}'")
    elif _kind(flag) == FILE:
        words.append("-rF")
    elif flag.takes != NONE and not flag.argument.startswith("["):
        words.append("-x")
    return " ".join(words)
