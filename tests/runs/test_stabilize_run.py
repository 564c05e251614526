"""`tuneful stabilize` and `tuneful analyze soc`: what they write, how they refuse, and that nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields

import numpy as np
import pytest

from tuneful.circuits import random_network
from tuneful.networks import CircuitScalars, circuit_scalars
from tuneful.runs import checkpoints
from tuneful.runs import stabilize_run as module
from tuneful.runs.running import run
from tuneful.runs.stabilize_config import StabilizeConfig
from tuneful.stability import StabilizedCircuit, stabilize

SMALL = ("stabilize", "--n", 60, "--radius", 4, "--target", 0.6)


@pytest.fixture(autouse=True)
def quick_page(monkeypatch, request):
    """Write an empty page: the real one has tests of its own."""
    if "with_page" not in request.fixturenames:
        monkeypatch.setattr("tuneful.report.soc.write_soc_report", lambda content, path: path.write_text("<html>"))


@pytest.fixture
def with_page():
    """Write the real page."""


@pytest.fixture
def saves_always(monkeypatch):
    """Save the state at every step."""
    for name in ("FIRST_SAVE", "SAVE_EVERY", "SAVE_SHARE"):
        monkeypatch.setattr(checkpoints, name, 0.0)


@pytest.fixture(scope="module")
def expected():
    """The same circuit without a command line."""
    network = random_network(60, 0, radius=4.0)
    return network, stabilize(network.weights, network.excitatory, 0.6)


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    """What becomes of a run that nothing disturbs."""
    folder = tmp_path_factory.mktemp("left_alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tuneful.report.soc.write_soc_report", lambda content, path: path.write_text(""))
        run(StabilizeConfig(n=60, radius=4.0, target=0.6), folder)
    return outcome(folder)


def result_of(folder):
    return json.loads((folder / "result.json").read_text())


def outcome(folder):
    """All that must not depend on interruptions: the time does."""
    result = {key: value for key, value in result_of(folder).items() if key not in ("wall_seconds", "command")}
    with np.load(folder / "circuit.npz") as file:
        arrays = {name: file[name].tobytes() for name in file.files}
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return result, arrays, [(line["step"], line["abscissa"]) for line in lines]


def test_everything_is_written(tuneful, expected, tmp_path):
    network, circuit = expected
    code, out, err = tuneful(*SMALL, "--out", "run")
    assert code == 0
    assert out.splitlines()[0].startswith(f"reached ({circuit.steps} steps, ")
    assert out.splitlines()[1] == "checks: all 7 hold"
    assert out.splitlines()[-1] == "report: run/report.html"
    assert f"abscissa {circuit.abscissa:.4f} (target 0.6)" in err
    names = {
        ".tuneful.json",
        "circuit.npz",
        "config.json",
        "metrics.jsonl",
        "report.html",
        "result.json",
        "checkpoints",
    }
    assert {path.name for path in (tmp_path / "run").iterdir()} == names
    with np.load(tmp_path / "run" / "circuit.npz") as file:
        np.testing.assert_array_equal(StabilizedCircuit.from_arrays(file).weights, circuit.weights)
        np.testing.assert_array_equal(file["start_weights"], network.weights)
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["abscissa"] for line in log] == circuit.history.tolist()


def assert_same_scalars(found, expected):
    """Eigenvalues and Lyapunov solutions of the same matrix, alike but for rounding; the peak is certain for ever."""
    assert expected.peak_until == np.inf
    assert found | {"peak_until": np.inf} == pytest.approx(vars(expected), rel=1e-9)


def test_the_result_has_all_that_a_script_looks_for(tuneful, expected, tmp_path):
    _, circuit = expected
    assert tuneful(*SMALL, "--out", "run")[0] == 0
    result = result_of(tmp_path / "run")
    assert (result["abscissa"], result["steps"], result["reason"]) == (circuit.abscissa, circuit.steps, "reached")
    assert result["reached"] is True
    assert result["wall_seconds"] > 0
    assert [set(check) for check in result["checks"]] == [{"name", "value", "wanted", "holds"}] * 7
    assert all(check["holds"] is True for check in result["checks"])
    scalars = circuit_scalars(circuit.weights, circuit.excitatory)
    assert set(result["scalars"]) == {f.name for f in fields(CircuitScalars)}
    assert_same_scalars(result["scalars"], scalars)
    assert result["command"] == "tuneful stabilize --n 60 --radius 4 --target 0.6 --out run"
    assert {"n", "seed", "gamma", "density"} <= set(result["settings"])


def test_defaults_are_the_published_network(tuneful, monkeypatch, tmp_path):
    seen = {}

    def seeing(weights, excitatory, **arguments):
        seen.update(arguments, weights=weights)
        return stabilize(weights, excitatory, **arguments | {"max_steps": 0})

    monkeypatch.setattr(module, "stabilize", seeing)
    assert tuneful("stabilize", "--seed", 5)[0] == 1
    np.testing.assert_array_equal(seen["weights"], random_network(200, 5).weights)
    assert (seen["target"], seen["gamma"], seen["density"], seen["balance"]) == (0.15, 3.0, 0.4, "type")
    assert (tmp_path / "runs" / "soc-5" / "result.json").exists()


def test_options_reach_the_descent(tuneful, tmp_path):
    options = ("--balance", "row", "--sparsity", "replace", "--density", 0.5, "--gamma", 2, "--lognormal", 0.5)
    options += ("--network-density", 0.3)
    assert tuneful(*SMALL, *options, "--seed", 3, "--out", "run")[0] == 0
    network = random_network(60, 3, radius=4.0, gamma=2.0, density=0.3, distribution="lognormal", spread=0.5)
    arguments = {"balance": "row", "sparsity": "replace", "density": 0.5, "gamma": 2.0, "seed": 3}
    circuit = stabilize(network.weights, network.excitatory, 0.6, **arguments)
    with np.load(tmp_path / "run" / "circuit.npz") as file:
        np.testing.assert_array_equal(file["weights"], circuit.weights)


def test_no_constraints_on_inhibition(tuneful, tmp_path):
    assert tuneful(*SMALL, "--balance", "none", "--density", "none", "--max-steps", 2, "--out", "run")[0] == 1
    names = [check["name"] for check in result_of(tmp_path / "run")["checks"]]
    assert "inhibitory synapses" not in names
    assert not [name for name in names if "gamma" in name]


def test_faithful_says_why_checks_do_not_hold(tuneful, tmp_path):
    code, out, _ = tuneful(*SMALL, "--faithful", "--out", "run")
    assert code == 0
    assert "inhibitory synapses" in out.splitlines()[1]
    assert "published algorithm with its quirks" in out
    assert result_of(tmp_path / "run")["reached"]


def test_a_file_of_weights(tuneful, expected, tmp_path):
    network, circuit = expected
    np.save(tmp_path / "mine.npy", network.weights)
    code, out, _ = tuneful("stabilize", "--weights", "mine.npy", "--target", 0.6)
    assert code == 0
    assert "report: runs/soc-mine/report.html" in out
    result = result_of(tmp_path / "runs" / "soc-mine")
    assert result["abscissa"] == circuit.abscissa
    assert result["source"] == "mine.npy"
    assert "n" not in result["settings"]


def test_a_target_out_of_reach(tuneful, expected, tmp_path):
    """Inhibition onto six cells of sixty: the best circuit, its checks and its page are written all the same."""
    mask = np.zeros((60, 60), int)
    mask[:3] = mask[30:33] = 1
    np.savetxt(tmp_path / "mask.csv", mask, delimiter=",", fmt="%d")
    code, out, _ = tuneful(*SMALL, "--density", 0.05, "--allowed", "mask.csv", "--patience", 20, "--out", "run")
    assert code == 1
    assert "checks: abscissa violated" in out
    assert "The target was not reached: the lowest abscissa in" in out
    assert "raise --density or --gamma, allow more synapses, ask for a higher --target" in out
    result = result_of(tmp_path / "run")
    assert (result["reason"], result["reached"]) == ("stalled", False)
    unknown = {name for name, value in result["scalars"].items() if value is None}
    energies = {"largest_energy", "mean_energy", "amplified_directions"}
    assert unknown == energies | {"peak_amplification", "peak_time", "peak_until", "ei_correlation"}
    assert any("is not stable" in sentence for sentence in result["warnings"])
    assert (tmp_path / "run" / "report.html").exists()


def test_a_network_that_is_stable_already_is_left_as_it_is(tuneful, tmp_path):
    np.save(tmp_path / "mine.npy", random_network(20, 0, radius=0.1, density=0.5).weights)
    code, out, _ = tuneful("stabilize", "--weights", "mine.npy", "--out", "run")
    assert code == 0
    assert "note: The network is stable as it is, with a spectral abscissa of" in out
    assert "not as asked for in inhibitory synapses (" in out
    assert result_of(tmp_path / "run")["unchanged"] is True
    with np.load(tmp_path / "run" / "circuit.npz") as file:
        np.testing.assert_array_equal(file["weights"], file["start_weights"])
    code, out, _ = tuneful("stabilize", "--weights", "mine.npy", "--out", "other", "--change-stable")
    assert code == 0
    assert "checks: all" in out
    assert result_of(tmp_path / "other")["unchanged"] is False


def test_a_run_is_not_replaced_unasked(tuneful, refused, tmp_path):
    command = (*SMALL, "--out", "run")
    assert tuneful(*command)[0] == 0
    assert "run already holds a run: choose another --out, add --resume" in refused(*command)
    assert "was started with another gamma" in refused(*command, "--resume", "--gamma", 2)
    assert "was started with another seed" in refused(*command, "--resume", "--seed", 1)
    before = outcome(tmp_path / "run")
    assert tuneful(*command, "--resume")[0] == 0
    assert outcome(tmp_path / "run") == before
    assert tuneful(*command, "--overwrite", "--seed", 1)[0] == 0
    assert result_of(tmp_path / "run")["seed"] == 1


def test_a_run_is_resumed_with_its_own_network_only(tuneful, refused, expected, tmp_path):
    network, _ = expected
    command = ("stabilize", "--weights", "w.npy", "--target", 0.6, "--out", "run")
    np.save(tmp_path / "w.npy", network.weights)
    assert tuneful(*command)[0] == 0
    np.save(tmp_path / "w.npy", 1.001 * network.weights)
    assert "was started with another network" in refused(*command, "--resume")
    np.savez(tmp_path / "same.npz", W=network.weights)
    same = ("stabilize", "--weights", "same.npz", "--target", 0.6, "--out", "run")
    assert tuneful(*same, "--resume")[0] == 0


def test_a_run_of_another_command_is_not_resumed(refused, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"circuit": {"name": "m1"}}')
    assert "run holds a run of another command" in refused(*SMALL, "--out", "run", "--resume")


def test_more_steps_for_a_run_that_ran_out_of_them(tuneful, expected, tmp_path):
    code, out, _ = tuneful(*SMALL, "--out", "run", "--max-steps", 4)
    assert code == 1
    assert "Go on with --resume --max-steps 100" in out
    first = result_of(tmp_path / "run")["wall_seconds"]
    assert tuneful(*SMALL, "--out", "run", "--max-steps", 100, "--resume")[0] == 0
    assert result_of(tmp_path / "run")["abscissa"] == expected[1].abscissa
    assert result_of(tmp_path / "run")["wall_seconds"] > first


def test_interrupted_and_resumed_is_the_same(tuneful, monkeypatch, tmp_path, left_alone):
    """Control-C while a step is being shown: the last one that was is kept."""

    def interrupting(self, step, text):
        if step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tuneful.runs.stabilize_run.Progress.at", interrupting)
        code, _, err = tuneful(*SMALL, "--out", "run")
    assert code == 130
    assert "Interrupted. The same command with --resume goes on" in err
    assert not (tmp_path / "run" / "result.json").exists()
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-00000004"]
    assert tuneful(*SMALL, "--out", "run", "--resume")[0] == 0
    assert outcome(tmp_path / "run") == left_alone


class Killed(BaseException):
    """As sudden as a signal: nothing catches it."""


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("tuneful.runs.folder.RunFolder.write_json", 1),
        ("tuneful.runs.folder.RunFolder.append_metrics", 1),
        ("tuneful.runs.folder.RunFolder.append_metrics", 6),
        ("tuneful.runs.checkpoints.os.replace", 9),
        ("tuneful.runs.checkpoints.np.savez", 7),
        ("tuneful.runs.stabilize_run.circuit_result", 1),
        ("tuneful.runs.stabilize_run.StabilizedCircuit.to_arrays", 1),
        ("tuneful.runs.folder.RunFolder.write_json", 2),
    ],
)
@pytest.mark.usefixtures("saves_always")
def test_wherever_a_run_was_killed_it_ends_the_same(tuneful, monkeypatch, tmp_path, left_alone, target, call):
    from pkgutil import resolve_name

    original, calls = resolve_name(target), 0

    def killing(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(target, killing)
        with pytest.raises(Killed):
            tuneful(*SMALL, "--out", "run")
    assert not (tmp_path / "run" / "result.json").exists()
    assert tuneful(*SMALL, "--out", "run", "--resume")[0] == 0
    assert outcome(tmp_path / "run") == left_alone


def test_bits_survive_sigkill(tuneful, tmp_path):
    """The command line, killed from outside; it saves at every step, so that there is something to kill."""
    options = ["--n", "60", "--radius", "6", "--target", "0.1", "--faithful"]
    code = (
        "from tuneful.cli import main; from tuneful.runs import checkpoints as c;"
        "c.FIRST_SAVE = c.SAVE_EVERY = c.SAVE_SHARE = 0.0; main.main()"
    )
    command = [sys.executable, "-c", code, "stabilize", *options, "--out", "killed"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder, deadline = tmp_path / "killed", time.monotonic() + 300
    while max((path.name for path in folder.glob("checkpoints/step-*")), default="") < "step-00000050":
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "result.json").exists()
    assert tuneful("stabilize", *options, "--out", "killed", "--resume")[0] == 0
    assert tuneful("stabilize", *options, "--out", "left_alone")[0] == 0
    assert outcome(folder) == outcome(tmp_path / "left_alone")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--n", 1], "n = 1 is not valid"),
        (["--seed", -1], "seed = -1 is not valid"),
        (["--target", "nan"], "target = nan is not valid"),
        (["--target", "-1"], "Set a higher target, or --self-connections"),
        (["--gamma", 0], "gamma = 0.0 is not valid"),
        (["--gamma", "inf"], "gamma = inf is not valid"),
        (["--density", 0], "density = '0' is not valid"),
        (["--density", 1.1], "density = '1.1' is not valid"),
        (["--density", "much"], "density = 'much' is not valid"),
        (["--density", 1e-9], "asks for 0 synapses"),
        (["--balance", "both"], "balance = 'both' is not valid"),
        (["--radius", -1], "radius = -1.0 is not valid"),
        (["--network-density", 1], "network_density = 1.0 is not valid"),
        (["--network-density", 1e-9], "rounds to none"),
        (["--excitatory-fraction", 0.001], "leaves one type without a cell"),
        (["--faithful", "--balance", "row"], "--faithful needs a density, and knows one balance"),
        (["--faithful", "--rate", 3], "--rate is not for --faithful"),
        (["--variable", "W"], "--variable is for a network from a file"),
        (["--weights", "none.npy"], "There is no file none.npy"),
        (["--weights", "w.npy", "--n", 10], "--n is for a network that is drawn"),
        (["--weights", "excitatory.npy"], "has no inhibitory cell"),
        (["--allowed", "none.csv"], "There is no file none.csv"),
        (["--allowed", "w.npy"], "only zeros and ones"),
        (["--out", "w.npy"], "w.npy is a file, not a folder"),
        (["--out", "w.npy/run"], "The file system refused: Not a directory"),
        (["--out", "full"], "full/thesis.tex was not written by tuneful"),
    ],
)
def test_mistakes(refused, expected, tmp_path, options, message):
    np.save(tmp_path / "w.npy", expected[0].weights)
    np.save(tmp_path / "excitatory.npy", abs(expected[0].weights))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    assert message in refused("stabilize", *options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["excitatory.npy", "full", "w.npy"]


def test_a_network_that_does_not_fit_into_memory(refused, monkeypatch):
    def too_large(*_, **__):
        raise MemoryError("Unable to allocate 931. GiB")

    monkeypatch.setattr("tuneful.runs.stabilize_config.random_network", too_large)
    assert "not enough memory" in refused("stabilize")


def test_a_mistake_of_ours_keeps_its_traceback(tuneful, monkeypatch):
    def broken(*_):
        raise ValueError("a bug")

    monkeypatch.setattr("tuneful.runs.folder.RunFolder.append_metrics", broken)
    with pytest.raises(ValueError, match="a bug"):
        tuneful(*SMALL)


def test_a_failure_after_the_descent_costs_no_step(tuneful, refused, monkeypatch, tmp_path):
    def fail(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "circuit_result", fail)
        said = refused(*SMALL, "--out", "run")
    assert said.startswith("There is not enough memory to report on the run. The descent itself has ended")
    kept = (tmp_path / "run" / "circuit.npz").read_bytes()
    monkeypatch.setattr("tuneful.stability.descent.advance", fail)
    assert tuneful(*SMALL, "--out", "run", "--resume")[0] == 0
    assert (tmp_path / "run" / "circuit.npz").read_bytes() == kept


def test_analyze_a_run(tuneful, refused, with_page, tmp_path):
    assert tuneful(*SMALL, "--out", "run")[0] == 0
    page = (tmp_path / "run" / "report.html").read_text()
    (tmp_path / "run" / "report.html").unlink()
    before = outcome(tmp_path / "run")
    code, out, _ = tuneful("analyze", "soc", "run")
    assert code == 0
    for name in ("largest evoked energy", "Henrici index", "E-to-I input correlation", "density I", "min Re λ"):
        assert name in out
    assert out.splitlines()[-1] == "report: run/report.html"
    assert (tmp_path / "run" / "report.html").read_text() == page
    assert outcome(tmp_path / "run") == before
    assert tuneful("analyze", "soc", "run", "--out", "other.html")[0] == 0
    assert (tmp_path / "other.html").read_text() == page
    assert tuneful("report", "run", "--out", "again.html")[:2] == (0, "report: again.html\n")
    assert (tmp_path / "again.html").read_text() == page
    assert "a run folder knows its own" in refused("analyze", "soc", "run", "--variable", "W")
    np.savez(tmp_path / "run" / "circuit.npz", weights=np.eye(2))
    assert "circuit.npz is damaged, or was changed" in refused("analyze", "soc", "run")


def test_analyze_a_weight_file(tuneful, refused, expected, tmp_path):
    network, circuit = expected
    np.save(tmp_path / "w.npy", circuit.weights)
    code, out, _ = tuneful("analyze", "soc", "w.npy", "--json")
    assert code == 0
    scalars = circuit_scalars(circuit.weights, circuit.excitatory)
    assert_same_scalars(json.loads(out)["scalars"], scalars)
    assert [path.name for path in tmp_path.iterdir()] == ["w.npy"]
    np.save(tmp_path / "w.npy", network.weights)
    code, out, _ = tuneful("analyze", "soc", "w.npy", "--out", "page.html")
    assert code == 0
    assert "note: The circuit is not stable" in out
    assert "its transients do not end" in (tmp_path / "page.html").read_text()
    assert "There is no file or run folder none" in refused("analyze", "soc", "none")
    assert "There is no folder none" in refused("analyze", "soc", "w.npy", "--out", "none/page.html")
    assert "holds no config.json" in refused("analyze", "soc", ".")


@pytest.mark.parametrize("command", [["stabilize"], ["analyze"], ["analyze", "soc"]])
def test_help(tuneful, command):
    code, out, _ = tuneful(*command, "--help")
    assert code == 0
    assert out.startswith(f"Usage: tuneful {' '.join(command)}")


def test_small_networks_take_one_thread(tmp_path):
    """Unless told otherwise; the number is read when the libraries are loaded, so it must be set before."""
    code = (
        "import os, sys; from pathlib import Path; from tuneful.cli import stability_commands as c\n"
        "assert 'numpy' not in sys.modules; c._spare_threads({network})\n"
        "print(os.environ.get('OPENBLAS_NUM_THREADS'))"
    )
    with open(tmp_path / "large.npy", "wb") as file:
        file.truncate(10**7)
    free = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    for network, chosen, wanted in (
        ("200", {}, "1"), ("2000", {}, "None"), ("200", {"OPENBLAS_NUM_THREADS": "3"}, "3"),
        ("Path('none.npy')", {}, "1"), ("Path('large.npy')", {}, "None"),
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code.format(network=network)],
            cwd=tmp_path, env=free | chosen, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == f"{wanted}\n", done.stderr
