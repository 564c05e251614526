"""Beside neural posterior estimation: error, intervals, coverage and seconds, for the curves that each simulates.

    python benchmarks/neural_posterior.py [--sets 20] [--times 1 10] [--keep FILE]
    python benchmarks/neural_posterior.py --quick

Sets of 600 curves of a circuit in closed form (`saturating` of `design.py`, six contrasts, four parameters) are each
fitted from a distant start by weighted moments, with the sandwich's intervals of 90 %. Then sbi (`pip install
'tuneful[sbi]'`) learns p(parameters | set of 600 curves) once: `NPE` with its default flow behind a mean over curves
of what a small network says of each, from parameters uniform in a box around the start (a factor of 4.5 either way)
and so many curves as the longest of our fits with its inference simulated at most, and a multiple of these. It
answers for the same sets without learning anew. Logarithms of rates are what it is given. Without sbi, only our side
is measured, and the report says so.

Error: root mean square over sets of the logarithm of estimate over truth, geometric mean over parameters; half widths
are means of half the logarithm of upper over lower end; KS: to 400 curves that nobody has seen, mean over conditions.
"""

import argparse
import importlib.util
import tempfile
import time
from typing import Any

import jax
import numpy as np
from design import Saturating
from inference import ASIDE, OBJECTIVES
from reporting import add_keep, add_options, kept, parsed, publish

import tuneful
from tuneful.curves import ks_distance

CONTRASTS = [100.0, 50.0, 25.0, 12.0, 6.0, 3.0]
START = {"top": 30.0, "half": 16.0, "top_spread": 0.9, "half_spread": 0.6}  # half as much again as the truth
FLOOR = 0.01  # Hz, added before logarithms
WIDTH, BEFORE, DRAWS, LEVEL = 64, 20, 1000, (0.05, 0.95)  # of the network; numbers it tells of a set; of a posterior
KS_CURVES, UNSEEN = 2000, 400
SHOWN = {"curves": ",d", "seconds": ".1f", "error": ".4f", "half_width": ".4f", "coverage": ".3f", "ks": ".4f"}


def measured(number: int, asked: argparse.Namespace) -> Any:
    """A set of curves at the truth, and those that a fit must hold out."""
    return tuneful.simulate(truth(asked), asked.units + ASIDE, jax.random.key(4000 + number))


def truth(asked: argparse.Namespace) -> Saturating:
    return Saturating().at_conditions({"contrast": np.array(asked.contrasts)})


def ks(values: np.ndarray, asked: argparse.Namespace) -> float:
    """Mean distance over conditions of curves at some parameters to others at the truth."""
    found, unseen = (
        np.asarray(circuit.sample(jax.random.key(seed), n).curves)
        for circuit, seed, n in (
            (truth(asked).with_values(dict(zip(START, values, strict=True))), 1, KS_CURVES // 8),
            (truth(asked), 2, UNSEEN // 8),
        )
    )
    return float(np.mean([ks_distance(a, b) for a, b in zip(found.T, unseen.T, strict=True)]))


def ours(number: int, asked: argparse.Namespace) -> dict[str, Any]:
    """A fit from the start, and the sandwich's intervals."""
    began, data = time.perf_counter(), measured(number, asked)
    how = {"max_steps": 0, "refine_steps": 40, "refine_first": asked.curves // 8, "refine_batch": asked.curves}
    how |= {"held_out": ASIDE / (asked.units + ASIDE), "evaluate_every": 1000, "final_curves": 16}
    fit = tuneful.Fit(truth(asked).with_values(START), OBJECTIVES["moments"], **how).fit(data, number, progress=False)
    found = fit.inference(seed=number, curves=asked.curves)
    at, intervals = found.coordinates, found.intervals
    order = [at.entries.index(name) for name in START]
    ends = [np.asarray(side)[order] for side in (intervals.low, intervals.high)]
    looks = fit.result_["steps"] + found.about["polishing_steps"] + 1
    seconds, value = time.perf_counter() - began, at.own(found.point)[order]
    return {"value": value, "low": ends[0], "high": ends[1], "seconds": seconds, "curves": looks * asked.curves}


def theirs(times: int, simulated: int, asked: argparse.Namespace) -> dict[str, Any]:
    """Learn once, and answer for all sets."""
    import torch  # pyright: ignore[reportMissingImports]
    from sbi.inference import NPE  # pyright: ignore[reportMissingImports]
    from sbi.neural_nets import posterior_nn  # pyright: ignore[reportMissingImports]
    from sbi.utils import BoxUniform  # pyright: ignore[reportMissingImports]
    from sbi.utils.tracking import TensorBoardTracker  # pyright: ignore[reportMissingImports]
    from torch.utils.tensorboard import SummaryWriter  # pyright: ignore[reportMissingImports]

    def layers(inputs: int, outputs: int) -> Any:
        return torch.nn.Sequential(torch.nn.Linear(inputs, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, outputs))

    class Embedding(torch.nn.Module):
        """A mean over curves, and what is told of it; sbi's own adds their number, which is large, to its inputs."""

        def __init__(self) -> None:
            super().__init__()
            self.of_curve, self.of_set = layers(len(asked.contrasts), WIDTH), layers(WIDTH, BEFORE)

        def forward(self, x: Any) -> Any:
            return self.of_set(self.of_curve(x).mean(dim=-2))

    torch.manual_seed(0)
    began = time.perf_counter()
    simulate = tuneful.simulator(
        truth(asked).with_values(START), curves=asked.units, parameters=list(START), summary=logarithms, width=1.5
    )
    prior = BoxUniform(*map(torch.as_tensor, simulate.bounds))
    theta = prior.sample((max(times * simulated // asked.units, 20),))
    x = torch.as_tensor(simulate(theta, seed=1), dtype=torch.float32)
    simulating = time.perf_counter() - began
    centre, scale = x.mean(dim=(0, 1)), x.std(dim=(0, 1))
    build = posterior_nn("maf", embedding_net=Embedding(), z_score_x="none")
    with tempfile.TemporaryDirectory() as logs:  # else they are left in the current folder
        tracker = TensorBoardTracker(SummaryWriter(logs))
        inference = NPE(prior, density_estimator=build, show_progress_bars=False, tracker=tracker)
        estimator = inference.append_simulations(theta.float(), (x - centre) / scale).train(training_batch_size=50)
    learned = time.perf_counter() - began
    sets = [measured(number, asked)["rate"].values[: asked.units] for number in range(asked.sets)]
    seen = torch.as_tensor(np.stack([logarithms(rates) for rates in sets]), dtype=torch.float32)
    with torch.no_grad():
        draws = estimator.sample((DRAWS,), condition=(seen - centre) / scale).numpy()
    low, high = np.exp(np.quantile(draws, LEVEL, axis=0))
    rows = [{"value": value, "low": low[k], "high": high[k]} for k, value in enumerate(np.exp(draws.mean(axis=0)))]
    about = {"method": f"sbi, {times} times", "simulated_sets": len(theta), "curves": len(theta) * asked.units}
    seconds = {"seconds": learned, "simulating": simulating}
    return about | seconds | summary(rows, asked, order=[simulate.names.index(name) for name in START])


def logarithms(curves: np.ndarray) -> np.ndarray:
    return np.log(np.asarray(curves) + FLOOR)


def summary(rows: list[dict[str, Any]], asked: argparse.Namespace, order: list[int] | None = None) -> dict[str, Any]:
    """Errors, widths, coverage and KS over sets."""
    order = order or [*range(len(START))]
    value, low, high = (np.array([row[name] for row in rows], float)[:, order] for name in ("value", "low", "high"))
    true = np.array([float(getattr(truth(asked), name)) for name in START])
    rms = np.sqrt(np.mean(np.log(value / true) ** 2, axis=0))
    covers = ~(low > true) & ~(high < true)  # an open side contains everything
    return {
        "error": float(np.exp(np.log(rms).mean())), "errors": dict(zip(START, rms.tolist(), strict=True)),
        "half_width": float(np.nanmean(np.log(high / low)) / 2), "open": float(np.isnan(low + high).mean()),
        "coverage": float(covers.mean()), "coverage_error": float(covers.mean(axis=1).std() / np.sqrt(len(rows))),
        "ks": float(np.mean([ks(one, asked) for one in value])),
    }  # fmt: skip


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Our fits first, which tell how many curves theirs may simulate."""
    about = {name: getattr(asked, name) for name in ("units", "curves", "contrasts")}
    fits = kept(asked.keep, about, range(asked.sets), lambda number: ours(number, asked))
    seconds, simulated = np.median([row["seconds"] for row in fits]), max(row["curves"] for row in fits)
    methods = [{"method": "tuneful", "curves": simulated, "seconds": seconds} | summary(fits, asked)]
    missing = "" if importlib.util.find_spec("sbi") else "sbi is not installed: pip install 'tuneful[sbi]'."
    if not missing:
        methods += [theirs(times, simulated, asked) for times in asked.times]
    floor = {"method": "the truth", "ks": ks(np.array([float(getattr(truth(asked), name)) for name in START]), asked)}
    return about | {"sets": asked.sets, "methods": [*methods, floor], "missing": missing}


def print_tables(report: dict[str, Any]) -> None:
    print(f"{report['sets']} sets of {report['units']} curves. {report['missing']}")
    print(f"{'':16}" + "".join(f"{name:>12}" for name in SHOWN))
    for row in report["methods"]:
        cells = [f"{row[name]:12{form}}" if name in row else 12 * " " for name, form in SHOWN.items()]
        print(f"{row['method']:16}" + "".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--contrasts", type=float, nargs="+", default=CONTRASTS)
    parser.add_argument("--units", type=int, default=600)
    parser.add_argument("--curves", type=int, default=2400, help="in our largest sample")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10], help="so many curves as ours, for sbi")
    add_keep(parser)
    add_options(parser, quick="two sets of few curves")
    options = parsed(parser)
    if options.quick:
        options.sets, options.units, options.curves, options.times = 2, 60, 160, [1]  # as `design.py`: compiled once
        options.contrasts = CONTRASTS[:3]
    publish(run(options), options, print_tables)


if __name__ == "__main__":
    main()
