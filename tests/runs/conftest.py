"""Most of the time of these tests is compilation."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def _compile_quickly(quick_compilation):
    """Speed of what is compiled does not matter."""
