"""Where the refresh token of an identity is kept: its token_file, or the keyring."""

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.secret import private_file
from esmtp_py.secret.oauth2.tokens import LONGEST_TOKEN, token
from esmtp_py.secret.service import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from esmtp_py.secret.oauth2.client import Client

    class Store(Protocol):
        """name: for people.  key: tells it from every other place; locks and caches belong to it."""

        name: str
        key: str

        def read(self) -> Secret:
            """The refresh token.  MailError that says what to do when there is none, or it cannot be had now."""

        def write(self, refresh: Secret) -> None:
            """Returns when it is kept.  MailError when it is not."""

        def ready(self) -> None:
            """MailError when ``write`` would fail, as far as can be told."""


def store(client: "Client") -> "Store":
    """The one that the rc says."""
    if client.identity.token_file:
        return FileStore(client)
    return KeyringStore(client)


class FileStore:
    """One line in a file that nobody else can read."""

    def __init__(self, client: "Client") -> None:
        self.name = self.key = client.identity.token_file
        self._client = client

    def read(self) -> Secret:
        content = private_file.read(self.name, LONGEST_TOKEN)
        if content is None:
            raise missing(self._client, f"there is no token_file {self.name}")
        found = token(content.decode("ascii", "replace").strip())
        if found is None:
            raise missing(self._client, f"{self.name} holds no refresh token")
        return found

    def write(self, refresh: Secret) -> None:
        private_file.write(self.name, refresh.reveal().encode("ascii") + b"\n")

    def ready(self) -> None:
        private_file.expect_room(self.name)


class KeyringStore:
    """An entry of the keyring: service oauth2://HOST, the user's name."""

    def __init__(self, client: "Client") -> None:
        self._service = f"oauth2://{host(client.identity)}"
        self._client = client
        self.name = f"the keyring, as {self._service}"
        self.key = f"{self._service}\0{client.user}"

    def read(self) -> Secret:
        found = self._found()
        usable = token(found.reveal()) if found else None
        if usable is None:
            raise missing(self._client, f"the keyring has no refresh token of {self._client.user} at {self._service}")
        return usable

    def write(self, refresh: Secret) -> None:
        from esmtp_py.secret import keyring

        keyring.store(self._client.identity, self._service, refresh)

    def ready(self) -> None:
        self._found()

    def _found(self) -> "Secret | None":
        from esmtp_py.secret import keyring

        try:
            return keyring.look_up(self._client.identity, self._service)
        except MailError as error:
            # the other places of a password are none of a token
            text = error.text.replace("use password_command or password_file", "write token_file")
            raise MailError(error.kind, text, status=error.status) from error


def missing(client: "Client", why: str) -> MailError:
    return MailError("auth", f"no access token for {client.user}: {why}; {client.remedy}")
