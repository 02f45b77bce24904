"""Words for systemd, if it started us (sd_notify(3)); otherwise nothing."""

import os


def notify(state: str) -> None:
    """Sends ``state`` to $NOTIFY_SOCKET.  Never fails: the service does not depend on being heard."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    import _socket

    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    try:
        sock.sendto(state.encode("utf-8", "replace"), b"\0" + address[1:].encode() if address[0] == "@" else address)
    except OSError:
        pass
    finally:
        sock.close()
