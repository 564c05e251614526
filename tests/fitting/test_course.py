"""On several devices a fit ends with a circuit on one."""

import subprocess
import sys

import pytest

PROGRAM = """
import jax
jax.config.update("jax_num_cpu_devices", 2)
from tuneful.circuits import FeedforwardM1
from tuneful.fitting import Course, Problem, Stopping
from tuneful.objectives import EnergyDistance, Measured
circuit = FeedforwardM1(grid=6, density=0.1)
data = Measured.from_rates(circuit.sample(jax.random.key(1), 20).curves)
objective = EnergyDistance(batch=4, refine_steps={refine_steps}, refine_batch=4)
problem = Problem(circuit, objective, data, ("J",), max_lost={max_lost})
course = Course(problem, Stopping(max_steps=1, window=1, max_failed=1), jax.random.key(0))
while course.ended is None:
    course.step()
for circuit in (course.circuit, course.answer):
    print(course.ended.split()[0], *[len(leaf.devices()) for leaf in jax.tree.leaves(circuit)])
"""


@pytest.mark.parametrize(
    ("refine_steps", "max_lost", "ended"), [(2, 1.0, "reached"), (0, 1.0, "reached"), (0, -1.0, "stopped:")]
)
def test_eigenvalues_are_never_asked_of_several_devices(refine_steps, max_lost, ended):
    """LAPACK's wait for each other for ever; steps leave their state on all devices."""
    program = PROGRAM.format(refine_steps=refine_steps, max_lost=max_lost)
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout == 2 * f"{ended} 1 1 1 1 1\n"
