"""The settings of a fit."""

import pytest

from tuneful.errors import UserError
from tuneful.fitting import FitSettings
from tuneful.fitting.settings import BEST_STEPS, HOW
from tuneful.settings import parse


def test_stopping_follows_the_settings():
    stopping = parse(FitSettings, {"max_steps": 7, "window": 3, "tolerance": 0.1}, "Fit").stopping()
    assert (stopping.max_steps, stopping.window, stopping.tolerance) == (7, 3, 0.1)


@pytest.mark.parametrize("label", ["energy", "wgan-gp", "one of somebody else's"])
def test_nothing_is_left_open_once_the_objective_is_known(label):
    settings = FitSettings(b1=0.7).for_objective(label)
    assert settings.b1 == 0.7
    assert all(getattr(settings, name) is not None for name in set(HOW) - {"half_life"})
    assert settings.steps().learning_rate == BEST_STEPS.get(label, BEST_STEPS["energy"])["learning_rate"]


@pytest.mark.parametrize(
    "wrong", [{"refine_steps": -1}, {"refine_batch": 0}, {"start_spread": float("nan")}, {"starts": 0}, {"batch": 0},
              {"learning_rate": 0}, {"learning_rate": float("inf")}, {"b1": 1}]
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))} = "):
        parse(FitSettings, wrong, "Fit")
