"""A password is one line of a file, of a command's output, of what a person types: the first, without its end."""

from esmtp_py.secret.failure import not_now

# The longest password or app token anybody uses is a tenth of this; what is longer is some other file.
LONGEST = 4096


def first_line(content: bytes, whence: str) -> str:
    """The first line of ``content``; not_now() if there is none.  whence: for the message, as its subject."""
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    if not line:
        raise not_now(f"{whence} is empty where the password should be, in its first line")
    if len(line) > LONGEST:
        raise not_now(f"{whence} begins with a line of more than {LONGEST} bytes, which is no password")
    return line.decode("utf-8", "surrogateescape")
