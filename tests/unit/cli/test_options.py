"""argv in, Options out: every flag, every way of writing it, every mistake."""

import pytest

from esmtp_py.cli.flags import (
    ALIASES,
    CHECK_RC,
    FLAGS,
    GLUED,
    HELP,
    IMPORT,
    LATER,
    LIST,
    LONG,
    NONE,
    RUN_QUEUE,
    SEND,
    SETTINGS,
    STEER,
    VERIFY,
    VERSION,
    WORDS,
)
from esmtp_py.cli.inert import LETTERS, NAMES, long_needs_value
from esmtp_py.cli.options import Options, parse
from esmtp_py.errors import MailError


def options(*words: str, called: str = "sendmail") -> Options:
    return parse([called, *words])


def values(parsed: Options) -> dict[str, object]:
    return {name: getattr(parsed, name) for name in Options.__slots__}


def changed(parsed: Options) -> dict[str, object]:
    """What differs from a call without words."""
    fresh = values(Options())
    return {name: value for name, value in values(parsed).items() if value != fresh[name]}


def refused(*words: str) -> str:
    with pytest.raises(MailError) as caught:
        options(*words)
    assert caught.value.kind == "usage"
    assert "\n" not in caught.value.text
    return caught.value.text


SEPARATE_AND_GLUED = [
    ("f", "me@x.org", {"sender": "me@x.org"}),
    ("r", "me@x.org", {"sender": "me@x.org"}),
    ("f", "Me <me@x.org>", {"sender": "Me <me@x.org>"}),
    ("f", "-X/tmp/log", {"sender": "-X/tmp/log"}),
    ("F", "CronDaemon", {"full_name": "CronDaemon"}),
    ("F", "", {"full_name": ""}),
    ("f", "", {"sender": ""}),
    ("f", "<>", {"sender": "<>"}),
    ("B", "8BITMIME", {"body": "8BITMIME"}),
    ("B", "7bit", {"body": "7BIT"}),
    ("B", "BinaryMime", {"body": "BINARYMIME"}),
    ("N", "never", {"notify": ("NEVER",)}),
    ("N", "success,failure", {"notify": ("SUCCESS", "FAILURE")}),
    ("N", "Delay, FAILURE,delay", {"notify": ("DELAY", "FAILURE")}),
    ("R", "full", {"ret": "FULL"}),
    ("R", "HDRS", {"ret": "HDRS"}),
    ("V", "id-1", {"envid": "id-1"}),
    ("V", "a b+c=d", {"envid": "a b+c=d"}),
    ("V", "x" * 100, {"envid": "x" * 100}),
    ("V", "+" * 33 + "x", {"envid": "+" * 33 + "x"}),
    ("h", "17", {"hops": 17}),
    ("C", "/etc/rc", {"rc": "/etc/rc"}),
    ("X", "log", {"transcript": "log"}),
    ("e", "m", {"errors": "mail"}),
    ("o", "i", {"dots": False}),
    ("o", "em", {"errors": "mail"}),
    ("o", "ee", {"errors": "mail"}),
    ("o", "eq", {"errors": "quiet"}),
    ("o", "ep", {}),
    ("o", "ew", {}),
    ("o", "h25", {"max_hops": 25}),
    ("o", "v", {"verbose": True}),
    ("o", "di", {"delivery": "i"}),
    ("o", "d", {"delivery": "i"}),
    ("o", "db", {"delivery": "b"}),
    ("o", "dq", {"delivery": "q"}),
    ("o", "dd", {"delivery": "d"}),
    ("O", "DeliveryMode=background", {"delivery": "b"}),
    ("O", "ignoredots=TRUE", {"dots": False}),
    ("O", "IgnoreDots", {"dots": False}),
    ("O", "IgnoreDots=no", {}),
    ("O", "ERRORMODE=mail", {"errors": "mail"}),
    ("O", "MaxHopCount = 30", {"max_hops": 30}),
    ("O", "Verbose=yes", {"verbose": True}),
    ("O", "RequireTLS", {"requiretls": True}),
    ("O", "RequireTLS=no", {}),
    ("O", "extra_recipients=remove", {"extra": "remove"}),
    ("O", "Extra_Recipients=add", {}),
    ("O", "QueueDirectory=/var/q", {}),
    ("O", "Timeout.queuereturn=5d", {}),
    ("O", "Milter.LogLevel=5", {}),
    ("A", "m", {}),
    ("A", "c", {}),
    ("L", "tag", {}),
    ("p", "ESMTP:host", {}),
    ("M", "sMACRO", {}),
    ("D", "file", {}),
    ("b", "m", {"asked": "-bm"}),
    ("b", "v", {"mode": VERIFY, "asked": "-bv"}),
    ("b", "i", {"mode": ALIASES, "asked": "-bi"}),
    ("b", "s", {"mode": LATER, "asked": "-bs"}),
    ("b", "p", {"mode": LIST, "asked": "-bp"}),
    ("b", "d", {"mode": LATER, "asked": "-bd"}),
]


@pytest.mark.parametrize(("letter", "value", "effect"), SEPARATE_AND_GLUED)
def test_argument_is_the_next_word_or_glued(letter: str, value: str, effect: dict[str, object]) -> None:
    expected = {"recipients": ["a@x", "b@x"], **effect}
    assert changed(options("a@x", f"-{letter}", value, "b@x")) == expected
    if value:
        assert changed(options("a@x", f"-{letter}{value}", "b@x")) == expected
        assert changed(options(f"-t{letter}{value}", "a@x", "b@x")) == {**expected, "from_header": True}


ALONE = [
    ("-t", {"from_header": True}),
    ("-i", {"dots": False}),
    ("-v", {"verbose": True}),
    ("-I", {"mode": ALIASES, "asked": "-I"}),
    ("-ti", {"from_header": True, "dots": False}),
    ("-itvmnU", {"from_header": True, "dots": False, "verbose": True, "aliases": False}),
    ("-G", {}),
    ("-U", {}),
    ("-c", {}),
    ("-m", {}),
    ("-n", {"aliases": False}),
    ("-s", {}),
    ("-x", {}),
    ("-T", {}),
    ("-T3d", {}),
    ("-d", {}),
    ("-d8.99", {}),
    ("-q", {"mode": RUN_QUEUE, "asked": "-q"}),
    ("-q30m", {"mode": RUN_QUEUE, "asked": "-q30m", "queue_run": "30m"}),
    ("-qIabc", {"mode": RUN_QUEUE, "asked": "-qIabc", "queue_run": "Iabc"}),
    ("-qRx.org", {"mode": RUN_QUEUE, "asked": "-qRx.org", "queue_run": "Rx.org"}),
    ("-qSme", {"mode": RUN_QUEUE, "asked": "-qSme", "queue_run": "Sme"}),
    ("-oitrue", {"dots": False}),
    ("-oifalse", {}),
    ("-om", {}),
    ("-oo", {}),
    ("-oQ/var/q", {}),
    ("-o7", {}),
    ("-oT3d", {}),
    ("--help", {"mode": HELP, "asked": "--help"}),
    ("--version", {"mode": VERSION, "asked": "--version"}),
    ("--check-rc", {"mode": CHECK_RC, "asked": "--check-rc"}),
    ("--check-rc=rc", {"mode": CHECK_RC, "asked": "--check-rc", "rc": "rc"}),
    ("--authorize=me@x", {"mode": "authorize", "asked": "--authorize", "recipients": ["me@x"]}),
    *(
        (f"--{name}=x", {"mode": name, "asked": f"--{name}", "recipients": ["x"]})
        for name in ("setup", "explain", "serverinfo", "import", "completion", "set-password", "forget-password")
    ),
    ("--doctor", {"mode": "doctor", "asked": "--doctor"}),
    ("--browser", {"way": "browser"}),
    ("--device", {"way": "device"}),
    ("--enqueue", {"enqueue": True, "delivery": "b"}),
    ("--at=+2h", {"at": "+2h"}),
    ("--json", {"mode": LIST, "asked": "--json", "json": True}),
    ("--show=1-a", {"mode": STEER, "asked": "--show", "recipients": ["1-a"]}),
    ("--cancel=1-a", {"mode": STEER, "asked": "--cancel", "recipients": ["1-a"]}),
    ("--hold=ALL", {"mode": STEER, "asked": "--hold", "recipients": ["ALL"]}),
    ("--release=1-a", {"mode": STEER, "asked": "--release", "recipients": ["1-a"]}),
    ("--retry-now=1-a", {"mode": STEER, "asked": "--retry-now", "recipients": ["1-a"]}),
    ("--undo", {"mode": STEER, "asked": "--undo"}),
    ("--import-queue", {"mode": IMPORT, "asked": "--import-queue"}),
]


@pytest.mark.parametrize(("word", "effect"), ALONE)
def test_flag_without_argument_leaves_the_next_word_alone(word: str, effect: dict[str, object]) -> None:
    named = effect.get("recipients", [])
    assert isinstance(named, list)
    assert changed(options("a@x", word)) == {**effect, "recipients": ["a@x", *named]}
    if not word.startswith("--check-rc"):
        assert changed(options(word, "a@x")) == {**effect, "recipients": [*named, "a@x"]}


def test_every_flag_of_the_table_is_in_one_of_these_tables() -> None:
    tried = {letter for letter, *_ in SEPARATE_AND_GLUED} | {word[1] for word, _ in ALONE if not word.startswith("--")}
    assert tried == set(FLAGS)
    assert {word[2:].partition("=")[0] for word, _ in ALONE if word.startswith("--")} == set(LONG)
    named = {value.partition("=")[0].strip().lower() for letter, value, _ in SEPARATE_AND_GLUED if letter == "O"}
    assert named >= {setting.name.lower() for setting in SETTINGS}


@pytest.mark.parametrize(
    ("words", "effect"),
    [
        (("-oi", "-oifalse"), {}),
        (("-fa@x", "-f", "b@x", "-r", "c@x"), {"sender": "c@x"}),
        (("-oem", "-oep"), {}),
        (("-oep", "-em"), {"errors": "mail"}),
        (("-bv", "-bm"), {"asked": "-bm"}),
        (("-bp", "-q"), {"mode": RUN_QUEUE, "asked": "-q"}),
        (("-q15m", "-bp"), {"mode": LIST, "asked": "-bp", "queue_run": "15m"}),
        (("-bp", "-qRx.org"), {"mode": LIST, "asked": "-bp", "queue_run": "Rx.org"}),
        (("-q!Sme", "--json"), {"mode": LIST, "asked": "--json", "json": True, "queue_run": "!Sme"}),
        (("-bp", "-bv", "-t"), {"mode": VERIFY, "asked": "-bv", "from_header": True}),
        (("-Nnever", "-N", "delay"), {"notify": ("DELAY",)}),
        (("-C", "a", "--check-rc"), {"mode": CHECK_RC, "asked": "--check-rc", "rc": "a"}),
        (("--check-rc", "a"), {"mode": CHECK_RC, "asked": "--check-rc", "rc": "a"}),
        (("--cancel", "1-a", "2-b"), {"mode": STEER, "asked": "--cancel", "recipients": ["1-a", "2-b"]}),
        (("--cancel", "--", "-x"), {"mode": STEER, "asked": "--cancel", "recipients": ["-x"]}),
        (("--show", "-v", "1-a"), {"mode": STEER, "asked": "--show", "recipients": ["1-a"], "verbose": True}),
        (("1-a", "--hold", "-odq"), {"mode": STEER, "asked": "--hold", "recipients": ["1-a"], "delivery": "q"}),
        (("--show=", "--show", ""), {"mode": STEER, "asked": "--show", "recipients": ["", ""]}),
        (("--at", "+2h"), {"at": "+2h"}),
        (("--enqueue", "-odi"), {"enqueue": True, "delivery": "b"}),
        (("-odi", "--enqueue"), {"enqueue": True, "delivery": "b"}),
        (("-odq", "--enqueue"), {"enqueue": True, "delivery": "q"}),
        (("--enqueue", "-odd"), {"enqueue": True, "delivery": "d"}),
        (("--undo=file",), {"mode": STEER, "asked": "--undo", "recipients": ["file"]}),
        (("--import-queue=dir",), {"mode": IMPORT, "asked": "--import-queue", "recipients": ["dir"]}),
        (("--undo", "-v"), {"mode": STEER, "asked": "--undo", "verbose": True}),
        (("--json", "-bp"), {"mode": LIST, "asked": "-bp", "json": True}),
        (("--check-rc", "-v"), {"mode": CHECK_RC, "asked": "--check-rc", "verbose": True}),
        (("-oQ", "/var/q"), {}),
        (("-o", "Q", "/var/q"), {}),
    ],
)
def test_later_wins(words: tuple[str, ...], effect: dict[str, object]) -> None:
    assert changed(options(*words)) == effect


def test_double_dash_ends_the_flags() -> None:
    parsed = options("-i", "--", "-t", "--help", "--", "-f")
    assert changed(parsed) == {"dots": False, "recipients": ["-t", "--help", "--", "-f"]}


def test_lone_dash_and_empty_word_are_recipients_to_be_judged_later() -> None:
    assert options("-", "").recipients == ["-", ""]


@pytest.mark.parametrize(
    ("words", "effect"),
    [
        (["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], "cron"),
        (["-FCronDaemon", "-odi", "-oem", "-oi", "-t"], "older cron"),
        (["-i", "-f", "me@x.org", "--", "a@y.org", "b@z.org"], "git send-email"),
        (["-oem", "-oi", "-f", "me@x.org", "-N", "failure,delay", "-R", "hdrs", "--", "a@y.org"], "Mutt"),
        (["-t", "-i"], "PHP"),
        (["-i", "-m", "-v", "-r", "me@x.org", "--", "a@y.org"], "s-nail"),
        (["-f", "me@x.org", "a@y.org"], "fetchmail"),
    ],
)
def test_what_callers_write(words: list[str], effect: str) -> None:
    parsed = options(*words)
    assert parsed.mode == SEND
    assert parsed.recipients or parsed.from_header
    assert parsed.full_name == ("CronDaemon" if "cron" in effect else None)


@pytest.mark.parametrize(
    ("called", "mode"),
    [
        ("esmtp", SEND),
        ("sendmail", SEND),
        ("/usr/lib/sendmail", SEND),
        ("./anything", SEND),
        ("mailq", LIST),
        ("/usr/bin/mailq", LIST),
        ("deliver", RUN_QUEUE),
        ("../bin/newaliases", ALIASES),
        ("__main__.py", SEND),
        ("/mailq/sendmail", SEND),
        ("", SEND),
    ],
)
def test_name_called_by(called: str, mode: str) -> None:
    assert options(called=called).mode == mode
    assert options("--version", called=called).mode == VERSION


def test_empty_argv() -> None:
    assert parse([]).mode == SEND


MISTAKES = [
    (("-Z",), "-Z"),
    (("-tZ",), "-Z"),
    (("-é",), "-é"),
    (("--nonsense",), "--nonsense"),
    (("--help=x",), "--help"),
    (("--cancel",), "--cancel"),
    (("--hold", "-v", "--"), "--hold needs an argument: --hold ID ..."),
    (("--undo", "x", "y"), "--undo takes one argument, and y is one more"),
    (("--undo", ""), "--undo"),
    (("--undo=",), "--undo"),
    (("--import-queue", "a", "b"), "b is one more"),
    (("--import-queue", ""), "--import-queue"),
    (("--at",), "--at"),
    (("--at=",), "--at"),
    (("--cancel", "1-a", "--hold", "1-b"), "--cancel and --hold"),
    (("-f",), "-f"),
    (("a@x", "-C"), "-C"),
    (("-t", "-o"), "-o"),
    (("-oQ",), "-oQ"),
    (("-oe",), "-oe"),
    (("-oex",), "-oe"),
    (("-ez",), "-oe"),
    (("-odx",), "-odx"),
    (("-oix",), "IgnoreDots"),
    (("-o!",), "-o!"),
    (("-o", ""), "-o"),
    (("-O", "Nonsense=1"), "Nonsense"),
    (("-O", "QueueDirectory"), "QueueDirectory"),
    (("-O", "=x"), "-O"),
    (("-O", "IgnoreDots=maybe"), "IgnoreDots"),
    (("-O", "extra_recipients=drop"), "extra_recipients"),
    (("-O", "MaxHopCount=many"), "MaxHopCount"),
    (("-O", "i=true"), "-O i"),
    (("-bx",), "-bx"),
    (("-b", ""), "-b"),
    (("-Ax",), "-A"),
    (("-h", "-1"), "-h"),
    (("-h", "1e3"), "-h"),
    (("-h", "10000"), "-h"),
    (("-h", "٣"), "-h"),
    (("-B", "9BIT"), "-B"),
    (("-B", ""), "-B"),
    (("-N", ""), "-N"),
    (("-N", "never,success"), "-N"),
    (("-N", "success,,delay"), "-N"),
    (("-N", "often"), "-N"),
    (("-R", "body"), "-R"),
    (("-V", ""), "-V"),
    (("-V", "x" * 101), "-V"),
    (("-V", "+" * 34), "-V"),
    (("-V", "=" * 34), "-V"),
    (("-V", " " * 34), "-V"),
    (("-V", "a\rb"), "-V"),
    (("-V", "é"), "-V"),
]


@pytest.mark.parametrize(("words", "named"), MISTAKES)
def test_mistake_is_named(words: tuple[str, ...], named: str) -> None:
    assert named in refused(*words).replace("\r", " ")


def test_inert_settings_are_all_accepted_in_both_forms() -> None:
    for name, letter in NAMES.items():
        assert changed(options("-O", f"{name}=1")) == {}, name
        assert changed(options("-O", f"{name.upper()}=1")) == {}, name
        if long_needs_value(name):
            assert name in refused("-O", name)
        else:
            assert changed(options("-O", name, "a@x")) == {"recipients": ["a@x"]}
        if letter:
            assert changed(options(f"-o{letter}1")) == {}, name
    for letter in LETTERS:
        assert changed(options(f"-o{letter}1")) == {}, letter


@pytest.mark.parametrize("letter", "7DGRYcfijlmnosvwd")
def test_a_letter_that_is_a_switch_never_eats_a_recipient(letter: str) -> None:
    assert options(f"-o{letter}", "a@x").recipients == ["a@x"]


@pytest.mark.parametrize("letter", "8ABCEFHIJKLMNOPQSTUVXZabghkpqrtuxyz")
def test_a_letter_that_needs_a_value_takes_the_next_word(letter: str) -> None:
    assert options(f"-o{letter}", "5", "a@x").recipients == ["a@x"]
    assert options(f"-o{letter}5", "a@x").recipients == ["a@x"]


def test_no_name_or_letter_stands_in_the_tables_twice() -> None:
    effective = {setting.name.lower() for setting in SETTINGS}
    assert not effective & {name.lower() for name in NAMES}
    letters = [setting.letter for setting in SETTINGS] + [*NAMES.values()] + [*LETTERS]
    used = [letter for letter in letters if letter]
    assert len(used) == len(set(used))
    assert len({name.lower() for name in NAMES}) == len(NAMES)


def test_every_row_has_its_line_in_help() -> None:
    for flag in (*FLAGS.values(), *LONG.values()):
        assert flag.doc
        assert bool(flag.argument) == (flag.takes != NONE), flag.name
        assert flag.argument.startswith("[") == (flag.takes == GLUED) or flag.takes == WORDS, flag.name


def test_a_very_long_bundle_is_read_in_linear_time() -> None:
    assert options("-" + "t" * 1_000_000).from_header


def test_what_was_meant_is_guessed() -> None:
    assert refused("--chek-rc") == "--chek-rc: unknown option; did you mean --check-rc?"
    assert refused("--set-pasword") == "--set-pasword: unknown option; did you mean --set-password?"
    assert refused("--xyzzy") == "--xyzzy: unknown option; --help lists the known ones"


def test_what_is_missing_is_named() -> None:
    assert refused("--explain") == "--explain needs an argument: --explain ADDRESS"
    assert refused("-f") == "-f needs an argument: -f ADDRESS"
    assert refused("-oQ") == "-oQ needs an argument"
