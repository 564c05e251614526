"""Growth rates against the spectra of linear flows."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import block_diag, expm

from tuneful.solvers import SearchSettings
from tuneful.solvers.growth_rates import growth_rate


def spiral(growth, frequency):
    return [[growth, -frequency], [frequency, growth]]


MODES = {
    "real, decaying": [[[-0.02]]],
    "real, growing": [[[0.005]]],
    "spiral, decaying": [spiral(-0.01, 0.1)],
    "slow spiral, decaying": [spiral(-0.0015, 0.017)],
    "slow spiral, growing": [spiral(0.0015, 0.017)],
    "saddle": [[[-0.05]], [[0.002]]],
    "slow spiral among faster modes": [spiral(-0.0015, 0.017), [[-0.02]], [[-0.04]]],
}


@pytest.mark.parametrize("interval", [8.0, 32.0])
@pytest.mark.parametrize("name", MODES)
def test_the_growth_rate_of_a_linear_flow_is_its_abscissa(x64, name, interval):
    """Exact states of a few modes in five dimensions; half the slowest decay believed is allowed for errors."""
    flow = block_diag(*MODES[name])
    frames = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 5, 5)))[0][:, :, : len(flow)]
    states = np.stack([expm(flow * interval * k) @ np.linspace(0.5, 1.5, len(flow)) for k in range(9)])
    deviations = jnp.asarray(np.einsum("pnm,km->kpn", frames, states))
    exact = np.linalg.eigvals(flow).real.max()
    np.testing.assert_allclose(
        growth_rate(deviations, interval), exact, rtol=0, atol=SearchSettings().slowest_decay[1] / 2
    )
