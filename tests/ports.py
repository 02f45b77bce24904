"""Ports for programs that cannot be told "any free one"."""

import errno
import itertools
import os
import random
import socket

# Below those that the kernel gives to who asks for any: the tests' own servers, and all clients.
FIRST = 20000
# For each of the test processes that run side by side.
SHARE = 400
WORKERS = 30


def _shuffled() -> list[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    begin = FIRST + worker * SHARE
    return random.sample(range(begin, begin + SHARE), SHARE)


_ports = itertools.cycle(_shuffled())


def free_port() -> int:
    """A TCP port that nobody has on 127.0.0.1 or ::1, and that no other test gets before the program has it."""
    for port in itertools.islice(_ports, SHARE):
        if _free("127.0.0.1", port) and _free("::1", port):
            return port
    raise OSError(f"no port from {FIRST} to {FIRST + WORKERS * SHARE} is free")


def _free(host: str, port: int) -> bool:
    """Also true where there is no such host."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return True
    except OSError as error:
        return error.errno != errno.EADDRINUSE
