"""Hypothesis profiles: `dev` is quick; `ci` is thorough. Choose with HYPOTHESIS_PROFILE=ci."""

import os

import pytest
from hypothesis import HealthCheck, settings

import minicnn

common = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
settings.register_profile("dev", max_examples=25, **common)
settings.register_profile("ci", max_examples=200, derandomize=True, print_blob=True, **common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same seed, whatever ran before it."""
    minicnn.utils.set_random_seed(1)


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(7)
