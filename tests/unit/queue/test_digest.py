"""The digests of queue files, against the programs that also compute them."""

import hashlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmtp_py.queue.digest import ALGORITHM, new
from esmtp_py.queue.entry import Damaged

SIZES = [0, 1, 2, 255, 256, 257, 65535, 65536, 70001]


def digest(algorithm: str, data: bytes, cut: int = 0) -> str:
    found = new(algorithm)
    found.update(data[:cut])
    found.update(data[cut:])
    return found.hexdigest()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("algorithm", "program"), [("cksum", "cksum"), ("sha256", "sha256sum")])
def test_the_programs_of_the_wrapper_agree(algorithm: str, program: str, size: int) -> None:
    path = shutil.which(program)
    assert path, f"{program} is in every POSIX system, or in every Linux"
    data = bytes(octet * 7 % 251 for octet in range(size))
    said = subprocess.run([path], input=data, capture_output=True, check=True).stdout.split()[0].decode()
    assert digest(algorithm, data, size // 3) == said


def test_cksum_of_nothing_is_that_of_posix() -> None:
    assert digest("cksum", b"") == "4294967295"


@given(st.binary(max_size=200), st.integers(0, 200))
def test_ours_is_blake2b_of_sixteen_bytes(data: bytes, cut: int) -> None:
    assert digest(ALGORITHM, data, cut) == hashlib.blake2b(data, digest_size=16).hexdigest()


@given(st.binary(min_size=1, max_size=200), st.data())
@pytest.mark.parametrize("algorithm", ["cksum", "blake2b"])
def test_each_bit_counts(algorithm: str, content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert digest(algorithm, content) != digest(algorithm, bytes(changed))


@pytest.mark.parametrize("name", ["", "md5", "sha3", "x" * 1000])
def test_an_unknown_one_is_damage_of_one_short_line(name: str) -> None:
    with pytest.raises(Damaged) as caught:
        new(name)
    assert len(caught.value.text) < 100
