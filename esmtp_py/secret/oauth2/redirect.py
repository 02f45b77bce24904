"""Authorisation through a browser: the user agrees there, and is sent back to us (RFC 6749 section 4.1, RFC 8252).

We listen on a port of 127.0.0.1 for the one request that carries the code.
Whoever else may connect there learns nothing and changes nothing: without our
``state`` a request is not ours, and the code is of no use without the verifier,
which never leaves this process but to the token endpoint (RFC 7636).
"""

import os
import select
import socket
import time

from esmtp_py.concealed import Secret
from esmtp_py.errors import MailError
from esmtp_py.net.stream import Stream
from esmtp_py.printable import printable
from esmtp_py.secret.oauth2.grant import Refused, granted, meaning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from esmtp_py.secret.oauth2.client import Client
    from esmtp_py.secret.oauth2.tokens import Tokens

# To read the provider's page, log in there, and find the second factor.
PATIENCE = 600.0
# For a browser on this machine to say what it wants; it says it at once.
REQUEST_SECONDS = 5.0
# Codes have at most some hundred bytes, cookies of other programs on this host a few thousand.
MAX_REQUEST = 32 * 1024
# A browser asks for the page, its icon, and perhaps both twice.
MAX_REQUESTS = 100

_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>esmtp</title></head>
<body><p>{}</p></body></html>
"""
_DONE = "esmtp has what it needs. You can close this window; the terminal says how it went on."
_DENIED = "The permission was not given. You can close this window."
_NOT_OURS = "esmtp does not know what this is. Begin again with the address that it shows in the terminal."
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}


class Redirect:
    """One authorisation, from the address for the browser to the tokens.  For a ``with``.

    url: what the user opens.  place: what the address begins with that the browser ends at.
    """

    def __init__(self, client: "Client") -> None:
        """Listens from now on.  MailError("config") when the rc does not say where the user agrees."""
        if not client.authorization_endpoint:
            text = f"OAuth2 for {client.identity.name} needs `authorization_endpoint` in the rc for a browser"
            raise MailError("config", text + ", or `device_endpoint`")
        self._client = client
        self._state, self._verifier = Secret(_random()), Secret(_random())
        self._listener = _listener()
        port = self._listener.getsockname()[1]
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self.place = f"http://{client.provider.loopback}:{port}"  # as it is registered, which is without a path
        self.url = self._address()

    def __enter__(self) -> "Redirect":
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def tokens(
        self,
        typed: "Callable[[], str] | None" = None,
        fd: int = -1,
        patience: float = PATIENCE,
        wrong: "Callable[[], None]" = lambda: None,
    ) -> "Tokens":
        """Waits for the browser, and exchanges the code that it brings.

        typed, fd: the address that the browser ended at may also be typed:
        when ``fd`` can be read, ``typed`` gives a line.
        wrong: called when that is another one; the wait goes on.  Raises MailError.
        """
        code = self._code(typed, fd, wrong, time.monotonic() + patience)
        self._listener.close()
        form: "dict[str, str | Secret]" = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.place,
            "code_verifier": self._verifier,
        }
        return granted(self._client, form)

    def _address(self) -> str:
        from base64 import urlsafe_b64encode
        from hashlib import sha256
        from urllib.parse import urlencode

        client = self._client
        challenge = urlsafe_b64encode(sha256(self._verifier.reveal().encode("ascii")).digest()).rstrip(b"=")
        asks = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": self.place,
            **({"scope": client.scope} if client.scope else {}),
            "state": self._state.reveal(),
            "code_challenge": challenge.decode("ascii"),
            "code_challenge_method": "S256",
            "login_hint": client.user,
            **client.provider.asks,
        }
        endpoint = client.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asks, errors='surrogateescape')}"

    def _code(self, typed: "Callable[[], str] | None", fd: int, wrong: "Callable[[], None]", end: float) -> Secret:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        if typed:
            poll.register(fd, select.POLLIN)
        for _ in range(MAX_REQUESTS):
            left = end - time.monotonic()
            ready = dict(poll.poll(left * 1000 + 1)) if left > 0 else {}
            if not ready:
                raise MailError("try_again", f"nobody agreed in time: {self._client.remedy} again")
            found = self._served() if self._listener.fileno() in ready else None
            if typed and fd in ready:
                line = typed()
                if not line or ready[fd] & select.POLLNVAL:  # the terminal is gone; the browser may still come
                    poll.unregister(fd)
                    typed = None
                if line.strip() and not found:
                    found = self._granted(line.strip().partition("?")[2])
                    if not found:
                        wrong()
            if found:
                return found
        raise MailError("try_again", f"too many requests that were not what we wait for: {self._client.remedy} again")

    def _served(self) -> "Secret | None":
        """Answers one request of whoever it is.  The code, if it brought one."""
        try:
            sock, _ = self._listener.accept()
        except OSError:  # it went away again
            return None
        stream = Stream(sock, "the browser")
        deadline = time.monotonic() + REQUEST_SECONDS
        try:
            return self._answered(stream, _request(stream, deadline), deadline)
        except MailError as error:
            if error.kind != "connection_lost":
                raise
            return None  # a browser in two minds, or nobody's request
        finally:
            stream.close()

    def _answered(self, stream: Stream, head: bytes, deadline: float) -> "Secret | None":
        method, target, fields = _parsed(head)
        path, _, query = target.partition("?")
        if method != "GET":
            stream.send(_page(405, _NOT_OURS), deadline)
        elif fields.get("host", "").lower() not in self._hosts:  # a page that was led here by its DNS
            stream.send(_page(403, _NOT_OURS), deadline)
        elif path != "/":
            stream.send(_page(404, _NOT_OURS), deadline)
        else:
            return self._told(stream, query, deadline)
        return None

    def _told(self, stream: Stream, query: str, deadline: float) -> "Secret | None":
        try:
            code = self._granted(query)
        except MailError:
            _try(stream, _page(200, _DENIED), deadline)
            raise
        _try(stream, _page(200, _DONE) if code else _page(400, _NOT_OURS), deadline)
        return code

    def _granted(self, query: str) -> "Secret | None":
        """The code in the answer to our own request; None for what is no answer to it.  MailError when it says no."""
        from hmac import compare_digest
        from urllib.parse import parse_qs

        try:
            asked = parse_qs(query, max_num_fields=50)
        except ValueError:
            return None
        state, code, error = (asked.get(name, [""]) for name in ("state", "code", "error"))
        if not compare_digest(state[-1].encode("utf-8", "replace"), self._state.reveal().encode("ascii")):
            return None
        if error[0]:
            words = ": ".join(part for part in (error[0], asked.get("error_description", [""])[0]) if part)
            raise meaning(self._client, Refused(error[0], printable(words, 200)))
        return Secret(code[0]) if code[0] and len(state) == len(code) == 1 else None


def _random() -> str:
    """256 bits; 43 characters, as RFC 7636 section 4.1 recommends."""
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode("ascii")


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise MailError("system", f"cannot listen on 127.0.0.1: {error.strerror}") from error
    return listener


def _request(stream: Stream, deadline: float) -> bytes:
    """Up to the empty line, or as much as anybody may say."""
    head = bytearray()
    while b"\r\n\r\n" not in head and len(head) < MAX_REQUEST:
        data = stream.receive(deadline)
        if not data:
            break
        head += data
    return bytes(head)


def _parsed(head: bytes) -> "tuple[str, str, dict[str, str]]":
    """Method, target and header fields; what is no request has an empty method."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or len(head) >= MAX_REQUEST:
        return "", "", {}
    fields = (line.partition(":") for line in lines[:100])
    return words[0], words[1], {name.strip().lower(): value.strip() for name, _, value in fields}


def _page(status: int, text: str) -> bytes:
    body = _PAGE.format(text).encode("utf-8")
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Referrer-Policy: no-referrer",
        "Connection: close",
    )
    return "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + body


def _try(stream: Stream, page: bytes, deadline: float) -> None:
    """What matters has come; whether the browser shows our page does not."""
    try:
        stream.send(page, deadline)
    except MailError:
        pass
