"""What lies between rates and curves: closed forms of its means and variances, and what stays the circuit's own."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tuneful.circuits import SSN, AbstractRecurrentCircuit, FeedforwardM1, Observation, observed
from tuneful.circuits.observation import Observed, ObservedRecurrent, measured_like, unit_of
from tuneful.circuits.parameters import value_of, with_fields
from tuneful.registry import circuits

KEY = jax.random.key(0)
N = 20_000
NOISY = ("gain_spread", "noise", "trial_spread", "noise_power")


@pytest.fixture(scope="module")
def ssn():
    return SSN(n_sites=11, sizes=(1.0, 4.0), recorded="both", J=0.1 * SSN().J, dJ=0.1 * SSN().dJ)


def seen(layer, rate=20.0, conditions=2):
    """Curves of many cells of one rate, (cells, conditions)."""
    rates = jnp.full((N, conditions), rate)
    return np.asarray(layer.seen(rates, np.zeros(N, int), KEY), float)


def test_gain_and_spontaneous_rate_have_no_noise():
    np.testing.assert_allclose(seen(Observation(gain=0.5, spontaneous=2.0)), 11.0, rtol=1e-6)
    np.testing.assert_array_equal(seen(Observation()), 20.0)


def test_gains_of_cells_are_log_normal_of_mean_one_and_the_same_in_all_conditions():
    """Standard errors: of the mean sqrt(exp(.25) - 1) / sqrt(N), of the variance of logs .25 sqrt(2 / N)."""
    curves = seen(Observation(gain_spread=0.5)) / 20
    np.testing.assert_array_equal(curves[:, 0], curves[:, 1])
    assert curves[:, 0].mean() == pytest.approx(1, abs=5 * np.sqrt(np.expm1(0.25) / N))
    assert np.log(curves[:, 0]).var() == pytest.approx(0.25, abs=5 * 0.25 * np.sqrt(2 / N))


def test_noise_has_the_variance_of_counts_of_trials():
    """F m / (n T), but for the smoothing of 1/4 Hz, independent in every condition."""
    curves = seen(Observation(noise=1.5, trials=4.0, duration=0.5))
    expected = 1.5 * 20 / (4 * 0.5) * 20 / 20.25
    assert curves.var(axis=0) == pytest.approx(expected, abs=5 * expected * np.sqrt(2 / N))
    assert abs(np.corrcoef(curves.T)[0, 1]) < 5 / np.sqrt(N)


@pytest.mark.parametrize("smooth", [1e-6, 0.25])
def test_cells_that_hardly_fire_are_silent_in_some_conditions(smooth):
    """[m + sqrt(m^2 / (n (m + smooth))) xi]_+ is 0 where a normal number is below -sqrt(n (m + smooth))."""
    curves = seen(Observation(spontaneous=0.1, noise=1.0, trials=2.0, smooth=smooth), rate=0.0)
    expected = scipy.stats.norm.cdf(-np.sqrt(2 * (0.1 + smooth)))
    assert np.mean(curves == 0) == pytest.approx(expected, abs=5 * np.sqrt(expected / (2 * N)))


def test_gains_of_trials_add_to_the_variance():
    """F m / T + c^2 m^2 / n, with c / sqrt(n) = .15: so few are cut off at 0 that it does not matter."""
    curves = seen(Observation(noise=1.5, trial_spread=0.3, trials=4.0, duration=0.5))
    expected = 1.5 * 20 / (4 * 0.5) * 20 / 20.25 + (0.3 * 20) ** 2 / 4
    assert curves.var(axis=0) == pytest.approx(expected, abs=5 * expected * np.sqrt(2 / N))
    alone = seen(Observation(trial_spread=0.3, trials=4.0))
    assert alone.std(axis=0) == pytest.approx(3.0, abs=5 * 3 / np.sqrt(2 * N))


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_a_power_of_noise_keeps_mean_and_variance_and_makes_a_tail(power):
    """With s = m / 4: a skewness of 3 (p - 1) s / pm, but for higher orders of s / pm."""
    curves = seen(Observation(trial_spread=0.25, noise_power=power))[:, 0] / 20
    centred = (curves - curves.mean()) / curves.std()
    assert curves.mean() == pytest.approx(1, abs=5 * 0.25 / np.sqrt(N))
    assert curves.std() == pytest.approx(0.25, rel=5 / np.sqrt(2 * N) + 0.01)
    assert (centred**3).mean() == pytest.approx(0.75 * (power - 1) / power, abs=5 * np.sqrt(6 / N))


def test_a_power_of_one_is_normal_noise():
    plain, powered = (seen(Observation(noise=1.5, trial_spread=0.3, noise_power=p), rate=0.5) for p in (None, 1.0))
    np.testing.assert_allclose(powered, plain, rtol=1e-5, atol=1e-6)
    assert (seen(Observation(noise=1.5, noise_power=3.0), rate=0.0) == 0).all()


def test_additive_noise_may_be_negative_and_counts_fewer_with_every_trial():
    curves = seen(Observation(noise=1.0, additive=3.0, trials=4.0), rate=0.0)
    assert (curves < 0).mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(2 * N))
    assert curves.std() == pytest.approx(1.5, abs=5 * 1.5 / np.sqrt(4 * N))
    assert (seen(Observation(noise=4.0), rate=1.0) >= 0).all()


def test_a_layer_leaves_the_circuit_as_it_is(ssn):
    """Network, status and Jacobian; the recorded rates are seen through the gains of their types."""
    circuit = observed(ssn, Observation(gain=(0.5, 2.0)))
    plain, through = ssn.sample(KEY, 3), circuit.sample(KEY, 3)
    for field in ("all_rates", "settled", "residual", "status"):
        np.testing.assert_array_equal(getattr(plain, field), getattr(through, field))
    np.testing.assert_allclose(through.rates, np.asarray(plain.rates) * np.array([0.5, 2.0])[:, None], rtol=1e-6)
    z = circuit.draw(KEY)
    rates = jnp.ones((22, 2))
    np.testing.assert_array_equal(circuit.jacobian(z, rates), ssn.jacobian(ssn.draw(KEY), rates))
    assert isinstance(circuit, AbstractRecurrentCircuit)
    assert circuit.label == "ssn"
    assert circuit.stimulus_features == ssn.stimulus_features
    assert circuit.check_stimuli() == ssn.check_stimuli()
    assert circuit.populations().keys() == ssn.populations().keys()


def test_blanks_are_no_concern_where_cells_fire_by_themselves():
    circuit = SSN(n_sites=11, sizes=(0.0, 4.0, 9.0))
    silent, firing = (observed(circuit, layer) for layer in (Observation(noise=1.0), Observation(spontaneous=1.0)))
    assert [said.split()[2] for said in silent.check_stimuli()] == ["has", "is"]  # a size above the line, and a blank
    assert firing.check_stimuli() == silent.check_stimuli()[:1]


def test_what_a_fit_tells_a_recurrent_circuit_reaches_the_one_within(ssn):
    told = with_fields(observed(ssn, Observation(gain=1.0)), factorised=True, witness=jnp.ones(()))
    assert told.circuit.factorised
    assert float(told.circuit.witness) == 1
    plain = FeedforwardM1(grid=5)
    assert with_fields(plain, factorised=True) is plain


def test_parameters_of_both_have_names_and_references():
    circuit = observed(FeedforwardM1(grid=5, noise=0.5), Observation(gain=0.5, noise=2.0))
    assert [*circuit.parameters()][-3:] == ["noise", "observation.gain", "observation.noise"]
    changed = circuit.with_values({"noise": 0.1, "observation.noise": 3.0, "observation.spontaneous": 1.0})
    assert float(changed.circuit.noise) == pytest.approx(0.1)
    assert [float(value_of(changed, f"observation.{name}")) for name in ("noise", "spontaneous")] == [3.0, 1.0]
    reference: Any = circuit.parameters()["phi_l"].reference
    assert float(reference(circuit)) == float(circuit.circuit.mean_drive - circuit.circuit.dphi / 2)


@pytest.mark.parametrize("name", [*(f"observation.{n}" for n in NOISY), "J"])
def test_gradients_match_finite_differences(x64, name):
    noise = {"noise": 0.8, "trial_spread": 0.1, "noise_power": 2.5, "additive": 0.2}
    layer = Observation(gain=0.5, gain_spread=0.4, spontaneous=1.0, **noise)
    circuit = observed(FeedforwardM1(grid=5, density=0.1, stimuli=[[0, 0, 0], [1, 0, 0]]), layer)
    z = circuit.draw(KEY)
    curve = eqx.filter_jit(lambda value: jnp.sum(circuit.with_values({name: value}).respond(z).rates))
    value = value_of(circuit, name)
    step = 1e-5 * value
    change = (curve(value + step) - curve(value - step)) / (2 * step)
    assert float(jax.grad(curve)(value)) == pytest.approx(float(change), rel=1e-6)


def test_what_wraps_a_circuit_is_none_of_its_own():
    assert {"m1", "ssn"} <= circuits().keys()
    assert not {Observed, ObservedRecurrent} & set(circuits().values())
    for kind in (Observed, ObservedRecurrent):
        assert isinstance(kind.example(), kind)


def test_what_is_left_to_the_data_is_taken_from_them():
    plain = FeedforwardM1(grid=5)
    assert measured_like(plain, "events", 3.0) is plain
    assert unit_of(plain) == unit_of(observed(plain, Observation(noise=1.0))) == "Hz"
    asked = observed(plain, Observation(gain=1.0, trials=7.0))
    assert unit_of(asked) == "a.u."
    found = measured_like(asked, "events", 3.0)
    assert (unit_of(found), found.layer.trials) == ("events", 7.0)
    assert measured_like(observed(plain, Observation(noise=1.0)), "events", 3.0).layer.trials == 3.0


def test_a_layer_that_does_not_fit_the_cells_is_refused(ssn):
    with pytest.raises(ValueError, match=r"observation.gain must be one number, or one for each of E, I"):
        observed(ssn, Observation(gain=(1.0, 2.0, 3.0)))
    with pytest.raises(ValueError, match="for all cells, which have no types"):
        observed(FeedforwardM1(grid=5), Observation(noise=(1.0,)))
    with pytest.raises(ValueError, match="trials and duration must be positive"):
        dataclasses.replace(Observation(), trials=0.0)
    with pytest.raises(ValueError, match="smooth must be positive"):
        dataclasses.replace(Observation(), smooth=0.0)
