"""What a descent found outlives whatever fails after it."""

import errno
import json
import os

import numpy as np
import pytest

from tuneful import Fit
from tuneful.errors import UserError
from tuneful.objectives import EnergyDistance
from tuneful.runs.finishing import finishing
from tuneful.runs.folder import RunFolder

FAILURES = {
    "tuneful.fitting.tables.predict": UserError("There is no size 9."),
    "tuneful.fitting.tables.count_stable": MemoryError("931 GiB"),
    "tuneful.report.fit.write_report": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
}


@pytest.fixture
def start(toy, toy_data, tiny_settings, quick_report):
    """Begin or resume a run of six steps; the fit itself is returned with what came of it."""

    def fit(out=None, resume=False, **changed):
        fit = Fit(toy, EnergyDistance(), **(tiny_settings | changed))
        return fit, lambda: fit.fit(toy_data, 0, out=out, resume=resume, progress=False)

    return fit


@pytest.mark.parametrize(("where", "error"), FAILURES.items(), ids=FAILURES.keys())
def test_a_failure_after_the_descent_costs_no_step(start, tmp_path, monkeypatch, where, error):
    with monkeypatch.context() as patch:
        patch.setattr(where, _raising(error))
        fit, run = start(tmp_path / "run")
        with pytest.raises(
            UserError, match=r"kept in .*fitted\.json: the same command with --resume finishes the run"
        ):
            run()
    kept = json.loads((tmp_path / "run" / "fitted.json").read_text())
    assert kept["parameters"]["a"] == pytest.approx(float(fit.params_["a"]))
    assert (kept["outcome"], kept["steps"]) == ("max_steps", 6)
    assert not (tmp_path / "run" / "result.json").exists()
    monkeypatch.setattr("tuneful.fitting.stochastic.advance", _raising(AssertionError("a step was repeated")))
    again, run = start(tmp_path / "run", resume=True, predict={"size": [3.0]}, evaluation_curves=21, evaluate_every=2)
    assert run().result_["steps"] == 6
    assert all(np.array_equal(again.params_[name], value) for name, value in fit.params_.items())
    assert not (tmp_path / "run" / "fitted.json").exists()
    assert set(Fit.load(tmp_path / "run", again.circuit).findings_.prediction.fitted["size"].values) == {3.0}


def _raising(error):
    def fail(*_, **__):
        raise error

    return fail


def test_a_fit_without_a_folder_keeps_its_parameters(start, monkeypatch):
    monkeypatch.setattr("tuneful.fitting.tables.Findings.of", _raising(UserError("Nothing settles.")))
    fit, run = start()
    with pytest.raises(UserError, match=r"Nothing settles\. The descent .* is kept in fit\.params_\."):
        run()
    assert np.isfinite(fit.params_["a"])
    assert len(fit.history_) == 6


def test_what_is_no_longer_predicted_is_no_longer_there(start, tmp_path):
    start(tmp_path / "run", predict={"size": [3.0]})[1]()
    assert (tmp_path / "run" / "prediction.nc").exists()
    start(tmp_path / "run", resume=True)[1]()
    assert not (tmp_path / "run" / "prediction.nc").exists()


def test_a_mistake_of_ours_keeps_its_traceback_and_says_how_to_finish(tmp_path):
    with pytest.raises(ZeroDivisionError) as error, finishing(RunFolder(tmp_path), "circuit.npz"):
        _ = 1 / 0
    assert "--resume finishes the run" in error.value.__notes__[0]
