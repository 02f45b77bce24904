"""Delivered mail, as files."""

import os

from tests.interop.postfix import wait_until


class Mail:
    """One delivered message.

    data: as the delivery agent wrote it, LF at line ends.  to: the recipient it
    was delivered for ("" when nobody said).
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.head, _, self.body = data.partition(b"\n\n")

    def get(self, name: str) -> str:
        """The first field of that name, unfolded; "" when there is none."""
        return (self.get_all(name) or [""])[0]

    def get_all(self, name: str) -> list[str]:
        """Every field of that name, unfolded, in order."""
        text = self.head.decode("utf-8", "replace")
        for fold in ("\n ", "\n\t"):
            text = text.replace(fold, " ")
        pairs = (line.partition(":") for line in text.split("\n"))
        return [value.strip() for key, _, value in pairs if key.lower() == name.lower()]

    @property
    def to(self) -> str:
        return self.get("X-Original-To") or self.get("Delivered-To")

    @property
    def login(self) -> str:
        """Whom Postfix had authenticated, as its Received field says."""
        received = self.get("Received")
        _, said, rest = received.partition("Authenticated sender: ")
        return rest.partition(")")[0] if said else ""


class Maildir:
    """Reads a maildir that delivery agents write to; every file is read once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._read: dict[str, Mail] = {}

    def mails(self) -> list[Mail]:
        """All mail there is, in no certain order."""
        for folder in ("new", "cur"):
            directory = os.path.join(self.path, folder)
            for name in os.listdir(directory) if os.path.isdir(directory) else ():
                key = name.partition(":")[0]
                if key not in self._read:
                    with open(os.path.join(directory, name), "rb") as file:
                        self._read[key] = Mail(file.read())
        return list(self._read.values())

    def wait(self, count: int = 1) -> list[Mail]:
        """All mail there is, once there are so many."""
        wait_until(lambda: len(self.mails()) >= count, f"{count} mails in {self.path}")
        return self.mails()
