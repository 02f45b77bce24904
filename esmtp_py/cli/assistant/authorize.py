"""``esmtp --authorize ADDRESS``: the user lets us log in with OAuth2, once; from then on mail goes without asking.

In a browser on this machine, or by a code that is typed into one elsewhere.
Nothing secret is shown: what is printed here is of no use without this process.
"""

import os
import sys

from esmtp_py.cli.terminal import OUT, say
from esmtp_py.errors import MailError
from esmtp_py.outcome import EX_OK
from esmtp_py.queue.respite import forgive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options
    from esmtp_py.config.identity import Identity
    from esmtp_py.secret.oauth2.client import Client
    from esmtp_py.secret.oauth2.tokens import Tokens

# Longer than any address that a browser ends at.
_LINE = 8192
_WRONG = "That is not the address that it ends at: it begins with {}/? and has code= and state= in it. Paste all of it."


def authorize(options: "Options") -> int:
    """Returns 0 when a refresh token is kept; MailError says why there is none."""
    from esmtp_py.secret.oauth2 import authorized, expect_room
    from esmtp_py.secret.oauth2.client import Client

    identity = _identity(options)
    client = Client(identity)
    expect_room(client)
    by_device = options.way == "device" if options.way else _by_device(client)
    try:
        tokens = _with_code(client) if by_device else _with_browser(client)
    except KeyboardInterrupt:
        raise MailError("try_again", "stopped by a signal; nothing was changed") from None
    place = authorized(client, tokens)
    forgive(identity)
    say(f"Done: the refresh token of {client.user} is in {place}, and mail of {identity.name} can be sent.")
    return EX_OK


def _identity(options: "Options") -> "Identity":
    from esmtp_py.config import load
    from esmtp_py.config.choose import choose

    if len(options.recipients) != 1:
        raise MailError("usage", "--authorize needs one address, that of the identity")
    [address] = options.recipients
    identity = choose(load(options.rc), address)
    if identity is None:
        raise MailError("config", f"no identity of the rc serves {address}")
    return identity


def _by_device(client: "Client") -> bool:
    """Where both ways are open, that of the provider, and a code where there is no desktop to show a browser on."""
    if not (client.device_endpoint and client.authorization_endpoint):
        return bool(client.device_endpoint)
    return client.provider.by_device or not _opener()


def _with_browser(client: "Client") -> "Tokens":
    from esmtp_py.secret.oauth2.redirect import PATIENCE, Redirect

    with Redirect(client) as redirect:
        say(f"To let esmtp send mail as {client.user}, open this address in a browser and agree there:")
        say("")
        OUT.write(f"  {redirect.url}\n")  # whole, however long it is
        say("")
        opener = _opener()
        if opener and _open(opener, redirect.url):
            say("A browser should open by itself.")
        if not os.isatty(0):
            say(f"Waiting for {PATIENCE / 60:.0f} minutes at most.")
            return redirect.tokens()
        say("If it is a browser on another machine, it will end at an address that it cannot open: paste that here.")
        return redirect.tokens(_typed, 0, wrong=lambda: say(_WRONG.format(redirect.place)))


def _with_code(client: "Client") -> "Tokens":
    from esmtp_py.secret.oauth2.device import Device

    device = Device(client)
    say(f"To let esmtp send mail as {client.user}, open this address on any device:")
    say("")
    say(f"  {device.url}")
    say("")
    say(f"and enter the code  {device.code}  there.")
    if device.whole_url:
        say(f"Or open  {device.whole_url}  where the code is filled in.")
    minutes = max(device.lifetime // 60, 1)
    say(f"Waiting for {minutes} minute{'s' * (minutes > 1)} at most.")
    return device.tokens()


def _typed() -> str:
    """A line from the terminal, "" at its end."""
    try:
        return os.read(0, _LINE).decode("utf-8", "replace")
    except OSError:
        return ""


def _opener() -> str:
    """The program that shows an address in the desktop's browser; "" where nobody would see it."""
    if not (os.isatty(0) and os.isatty(1)):
        return ""
    name = "open" if sys.platform == "darwin" else "xdg-open"
    if name == "xdg-open" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return ""
    paths = (os.path.join(directory, name) for directory in os.environ.get("PATH", "").split(":") if directory)
    return next((path for path in paths if os.access(path, os.X_OK)), "")


def _open(opener: str, url: str) -> bool:
    """Starts it, and does not wait: some stay as long as the browser does, after Ctrl-C and our end."""
    null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
    try:
        os.posix_spawn(
            opener,
            [opener, url],
            os.environ,
            file_actions=[null, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)],
            setpgroup=0,
        )
        return True
    except OSError:
        return False
