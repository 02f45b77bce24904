"""``password_from credential NAME``: what systemd hands to a service (systemd.exec(5), LoadCredential=)."""

import os
import stat

from esmtp_py.secret.failure import not_now
from esmtp_py.secret.line import LONGEST, first_line


def fetch(name: str) -> str:
    """The first line of the credential; not_now() outside of the service that has it."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise not_now(
            f"no password: the credential {name} is for a service of systemd with LoadCredential={name}:FILE, "
            "and this is none (CREDENTIALS_DIRECTORY is not set)"
        )
    path = f"{directory}/{name}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise not_now(
            f"no password: the service has no credential {name}: add LoadCredential={name}:FILE to it"
        ) from error
    except OSError as error:
        raise not_now(f"no password: the credential {path}: {error.strerror}") from error
    try:
        _refuse_strange(path, os.fstat(descriptor))
        return first_line(os.read(descriptor, LONGEST + 2), f"the credential {name}")
    except OSError as error:
        raise not_now(f"no password: the credential {path}: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _refuse_strange(path: str, status: os.stat_result) -> None:
    """The bits for the group are those of an ACL for us; nobody but systemd and us has written it."""
    if not stat.S_ISREG(status.st_mode):
        raise not_now(f"no password: the credential {path} is no regular file")
    if status.st_uid not in (os.geteuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise not_now(f"no password: the credential {path} was not put there by systemd: others have access to it")
