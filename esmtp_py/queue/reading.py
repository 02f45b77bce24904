"""Bytes of a queue file become an Entry again, or are Damaged.  Whoever only adds a mail needs none of this."""

from esmtp_py.message.envelope import Recipient
from esmtp_py.queue.entry import RAW, SEAL, VERSION, WIRE, WORDS, Damaged, Entry

# SIZE and two words: a longer line is no seal.
SEAL_LIMIT = 200

# The end of the year 9999, in seconds since 1970: no file system and no calendar knows what comes later.
LATEST = 253402300799

_HEX = frozenset("0123456789abcdefABCDEF")


def unescape(text: str) -> str:
    """The reverse of ``entry.escape``; Damaged for a ``%`` that it cannot have made."""
    if "%" not in text:
        return text
    first, *rest = text.split("%")
    if not all(len(part) >= 2 and _HEX.issuperset(part[:2]) for part in rest):
        raise Damaged(f"a percent sign that stands for nothing in {text[:60]!r}")
    return first + "".join(chr(int(part[:2], 16)) + part[2:] for part in rest)


def read_head(data: bytes) -> "Entry | None":
    """The entry whose file begins with ``data``, its ``offset`` set; None if the head goes on after ``data``.

    Raises Damaged when it cannot be the beginning of a queue file.
    """
    if not data.startswith(VERSION):
        if VERSION.startswith(data):
            return None
        raise Damaged("it does not begin as a queue file of this version")
    end = data.find(b"\n\n")
    argv_at = data.find(b"\nargv ", 0, end if end >= 0 else len(data))
    if argv_at < 0:
        return None if end < 0 else _entry(data[len(VERSION) : end], end + 2)
    entry = _entry(data[len(VERSION) : argv_at], 0)
    return _with_argv(entry, data, argv_at + 1)


def _entry(text: bytes, offset: int) -> Entry:
    entry = Entry(0)
    entry.offset = offset
    fields: dict[str, str] = {}
    for line in text.decode("utf-8", "surrogateescape").split("\n"):
        name, _, value = line.partition(" ")
        if name == "recipient":
            # 100,000 of them are listed in a second, most of them plain
            plain = value[:1] == "<" and value[-1:] == ">" and " " not in value and "%" not in value
            entry.recipients.append(Recipient(value[1:-1]) if plain and len(value) > 1 else recipient_of(value))
        elif name in fields:
            raise Damaged(f"two lines of {name[:20]!r}")
        else:
            fields[name] = value
    entry.time = _seconds(fields.pop("time", ""))
    if "sender" in fields:
        entry.sender = _address(fields.pop("sender"))
    if fields:
        _options(entry, fields)
    return entry


def _options(entry: Entry, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        if name in WORDS:
            setattr(entry, name, unescape(value))
        elif name == "hops":
            entry.hops = int(_seconds(value))
        elif name == "not_before":
            entry.not_before = _seconds(value)
        elif name == "requiretls" and not value:
            entry.requiretls = True
        else:
            raise Damaged(f"a line {name[:20]!r}, which this version does not know")
    if entry.form not in (WIRE, RAW):
        raise Damaged(f"form {entry.form[:20]!r}, which this version does not know")


def _seconds(text: str) -> float:
    # 20 characters: microseconds of the year 9999 have 19; float() of a long string is slow.
    if not (len(text) <= 20 and text.isascii() and text.replace(".", "", 1).isdigit()):
        raise Damaged(f"{text[:20]!r} where a number should be")
    seconds = float(text)
    if seconds > LATEST:
        raise Damaged(f"{text!r} is further ahead than any time")
    return seconds


def _address(text: str) -> str:
    if len(text) < 2 or text[0] != "<" or text[-1] != ">":
        raise Damaged(f"{text[:60]!r} where an address should be")
    return unescape(text[1:-1])


def recipient_of(text: str) -> Recipient:
    """The reverse of ``entry.recipient_words``; Damaged for what it cannot have made."""
    if " " not in text:
        return Recipient(_address(text))
    word, *parameters = text.split(" ")
    recipient = Recipient(_address(word))
    line = " ".join(parameters)
    if line.startswith("NOTIFY="):
        notify, _, line = line[7:].partition(" ")
        recipient.notify = tuple(notify.split(","))
    if line.startswith("ORCPT="):
        recipient.orcpt, line = unescape(line[6:]), ""
    if line:
        raise Damaged(f"{line[:60]!r} behind a recipient")
    return recipient


def _with_argv(entry: Entry, data: bytes, at: int) -> "Entry | None":
    """Reads the counted words that begin at ``at``; None if ``data`` ends before they do."""
    length = len(data)
    while data.startswith(b"argv ", at):
        end = data.find(b"\n", at, at + 20)
        count = data[at + 5 : end]
        if end < 0 and length < at + 20:
            return None
        if end < 0 or not count.isdigit():
            raise Damaged("a word of the call has no length")
        at = end + 1 + int(count)
        if length <= at:
            return None
        entry.argv.append(data[end + 1 : at])
        if data[at] != 10:
            raise Damaged("a word of the call is longer than its length")
        at += 1
    if data[at : at + 1] != b"\n":
        if b"argv ".startswith(data[at : at + 5]):
            return None
        raise Damaged("something else behind the words of the call")
    entry.offset = at + 1
    return entry


def read_end(entry: Entry, data: bytes, at: int) -> None:
    """Completes ``entry`` from ``data``, the file from its byte ``at`` on.  Raises Damaged if no seal fits."""
    seal = data.rfind(SEAL)
    end = data.find(b"\n", seal + 1, seal + SEAL_LIMIT)
    line = data[seal + len(SEAL) : end]
    words = line.split(b" ")
    at += seal
    if seal < 0 or end < 0 or len(words) != 3 or words[0] != b"%d" % at or at < entry.offset or not line.isascii():
        raise Damaged("its seal is missing, broken or in the wrong place")
    entry.size = at - entry.offset
    entry.sealed = at
    entry.algorithm, entry.digest = words[1].decode(), words[2].decode()
    entry._tail = data[end + 1 :]
