"""An error inside a search for causes, which a user never sees, fails a test."""

import pytest

from minicnn.gradient_check import causes


@pytest.fixture(autouse=True, scope="package")
def errors_of_the_search_are_raised():
    causes.RAISES = True
    yield
    causes.RAISES = False
