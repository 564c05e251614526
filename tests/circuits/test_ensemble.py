"""The same bits on any number of devices, and in chunks."""

import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.circuits import SSN, FeedforwardM1, Schedule
from tuneful.circuits.ensemble import GIB, in_chunks
from tuneful.errors import UserError


def bits_of_loss_and_gradient():
    circuit = FeedforwardM1(grid=6, density=0.1)
    loss = lambda c: (c.sample(jax.random.key(3), 7).rates ** 2).mean()  # noqa: E731
    found = eqx.filter_jit(eqx.filter_value_and_grad(loss))(circuit)
    return [np.asarray(leaf).tobytes().hex() for leaf in jax.tree.leaves(found)]


def test_loss_and_gradient_have_the_same_bits_on_one_and_three_devices():
    on_three = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True).stdout
    assert jax.device_count() == 1
    assert on_three.split() == bits_of_loss_and_gradient()
    assert len(on_three.split()) == 6


@pytest.mark.parametrize("n", [1, 5, 12])
def test_chunks_of_realisations_are_the_whole(n):
    @jax.jit
    def compute(first):
        numbers = first + jnp.arange(5, dtype=jnp.uint32)
        return numbers, numbers[:, None] * jnp.uint32(2)

    numbers, doubled = in_chunks(compute, n, first=3, size=5)
    np.testing.assert_array_equal(numbers, 3 + np.arange(n))
    np.testing.assert_array_equal(doubled[:, 0], 2 * numbers)


@eqx.filter_jit
def summed(circuit, n, schedule):
    def total(circuit):
        response = circuit.sample(jax.random.key(3), n, schedule)
        return (response.rates**2).mean(), response.rates

    return eqx.filter_value_and_grad(total, has_aux=True)(circuit)


@pytest.mark.parametrize("schedule", [Schedule(True), Schedule(True, 1e-6), Schedule(False, 1e-6)])
def test_realisations_and_derivatives_do_not_depend_on_the_schedule(toy, schedule):
    (_, rates), gradient = summed(toy, 7, Schedule(False))
    (_, other), other_gradient = summed(toy, 7, schedule)
    np.testing.assert_allclose(other, rates, rtol=1e-6)
    for name in ("a", "b"):
        np.testing.assert_allclose(getattr(other_gradient, name), getattr(gradient, name), rtol=1e-5)


def test_networks_and_their_derivatives_keep_to_the_memory_that_they_are_given():
    memory = 1.5e6  # of four networks; the 80 would take 16 MB side by side
    lowered = summed.lower(SSN(n_sites=31), 80, Schedule(True, memory / GIB))
    assert 0 < lowered.compile().compiled.memory_analysis().temp_size_in_bytes < memory


def test_a_network_that_no_part_of_the_memory_holds_is_refused(toy):
    with pytest.raises(UserError, match=r"holds at least .* GiB.*device_memory"):
        toy.sample(0, 3, Schedule(memory=1e-9))


def test_only_on_a_cpu_realisations_are_computed_in_turn():
    assert Schedule().is_side_by_side == (jax.default_backend() != "cpu")


if __name__ == "__main__":
    jax.config.update("jax_num_cpu_devices", 3)
    print(*bits_of_loss_and_gradient())
