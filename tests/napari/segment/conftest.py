"""A run that the tests of a module share."""

import pytest

from tests.napari.driving import SharedRun


@pytest.fixture(scope="module")
def shared_run():
    return SharedRun()
