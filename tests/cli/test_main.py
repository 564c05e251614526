"""The command line: what it prints, where it writes, and how it refuses."""

import errno
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from tuneful import Fit, load, save
from tuneful.cli.main import app
from tuneful.curves import make_dataset


def _everything_is_allowed():
    """Whether this process may read what nobody may, as root may."""
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0)
        return os.access(file.name, os.R_OK)


needs_a_user = pytest.mark.skipif(_everything_is_allowed(), reason="nothing is forbidden to root")


@pytest.fixture(scope="module")
def shared(tmp_path_factory, tiny):
    """One fit of the command line, with its report; only to be read."""
    from tuneful.cli import commands

    folder = tmp_path_factory.mktemp("cli") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "set_up_jax", lambda: None)
        commands.run_fit(str(tiny), {"data": None, "objective": None, "seed": None}, folder, [], None, False, False)
    return folder


@pytest.fixture
def curves(tmp_path, tiny_data):
    """A file of measured curves."""
    save(tiny_data, tmp_path / "curves.csv")
    return tmp_path / "curves.csv"


def write_rates(path, rates, features=("x", "y", "z")):
    rates = np.asarray(rates, float)
    rows = ["unit," + ",".join(features) + ",rate"]
    rows += [
        f"u{i},{j},0,0,{'' if np.isnan(rate) else rate}" for i, row in enumerate(rates) for j, rate in enumerate(row)
    ]
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize(
    "command", [[], ["fit"], ["simulate"], ["report"], ["data"], ["data", "check"], ["data", "convert"]]
)
def test_help_of_every_command(tuneful, command):
    code, out, _ = tuneful(*command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: tuneful{' ' * bool(command)}{' '.join(command)}")
    assert "--help" in out


def test_every_option_is_explained():
    from typer.main import get_command

    def explained(command):
        for inner in getattr(command, "commands", {}).values():
            explained(inner)
        assert command.help
        assert all(parameter.help for parameter in command.params), command.name

    explained(get_command(app))


def test_version(tuneful):
    from tuneful import __version__

    assert tuneful("--version")[:2] == (0, f"tuneful {__version__}\n")


def test_fit_says_what_was_found_and_where(tuneful, tiny, shared, quick_report):
    code, out, err = tuneful("fit", tiny, "--out", "run")
    assert code == 0
    assert out.splitlines()[0].startswith("reached the maximum of 6 steps")
    assert out.splitlines()[-1] == "report: run/report.html"
    for word in ("r2", "coding_level", "KS end", "floor", "sigma_l", "truth", "note: The fit had not converged"):
        assert word in out
    assert "step     3 of at most 6   KS: " in err


def test_the_report_is_a_page(shared):
    assert "</html>" in (shared / "report.html").read_text()


def test_the_folder_of_a_fit_is_named_after_it(tuneful, tiny, quick_report, tmp_path):
    code, out, _ = tuneful("fit", tiny, "--seed", 3)
    assert code == 0
    assert "report: runs/m1-3/report.html" in out
    assert json.loads((tmp_path / "runs" / "m1-3" / "config.json").read_text())["seed"] == 3


def test_command_line_and_python_fit_the_same(
    shared, tiny_circuit, tiny_objective, tiny_settings, quick_report, tmp_path
):
    loaded = Fit.load(shared)
    again = Fit(tiny_circuit, tiny_objective, **tiny_settings).fit(
        loaded.dataset_.drop_vars("held_out"), 0, progress=False
    )
    assert again.params_ == loaded.params_
    assert again.score(again.dataset_) == loaded.score(again.dataset_)


def test_a_run_is_not_replaced_unasked(tuneful, refused, tiny, quick_report, shared, tmp_path):
    command = ("fit", tiny, "--out", "run")
    assert tuneful(*command)[0] == 0
    assert "run already holds a run: choose another --out, add --resume" in refused(*command)
    assert "fit.window" in refused(*command, "--resume", "--set", "window=7")
    assert "was started with another seed" in refused(*command, "--resume", "--seed", 1)
    assert tuneful(*command, "--resume")[0] == 0
    assert tuneful(*command, "--resume", "--set", "max_steps=7")[0] == 0
    assert json.loads((tmp_path / "run" / "result.json").read_text())["steps"] == 7
    assert tuneful(*command, "--overwrite", "--set", "max_steps=4")[0] == 0
    assert json.loads((tmp_path / "run" / "result.json").read_text())["steps"] == 4


@pytest.mark.parametrize("data", [(), ("--data", "curves.csv")])
def test_a_run_is_its_configuration(tuneful, tiny, quick_report, curves, tmp_path, data):
    """config.json, whatever happened to the data since, gives the same bits; what was asked is not asked again."""
    assert tuneful("fit", tiny, "--seed", 3, "--set", "penalties.rate.limit=9", *data, "--out", "a")[0] == 0
    curves.unlink()
    assert tuneful("fit", "a/config.json", "--out", "b")[0] == 0
    for name in ("metrics.jsonl", "result.json"):
        before, now = (_without_times((tmp_path / folder / name).read_text()) for folder in "ab")
        assert now == before


def _without_times(text):
    return re.sub(r'"(wall_seconds|seconds|command|path|data)": ("[^"]*"|[^,}\n]*|null)', "", text)


def test_a_configuration_beside_other_curves_is_refused(tuneful, refused, tiny, quick_report, curves, tmp_path):
    assert tuneful("fit", tiny, "--data", curves, "--out", "a")[0] == 0
    other = load(tmp_path / "a" / "data.nc")
    save(other.assign(rate=other["rate"] + 1), tmp_path / "a" / "data.nc")
    assert "are not those of this configuration" in refused("fit", "a/config.json", "--out", "b")


def test_start_from_an_earlier_run(tuneful, tiny, quick_report, shared, tmp_path):
    assert tuneful("fit", tiny, "--start-from", shared, "--out", "run")[0] == 0
    before, now = (json.loads((f / "result.json").read_text())["parameters"] for f in (shared, tmp_path / "run"))
    assert {name: row["initial"] for name, row in now.items()} == {name: row["value"] for name, row in before.items()}


def test_report_again(tuneful, shared, tmp_path):
    code, out, _ = tuneful("report", shared, "--out", "page.html")
    assert (code, out) == (0, "report: page.html\n")
    assert (tmp_path / "page.html").read_text() == (shared / "report.html").read_text()


def test_simulate(tuneful, refused, shared, tmp_path):
    tiny = ("--set", "grid=5", "--set", "density=0.1", "--n", 20)
    assert tuneful("simulate", "m1", "--out", "a.nc", *tiny)[:2] == (0, "20 curves in 27 conditions: a.nc\n")
    assert "a.nc exists" in refused("simulate", "m1", "--out", "a.nc", *tiny)
    assert tuneful("simulate", "m1", "--out", "b.csv", *tiny)[0] == 0
    assert np.allclose(load(tmp_path / "a.nc")["rate"], load(tmp_path / "b.csv")["rate"])
    assert tuneful("simulate", "m1", "--out", "a.nc", *tiny, "--seed", 1, "--overwrite")[0] == 0
    assert not np.allclose(load(tmp_path / "a.nc")["rate"], load(tmp_path / "b.csv")["rate"])


def test_simulate_from_a_run(tuneful, refused, shared, tmp_path):
    assert tuneful("simulate", "m1", "--run", shared, "--n", 20, "--out", "a.nc")[0] == 0
    assert np.array_equal(load(tmp_path / "a.nc")["rate"], Fit.load(shared).sample(20, 0)["rate"])
    assert "leave out either" in refused("simulate", "m1", "--run", shared, "--set", "J=3", "--out", "b.nc")


def test_data_check_and_convert(tuneful, refused, curves, tmp_path):
    code, out, _ = tuneful("data", "check", curves)
    assert code == 0
    assert "20" in out
    assert "27" in out
    assert tuneful("data", "convert", curves, "b.nc")[:2] == (0, "20 units in 27 conditions: b.nc\n")
    assert "b.nc exists" in refused("data", "convert", curves, "b.nc")
    assert tuneful("data", "convert", "b.nc", "c.tsv", "--layout", "wide")[0] == 0
    assert np.allclose(load(tmp_path / "c.tsv")["rate"], load(curves)["rate"])
    assert "known format" in refused("data", "convert", "b.nc", "c.xyz")
    assert "is not of the form key=value" in refused("data", "check", curves, "--option", "posture")
    assert "'posture' does not apply" in refused("data", "check", curves, "--option", "posture=pronation")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["fit", "m1", "--data", "a.csv", "--data", "b.csv"],
            "The option --data is given 2 times, and takes one value",
        ),
        (["stabilize", "--n", "3", "--n=4"], "The option --n is given 2 times"),
        (["fit", "m1", "--set", "J=1", "--set", "circuit.J=2"], "--set circuit.J=... is given twice"),
        (["data", "check", "a\x1b[2J\n.csv"], "There is no file or folder 'a\\x1b[2J .csv'"),
        (
            ["simulate", "m1", "--out", "a.nc", "--n", "1000000000"],
            "n = 1000000000: the rates of so many curves take",
        ),
        (["fit", "m1", "--set", "simulate=1000000000"], "data.simulate = 1000000000: the rates of so many curves"),
        (["fit", "ssn", "--set", "n_sites=40000"], "n_sites = 40000): its random numbers take"),
        (["fit"], "Missing argument 'model'"),
        (["fit", "m1", "--seed", "soon"], "Invalid value for '--seed'"),
        (["fit", "m1", "--sede", "1"], "No such option: --sede"),
        (["fti", "m1"], "No such command 'fti'"),
        (["simulate", "m1"], "Missing option '--out'"),
        (["simulate", "m1", "--out", "a.nc", "--n", "0"], "Invalid value for '--n'"),
        (["fit", "m2"], "There is no preset or circuit called 'm2'. Choose from: m1, ring, ssn, ssn2019, v1"),
        (["fit", "m1", "--objective", "energie"], "There is no objective called 'energie'. Did you mean 'energy'"),
        (["fit", "m1", "--seed", "-1"], "seed = -1 is not valid"),
        (["fit", "m1", "--set", "grid"], "'grid' is not of the form key=value"),
        (["fit", "m1", "--set", "gird=3"], "setting 'gird'. Did you mean 'grid'"),
        (["fit", "m1", "--set", "grid=big"], "circuit.grid = 'big' is not of the expected type (int)"),
        (
            ["fit", "m1", "--set", "objective.rigde=3"],
            "objective energy has no setting 'rigde'. Did you mean 'ridge'",
        ),
        (["fit", "m1", "--set", "fitted=K"], "no parameter 'K'"),
        (["fit", "m1", "--set", "J=-1"], "Parameter J = -1.0 is beyond its range"),
        (["fit", "m1", "--set", "simulate=5", "--set", "held_out=0.1"], "does not leave 2 on either side"),
        (["fit", "none.toml"], "There is no configuration file none.toml"),
        (["fit", "m1", "--data", "none.csv"], "There is no file or folder 'none.csv'"),
        (["fit", "m1", "--start-from", "none"], "none holds no config.json: is it the folder of a run"),
        (["simulate", "m1", "--out", "a.xyz"], "not a known format"),
        (["simulate", "m1", "--out", "none/a.nc"], "There is no folder 'none'"),
        (["report", "none"], "none holds no config.json"),
        (["data", "check", "none.nc"], "There is no file or folder 'none.nc'"),
        (["data", "check", "."], "holds no TuningCurves"),
    ],
)
def test_mistakes(refused, monkeypatch, command, message, tiny_data):
    monkeypatch.setattr("tuneful.cli.commands.simulate", lambda circuit, n, key: tiny_data.isel(unit=slice(n)))
    assert message in refused(*command)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ([[1.0, 2.0], [np.nan, np.nan]], "Unit 'u1' has no measured condition"),
        ([[1.0, -2.0], [1.0, 2.0]], "is -2 Hz, and a rate cannot be negative"),
        ([[1.0, 2.0]], "of 1 units does not leave 2 on either side"),
        ([[1.0, 2.0], [2.0, 1.0]], "of 2 units does not leave 2 on either side"),
        (np.zeros((8, 2)), "all have the same curve"),
    ],
)
def test_unusable_data(refused, tmp_path, rates, message):
    assert message in refused("fit", "m1", "--data", write_rates(tmp_path / "a.csv", rates))
    assert not (tmp_path / "runs").exists()


def test_data_of_another_experiment(refused, tmp_path, toy_data):
    save(toy_data, tmp_path / "sizes.nc")
    assert "hand positions x, y, z" in refused("fit", "m1", "--data", tmp_path / "sizes.nc")


@pytest.mark.parametrize("name", ["a.csv", "a.nc", "a.toml"])
def test_empty_and_broken_files(refused, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    where = [path] if name.endswith("toml") else ["m1", "--data", path]
    assert ("is empty" if where[0] == "m1" else "'circuit' is missing") in refused("fit", *where)
    path.write_bytes(bytes(range(256)))
    assert "a." in refused("fit", *where)


@needs_a_user
@pytest.mark.parametrize("name", ["a.csv", "a.nc", "a.toml"])
def test_files_that_may_not_be_read(refused, tmp_path, name):
    path = tmp_path / name
    path.write_text("unit,x,y,z,rate\nu0,0,0,0,1\n")
    path.chmod(0)
    refused("fit", *([path] if name.endswith("toml") else ["m1", "--data", path]))


@needs_a_user
def test_a_place_that_may_not_be_written(refused, tiny, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "closed" in refused("fit", tiny, "--out", "closed/run")


def test_places_that_cannot_hold_a_run(refused, tiny, shared, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    assert "file is a file, not a folder" in refused("fit", tiny, "--out", "file")
    assert "The file system refused: Not a directory" in refused("fit", tiny, "--out", "file/run")
    assert "full/thesis.tex was not written by tuneful" in refused("fit", tiny, "--out", "full")


@pytest.mark.parametrize(
    "where", ["tuneful.runs.checkpoints.np.savez", "tuneful.runs.folder.RunFolder.append_metrics"]
)
def test_full_disk(tuneful, refused, tiny, shared, quick_report, monkeypatch, tmp_path, where):
    """Room for one checkpoint: it stays, and the run ends as if nothing had happened once there is room again."""
    from pkgutil import resolve_name

    write, calls = resolve_name(where), 0

    def full(*arguments):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(*arguments)

    command = ("fit", tiny, "--out", "run")
    with monkeypatch.context() as patch:
        patch.setattr(where, full)
        assert refused(*command) == "The file system refused: No space left on device."
    assert all((path / "checkpoint.json").exists() for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert tuneful(*command, "--resume")[0] == 0
    before, now = (json.loads((folder / "result.json").read_text()) for folder in (shared, tmp_path / "run"))
    assert now["parameters"] == before["parameters"]


def test_parameters_where_nothing_is_finite(refused, tuneful, tiny, shared):
    command = ["fit", tiny, "--set", "sigma_l=1e-6", "--set", "dsigma=1e-6", "--set", "max_steps=40"]
    code, _, err = tuneful(*command, "--out", "a")
    assert code == 2
    assert "stopped: 20 steps in a row could not be taken" in err
    assert refused(*command, "--out", "b").startswith(
        "None of 20 realisations of FeedforwardM1 settled on finite rates"
    )


def test_without_standard_streams(tmp_path):
    """Started by a scheduler that closes them all, and told to do something that fails."""
    code = (
        "import os, sys; [os.close(i) for i in (0, 1, 2)]; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = ["-m", "tuneful.cli.main", "data", "check", "none.csv"]
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=tmp_path, check=False)
    assert done.returncode == 2


def test_progress_without_standard_error(monkeypatch):
    from tuneful.runs.progress import Progress

    monkeypatch.setattr("sys.stderr", None)
    with Progress(show=True) as bar:
        bar.begin(0, 3)
        bar.at(1, "loss 0.5")
        bar.now_and_then(2, "loss 0.4")
        bar.say("nobody listens")
        bar.evaluated(1, {"r2": float("nan")})


def test_interrupt(tuneful, monkeypatch):
    """Control-C ends with the customary code."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("tuneful.cli.commands.run_fit", interrupted)
    monkeypatch.setattr("tuneful.cli.data_commands.run_check", interrupted)
    assert tuneful("fit", "m1") == (130, "", "Interrupted.\n")
    assert tuneful("data", "check", "x.csv") == (130, "", "")


def test_unexpected_errors_keep_their_traceback(tuneful, monkeypatch, tmp_path):
    """A mistake of ours must not look like one of the user's."""

    def broken(*_):
        raise ValueError("a bug")

    monkeypatch.setattr("tuneful.cli.data_commands.run_check", broken)
    with pytest.raises(ValueError, match="a bug"):
        tuneful("data", "check", "x.csv")


def test_a_dataset_made_in_python_is_fitted(tuneful, tiny, quick_report, shared, tmp_path):
    rng = np.random.default_rng(0)
    positions = dict(zip("xyz", np.indices((3, 3, 3)).reshape(3, -1) - 1.0, strict=True))
    save(make_dataset(rng.exponential(5, (20, 27)), positions), tmp_path / "mine.nc")
    code, out, _ = tuneful("fit", tiny, "--data", "mine.nc", "--out", "run")
    assert code == 0
    assert "truth" in out
    assert json.loads((tmp_path / "run" / "result.json").read_text())["data"] == "mine.nc"
