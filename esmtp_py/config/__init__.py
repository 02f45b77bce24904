"""The rc file: where it is, what it says, and the Identity each sender gets."""

from esmtp_py.config.reader import load

__all__ = ["load"]
