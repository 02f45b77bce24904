"""Programs of other people that a test needs."""

import shutil

import pytest

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def needs(*names: str) -> pytest.MarkDecorator:
    """Mark: skip the test where one of these is not installed."""
    absent = [name for name in names if not shutil.which(name, path=PATH)]
    return pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}")
