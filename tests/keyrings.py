"""A keyring of the tests' own, for the keyring package of the installed command: a file, or one that misbehaves.

KEYRING_DOES in the environment: "" works, "hangs", "locked", "fails", "exits", "bytes" (not text), "forgets"
(takes everything, keeps nothing), "tells" (what it cannot store).
"""

import json
import os
import pathlib
import time

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class FileKeyring(KeyringBackend):
    """~/keyring.json: {service: {user: password}}; each call is noted in ~/keyring.calls."""

    priority = 1

    def get_password(self, service: str, username: str) -> "str | None":
        self._begin("get")
        if os.environ.get("KEYRING_DOES") == "bytes":
            return b"hunter2"  # type: ignore[return-value]
        return self._all().get(service, {}).get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._begin("set")
        if os.environ.get("KEYRING_DOES") == "tells":
            raise ValueError(f"cannot store {password!r}")
        if os.environ.get("KEYRING_DOES") != "forgets":
            known = self._all()
            known.setdefault(service, {})[username] = password
            self._keep(known)

    def delete_password(self, service: str, username: str) -> None:
        self._begin("delete")
        known = self._all()
        if known.get(service, {}).pop(username, None) is None:
            raise PasswordDeleteError("not there")
        self._keep(known)

    def _begin(self, call: str) -> None:
        with open(pathlib.Path.home() / "keyring.calls", "a", encoding="utf-8") as file:
            file.write(call + "\n")
        does = os.environ.get("KEYRING_DOES", "")
        if does == "hangs":
            time.sleep(60)
        if does == "locked":
            raise KeyringLocked("Failed to unlock the collection!")
        if does == "exits":
            raise SystemExit(3)
        if does == "fails":
            raise OSError("no bus\nand more of it")

    def _all(self) -> "dict[str, dict[str, str]]":
        path = pathlib.Path.home() / "keyring.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def _keep(self, known: "dict[str, dict[str, str]]") -> None:
        path = pathlib.Path.home() / "keyring.json"
        path.touch(0o600)
        path.write_text(json.dumps(known))
