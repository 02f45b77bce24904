"""The digest that seals a queue file: what was accepted is what is delivered, or it is set aside.

A guard against disks and power failures, not against people: whoever may write
in the queue may also compute a digest.  Python writes blake2b; the shell
wrapper writes what its system has, ``cksum`` first, for that is one program
for length and sum.
"""

from esmtp_py.queue.entry import Damaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Digest(Protocol):
        """update() takes the bytes in order, hexdigest() is the word for the seal."""

        def update(self, data: "bytes | bytearray", /) -> None: ...
        def hexdigest(self) -> str: ...


# The one that Python writes; 16 bytes are enough for what it guards against.
ALGORITHM = "blake2b"
SIZE = 16


def new(algorithm: str = ALGORITHM) -> "Digest":
    """A Digest that has seen nothing yet.  Damaged for an algorithm that no version of esmtp writes."""
    if algorithm == "blake2b":
        return _blake2b()
    if algorithm == "cksum":
        return Cksum()
    if algorithm == "sha256":
        from hashlib import sha256

        return sha256()
    raise Damaged(f"sealed with {algorithm[:20]!r}, which this version does not know")


def _blake2b() -> "Digest":
    """Without the module hashlib, which takes longer to load than a mail takes to queue."""
    try:
        from _blake2 import blake2b
    except ImportError:  # another implementation of Python
        from hashlib import blake2b
    return blake2b(digest_size=SIZE)


class Cksum:
    """POSIX cksum: a CRC that takes the bits of a byte from the other end than ``binascii.crc32``, then the length.

    With the bits of each byte reversed on the way in, and those of the sum on
    the way out, the fast one does the work.
    """

    __slots__ = ("_crc", "_length", "_reversed")

    def __init__(self) -> None:
        self._reversed = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))
        self._crc = 0xFFFFFFFF  # binascii inverts what it is given: the CRC begins with 0
        self._length = 0

    def update(self, data: "bytes | bytearray", /) -> None:
        from binascii import crc32

        self._crc = crc32(data.translate(self._reversed), self._crc)
        self._length += len(data)

    def hexdigest(self) -> str:
        """In decimal, as cksum prints it."""
        from binascii import crc32

        length = self._length.to_bytes((self._length.bit_length() + 7) // 8, "little")
        crc = crc32(length.translate(self._reversed), self._crc)
        return str(int(f"{crc:032b}"[::-1], 2))
