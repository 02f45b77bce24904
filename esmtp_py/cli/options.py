"""The command line, as sendmail's callers write it: argv in, Options out.

First step of the way through.  Nothing is opened or looked up here, so every
mistake in the call is found before anything else happens: it ends the run
with exit code 64 and the name of the flag.  The tables are in ``flags``.
"""

from esmtp_py.cli.flags import FLAGS, GLUED, LETTERED, LONG, NONE, OWN_NAMES, SEND, VALUE, WORDS, by_letter
from esmtp_py.errors import MailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.flags import Flag


class Options:
    """What the caller asked for; later words have already won over earlier ones.

    at:          --at as written, "" if not given.
    mode:        a mode of ``flags``.  asked: the flag or name that chose it, for messages.
    recipients:  argv words that are no flags, in order; each may hold several addresses (or is an id, or a file).
    json:        --json.
    from_header: -t.  extra: "add" or "remove" argv recipients to or from those of -t.
    sender:      -f as written, None if not given; "" and "<>" are the null sender.
    full_name:   -F, None if not given.
    dots:        True when a line with a lone dot ends the message.
    body:        "" or 7BIT, 8BITMIME, BINARYMIME.
    notify, ret, envid, requiretls: as in Recipient and Envelope.
    aliases:     False with -n: local recipients are final.
    hops:        -h, 0 if not given.  max_hops: above it a message is in a loop.
    errors:      "print", "mail" or "quiet".
    delivery:    the letter after -od, "" when not given.  enqueue: i is b.   queue_run: what is behind -q.
    rc:          -C, or the file of --check-rc.  transcript: -X.  None if not given.
    verbose:     -v.   way: "browser" or "device" for --authorize, "" when neither is said.
    """

    __slots__ = (
        "aliases",
        "asked",
        "at",
        "body",
        "delivery",
        "dots",
        "enqueue",
        "envid",
        "errors",
        "extra",
        "from_header",
        "full_name",
        "hops",
        "json",
        "max_hops",
        "mode",
        "notify",
        "queue_run",
        "rc",
        "recipients",
        "requiretls",
        "ret",
        "sender",
        "transcript",
        "verbose",
        "way",
    )

    def __init__(self) -> None:
        self.mode = SEND
        self.asked = ""
        self.recipients: list[str] = []
        self.from_header = False
        self.extra = "add"
        self.sender: str | None = None
        self.full_name: str | None = None
        self.dots = True
        self.body = ""
        self.notify: tuple[str, ...] = ()
        self.ret = ""
        self.requiretls = False
        self.envid = ""
        self.aliases = True
        self.hops = 0
        self.max_hops = 100  # RFC 5321 section 6.3: at least that
        self.errors = "print"
        self.delivery = ""
        self.enqueue = False
        self.at = ""
        self.queue_run = ""
        self.json = False
        self.rc: str | None = None
        self.transcript: str | None = None
        self.verbose = False
        self.way = ""


class Words:
    """The words of argv that are still to be read."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._words)

    @property
    def value_next(self) -> bool:
        """True when another word follows and it is no flag."""
        return bool(self) and not self._words[self._at].startswith("-")

    def take(self, flag: str, argument: str = "") -> str:
        """The next word; MailError naming the flag that wanted it, and what it is, when there is none."""
        if not self:
            raise MailError("usage", f"{flag} needs an argument{argument and f': {flag} {argument}'}")
        self._at += 1
        return self._words[self._at - 1]

    def rest(self) -> list[str]:
        left, self._at = self._words[self._at :], len(self._words)
        return left


def parse(argv: list[str]) -> Options:
    """Reads a whole argv, the name of the command included.

    Flags may follow recipients, and ``--`` ends them.  MailError("usage")
    names the first word that is not understood.
    """
    options = Options()
    called = argv[0].rpartition("/")[2] if argv else ""
    if called in OWN_NAMES:
        options.mode, options.asked = OWN_NAMES[called], called
    words = Words(argv[1:])
    while words:
        word = words.take("")
        if word == "--":
            options.recipients += words.rest()
        elif word.startswith("--"):
            _long(options, word, words)
        elif word.startswith("-") and word != "-":
            _bundle(options, word, words)
        else:
            options.recipients.append(word)
    if options.asked.startswith("--"):
        _count_words(options.asked, options.recipients)
    return options


def _bundle(options: Options, word: str, words: Words) -> None:
    """One word of single letters: ``-ti``, ``-tfme@x``, ``-odb``."""
    for at in range(1, len(word)):
        name, flag = "-" + word[at], FLAGS.get(word[at])
        if flag is None:
            raise MailError("usage", f"{name}: unknown flag (in {word}); --help lists the known ones")
        if flag.takes == NONE:
            flag.act(options, "")
            continue
        value = word[at + 1 :]
        if flag.takes != GLUED and not value:
            value = words.take(name, flag.argument)
        if flag.takes == LETTERED:
            value = _with_value(name, value, words)
        flag.act(options, value)
        return


def _long(options: Options, word: str, words: Words) -> None:
    name, equals, value = word.partition("=")
    flag: Flag | None = LONG.get(name[2:])
    if flag is None:
        raise MailError("usage", f"{name}: unknown option; {_meant(name[2:])}")
    if flag.takes == NONE and equals:
        raise MailError("usage", f"{name} takes no argument")
    if flag.takes == WORDS and equals:
        options.recipients.append(value)
    if not equals and (flag.takes == VALUE or (flag.takes == GLUED and words.value_next)):
        value = words.take(name, flag.argument)
    flag.act(options, value)


def _count_words(name: str, found: list[str]) -> None:
    """Not one too many is dropped in silence, and an empty one is no word that was left out."""
    flag = LONG[name[2:]]
    if flag.takes != WORDS:
        return
    if not found and not flag.argument.startswith("["):
        raise MailError("usage", f"{name} needs an argument: {name} {flag.argument}")
    if not flag.argument.endswith("..."):
        if len(found) > 1:
            raise MailError("usage", f"{name} takes one argument, and {found[1]} is one more")
        if "" in found:
            raise MailError("usage", f"{name}: its argument is empty")


def _meant(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, LONG, 1)
    return f"did you mean --{close[0]}?" if close else "--help lists the known ones"


def _with_value(name: str, text: str, words: Words) -> str:
    """``-oQ /path`` is ``-oQ/path``; ``-oi`` and ``-oem`` are whole already."""
    if len(text) == 1 and by_letter(text).needs:
        text += words.take(name + text)
    return text
