"""What an identity's server is called where passwords are kept."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.config.identity import Identity


def host(identity: "Identity") -> str:
    """The host of ``hostname`` as written; this machine for a unix socket."""
    return identity.server.host.removeprefix("srv:") or "localhost"


def service(identity: "Identity") -> str:
    """The service of keyring entries."""
    return f"smtp://{host(identity)}"
