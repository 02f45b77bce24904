"""What a reader of another mailer's file has found."""

from esmtp_py.config.writing import Section


class Found:
    """sections: of the rc file to be.  lost: what has no counterpart, a line each for people."""

    __slots__ = ("lost", "sections")

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.lost: list[str] = []

    def lose(self, what: str, why: str = "has no counterpart here") -> None:
        self.lost.append(f"{what}: {why}")


def authority(section: Section, host: str, port: str, *, protocol: str = "smtp") -> None:
    """``hostname`` with its port, which other programs choose otherwise."""
    section.say("hostname", f"{'lmtp:' if protocol == 'lmtp' else ''}{place(host, port)}")


def place(host: str, port: str) -> str:
    """As URLs have it: an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) <= 5
