"""Which conditions to measure next, in the folder of a run."""

import json

import jax
import pytest

from tuneful import Fit
from tuneful.analysis import information
from tuneful.analysis.coordinates import Coordinates
from tuneful.circuits import SSN
from tuneful.errors import UserError
from tuneful.fitting.linearised import realised_at
from tuneful.fitting.simulation import simulate
from tuneful.runs.design_run import DesignSettings, chosen_parameters, execute_design
from tuneful.runs.progress import Progress


@pytest.fixture(scope="module")
def run(toy, tiny_settings, tmp_path_factory):
    """A fit of one step from the truth, of 40 units."""
    curves = simulate(toy.with_values({"a": 3.0, "b": 1.0}), 40, jax.random.key(1))
    path = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.fit.write_report", lambda content, path: path.write_text("<html>"))
        fit = Fit(toy.with_values({"a": 3.0, "b": 1.0}), **tiny_settings | {"max_steps": 1})
        fit.fit(curves, 0, out=path, progress=False)
    return path


def test_the_command_chooses_conditions_and_says_what_they_bring(run, tuneful, refused):
    """Rates a (r + b size): the larger the size, the more it tells of the slope."""
    asked = ("design", run, "--candidates", "size=1,0.1,8", "--for", "b", "--curves", 240)
    code, out, err = tuneful(*asked, "--add", 1, "--cost-unit", 1, "--cost-condition", 2)
    assert code == 0, err
    table = json.loads((run / "design.json").read_text())
    assert [row["name"] for row in table["candidates"]] == ["size = 8", "size = 0.1"]  # size 1 is shown already
    assert [row["name"] for row in table["chosen"]] == ["size = 8"]
    assert table["then"] < table["now"]
    assert table["units"] == 40
    assert [row["name"] for row in table["errors"]] == ["a", "b"]
    assert table["errors"][1]["then"] == pytest.approx(table["then"])
    assert [plan["conditions"] for plan in table["plans"]] == [3, 4]
    assert table["plans"][1]["error"] == pytest.approx(table["then"])
    assert table["verdict"].startswith("Measure size = 8: the standard error of b goes from ")
    assert table["verdict"] in out
    assert table["verdict"] in (run / "design.html").read_text()
    assert "there are 2 new candidates" in refused(*asked, "--add", 3)
    assert "Give both --cost-unit and --cost-condition" in refused(*asked, "--cost-unit", 1)
    assert "no feature 'contrast'. Choose from: size." in refused("design", run, "--candidates", "contrast=1")
    assert "are shown already" in refused("design", run, "--candidates", "size=1,2")


def test_what_was_ranked_before_a_kill_is_not_computed_again(run, monkeypatch):
    for name in ("FIRST_SAVE", "SAVE_EVERY", "SAVE_SHARE"):
        monkeypatch.setattr(f"tuneful.runs.checkpoints.{name}", 0.0)
    asked = DesignSettings(candidates={"size": [0.1, 8.0]}, curves=120)

    def answer(dies_at=None):
        """The answer, and how often the circuit was simulated and the information computed."""
        counts = {"simulated": 0, "informed": 0}

        def simulated(*about):
            counts["simulated"] += 1
            return realised_at(*about)

        def informed(*about):
            if counts["informed"] == dies_at:
                raise KeyboardInterrupt
            counts["informed"] += 1
            return information(*about)

        monkeypatch.setattr("tuneful.runs.design_run.realised_at", simulated)
        monkeypatch.setattr("tuneful.analysis.experimental_design.information", informed)
        try:
            return execute_design(run, Fit.load(run), asked, Progress(show=False)), counts
        except KeyboardInterrupt:
            return None, counts

    whole, all_of_it = answer()
    assert answer(dies_at=1)[0] is None
    assert (run / "design_checkpoints").is_dir()
    again, rest = answer()
    assert again == whole
    assert rest == {"simulated": 0, "informed": all_of_it["informed"] - 1}
    assert not (run / "design_checkpoints").exists()


def test_parameters_are_chosen_by_name():
    coordinates = Coordinates(SSN(n_sites=5), ("J", "dJ", "sigma"))
    assert chosen_parameters(coordinates, "all") == ()
    assert chosen_parameters(coordinates, "J, sigma") == (0, 1, 2, 3, 8, 9, 10, 11)
    assert chosen_parameters(coordinates, "J_EI,J[1,0], dJ[1, 1]") == (1, 2, 7)
    with pytest.raises(UserError, match=r"--for sigm: no fitted parameter is called 'sigm'\. Did you mean 'sigma'"):
        chosen_parameters(coordinates, "sigm")
