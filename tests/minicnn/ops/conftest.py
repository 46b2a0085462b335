"""The tests of operations run once for each implementation: ``usefixtures("implementation")``."""

import pytest

from minicnn import ops


@pytest.fixture(params=ops.IMPLEMENTATIONS)
def implementation(request):
    with ops.use(request.param):
        yield request.param
