"""Restrictions: how they are read, where the loss is lowest under them, and how often they are refused by chance."""

import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.restrictions import KNOWN, POINT, RISE, Restriction, answer_to, p_value, restricted_minimum
from tuneful.circuits import SSN
from tuneful.errors import UserError


def restriction(*equations):
    rows, values = zip(*equations, strict=True)
    return Restriction("these", np.array(rows, float), np.array(values))


@pytest.mark.parametrize("rows", [[[1, -1, 0, 0]], [[0, 0, 1, 0], [1, 0, 0, -1]], np.eye(4).tolist()])
def test_of_a_quadratic_loss_the_rise_is_in_closed_form(quadratic, rows):
    """d (R H^-1 R^T)^-1 d / 2 with d = R eta - c."""
    minimum, asked = quadratic.minimum(), restriction(*((row, 0.1) for row in rows))
    row = restricted_minimum(quadratic, minimum, asked)
    apart = asked.rows @ minimum.point - asked.values
    inverse = np.linalg.inv(asked.rows @ np.linalg.inv(minimum.curvature) @ asked.rows.T)
    assert row[KNOWN]
    assert row[RISE] == pytest.approx(apart @ inverse @ apart / 2, rel=1e-6)
    assert asked.rows @ row[POINT:] == pytest.approx(asked.values)


@pytest.mark.parametrize("rows", [[[1, -1, 0, 0]], [[0, 0, 1, 0], [1, 0, 0, -1]]])
def test_what_is_true_is_refused_as_often_as_the_level_says(quadratic, rows, monkeypatch):
    """Minima that scatter with V about a truth, for a V that is nothing like H^-1: p-values are uniform."""
    monkeypatch.setattr("tuneful.analysis.restrictions.SAMPLES", 3000)
    minimum, rng, n = quadratic.minimum(), np.random.default_rng(1), 1500
    asked = restriction(*((row, 0.0) for row in rows))
    spread, covariance = minimum.robust_spread
    weights = asked.weights(spread, covariance)
    assert not np.allclose(weights, 1 / len(minimum.scores), rtol=0.2)
    apart = rng.multivariate_normal(np.zeros(4), covariance, n) @ asked.rows.T
    inverse = np.linalg.inv(asked.rows @ spread @ asked.rows.T)
    found = np.array([p_value(d @ inverse @ d / 2, weights) for d in apart[: n if len(rows) == 1 else 300]])
    for level in (0.05, 0.5):
        assert np.mean(found < level) == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / len(found)))


def test_names_and_numbers_are_read():
    circuit = SSN(n_sites=11)
    coordinates = Coordinates(circuit, ("J", "sigma"))
    both = Restriction.of("J_EE = J[0, 1], sigma_II = 0.5", coordinates)
    assert both.rows.tolist() == [[1, -1] + [0] * 6, [0] * 7 + [1]]
    assert both.values == pytest.approx([0.0, np.log(0.5)])
    whole = Restriction.of("J = sigma", coordinates)
    assert whole.rows.tolist() == np.hstack([np.eye(4), -np.eye(4)]).tolist()
    assert len(Restriction.of("sigma = 1", coordinates).values) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("J_EE", "write NAME = NAME or NAME = NUMBER"),
        ("", "write NAME = NAME"),
        ("J_EX = 1", r"no fitted parameter is called 'J_EX'\. Did you mean 'J_"),
        ("dJ = 1", "no fitted parameter is called 'dJ'"),
        ("J_EE = 0", "0 is out of the range of J_EE"),
        ("J_EE = nan", "nan is out of the range"),
        ("J = sigma_EE", "the sides have 4 and 1 entries"),
        ("J_EE = J_EE", "follow from the others, or contradict"),
        ("J_EE = J_EI, J_EI = J_EE", "follow from the others, or contradict"),
        ("J_EE = 1, J_EE = 2", "follow from the others, or contradict"),
    ],
)
def test_what_is_no_restriction_is_refused_in_a_sentence(text, words):
    with pytest.raises(UserError, match=words):
        Restriction.of(text, Coordinates(SSN(n_sites=11), ("J", "sigma")))


def test_a_verdict_says_what_the_data_say_and_where_nothing_settles(quadratic):
    minimum, coordinates = quadratic.minimum(), quadratic.coordinates
    far = Restriction.of("J_IE = 5", coordinates)
    said = answer_to(far, restricted_minimum(quadratic, minimum, far), minimum, coordinates)
    assert said["p_value"] < 1e-6
    assert "speak against it" in said["verdict"]
    assert said["parameters"]["J"][1, 0] == pytest.approx(5.0)
    lost = np.array([np.nan, 0.0, *minimum.point])
    assert "cannot be tested" in answer_to(far, lost, minimum, coordinates)["verdict"]
    assert jnp.isnan(lost[RISE])
    assert p_value(-0.1, [1.0]) == 1.0


def test_what_is_measured_from_others_cannot_be_set_alone(following):
    with pytest.raises(UserError, match="phi_l depends on others and cannot be set alone"):
        Restriction.of("phi_l = 20", following.coordinates)
