"""Each test begins with nothing found and nothing failed."""

from collections.abc import Iterator

import pytest

from esmtp_py.secret import password


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    password._found.clear()
    password._failed.clear()
    yield
    password._found.clear()
    password._failed.clear()
