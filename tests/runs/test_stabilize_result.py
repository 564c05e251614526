"""What to try where a circuit did not become stable."""

from tuneful.runs.stabilize_config import StabilizeConfig
from tuneful.runs.stabilize_result import what_to_try
from tuneful.stability import stabilize


def test_what_to_try_names_options_that_are_in_use():
    settings = StabilizeConfig(n=60, radius=4.0, target=0.1)
    stalled = stabilize(
        settings.network_to_stabilize().weights, target=-0.5, self_connections=True, patience=1, max_steps=500
    )
    assert stalled.outcome == "stalled"
    assert "raise --density or --gamma, ask" in what_to_try(settings, stalled)
    free = settings.model_copy(update={"density": None, "balance": None, "weights": "w.npy", "smoothing": 0.1})
    assert "steps: leave out --smoothing, ask for a higher --target, or start from weaker weights" in what_to_try(
        free, stalled
    )
