"""The same bits on any number of devices, and in chunks."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits.ensemble import in_chunks

PROGRAM = """
import jax, equinox as eqx, numpy as np
jax.config.update("jax_num_cpu_devices", {devices})
from tuneful.circuits import FeedforwardM1
circuit = FeedforwardM1(grid=6, density=0.1)
loss = lambda c: (c.sample(jax.random.key(3), 7).rates ** 2).mean()
value, gradient = eqx.filter_jit(eqx.filter_value_and_grad(loss))(circuit)
print([np.asarray(leaf).tobytes().hex() for leaf in jax.tree.leaves((value, gradient))])
"""


def test_loss_and_gradient_have_the_same_bits_on_one_and_three_devices():
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM.format(devices=devices)], check=True, capture_output=True, text=True
        ).stdout
        for devices in (1, 3)
    }
    assert len(printed) == 1
    assert len(eval(printed.pop())) == 6


@pytest.mark.parametrize("n", [1, 5, 12])
def test_chunks_of_realisations_are_the_whole(n):
    @jax.jit
    def compute(first):
        numbers = first + jnp.arange(5, dtype=jnp.uint32)
        return numbers, numbers[:, None] * jnp.uint32(2)

    numbers, doubled = in_chunks(compute, n, first=3, size=5)
    np.testing.assert_array_equal(numbers, 3 + np.arange(n))
    np.testing.assert_array_equal(doubled[:, 0], 2 * numbers)
