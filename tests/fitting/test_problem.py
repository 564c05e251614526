"""A step of a fit in two processes: that of one."""

import socket
import subprocess
import sys

import jax
import numpy as np

from tuneful.circuits import FeedforwardM1
from tuneful.fitting import Problem
from tuneful.fitting.problem import evaluate
from tuneful.fitting.steps import Steps
from tuneful.objectives import EnergyDistance, Measured


def step():
    """Loss and gradient, of seven realisations: one process has four, the other three and one twice."""
    circuit = FeedforwardM1(grid=6, density=0.1)
    data = Measured.from_rates(np.random.default_rng(0).gamma(1, 10, (20, 27)).astype("f4"))
    problem = Problem(circuit, EnergyDistance(), data, tuple(circuit.parameters()), steps=Steps(batch=7))
    objective = problem.distance.init(jax.random.key(0), data)
    keys = jax.random.split(jax.random.key(1))
    gradient, record = jax.jit(lambda u, a, b: evaluate(problem, u, objective, a, b, 7))(problem.start(), *keys)
    return [float(record.loss), *(float(gradient[name]) for name in sorted(gradient))]


def ended(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    devices, *values = map(float, out.splitlines()[-1].split())
    return devices, values


def test_loss_and_gradient_in_two_processes_are_those_of_one():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, __file__, number, port], **pipes) for number in "01"]
    try:
        found = list(map(ended, both))
    finally:
        for process in both:
            process.kill()
            process.communicate()
    alone = step()
    assert len(alone) == 6
    for devices, values in found:
        assert devices == 2
        np.testing.assert_allclose(values, alone, rtol=1e-5)


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")  # one GPU is none for two processes
    jax.config.update("jax_num_cpu_devices", 1)
    jax.distributed.initialize(f"127.0.0.1:{sys.argv[2]}", 2, int(sys.argv[1]))
    print(jax.device_count(), *step())
