"""The tables of the command line: every flag, -O setting and name it is called by.

``options`` walks argv over them, --help prints them and a test holds esmtp(1)
against them; adding a row here is the whole of adding a flag.  The settings
that only mean something to sendmail are in ``inert``, read when one is met.
All others are in one file, however many there are: nobody has to look twice.
"""

from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.cli.options import Options

# How a flag takes its argument: not at all; the next word when nothing is
# glued to the letter; only what is glued; a letter, whose value may follow; or
# any words that are no flags, wherever they stand.
NONE, VALUE, GLUED, LETTERED, WORDS = "none", "value", "glued", "lettered", "words"

# What a run does.  LATER are the rows whose turn comes with a later version.
SEND, VERIFY, ALIASES = "send", "verify", "aliases"
RUN_QUEUE, LIST, STEER, IMPORT = "run-queue", "list", "steer", "import-queue"
HELP, VERSION, CHECK_RC, LATER = "help", "version", "check-rc", "later"
# Any other mode is the name of an assistant (cli.assistant).

MESSAGE, ENVELOPE, RUN, OURS, ASSISTANT, INERT = (
    "Message",
    "Envelope",
    "The run",
    "Long options",
    "Assistants",
    "Accepted without effect",
)


class Flag:
    """A row: letter or long name, how it takes an argument, what it does, its line in --help."""

    __slots__ = ("act", "argument", "doc", "group", "name", "takes")

    def __init__(
        self, name: str, takes: str, argument: str, group: str, act: "Callable[[Options, str], None]", doc: str
    ) -> None:
        self.name = name
        self.takes = takes
        self.argument = argument
        self.group = group
        self.act = act
        self.doc = doc


class Setting:
    """A row of -O NAME=value and -o LETTER value; ``needs`` a value or is true without one."""

    __slots__ = ("act", "doc", "letter", "name", "needs")

    def __init__(self, name: str, letter: str, needs: bool, act: "Callable[[Options, str], None]", doc: str) -> None:
        self.name = name
        self.letter = letter
        self.needs = needs
        self.act = act
        self.doc = doc


def usage(text: str) -> MailError:
    return MailError("usage", text)


def ignore(options: "Options", value: str) -> None:
    """Understood by sendmail, without meaning here."""


def _number(flag: str, text: str) -> int:
    # Four digits: nothing is counted in tens of thousands, and int() of a long string is slow.
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise usage(f"{flag} {text}: a number from 0 to 9999 is expected")
    return int(text)


def _truth(flag: str, text: str) -> bool:
    if text[:1] in ("", "t", "T", "y", "Y"):
        return True
    if text[:1] in ("f", "F", "n", "N"):
        return False
    raise usage(f"{flag}={text}: true or false is expected")


def _choice(flag: str, text: str, choices: dict[str, str]) -> str:
    try:
        return choices[text.lower()]
    except KeyError:
        raise usage(f"{flag} {text}: one of {' '.join(choices)} is expected") from None


# --- message ---------------------------------------------------------------------------------


def _recipients_from_header(options: "Options", value: str) -> None:
    options.from_header = True


def _whole_input(options: "Options", value: str) -> None:
    options.dots = False


def _sender(options: "Options", value: str) -> None:
    options.sender = value


def _full_name(options: "Options", value: str) -> None:
    options.full_name = value


def _body(options: "Options", value: str) -> None:
    options.body = _choice("-B", value, {"7bit": "7BIT", "8bitmime": "8BITMIME", "binarymime": "BINARYMIME"})


def _no_aliases(options: "Options", value: str) -> None:
    options.aliases = False


def _hops(options: "Options", value: str) -> None:
    options.hops = _number("-h", value)


# --- envelope --------------------------------------------------------------------------------


def _notify(options: "Options", value: str) -> None:
    words = [word.strip().upper() for word in value.split(",")]
    known = all(word in ("SUCCESS", "FAILURE", "DELAY") for word in words)
    if words != ["NEVER"] and not known:
        raise usage(f"-N {value}: never, or a list of success, failure and delay, is expected")
    options.notify = tuple(dict.fromkeys(words))


def _ret(options: "Options", value: str) -> None:
    options.ret = _choice("-R", value, {"full": "FULL", "hdrs": "HDRS"})


def _envid(options: "Options", value: str) -> None:
    # RFC 3461 section 4.4: printable ASCII before encoding, at most 100 characters after it.
    printable = value.isascii() and value.isprintable()
    if not value or not printable or len(value) + 2 * (value.count("+") + value.count("=") + value.count(" ")) > 100:
        raise usage(f"-V {value}: 1 to 100 printable ASCII characters are expected ('+', '=' and ' ' count as 3)")
    options.envid = value


# --- the run ---------------------------------------------------------------------------------

# -b letter: mode, line in --help
MODES: dict[str, tuple[str, str]] = {
    "m": (SEND, "send the message on standard input (the default)"),
    "v": (VERIFY, "where each recipient's mail would go; sends nothing"),
    "i": (ALIASES, "nothing: aliases are not compiled"),
    "s": (LATER, "SMTP on standard input and output"),
    "p": (LIST, "list the queue; -v says when a mail is tried next"),
    "d": (LATER, "listen for SMTP connections"),
}

# name called by: mode
OWN_NAMES: dict[str, str] = {"mailq": LIST, "newaliases": ALIASES, "deliver": RUN_QUEUE}

ERROR_MODES = {
    "p": "print",
    "print": "print",
    "w": "print",
    "write": "print",
    "m": "mail",
    "mail": "mail",
    "e": "mail",
    "q": "quiet",
    "quiet": "quiet",
}


def _mode(options: "Options", value: str) -> None:
    if value not in MODES:
        raise usage(f"-b{value}: unknown mode, one of {' '.join('-b' + letter for letter in MODES)} is expected")
    options.mode, options.asked = MODES[value][0], f"-b{value}"


# Behind -q: the mails with a text in their id, a recipient or the sender; or those without.
SELECTING = ("I", "R", "S", "!")


def _queue_run(options: "Options", value: str) -> None:
    options.queue_run = value
    if options.mode == LIST and value[:1] in SELECTING:  # which ones to list, as for sendmail's mailq
        return
    if options.mode != LATER:  # -bd -q15m is a daemon that also runs the queue
        options.mode, options.asked = RUN_QUEUE, f"-q{value}"


def _aliases(options: "Options", value: str) -> None:
    options.mode, options.asked = ALIASES, "-I"


def _verbose(options: "Options", value: str) -> None:
    options.verbose = True


def _transcript(options: "Options", value: str) -> None:
    options.transcript = value


def _rc(options: "Options", value: str) -> None:
    options.rc = value


def _errors(options: "Options", value: str) -> None:
    options.errors = _choice("-oe", value, ERROR_MODES)


def _agent(options: "Options", value: str) -> None:
    if value not in ("m", "c"):
        raise usage(f"-A{value}: -Am or -Ac is expected")


def _long_setting(options: "Options", text: str) -> None:
    name, equals, value = text.partition("=")
    setting = by_name(name.strip())
    if setting.needs and not equals:
        raise usage(f"-O {name} needs a value ({name}=...)")
    setting.act(options, value.strip())


def _short_setting(options: "Options", text: str) -> None:
    by_letter(text[:1]).act(options, text[1:])


# --- long options ----------------------------------------------------------------------------


def _help(options: "Options", value: str) -> None:
    options.mode, options.asked = HELP, "--help"


def _version(options: "Options", value: str) -> None:
    options.mode, options.asked = VERSION, "--version"


def _check_rc(options: "Options", value: str) -> None:
    options.mode, options.asked = CHECK_RC, "--check-rc"
    options.rc = value or options.rc


def _way(way: str) -> "Callable[[Options, str], None]":
    def act(options: "Options", value: str) -> None:
        options.way = way

    return act


def _assistant(name: str, takes: str, argument: str, doc: str) -> Flag:
    """Its value and the words that are no flags are what it is about."""

    def act(options: "Options", value: str) -> None:
        options.mode, options.asked = name, f"--{name}"
        if value:
            options.recipients.append(value)

    return Flag(name, takes, argument, ASSISTANT, act, doc)


def _enqueue(options: "Options", value: str) -> None:
    options.enqueue = True
    _delivery(options, options.delivery)


def _at(options: "Options", value: str) -> None:
    if not value:
        raise usage("--at needs a time, such as 17:30 or +2h")
    options.at = value


def _json(options: "Options", value: str) -> None:
    options.mode, options.asked = LIST, "--json"
    options.json = True


def _steering(name: str) -> "Callable[[Options, str], None]":
    def act(options: "Options", value: str) -> None:
        if options.mode == STEER and options.asked != name:
            raise usage(f"{options.asked} and {name}: one after the other, please")
        options.mode, options.asked = STEER, name

    return act


def _import_queue(options: "Options", value: str) -> None:
    options.mode, options.asked = IMPORT, "--import-queue"


_FLAGS = (
    Flag("t", NONE, "", MESSAGE, _recipients_from_header, "take recipients from To:, Cc: and Bcc: as well"),
    Flag("i", NONE, "", MESSAGE, _whole_input, "a line with a lone dot does not end the message"),
    Flag("F", VALUE, "NAME", MESSAGE, _full_name, "full name for a From: line that has to be added"),
    Flag("B", VALUE, "TYPE", MESSAGE, _body, "body is 7BIT, 8BITMIME or BINARYMIME"),
    Flag("h", VALUE, "N", MESSAGE, _hops, "the message has made N hops already"),
    Flag("f", VALUE, "ADDRESS", ENVELOPE, _sender, "envelope sender; it chooses the identity"),
    Flag("r", VALUE, "ADDRESS", ENVELOPE, _sender, "old form of -f"),
    Flag("N", VALUE, "WHEN", ENVELOPE, _notify, "notify: never, or a list of success,failure,delay"),
    Flag("n", NONE, "", ENVELOPE, _no_aliases, "local recipients are final: aliases of the rc do not count"),
    Flag("R", VALUE, "WHAT", ENVELOPE, _ret, "a bounce returns the full message, or hdrs"),
    Flag("V", VALUE, "ID", ENVELOPE, _envid, "envelope id for notifications"),
    Flag("b", VALUE, "MODE", RUN, _mode, "what to do; the modes are below"),
    Flag("q", GLUED, "[TIME]", RUN, _queue_run, "run the queue; again every TIME; -qI, -qR, -qS: some"),
    Flag("I", NONE, "", RUN, _aliases, "same as -bi"),
    Flag("C", VALUE, "FILE", RUN, _rc, "rc file instead of ~/.esmtprc and /etc/esmtprc"),
    Flag("v", NONE, "", RUN, _verbose, "show the dialogue on standard error"),
    Flag("X", VALUE, "FILE", RUN, _transcript, "append the dialogue to FILE"),
    Flag("e", VALUE, "HOW", RUN, _errors, "same as -oe"),
    Flag("O", VALUE, "NAME=VALUE", RUN, _long_setting, "set an option by its long name"),
    Flag("o", LETTERED, "XVALUE", RUN, _short_setting, "set an option by its letter: -oi, -oem, -odb"),
    Flag("A", VALUE, "m|c", INERT, _agent, "which sendmail.cf to use"),
    Flag("c", NONE, "", INERT, ignore, "hold mail for expensive mailers"),
    Flag("D", VALUE, "FILE", INERT, ignore, "where debugging output goes"),
    Flag("d", GLUED, "[LEVEL]", INERT, ignore, "debugging level"),
    Flag("G", NONE, "", INERT, ignore, "the message is relayed, not submitted"),
    Flag("L", VALUE, "TAG", INERT, ignore, "tag for the log"),
    Flag("M", VALUE, "XVALUE", INERT, ignore, "define a macro"),
    Flag("m", NONE, "", INERT, ignore, "send to me too"),
    Flag("p", VALUE, "PROTOCOL", INERT, ignore, "how the message was received"),
    Flag("s", NONE, "", INERT, ignore, "save From lines"),
    Flag("T", GLUED, "[TIME]", INERT, ignore, "timeout of a queued message"),
    Flag("U", NONE, "", INERT, ignore, "initial submission by a user"),
    Flag("x", NONE, "", INERT, ignore, "nothing, for AIX"),
)
FLAGS: dict[str, Flag] = {flag.name: flag for flag in _FLAGS}

LONG: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        Flag("help", NONE, "", OURS, _help, "this text"),
        Flag("version", NONE, "", OURS, _version, "the version"),
        Flag("enqueue", NONE, "", OURS, _enqueue, "queue it as with -odb, also when -odi says otherwise"),
        Flag("at", VALUE, "TIME", OURS, _at, 'deliver it then: 17:30, +2h, "2026-12-24 18:00"'),
        Flag("json", NONE, "", OURS, _json, "list the queue, one JSON object on a line"),
        Flag("show", WORDS, "ID ...", OURS, _steering("--show"), "show queued mails: envelope, fate, message"),
        Flag("cancel", WORDS, "ID ...", OURS, _steering("--cancel"), "remove mails from the queue"),
        Flag("hold", WORDS, "ID ...", OURS, _steering("--hold"), "do not deliver these for now; ALL for all"),
        Flag("release", WORDS, "ID ...", OURS, _steering("--release"), "end a hold; ALL for all"),
        Flag("retry-now", WORDS, "ID ...", OURS, _steering("--retry-now"), "try these now; ALL for all"),
        Flag("undo", WORDS, "[FILE]", OURS, _steering("--undo"), "take back the last mail not yet tried, into FILE"),
        Flag("import-queue", WORDS, "[DIR]", OURS, _import_queue, "take over the mail of older queues"),
        _assistant("setup", GLUED, "[ADDRESS]", "ask, try, and write an rc file that works"),
        _assistant("doctor", NONE, "", "look at everything a mail needs, and say what to do"),
        Flag("check-rc", GLUED, "[FILE]", ASSISTANT, _check_rc, "list all errors of the rc file, or what it means"),
        _assistant("explain", VALUE, "ADDRESS", "who sends as ADDRESS, by which server, and why"),
        _assistant("serverinfo", GLUED, "[ADDRESS]", "TLS, certificate, extensions of the server"),
        _assistant("set-password", VALUE, "ADDRESS", "ask for a password, store it in the keyring"),
        _assistant("forget-password", VALUE, "ADDRESS", "remove it from the keyring"),
        _assistant("authorize", VALUE, "ADDRESS", "let esmtp log in with OAuth2; the rc says where"),
        Flag("browser", NONE, "", ASSISTANT, _way("browser"), "authorize in a browser on this machine"),
        Flag("device", NONE, "", ASSISTANT, _way("device"), "authorize by a code, in a browser anywhere"),
        _assistant("import", VALUE, "WHAT", "rc from msmtprc, ssmtp.conf, nullmailer, mutt, PATH"),
        _assistant("completion", VALUE, "SHELL", "completion for bash, zsh or fish: eval it"),
    )
}


# --- settings of -O and -o -------------------------------------------------------------------


def _delivery(options: "Options", value: str) -> None:
    if value[:1] not in ("", "i", "b", "q", "d"):
        raise usage(f"-od{value}: one of -odi -odb -odq -odd is expected")
    letter = value[:1] or "i"
    options.delivery = "b" if letter == "i" and options.enqueue else letter


def _dots(options: "Options", value: str) -> None:
    options.dots = not _truth("IgnoreDots", value)


def _max_hops(options: "Options", value: str) -> None:
    options.max_hops = _number("MaxHopCount", value)


def _require_tls(options: "Options", value: str) -> None:
    options.requiretls = _truth("RequireTLS", value)


def _set_verbose(options: "Options", value: str) -> None:
    options.verbose = _truth("Verbose", value)


def _extra(options: "Options", value: str) -> None:
    options.extra = _choice("extra_recipients", value, {"add": "add", "remove": "remove"})


SETTINGS = (
    Setting(
        "DeliveryMode",
        "d",
        False,
        _delivery,
        "i: now; b: queued, in the background; q, d: queued",
    ),
    Setting("ErrorMode", "e", True, _errors, "p, w: print failures; m, e: mail them; q: neither"),
    Setting("IgnoreDots", "i", False, _dots, "same as -i"),
    Setting("MaxHopCount", "h", True, _max_hops, "more hops than this are a loop (100)"),
    Setting("RequireTLS", "", False, _require_tls, "hand it on over verified TLS only, all the way, or not at all"),
    Setting("Verbose", "v", False, _set_verbose, "same as -v"),
    Setting("extra_recipients", "", True, _extra, "with -t: add arguments to recipients, or remove them"),
)
_BY_NAME = {setting.name.lower(): setting for setting in SETTINGS}
_BY_LETTER = {setting.letter: setting for setting in SETTINGS if setting.letter}


def by_name(name: str) -> Setting:
    """The setting of -O, in any case; MailError for one that sendmail does not know either."""
    if name.lower() in _BY_NAME:
        return _BY_NAME[name.lower()]
    from esmtp_py.cli.inert import long_needs_value

    return _inert(name, long_needs_value(name), f"-O {name}")


def by_letter(letter: str) -> Setting:
    """The setting of -o; MailError for one that sendmail does not know either."""
    if letter in _BY_LETTER:
        return _BY_LETTER[letter]
    from esmtp_py.cli.inert import letter_needs_value

    return _inert(letter, letter_needs_value(letter), f"-o{letter}")


def _inert(name: str, needs: "bool | None", shown: str) -> Setting:
    if needs is None:
        raise usage(f"{shown}: unknown option; esmtp(1) lists the known ones")
    return Setting(name, "", needs, ignore, "")
