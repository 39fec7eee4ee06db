from __future__ import annotations

import numpy as np
import pytest

from tests.golden import FILE, MODELS, QUALITIES, compute

# Full scale is 1. Runtimes and processors add float32 numbers in different orders, which changes
# the masks by about 1e-5; a change that anybody could hear is larger than 1e-3.
TOLERANCE = 2e-4


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("quality", QUALITIES)
def test_stems_are_those_that_were_agreed_on(model: str, quality: str) -> None:
    golden = np.load(FILE, allow_pickle=False)
    expected = {key: golden[key] for key in golden.files if key.startswith(f"{model}/{quality}/")}

    stems = compute(model, quality)

    assert [f"{model}/{quality}/{name}" for name in stems] == list(expected)
    for name, samples in stems.items():
        np.testing.assert_allclose(
            samples, expected[f"{model}/{quality}/{name}"], rtol=0, atol=TOLERANCE
        )
