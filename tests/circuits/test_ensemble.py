"""The same bits on any number of devices."""

import subprocess
import sys

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
