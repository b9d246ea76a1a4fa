from collections.abc import Iterator

import pytest

from tests.checks.orthancs import Documented


@pytest.fixture
def documented() -> Iterator[Documented]:
    """The REST API of a newer Orthanc."""
    with Documented() as api:
        yield api
