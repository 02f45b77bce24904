"""A secret that is found wherever it goes: in files, on screens, in the process table of the machine."""

import base64
import contextlib
import os
import pathlib
import threading
from collections.abc import Iterator

CANARY = "Kanarie-7Xq2-vogel"


def forms(word: str) -> "tuple[bytes, ...]":
    """How it may look.

    In base64 it does so differently in each of three places, and its ends depend on what is around it (RFC 4648
    section 4).
    """
    octets = word.encode()
    encoded = {base64.b64encode(b"\0" * shift + octets)[(0, 2, 3)[shift] : -3] for shift in range(3)}
    return (octets, octets.hex().encode(), *sorted(encoded))


FORMS = forms(CANARY)


def sung(data: bytes, of: "tuple[bytes, ...]" = ()) -> "list[bytes]":
    """The forms of the canary that are in there, also when lines are folded in their middle."""
    unfolded = data.translate(None, b" \t\r\n=")
    return [form for form in of or FORMS if form in data or form in unfolded]


def nests(home: pathlib.Path, known: "set[str]") -> "Iterator[str]":
    """Files below ``home`` with the canary in them, their names included, but for those where it has to be."""
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if name in known or not path.is_file():
            continue
        if sung(os.fsencode(name)) or sung(path.read_bytes()):
            yield name


class Watch:
    """Looks at the command line and the environment of every process of the machine, all the time.

    of: what it listens for, () for FORMS.  seen: the programs that were looked at.  found: what had it, with the place.
    gate: a fifo that it makes; who reads a line there gets it when all that ran meanwhile has been looked at.
    """

    def __init__(self, of: "tuple[bytes, ...]" = (), gate: "pathlib.Path | None" = None) -> None:
        self.of = of
        self.gate = gate
        if gate:
            os.mkfifo(gate)
        self.seen: set[str] = set()
        self.found: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            waiting = self._open_gate()
            for process in os.listdir("/proc"):
                if process.isdigit():
                    self._look_at(pathlib.Path("/proc", process))
            if waiting is not None:
                with open(waiting, "wb", buffering=0) as gate, contextlib.suppress(BrokenPipeError):
                    gate.write(b"\n")

    def _open_gate(self) -> "int | None":
        """None when nobody reads it."""
        try:
            return os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK) if self.gate else None
        except OSError:
            return None

    def _look_at(self, process: pathlib.Path) -> None:
        for what in ("cmdline", "environ"):
            try:
                data = (process / what).read_bytes()
            except OSError:
                continue  # it has ended, or is another user's
            if what == "cmdline":
                self.seen |= {os.path.basename(word.decode("latin-1")) for word in data.split(b"\0")[:3] if word}
            if sung(data, self.of):
                self.found.add(f"{what} of {data[:80]!r}")
