"""Stabilised circuits: the oracle, exact constraints, every option, and ends that are not successes."""

import numpy as np
import pytest

from tuneful.circuits import random_network, user_network
from tuneful.stability import Margin, Smoothing, StabilizedCircuit, stabilize

SMALL = random_network(60, 0, radius=4.0)


def blocks(circuit):
    """Ratios of mean inhibition to mean excitation onto excitatory and inhibitory cells."""
    w, e = circuit.weights, circuit.excitatory
    return [-w[np.ix_(rows, ~e)].mean() / w[np.ix_(rows, e)].mean() for rows in (e, ~e)]


def assert_holds(circuit, count, gamma=3.0, columns=SMALL):
    """What `checks` say, counted again here."""
    w, e = circuit.weights, circuit.excitatory
    assert circuit.reached
    assert all(check.holds for check in circuit.checks), circuit.checks
    assert (w[:, e] >= 0).all()
    assert (w[:, ~e] <= 0).all()
    assert not np.diag(w).any()
    assert (w[:, ~e] < 0).sum() == count
    assert blocks(circuit) == pytest.approx([gamma, gamma], abs=1e-9)
    np.testing.assert_array_equal(w[:, e], columns.weights[:, e])


def test_published_trajectory(reference):
    """The first 50 steps of the published algorithm, to rounding."""
    oracle = reference("soc_published")
    network = random_network(oracle["n"], oracle["seed"])
    circuit = stabilize(network.weights, faithful=True, max_steps=50)
    for step, abscissa in oracle["abscissa_at_step"].items():
        if int(step) <= 50:
            assert circuit.history[int(step)] == pytest.approx(abscissa, abs=1e-9)
    assert circuit.outcome == "max_steps"
    # round(0.4 x 20,000) - 1 synapses, of which those of cells on themselves were removed last.
    assert 0.39 < (circuit.weights[:, 100:] < 0).mean() < 7999 / 20000
    assert not any(check.holds for check in circuit.checks if check.name.startswith(("gamma", "inhibitory synapses")))


def test_default_circuit_of_the_published_size():
    """The kind of circuit that the published algorithm reaches, in 30 times fewer steps."""
    network = random_network(200, 1)
    circuit = stabilize(network.weights, network.excitatory)
    assert_holds(circuit, 8000, columns=network)
    assert 0.13 < circuit.abscissa <= 0.15
    assert circuit.steps < 120
    assert circuit.abscissa == pytest.approx(np.linalg.eigvals(circuit.weights).real.max(), abs=1e-12)
    assert len(circuit.history) == circuit.steps + 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shift": Margin(factor=1.2, offset=0.3)},
        {"shift": Smoothing(0.05)},
        {"shift": Smoothing(0.2, shrink=0.9)},
        {"sparsity": "replace", "seed": 3},
        {"momentum": 0.0},
        {"adaptivity": 0.0},
        {"rate": 5.0},
    ],
    ids=str,
)
def test_ways_of_descent(options):
    assert_holds(stabilize(SMALL.weights, SMALL.excitatory, target=0.6, **options), round(0.4 * 60 * 30))


@pytest.mark.parametrize(("gamma", "density", "target"), [(2.0, 0.3, 0.8), (4.0, 0.517, 0.5), (3.0, 0.6, 0.6)])
def test_constraints_at_other_values(gamma, density, target):
    circuit = stabilize(SMALL.weights, gamma=gamma, density=density, target=target)
    assert_holds(circuit, round(density * 1800), gamma)
    assert circuit.abscissa <= target


def test_negative_targets_need_self_connections():
    """The mean of the eigenvalues is that of the diagonal, 0 without self-connections."""
    circuit = stabilize(SMALL.weights, target=-0.2, self_connections=True, density=0.6)
    assert circuit.reached
    assert circuit.abscissa <= -0.2
    assert all(check.holds for check in circuit.checks)
    with pytest.raises(ValueError, match="self_connections=True"):
        stabilize(SMALL.weights, target=-0.2)


def test_balance_of_every_cell():
    network = random_network(60, 0, density=0.3, radius=4.0)
    circuit = stabilize(network.weights, target=0.8, balance="row")
    assert_holds(circuit, 720, columns=network)
    ratios = -circuit.weights[:, 30:].mean(axis=1) / circuit.weights[:, :30].mean(axis=1)
    np.testing.assert_allclose(ratios, 3.0, rtol=1e-12)
    assert (circuit.weights[:, 30:] < 0).sum(axis=1).tolist() == [12] * 60


def test_free_inhibition():
    """Neither balance nor density: only signs and places are kept."""
    circuit = stabilize(SMALL.weights, gamma=None, density=None, balance=None, target=0.3)
    assert circuit.reached
    assert all(check.holds for check in circuit.checks)


def test_allowed_places_and_self_connections():
    allowed = np.random.default_rng(0).random((60, 60)) < 0.7
    circuit = stabilize(SMALL.weights, target=0.8, allowed=allowed)
    assert_holds(circuit, 720)
    assert not circuit.weights[~allowed & (circuit.weights < 0)].any()
    loops = stabilize(SMALL.weights, target=0.6, self_connections=True, density=1.0)
    assert loops.reached
    assert (np.diag(loops.weights)[30:] < 0).all()


def test_any_order_and_fraction_of_types():
    """The order of cells carries no meaning: a permuted network gives the permuted circuit."""
    network = random_network(50, 1, radius=3.0, excitatory_fraction=0.7)
    order = np.random.default_rng(0).permutation(50)
    plain = stabilize(network.weights, network.excitatory, target=0.7, max_steps=3)
    permuted = stabilize(network.weights[np.ix_(order, order)], network.excitatory[order], target=0.7, max_steps=3)
    # Single precision of the Schur form, grown over three steps.
    np.testing.assert_allclose(permuted.history, plain.history[: len(permuted.history)], rtol=1e-3)
    done = stabilize(network.weights[np.ix_(order, order)], network.excitatory[order], target=0.7)
    assert done.reached
    assert all(check.holds for check in done.checks)


def test_time_constants_enter_the_dynamics():
    """The target is that of 1 + T^-1 (W - 1), whose eigenvalues are 1 plus those of the Jacobian."""
    tau = np.where(SMALL.excitatory, 1.0, 0.5)
    circuit = stabilize(SMALL.weights, target=0.5, time_constants=(1.0, 0.5))
    assert_holds(circuit, 720)
    jacobian = (circuit.weights - np.eye(60)) / tau[:, None]
    assert 1 + np.linalg.eigvals(jacobian).real.max() == pytest.approx(circuit.abscissa, abs=1e-10)
    assert circuit.abscissa <= 0.5
    same = stabilize(SMALL.weights, target=0.5, time_constants=np.ones(60))
    np.testing.assert_array_equal(same.weights, stabilize(SMALL.weights, target=0.5).weights)


def test_gradient_with_time_constants_meets_finite_differences():
    """ds/dW = T^-1 (ds/dM): one bare step of tiny rate moves along the gradient in W."""
    from tuneful.solvers.schur import SchurForm
    from tuneful.stability.descent import effective_matrix

    tau, direction = np.where(SMALL.excitatory, 1.0, 0.4), np.random.default_rng(0).normal(size=(60, 60))
    smoothed = lambda w: SchurForm.of(effective_matrix(w, tau)).smoothed_abscissa(0.05)  # noqa: E731
    gradient = smoothed(SMALL.weights)[1] / tau[:, None]
    ahead, behind = (smoothed(SMALL.weights + h * direction)[0] for h in (1e-5, -1e-5))
    assert np.vdot(gradient, direction) == pytest.approx((ahead - behind) / 2e-5, abs=1e-6)


def test_interrupted_and_resumed_is_the_same():
    whole = stabilize(SMALL.weights, target=0.6)
    part = stabilize(SMALL.weights, target=0.6, max_steps=4)
    assert (part.outcome, part.steps, part.reached) == ("max_steps", 4, False)
    rest = stabilize(SMALL.weights, target=0.6, state=StabilizedCircuit.from_arrays(part.to_arrays()).state)
    np.testing.assert_array_equal(rest.weights, whole.weights)
    np.testing.assert_array_equal(rest.history, whole.history)


def test_every_state_can_be_gone_on_from():
    states = []
    whole = stabilize(SMALL.weights, target=0.6, observers=[lambda moment: states.append(moment.state)])
    assert [state.steps for state in states] == list(range(whole.steps + 1))
    rest = stabilize(SMALL.weights, target=0.6, state=states[3])
    np.testing.assert_array_equal(rest.weights, whole.weights)
    np.testing.assert_array_equal(rest.history, whole.history)


def test_a_state_belongs_to_its_network():
    part = stabilize(SMALL.weights, target=0.6, max_steps=1)
    with pytest.raises(ValueError, match="other cells"):
        stabilize(random_network(40, 0, radius=4.0).weights, state=part.state)


@pytest.mark.parametrize("how", ["ctrl-c", "observer"])
def test_interruption_keeps_the_best(how):
    seen = []

    def observer(moment):
        seen.append((moment.steps, moment.state.abscissa))
        assert moment.record is None if moment.steps == 0 else moment.record.abscissa == moment.state.abscissa
        if moment.steps == 5 and how == "ctrl-c":
            raise KeyboardInterrupt
        return moment.steps == 5

    circuit = stabilize(SMALL.weights, target=0.0, observers=[observer])
    assert circuit.outcome == "interrupted"
    assert [step for step, _ in seen] == list(range(6))
    known = seen if how == "observer" else seen[:-1]  # the last is not known to all observers
    assert circuit.history.tolist() == [a for _, a in known]
    assert circuit.abscissa == pytest.approx(min(a for _, a in known), rel=1e-4)
    assert "state" in circuit.explanation
    rest = stabilize(SMALL.weights, target=0.6, state=circuit.state)
    np.testing.assert_array_equal(rest.weights, stabilize(SMALL.weights, target=0.6).weights)


def test_what_cannot_be_reached_ends_with_the_best_circuit():
    """Inhibition onto three cells only cannot stabilise sixty."""
    allowed = np.zeros((60, 60), bool)
    allowed[:3] = allowed[30:33] = True
    circuit = stabilize(SMALL.weights, density=0.05, allowed=allowed, patience=20)
    assert (circuit.outcome, circuit.reached) == ("stalled", False)
    assert circuit.abscissa == pytest.approx(circuit.history.min(), rel=1e-4)
    assert circuit.explanation.startswith("not reached")
    assert [check.name for check in circuit.checks if not check.holds] == ["abscissa"]


def test_a_shift_on_the_spectrum_ends_with_the_best_circuit():
    """At an eps below rounding the equations are singular, and the root finder finds nothing."""
    circuit = stabilize(SMALL.weights, shift=Smoothing(1e-300))
    assert (circuit.outcome, circuit.steps) == ("no_gradient", 0)
    assert "larger" in circuit.explanation


def test_arrays_there_and_back():
    circuit = stabilize(SMALL.weights, target=0.6, max_steps=2)
    again = StabilizedCircuit.from_arrays(circuit.to_arrays())
    assert again.checks == circuit.checks
    assert again.outcome is circuit.outcome
    assert circuit.to_arrays()["reason"] == "max_steps"
    for name, array in circuit.to_arrays().items():
        np.testing.assert_array_equal(again.to_arrays()[name], array)


SILENT_ROW = SMALL.weights.copy()
SILENT_ROW[7, :30] = 0
ROWS_OF_ONE_TYPE = np.repeat(SMALL.excitatory[:, None], 60, axis=1)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (np.ones((3, 4)), {}, "shape"),
        (np.where(np.eye(60) > 0, np.nan, SMALL.weights), {}, "not finite"),
        (np.abs(SMALL.weights), {}, "no inhibitory cell"),
        (-np.abs(SMALL.weights), {}, "no excitatory cell"),
        (SMALL.weights, {"gamma": 0.0}, "gamma must be positive"),
        (SMALL.weights, {"gamma": 1e20}, "gamma must be positive, up to"),
        (SMALL.weights, {"target": 1e300}, "target must be a finite number below"),
        (SMALL.weights, {"gamma": None}, "balance=None"),
        (SMALL.weights, {"density": 1.2}, "density must be"),
        (SMALL.weights, {"density": 0.0}, "density must be"),
        (SMALL.weights, {"density": 1.0}, "1770 are possible"),
        (SMALL.weights, {"allowed": np.zeros((60, 60), bool)}, "0 are possible"),
        (SMALL.weights, {"allowed": np.zeros((2, 2), bool)}, "allowed must be"),
        (SMALL.weights, {"allowed": ROWS_OF_ONE_TYPE, "density": 0.1}, "onto row 30"),
        (SMALL.weights, {"allowed": np.zeros((60, 60), bool), "density": None, "balance": None}, "onto row 0"),
        (SMALL.weights, {"balance": "column"}, "balance must be"),
        (SMALL.weights, {"sparsity": "replace"}, "seed"),
        (SMALL.weights, {"target": np.nan}, "target"),
        (SMALL.weights, {"time_constants": (1.0, -1.0)}, "time_constants"),
        (SMALL.weights, {"time_constants": (1.0, 2.0, 3.0)}, "time_constants"),
        (SMALL.weights, {"rate": 0.0}, "rate"),
        (SMALL.weights, {"momentum": 1.0}, "momentum"),
        (SMALL.weights, {"patience": 0}, "patience"),
        (SMALL.weights, {"faithful": True, "balance": "row"}, "as published"),
        (SMALL.weights, {"faithful": True, "allowed": np.ones((60, 60), bool)}, "as published"),
        (SMALL.weights, {"faithful": True, "time_constants": (1.0, 0.5)}, "as published"),
        (SILENT_ROW, {"balance": "row"}, "Row 7 has no excitatory input"),
    ],
    ids=lambda x: "" if isinstance(x, np.ndarray) else str(list(x) if isinstance(x, dict) else x)[:40],
)
def test_bad_input_is_refused(weights, options, message):
    with pytest.raises(ValueError, match=message):
        stabilize(weights, **options)


def test_double_precision_changes_rounding_only():
    """Which precision takes the steps changes their rounding only: the ends are the same kind of circuit."""
    tight = stabilize(SMALL.weights, target=0.6, shift=Margin(offset=1e-3))
    assert_holds(tight, 720)


def test_a_circuit_that_is_stable_already_is_left_as_it_is():
    network = user_network(SMALL.weights / 20 + np.diag(np.where(SMALL.excitatory, 0.1, 0)), SMALL.excitatory)
    circuit = stabilize(network.weights, target=0.9)
    np.testing.assert_array_equal(circuit.weights, network.weights)
    assert (circuit.steps, circuit.unchanged, circuit.reached) == (0, True, True)
    assert {check.name for check in circuit.checks if not check.holds} == {
        "self-connections", "excitatory weights that changed", "inhibitory synapses",
        "gamma, excitatory targets", "gamma, inhibitory targets",
    }  # fmt: skip
    assert "left unchanged" in circuit.explanation
    assert StabilizedCircuit.from_arrays(circuit.to_arrays()).unchanged
    assert not stabilize(network.weights, target=0.1, max_steps=0).unchanged


def test_a_silent_network_is_left_as_it_is():
    circuit = stabilize(np.zeros((3, 3)), np.array([True, False, False]))
    assert circuit.unchanged
    assert np.isnan(circuit.checks[-1].value)


def test_a_circuit_that_is_stable_already_is_brought_into_its_constraints_if_asked():
    network = user_network(SMALL.weights / 20, SMALL.excitatory)
    circuit = stabilize(network.weights, target=0.9, leave_stable=False)
    assert not circuit.unchanged
    assert circuit.steps == 0
    assert_holds(circuit, 720, columns=network)
