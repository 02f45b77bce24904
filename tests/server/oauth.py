"""An OAuth2 provider on loopback: authorize, token and device endpoints, strict where a provider is, and bad on demand.

Written apart from esmtp_py.secret.oauth2, so that a mistake there is not repeated here.
"""

import base64
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping

from tests.server.authority import Authority, Certificate, shared_authority, shared_certificate
from tests.server.listener import Listener

# What a whole planned reply may be besides bytes: something that writes it, slowly or not at all.
Say = Callable[[socket.socket], None]

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


class Request:
    """method, path; fields: of the query or the form; header: names in lower case."""

    def __init__(self, method: str, target: str, header: Mapping[str, str], body: bytes) -> None:
        self.method = method
        self.path, _, query = target.partition("?")
        self.header = dict(header)
        text = body.decode("ascii") if method == "POST" else query
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
        self.fields = dict(pairs)
        self.repeated = len(pairs) != len(self.fields)

    def __repr__(self) -> str:
        return f"{self.method} {self.path} {self.fields}"


class Refusal(Exception):
    """An error of RFC 6749 section 5.2 or RFC 8628 section 3.5."""


class OAuthServer(Listener):
    """``with OAuthServer() as provider:`` answers at provider.url("token") and so on.

    tls:       https, with the certificate of tests.server.authority, or with ``certificate``.
    rotating:  each refresh gives a new refresh token, and the old one is dead.
    lifetime:  of access tokens, in seconds.   pad: makes them longer by so many characters.
    key:       signs them: JWTs of HS256, with the user as ``sub``, as Dovecot validates them.
    decide:    what the user does in the browser: "agree", "deny", or anything that is then the error.
    interval, code_lifetime: of device codes.   delay: before each answer, in seconds.

    plan(endpoint, reply, ...): the next replies of an endpoint: a whole HTTP reply as bytes, a function that is
      given the connection, (status, JSON object), or a word, which is an error of OAuth2.
    requests:   what came, in order.   granted: access tokens, and codes: authorization codes given out.
    violations: what no careful client would do.
    """

    user = "alice"
    client_id = "esmtp-test"
    client_secret: str | None = "GOCSPX-canary-client-secret"

    def __init__(
        self,
        *,
        tls: bool = False,
        certificate: Certificate | None = None,
        rotating: bool = False,
        lifetime: int = 3600,
        pad: int = 0,
        key: bytes = b"a key of thirty-two bytes, or so",
        interval: int = 1,
        code_lifetime: int = 60,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(host=host, port=port)
        self.rotating, self.lifetime, self.pad, self.key = rotating, lifetime, pad, key
        self.interval, self.code_lifetime = interval, code_lifetime
        self.decide = "agree"
        self.delay = 0.0
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.granted: list[str] = []
        self.refresh_tokens: set[str] = set()
        certificate = certificate or (shared_certificate() if tls else None)
        self._context = certificate.server_context() if certificate else None
        self._plans: dict[str, list[bytes | Say | tuple[int, object] | str]] = {}
        self.codes: list[str] = []
        self._codes: dict[str, Request] = {}
        self._devices: dict[str, tuple[str, str, float]] = {}  # device code: user code, what was decided, last asked
        self._state = threading.Lock()

    @property
    def authority(self) -> Authority:
        return shared_authority()

    def url(self, endpoint: str) -> str:
        scheme, host = ("https", "localhost") if self._context else ("http", self.host)
        return f"{scheme}://{host}:{self.port}/{endpoint}"

    def rc(self, *endpoints: str, provider: str = "custom", scope: str = "mail.send") -> str:
        """The statements of esmtprc(5) for this provider, without token_file; endpoints: to name besides token."""
        lines = [f"oauth2 {provider}", f"client_id {self.client_id}", f'client_secret "{self.client_secret}"']
        lines += [
            f"{name}_endpoint {self.url(path)}" for name, path in ENDPOINTS.items() if name in ("token", *endpoints)
        ]
        return "\n".join(lines) + (f'\nscope "{scope}"\n' if scope else "\n")

    def plan(self, endpoint: str, *replies: bytes | Say | tuple[int, object] | str) -> None:
        self._plans.setdefault(endpoint, []).extend(replies)

    def forget_plans(self) -> None:
        with self._state:
            self._plans.clear()

    def asked(self, endpoint: str) -> list[Request]:
        return [request for request in self.requests if request.path == "/" + endpoint]

    def refresh_token(self) -> str:
        """A good one, as if the user had agreed long ago."""
        made = "1//canary-refresh-" + secrets.token_urlsafe(24)
        self.refresh_tokens.add(made)
        return made

    def access_token(self, **claims: object) -> str:
        """A signed one; claims replace the usual ones."""
        now = int(time.time())
        claims = {
            "sub": self.user,
            "azp": "default",
            "iat": now - 1,
            "nbf": now - 1,
            "exp": now + self.lifetime,
        } | claims
        claims["jti"] = secrets.token_hex(8)
        if self.pad:
            claims["pad"] = "x" * self.pad
        words = [_base64(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        signature = hmac.new(self.key, b".".join(words), "sha256").digest()
        return b".".join([*words, _base64(signature)]).decode()

    def approve(self, user_code: str, decision: str = "agree") -> None:
        """The user types the code somewhere."""
        with self._state:
            [device] = [code for code, (user, _, _) in self._devices.items() if user == user_code]
            self._devices[device] = (user_code, decision, self._devices[device][2])

    # -- the connection ---------------------------------------------------------------------------------------

    def serve(self, connection: socket.socket) -> None:
        if self._context:
            connection = self.start_tls(connection, self._context)
        request = _read(connection)
        if request is None:
            return
        with self._state:
            self.requests.append(request)
            planned = self._plans.get(request.path[1:])
            reply = planned.pop(0) if planned else None
        if reply is None:
            reply = self._reply(request)
        elif isinstance(reply, str):
            reply = (400, {"error": reply, "error_description": f"planned; you sent {request.fields}"})
        time.sleep(self.delay)
        if callable(reply):
            reply(connection)
        else:
            connection.sendall(reply if isinstance(reply, bytes) else as_json(*reply))
        if self._context:
            connection.shutdown(socket.SHUT_WR)

    def _reply(self, request: Request) -> "bytes | tuple[int, object]":
        answers: dict[str, Callable[[Request], bytes | tuple[int, object]]] = {
            "/authorize": self._authorize,
            "/token": self._token,
            "/device": self._device,
            "/verify": self._verify,
        }
        if request.path not in answers:
            return http(404, "text/html", b"<html>no such page</html>")
        try:
            return answers[request.path](request)
        except Refusal as refusal:
            return 400, {"error": str(refusal), "error_description": "as RFC 6749 says"}

    def _object(self, what: str) -> None:
        self.violations.append(what)
        raise Refusal("invalid_request")

    # -- the endpoints ----------------------------------------------------------------------------------------

    def _authorize(self, request: Request) -> bytes:
        fields = request.fields
        wanted = {"response_type": "code", "client_id": self.client_id, "code_challenge_method": "S256"}
        wrong = [name for name, value in wanted.items() if fields.get(name) != value]
        back = urllib.parse.urlsplit(fields.get("redirect_uri", ""))
        if wrong or request.method != "GET" or request.repeated:
            self._object(f"authorize: {wrong} {request}")
        if back.scheme != "http" or back.hostname not in ("127.0.0.1", "localhost") or not back.port or back.path:
            self._object(f"authorize: redirect_uri {fields.get('redirect_uri')}")
        if len(fields.get("state", "")) < 22 or len(fields.get("code_challenge", "")) != 43:
            self._object("authorize: state or code_challenge is too short")
        answer = {"state": fields["state"]}
        if self.decide == "agree":
            answer["code"] = "4/canary-code-" + secrets.token_urlsafe(16)
            self._codes[answer["code"]] = request
            self.codes.append(answer["code"])
        else:
            answer["error"] = "access_denied" if self.decide == "deny" else self.decide
        return http(302, "text/html", b"", f"Location: {fields['redirect_uri']}/?{urllib.parse.urlencode(answer)}")

    def _token(self, request: Request) -> "tuple[int, object]":
        self._check_client(request)
        grants = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            DEVICE_CODE: self._by_device_code,
        }
        grant = request.fields.get("grant_type", "")
        if grant not in grants:
            raise Refusal("unsupported_grant_type")
        with self._state:
            refresh = grants[grant](request.fields)
            token = self.access_token()
            self.granted.append(token)
        given = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime, "scope": "mail.send"}
        return 200, given | ({"refresh_token": refresh} if refresh else {})

    def _check_client(self, request: Request) -> None:
        if request.method != "POST" or request.header.get("content-type") != "application/x-www-form-urlencoded":
            self._object(f"{request.path}: {request.method} {request.header.get('content-type')}")
        if request.repeated:
            self._object(f"{request.path}: a field twice")
        fields = request.fields
        if (fields.get("client_id"), fields.get("client_secret")) != (self.client_id, self.client_secret):
            raise Refusal("invalid_client")

    def _by_code(self, fields: dict[str, str]) -> str:
        asked = self._codes.pop(fields.get("code", ""), None)
        if asked is None:
            raise Refusal("invalid_grant")
        challenge = _base64(hashlib.sha256(fields.get("code_verifier", "").encode()).digest()).decode()
        if not 43 <= len(fields.get("code_verifier", "")) <= 128 or challenge != asked.fields["code_challenge"]:
            raise Refusal("invalid_grant")
        if fields.get("redirect_uri") != asked.fields["redirect_uri"]:
            raise Refusal("invalid_grant")
        return self.refresh_token()

    def _by_refresh_token(self, fields: dict[str, str]) -> str:
        old = fields.get("refresh_token", "")
        if old not in self.refresh_tokens:
            raise Refusal("invalid_grant")
        if not self.rotating:
            return ""
        self.refresh_tokens.remove(old)
        return self.refresh_token()

    def _device(self, request: Request) -> "tuple[int, object]":
        self._check_client(request)
        user = "-".join(secrets.token_hex(2).upper() for _ in range(2))
        device = "canary-device-" + secrets.token_urlsafe(24)
        with self._state:
            self._devices[device] = (user, "", time.monotonic())
        return 200, {
            "device_code": device,
            "user_code": user,
            "verification_uri": self.url("verify"),
            "expires_in": self.code_lifetime,
            "interval": self.interval,
        }

    def _by_device_code(self, fields: dict[str, str]) -> str:
        device = fields.get("device_code", "")
        if device not in self._devices:
            raise Refusal("invalid_grant")
        user, decision, last = self._devices[device]
        now = time.monotonic()
        if now - last < self.interval - 0.05:
            self.violations.append(f"token: asked again after {now - last:.2f} s")
        self._devices[device] = (user, decision, now)
        if not decision:
            raise Refusal("authorization_pending")
        del self._devices[device]
        if decision != "agree":
            raise Refusal(decision)
        return self.refresh_token()

    def _verify(self, request: Request) -> bytes:
        """Where the user types the code."""
        self.approve(request.fields["user_code"], request.fields.get("decision", "agree"))
        return http(200, "text/html", b"<html>thank you</html>")


ENDPOINTS = {"authorization": "authorize", "token": "token", "device": "device"}


def http(status: int, kind: str, body: bytes, *header: str) -> bytes:
    """A whole reply."""
    lines = (f"HTTP/1.1 {status} x", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *header)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def as_json(status: int, found: object) -> bytes:
    return http(status, "application/json;charset=UTF-8", json.dumps(found).encode(), "Cache-Control: no-store")


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _read(connection: socket.socket) -> Request | None:
    with connection.makefile("rb") as file:
        first = file.readline(65536).decode("ascii").split(" ")
        if len(first) != 3:
            return None
        header = {}
        while (line := file.readline(65536).decode("ascii").strip()) != "":
            name, _, value = line.partition(":")
            header[name.lower()] = value.strip()
        body = file.read(int(header.get("content-length", "0")))
        return Request(first[0], first[1], header, body)
