r"""The language of ~/.esmtprc: tokens, lexer states, productions, actions.

This is a PLY module, but it imports neither PLY nor re: esmtp_py.config.driver
calls the same t_ and p_ functions through generated tables, and an ordinary
mail never pays for a parser generator.  Hence two rules for what is written
here: a t_ function sets the type and uses of ``t`` only value, lexpos and
lexer.begin(); a p_ action uses nothing of ``p`` but its items.

PLY reads a language from one module, so this one may pass 400 lines.
After a change: ``python -m esmtp_py.grammar``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Lexer(Protocol):
        def begin(self, state: str) -> None: ...

    class Token(Protocol):
        type: str
        value: Any
        lexpos: int
        lexer: Lexer

    class Production(Protocol):
        parser: Any

        def __getitem__(self, index: int, /) -> Any: ...
        def __setitem__(self, index: int, value: Any, /) -> None: ...


class Value:
    """One word of the file: its text after escapes, and where it stands.

    offset: of its first character in the file, the quote included.
    fault:  None, or (offset, what is wrong) when it has no text.
    """

    __slots__ = ("fault", "offset", "text")

    def __init__(self, text: str, offset: int, fault: "tuple[int, str] | None" = None) -> None:
        self.text = text
        self.offset = offset
        self.fault = fault

    def __repr__(self) -> str:
        return f"Value({self.text!r}, {self.offset}, {self.fault!r})"


class Statement:
    """One statement: its canonical name (``hostname`` also for ``host``), where it stands, and its values.

    values holds None where recovery from a syntax error put something in.
    """

    __slots__ = ("name", "offset", "values")

    def __init__(self, name: str, offset: int, *values: "Value | None") -> None:
        self.name = name
        self.offset = offset
        self.values = list(values)

    def __repr__(self) -> str:
        return f"Statement({self.name!r}, {self.offset}, {self.values!r})"


# --- tokens -----------------------------------------------------------------

# The words of the C esmtp.  They are reserved wherever a bare word may stand,
# except after the four words that always take a value.
KEYWORDS = {
    "identity": "IDENTITY",
    "default": "DEFAULT",
    "hostname": "HOSTNAME",
    "host": "HOSTNAME",
    "username": "USERNAME",
    "user": "USERNAME",
    "password": "PASSWORD",
    "pass": "PASSWORD",
    "starttls": "STARTTLS",
    "tls": "STARTTLS",
    "certificate_passphrase": "CERTIFICATE_PASSPHRASE",
    "helo": "HELO",
    "qualifydomain": "QUALIFYDOMAIN",
    "force": "FORCE",
    "reverse_path": "REVERSE_PATH",
    "sender": "SENDER",
    "message_id": "MESSAGE_ID",
    "preconnect": "PRECONNECT",
    "postconnect": "POSTCONNECT",
    "mda": "MDA",
    "force_mda": "FORCE_MDA",
    "disabled": "DISABLED",
    "enabled": "ENABLED",
    "required": "REQUIRED",
}

# Our own statements.  Where a value is due (state ``due``) these are values, so
# that an rc file of the C esmtp that says ``helo timeout`` still means what it meant.
ADDED_KEYWORDS = {
    "ca_file": "CA_FILE",
    "ca_dir": "CA_DIR",
    "certificate": "CERTIFICATE",
    "auth": "AUTH",
    "timeout": "TIMEOUT",
    "select_by": "SELECT_BY",
    "unmatched": "UNMATCHED",
    "delivery": "DELIVERY",
    "queue_lifetime": "QUEUE_LIFETIME",
    "connections": "CONNECTIONS",
    "undo": "UNDO",
    "password_command": "PASSWORD_COMMAND",
    "password_file": "PASSWORD_FILE",
    "password_from": "PASSWORD_FROM",
    "credential": "CREDENTIAL",
    "keyring_backend": "KEYRING_BACKEND",
    "oauth2": "OAUTH2",
    "client_id": "CLIENT_ID",
    "client_secret": "CLIENT_SECRET",
    "authorization_endpoint": "AUTHORIZATION_ENDPOINT",
    "token_endpoint": "TOKEN_ENDPOINT",
    "device_endpoint": "DEVICE_ENDPOINT",
    "scope": "SCOPE",
    "token_file": "TOKEN_FILE",
    "fingerprint": "FINGERPRINT",
    "tls_hostname": "TLS_HOSTNAME",
    "min_tls": "MIN_TLS",
    "ciphers": "CIPHERS",
    "certificate_key": "CERTIFICATE_KEY",
    "crl_file": "CRL_FILE",
    "tls_required_ext": "TLS_REQUIRED_EXT",
    "proxy": "PROXY",
    "source_address": "SOURCE_ADDRESS",
    "connect_timeout": "CONNECT_TIMEOUT",
    "aliases": "ALIASES",
    "domain": "DOMAIN",
    "from_header": "FROM_HEADER",
    "full_name": "FULL_NAME",
    "date": "DATE",
    "undisclosed_recipients": "UNDISCLOSED_RECIPIENTS",
    "dsn_notify": "DSN_NOTIFY",
    "record": "RECORD",
    "imap_server": "IMAP_SERVER",
    "sent_folder": "SENT_FOLDER",
    "log": "LOG",
    "syslog": "SYSLOG",
}

ALL_KEYWORDS = {**KEYWORDS, **ADDED_KEYWORDS}

tokens = ("STRING", "NUMBER", "COMMA", *dict.fromkeys(ALL_KEYWORDS.values()))

# In state ``value`` no word is a keyword or a number, and a colon is an ordinary character.
# In state ``due`` only the words of the C esmtp are keywords.
states = (("value", "exclusive"), ("due", "exclusive"))
# The first four are those of the C esmtp; of the others the values have colons, or come from a stranger.
VALUE_FOLLOWS = (
    *("IDENTITY", "HOSTNAME", "USERNAME", "PASSWORD"),
    *("CLIENT_ID", "CLIENT_SECRET", "AUTHORIZATION_ENDPOINT", "TOKEN_ENDPOINT", "DEVICE_ENDPOINT", "SCOPE"),
    *("FINGERPRINT", "CIPHERS", "PROXY", "SOURCE_ADDRESS", "IMAP_SERVER"),
)

# Behind these a keyword may come, of our own too, or anything.
NO_VALUE_FOLLOWS = ("DEFAULT", "FORCE", "PASSWORD_FROM", "DISABLED", "ENABLED", "REQUIRED")

# What may follow a keyword, for messages.
WANTED = {
    "IDENTITY": "an address",
    "HOSTNAME": "a host name",
    "USERNAME": "a user name",
    "PASSWORD": "a password",
    "STARTTLS": "disabled, enabled, required or implicit",
    "CERTIFICATE_PASSPHRASE": "a passphrase",
    "HELO": "a host name",
    "QUALIFYDOMAIN": "a domain",
    "FORCE": "reverse_path or sender",
    "REVERSE_PATH": "an address",
    "SENDER": "an address",
    "MESSAGE_ID": "enabled or disabled",
    "PRECONNECT": "a command",
    "POSTCONNECT": "a command",
    "MDA": "a command",
    "FORCE_MDA": "a user name",
    "CA_FILE": "a file name",
    "CA_DIR": "a directory name",
    "CERTIFICATE": "a file name",
    "AUTH": "automatic, plain, login, cram-md5, scram-sha-1, scram-sha-256, scram-sha-1-plus, scram-sha-256-plus, external, xoauth2, oauthbearer, anonymous, ntlm or gssapi",
    "TIMEOUT": "a number of seconds",
    "SELECT_BY": "envelope or header",
    "UNMATCHED": "default or refuse",
    "DELIVERY": "interactive, background, queue or on-failure",
    "QUEUE_LIFETIME": "a time such as 5d",
    "CONNECTIONS": "a number of connections",
    "UNDO": "a time such as 30s",
    "PASSWORD_COMMAND": "a command",
    "PASSWORD_FILE": "a file name",
    "PASSWORD_FROM": "keyring, netrc, ask or credential NAME",
    "CREDENTIAL": "the name of a credential",
    "KEYRING_BACKEND": "the name of a keyring backend",
    "OAUTH2": "google, microsoft or custom",
    "CLIENT_ID": "a client id",
    "CLIENT_SECRET": "a client secret",
    "AUTHORIZATION_ENDPOINT": "a URL",
    "TOKEN_ENDPOINT": "a URL",
    "DEVICE_ENDPOINT": "a URL",
    "SCOPE": "a scope",
    "TOKEN_FILE": "a file name",
    "FINGERPRINT": "SHA256: and a fingerprint",
    "TLS_HOSTNAME": "a host name",
    "MIN_TLS": "1.2 or 1.3",
    "CIPHERS": "a list of ciphers",
    "CERTIFICATE_KEY": "a file name",
    "CRL_FILE": "a file name",
    "TLS_REQUIRED_EXT": "enabled or disabled",
    "PROXY": "a URL such as socks5://127.0.0.1:1080",
    "SOURCE_ADDRESS": "an address of this machine",
    "CONNECT_TIMEOUT": "a number of seconds",
    "ALIASES": "a file name",
    "DOMAIN": "a domain",
    "FROM_HEADER": "add, force or keep",
    "FULL_NAME": "a name",
    "DATE": "enabled or disabled",
    "UNDISCLOSED_RECIPIENTS": "enabled or disabled",
    "DSN_NOTIFY": "never, or a list of success, failure and delay",
    "RECORD": "a file or directory name, or imap",
    "IMAP_SERVER": "a host name",
    "SENT_FOLDER": "the name of a folder",
    "LOG": "a file name",
    "SYSLOG": "a facility such as mail",
}

# Tokens that open a statement; parsing resumes there after an error.
OPENERS = ("DEFAULT", *(name for name in WANTED if name not in ("REVERSE_PATH", "CREDENTIAL")))

# Tokens whose value no message may show.
SECRETS = ("PASSWORD", "CERTIFICATE_PASSPHRASE", "CLIENT_SECRET", "PROXY")

# The C esmtp takes ``=`` between word and value, and echoes and skips the rest.
t_ignore = " \t\r\n=;:"
t_value_ignore = " \t\r\n=;"
t_due_ignore = t_ignore


def t_ANY_comment(t: "Token") -> None:
    r"\#[^\n]*"


def t_ANY_continuation(t: "Token") -> None:
    r"\\[ \t\r]*\n"
    # Blanks after the backslash are forgiven: nobody sees them in an editor.


def t_ANY_COMMA(t: "Token") -> "Token":
    r","
    t.type = "COMMA"
    t.value = Value(",", t.lexpos)
    return t


def t_ANY_glued(t: "Token") -> "Token":
    r"""(?:"[^"\\]*(?:\\(?:.|\n)[^"\\]*)*"|'[^'\\]*(?:\\(?:.|\n)[^'\\]*)*')[^ \t\r\n=;:,\\]+"""
    # To the C esmtp this is a bare word with quotes in it; nobody ever meant that.
    text = t.value
    at = 1
    while text[at] != text[0]:
        at += 2 if text[at] == "\\" else 1
    return _faulty(t, 'white space is missing after the closing quote (inside quotes, write \\" for a quote)', at + 1)


def t_ANY_double(t: "Token") -> "Token":
    r'"[^"\\]*(?:\\(?:.|\n)[^"\\]*)*"'
    return _string(t, t.value[1:-1], 1)


def t_ANY_single(t: "Token") -> "Token":
    r"'[^'\\]*(?:\\(?:.|\n)[^'\\]*)*'"
    return _string(t, t.value[1:-1], 1)


def t_ANY_unclosed(t: "Token") -> "Token":
    r"""(?:"[^"\\]*(?:\\(?:.|\n)[^"\\]*)*|'[^'\\]*(?:\\(?:.|\n)[^'\\]*)*)\\?"""
    return _faulty(t, f"the string that begins here is never closed; a {t.value[0]} is missing")


def t_WORD(t: "Token") -> "Token":
    r"""(?:[^ \t\r\n=;:,\\"'#]|\\[^ \t\r\n=;:,])[^ \t\r\n=;:,\\]*(?:\\[^ \t\r\n=;:,][^ \t\r\n=;:,\\]*)*"""
    return _word(t, ALL_KEYWORDS)


def t_due_WORD(t: "Token") -> "Token":
    r"""(?:[^ \t\r\n=;:,\\"'#]|\\[^ \t\r\n=;:,])[^ \t\r\n=;:,\\]*(?:\\[^ \t\r\n=;:,][^ \t\r\n=;:,\\]*)*"""
    return _word(t, KEYWORDS)


def _word(t: "Token", keywords: "dict[str, str]") -> "Token":
    text = t.value
    keyword = keywords.get(text)
    if keyword:
        t.type = keyword
        t.value = Value(text, t.lexpos)
        follows = "value" if keyword in VALUE_FOLLOWS else "INITIAL" if keyword in NO_VALUE_FOLLOWS else "due"
        t.lexer.begin(follows)
        return t
    _string(t, text, 0)
    digits = text[1:] if text[0] == "-" else text
    if digits.isdecimal() and digits.isascii():
        t.type = "NUMBER"
    return t


def t_value_WORD(t: "Token") -> "Token":
    r"""(?:[^ \t\r\n=;,\\"'#]|\\[^ \t\r\n=;,])[^ \t\r\n=;,\\]*(?:\\[^ \t\r\n=;,][^ \t\r\n=;,\\]*)*"""
    return _string(t, t.value, 0)


def t_ANY_stray(t: "Token") -> "Token":
    r"\\"
    return _faulty(t, "a backslash cannot protect white space or = ; , : in a bare word; put the value in quotes")


def t_ANY_error(t: "Token") -> None:
    raise AssertionError(f"no rule for {t.value[0]!r}")  # the generator proves that there always is one


def _string(t: "Token", text: str, skipped: int) -> "Token":
    """A value written as ``text``, which begins ``skipped`` characters after the token."""
    fault = None
    if "\\" in text:
        from esmtp_py.grammar.escapes import decoded

        text, fault = decoded(text)
    elif "\0" in text:
        fault = text.index("\0"), "a value cannot contain a NUL byte"
    t.type = "STRING"
    t.value = Value("", t.lexpos, (t.lexpos + skipped + fault[0], fault[1])) if fault else Value(text, t.lexpos)
    t.lexer.begin("INITIAL")
    return t


def _faulty(t: "Token", fault: str, at: int = 0) -> "Token":
    t.type = "STRING"
    t.value = Value("", t.lexpos, (t.lexpos + at, fault))
    t.lexer.begin("INITIAL")
    return t


# --- productions ------------------------------------------------------------
#
# ``open`` ends in a line that is a list (identity, dsn_notify), so a comma may
# bring another value; ``closed`` ends in anything else.  A comma that brings none is noise, as it is
# everywhere between statements.  Only PLY reduces the productions with
# ``error``; they let it go on reporting with the next token.

start = "rc"


def p_rc(p: "Production") -> None:
    """rc : closed
    | open"""
    p[0] = p[1]


def p_closed_empty(p: "Production") -> None:
    """closed :"""
    p[0] = []


def p_closed(p: "Production") -> None:
    """closed : closed statement
    | open statement"""
    p[1].append(p[2])
    p[0] = p[1]


def p_noise(p: "Production") -> None:
    """closed : closed COMMA
    open : open COMMA"""
    p[0] = p[1]


def p_list(p: "Production") -> None:
    """open : closed IDENTITY value
    | open IDENTITY value
    | closed DSN_NOTIFY value
    | open DSN_NOTIFY value"""
    p[1].append(Statement(p[2].text, p[2].offset, p[3]))
    p[0] = p[1]


def p_list_more(p: "Production") -> None:
    """open : open COMMA STRING
    | open COMMA NUMBER"""
    p[1][-1].values.append(p[3])
    p[0] = p[1]


def p_hostname(p: "Production") -> None:
    """statement : HOSTNAME value"""
    p[0] = Statement("hostname", p[1].offset, p[2])


def p_username(p: "Production") -> None:
    """statement : USERNAME value"""
    p[0] = Statement("username", p[1].offset, p[2])


def p_password(p: "Production") -> None:
    """statement : PASSWORD value"""
    p[0] = Statement("password", p[1].offset, p[2])


def p_starttls(p: "Production") -> None:
    """statement : STARTTLS choice"""
    p[0] = Statement("starttls", p[1].offset, p[2])


def p_force(p: "Production") -> None:
    """statement : FORCE REVERSE_PATH value
    | FORCE SENDER value"""
    p[0] = Statement("force_" + p[2].text, p[1].offset, p[3])


def p_force_error(p: "Production") -> None:
    """statement : FORCE error"""
    p.parser.errok()
    p[0] = Statement("force", p[1].offset, None)


def p_named(p: "Production") -> None:
    """statement : CERTIFICATE_PASSPHRASE value
    | HELO value
    | QUALIFYDOMAIN value
    | SENDER value
    | MESSAGE_ID choice
    | PRECONNECT value
    | POSTCONNECT value
    | MDA value
    | FORCE_MDA value
    | CA_FILE value
    | CA_DIR value
    | CERTIFICATE value
    | AUTH value
    | SELECT_BY value
    | UNMATCHED choice
    | DELIVERY value
    | QUEUE_LIFETIME value
    | UNDO value
    | PASSWORD_COMMAND value
    | PASSWORD_FILE value
    | KEYRING_BACKEND value
    | OAUTH2 value
    | CLIENT_ID value
    | CLIENT_SECRET value
    | AUTHORIZATION_ENDPOINT value
    | TOKEN_ENDPOINT value
    | DEVICE_ENDPOINT value
    | SCOPE value
    | TOKEN_FILE value
    | FINGERPRINT value
    | TLS_HOSTNAME value
    | MIN_TLS value
    | CIPHERS value
    | CERTIFICATE_KEY value
    | CRL_FILE value
    | TLS_REQUIRED_EXT choice
    | PROXY value
    | SOURCE_ADDRESS value
    | ALIASES value
    | DOMAIN value
    | FROM_HEADER value
    | FROM_HEADER FORCE
    | FULL_NAME value
    | DATE choice
    | UNDISCLOSED_RECIPIENTS choice
    | RECORD value
    | IMAP_SERVER value
    | SENT_FOLDER value
    | LOG value
    | SYSLOG value"""
    p[0] = Statement(p[1].text, p[1].offset, p[2])


def p_number(p: "Production") -> None:
    """statement : TIMEOUT NUMBER
    | CONNECTIONS NUMBER
    | CONNECT_TIMEOUT NUMBER"""
    p[0] = Statement(p[1].text, p[1].offset, p[2])


def p_number_error(p: "Production") -> None:
    """statement : TIMEOUT error
    | CONNECTIONS error
    | CONNECT_TIMEOUT error"""
    p.parser.errok()
    p[0] = Statement(p[1].text, p[1].offset, None)


def p_password_from(p: "Production") -> None:
    """statement : PASSWORD_FROM STRING"""
    p[0] = Statement(p[1].text, p[1].offset, p[2])


def p_credential(p: "Production") -> None:
    """statement : PASSWORD_FROM CREDENTIAL value"""
    p[0] = Statement(p[2].text, p[1].offset, p[3])


def p_password_from_error(p: "Production") -> None:
    """statement : PASSWORD_FROM error"""
    p.parser.errok()
    p[0] = Statement(p[1].text, p[1].offset, None)


def p_default(p: "Production") -> None:
    """statement : DEFAULT"""
    p[0] = Statement("default", p[1].offset)


def p_choice(p: "Production") -> None:
    """choice : value
    | DISABLED
    | ENABLED
    | REQUIRED
    | DEFAULT"""
    p[0] = p[1]


def p_value(p: "Production") -> None:
    """value : STRING
    | NUMBER"""
    p[0] = p[1]


def p_value_error(p: "Production") -> None:
    """value : error"""
    p.parser.errok()
    p[0] = None


def p_error(token: "Token | None") -> None:
    """esmtp_py.config.diagnose puts its own reporter in this place."""
