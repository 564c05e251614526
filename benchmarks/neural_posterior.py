"""Beside neural posterior estimation: error, intervals, coverage and seconds, for the curves that each simulates.

    python benchmarks/neural_posterior.py [--sets 20] [--times 1 10] [--keep FILE]
    python benchmarks/neural_posterior.py --circuit recurrent --sets 10
    python benchmarks/neural_posterior.py --quick

Sets of curves at a known truth are each fitted from a distant start by weighted moments, with the intervals of the
sandwich, 90 %. Then sbi (`pip install 'tuneful[sbi]'`) learns p(parameters | set of curves) once: `NPE` with its
default flow behind a mean over realisations of what a small network says of each, from parameters uniform in a box,
and so many curves as the longest of our fits with its inference simulated at most, and a multiple of these. It
answers for the same sets without learning anew. Logarithms of rates are what it is given. Sets of which a network
does not settle or runs away are left out, and others drawn; they do not count. Without sbi, only our side is
measured, and the report says so.

`saturating` is the circuit in closed form of `design.py`: six contrasts, four parameters, 600 curves a set; the box
is a factor of 4.5 either way around our start. `recurrent` is the network of `tuneful fit ssn2019` with 41 sites,
which has 13 parameters: 2,000 curves a set, of 200 networks. We begin where the preset does, up to a factor of 6 from
the truth, and the box is a factor of two either way around a point that is .3 from every logarithm of the truth, up
or down: around the truth itself, the mean of the prior would be no error, and in a wider box most networks run away.

Error: root mean square over sets of the logarithm of estimate over truth, geometric mean over parameters; half widths
are means of half the logarithm of upper over lower end; KS: to curves that nobody has seen, mean over cells of a
realisation and conditions.
"""

import argparse
import dataclasses
import importlib.util
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from design import Saturating
from inference import ASIDE, OBJECTIVES
from reporting import add_keep, add_options, kept, parsed, publish

import tuneful
from tuneful.analysis.coordinates import Coordinates
from tuneful.circuits import AbstractCircuit, Recurrent
from tuneful.circuits.parameters import value_of
from tuneful.curves import ks_distance
from tuneful.objectives import AbstractObjective
from tuneful.registry import build, circuits
from tuneful.runs.presets import resolve

CONTRASTS = [100.0, 50.0, 25.0, 12.0, 6.0, 3.0]
START = {"top": 30.0, "half": 16.0, "top_spread": 0.9, "half_spread": 0.6}  # half as much again as the truth
PRESET, SITES, PLACES = "ssn2019", 41, (0.0, 0.05, 0.125, 0.25, 0.375)  # of the preset, those on this grid
AWAY = 0.3  # of every parameter of the recurrent circuit, up or down: from its logarithm to the middle of the box
FLOOR = 0.01  # Hz, added before logarithms
HIGHEST = 50.0  # Hz: a network of the recurrent circuit runs away; at the truth none is above 10
PART, PROBED = 50, 10  # points at a time, as curves of all would take gigabytes; realisations that are asked first
WIDTH, BEFORE, DRAWS, LEVEL = 64, 20, 1000, (0.05, 0.95)  # of the network; numbers it tells of a set; of a posterior
KS_REALISATIONS, UNSEEN = 250, 50
SHOWN = {"curves": ",d", "seconds": ".1f", "error": ".4f", "half_width": ".4f", "coverage": ".3f", "ks": ".4f"}


@dataclass(frozen=True)
class Case:
    """What is compared on.

    truth, start
        The circuit that is measured, and where fits of it begin.
    prior, width
        The middle of the box from which sbi learns, and half of its side, in logarithms.
    objective
        Of our fits.
    units, curves
        Of a set, and of the largest sample of a fit.
    together
        Curves in turn that make one row of what is seen: of the cells of a realisation, where these are not alike.
    highest
        Rate from which on a network runs away.
    """

    truth: AbstractCircuit
    start: AbstractCircuit
    prior: AbstractCircuit
    width: float
    objective: AbstractObjective
    units: int
    curves: int
    together: int = 1
    highest: float = math.inf

    @cached_property
    def simulate(self) -> Any:
        """From parameters to sets of curves; it decides the order of parameters."""
        return tuneful.simulator(self.prior, curves=self.units, width=self.width)

    @cached_property
    def coordinates(self) -> Coordinates:
        """Of all parameters, in the same order."""
        return Coordinates(self.truth, tuple(self.truth.parameters()))

    @property
    def true(self) -> np.ndarray:
        return self.coordinates.own(self.coordinates.answer)

    def measured(self, number: int) -> Any:
        """A set of curves at the truth, and those that a fit must hold out."""
        return tuneful.simulate(self.truth, self.units + self.aside, jax.random.key(4000 + number))

    @property
    def aside(self) -> int:
        return ASIDE * self.together

    def seen(self, curves: np.ndarray) -> np.ndarray:
        """Logarithms of curves, (..., curves, conditions), in rows, (..., rows, together x conditions)."""
        return np.log(curves + FLOOR).reshape(*curves.shape[:-2], curves.shape[-2] // self.together, -1)

    def ks(self, values: np.ndarray) -> float:
        """Mean distance of curves at some parameters to others at the truth."""
        at = self.truth.with_values(self.coordinates.shaped(values))
        pairs = ((at, 1, KS_REALISATIONS), (self.truth, 2, UNSEEN))
        found, unseen = (
            self.seen(np.asarray(circuit.sample(jax.random.key(seed), n).curves)) for circuit, seed, n in pairs
        )
        return float(np.mean([ks_distance(a, b) for a, b in zip(found.T, unseen.T, strict=True)]))


def saturating(asked: argparse.Namespace) -> Case:
    truth = Saturating().at_conditions({"contrast": np.array(asked.contrasts)})
    start = truth.with_values(START)
    return Case(truth, start, start, 1.5, OBJECTIVES["moments"], asked.units or 600, asked.curves or 2400)


def recurrent(asked: argparse.Namespace) -> Case:
    """Weights per length are those of the preset."""
    config = resolve(PRESET, {}, [])
    whole = build("circuit", circuits(), config.circuit)
    assert isinstance(whole, Recurrent)

    def smaller(circuit: Recurrent) -> Recurrent:
        denser = circuit.n_sites / SITES
        return dataclasses.replace(circuit, n_sites=SITES, sites=PLACES, J=denser * circuit.J, dJ=denser * circuit.dJ)

    start, truth = smaller(whole), smaller(whole.with_values(config.data.truth or {}))
    signs = np.random.default_rng(0)
    beside = {
        name: value_of(truth, name) * np.exp(AWAY * signs.choice([-1.0, 1.0], np.shape(value_of(truth, name))))
        for name in truth.parameters()
    }
    objective = config.components(start)[1]
    sizes = asked.units or 2000, asked.curves or config.fit.refine_batch
    prior = truth.with_values(beside)
    return Case(truth, start, prior, math.log(2), objective, *sizes, truth.cells_per_realisation, HIGHEST)


CASES = {"saturating": saturating, "recurrent": recurrent}


def ours(number: int, case: Case, steps: int) -> dict[str, Any]:
    """A fit from the start, and the sandwich's intervals."""
    began, data = time.perf_counter(), case.measured(number)
    how = {"max_steps": 0, "refine_steps": steps, "refine_first": case.curves // 8, "refine_batch": case.curves}
    how |= {"held_out": case.aside / (case.units + case.aside), "evaluate_every": 1000, "final_curves": 16}
    fit = tuneful.Fit(case.start, case.objective, **how).fit(data, number, progress=False)
    found = fit.inference(seed=number, curves=case.curves)
    looks = fit.result_["steps"] + found.about["polishing_steps"] + 1
    answer = {"value": found.coordinates.own(found.point), "low": found.intervals.low, "high": found.intervals.high}
    return answer | {"seconds": time.perf_counter() - began, "curves": looks * case.curves}


def theirs(times: int, simulated: int, case: Case, sets: int) -> dict[str, Any]:
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
        """A mean over rows, and what is told of it; sbi's own adds their number, which is large, to its inputs."""

        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.of_row, self.of_set = layers(inputs, WIDTH), layers(WIDTH, BEFORE)

        def forward(self, x: Any) -> Any:
            return self.of_set(self.of_row(x).mean(dim=-2))

    torch.manual_seed(0)
    began = time.perf_counter()
    prior = BoxUniform(*map(torch.as_tensor, case.simulate.bounds))
    theta, x = settled_sets(case, lambda n: prior.sample((n,)).numpy(), max(times * simulated // case.units, 20))
    simulating = time.perf_counter() - began
    x, theta = torch.as_tensor(x), torch.as_tensor(theta)
    centre, scale = x.mean(dim=(0, 1)), x.std(dim=(0, 1))
    build = posterior_nn("maf", embedding_net=Embedding(x.shape[-1]), z_score_x="none")
    with tempfile.TemporaryDirectory() as logs:  # else they are left in the current folder
        tracker = TensorBoardTracker(SummaryWriter(logs))
        inference = NPE(prior, density_estimator=build, show_progress_bars=False, tracker=tracker)
        estimator = inference.append_simulations(theta.float(), (x - centre) / scale).train(training_batch_size=50)
    learned = time.perf_counter() - began
    curves = np.stack([case.measured(number)["rate"].values[: case.units] for number in range(sets)])
    observed = torch.as_tensor(case.seen(curves), dtype=torch.float32)
    with torch.no_grad():
        draws = estimator.sample((DRAWS,), condition=(observed - centre) / scale).numpy()
    points = *np.quantile(draws, LEVEL, axis=0), draws.mean(axis=0)
    rows = [
        dict(zip(("low", "high", "value"), one, strict=True))
        for one in zip(*(case.simulate.to_natural(point) for point in points), strict=True)
    ]
    about = {"method": f"sbi, {times} times", "simulated_sets": len(theta), "curves": len(theta) * case.units}
    return about | {"seconds": learned, "simulating": simulating} | summary(rows, case)


def settled_sets(case: Case, sample: Callable[[int], np.ndarray], wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """So many points, and what is seen of a set at each, (sets, rows, _), where all networks settle at low rates.

    A few networks of each point are asked first: most points where networks run away are known by these.
    """
    few = tuneful.simulator(case.prior, curves=PROBED * case.together, width=case.width)
    points, found = [], []
    while sum(map(len, points)) < wanted:
        some = sample(wanted)
        for at in np.array_split(some, -(-len(some) // PART)):
            settling = at[_usable(few(at, seed=1), case)]  # the first realisations of the same
            if len(settling):
                curves = case.simulate(settling, seed=1)
                usable = _usable(curves, case)
                points.append(settling[usable])
                found.append(case.seen(curves[usable]).astype(np.float32))
    return np.concatenate(points)[:wanted], np.concatenate(found)[:wanted]


def _usable(curves: np.ndarray, case: Case) -> Any:
    """Which sets of curves, (sets, curves, conditions), are finite and below the highest rate; NaN is not."""
    return np.all(curves < case.highest, axis=(1, 2))


def summary(rows: list[dict[str, Any]], case: Case) -> dict[str, Any]:
    """Errors, widths, coverage and KS over sets."""
    value, low, high = (np.array([row[name] for row in rows], float) for name in ("value", "low", "high"))
    rms = np.sqrt(np.mean(np.log(value / case.true) ** 2, axis=0))
    covers = ~(low > case.true) & ~(high < case.true)  # an open side contains everything
    return {
        "error": float(np.exp(np.log(rms).mean())),
        "errors": dict(zip(case.simulate.names, rms.tolist(), strict=True)),
        "half_width": float(np.nanmean(np.log(high / low)) / 2), "open": float(np.isnan(low + high).mean()),
        "coverage": float(covers.mean()), "coverage_error": float(covers.mean(axis=1).std() / np.sqrt(len(rows))),
        "ks": float(np.mean([case.ks(one) for one in value])),
    }  # fmt: skip


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Our fits first, which tell how many curves theirs may simulate."""
    case = CASES[asked.circuit](asked)
    about = {"circuit": asked.circuit, "units": case.units, "curves": case.curves, "contrasts": asked.contrasts}
    about |= {"steps": asked.steps}
    fits = kept(asked.keep, about, range(asked.sets), lambda number: ours(number, case, asked.steps))
    seconds, simulated = np.median([row["seconds"] for row in fits]), max(row["curves"] for row in fits)
    methods = [{"method": "tuneful", "curves": simulated, "seconds": seconds} | summary(fits, case)]
    missing = "" if importlib.util.find_spec("sbi") else "sbi is not installed: pip install 'tuneful[sbi]'."
    if not missing:
        methods += [theirs(times, simulated, case, asked.sets) for times in asked.times]
    floor = {"method": "the truth", "ks": case.ks(case.true)}
    return about | {"sets": asked.sets, "methods": [*methods, floor], "missing": missing}


def print_tables(report: dict[str, Any]) -> None:
    print(f"{report['circuit']}: {report['sets']} sets of {report['units']} curves. {report['missing']}")
    print(f"{'':16}" + "".join(f"{name:>12}" for name in SHOWN))
    for row in report["methods"]:
        cells = [f"{row[name]:12{form}}" if name in row else 12 * " " for name, form in SHOWN.items()]
        print(f"{row['method']:16}" + "".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circuit", choices=tuple(CASES), default="saturating")
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--contrasts", type=float, nargs="+", default=CONTRASTS, help="of the closed form")
    parser.add_argument("--units", type=int, help="in a set; 600, or 2000 of the recurrent circuit")
    parser.add_argument("--curves", type=int, help="in our largest sample; 2400, or 3840")
    parser.add_argument("--steps", type=int, default=120, help="of our fits, at most")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 10], help="so many curves as ours, for sbi")
    add_keep(parser)
    add_options(parser, quick="two sets of few curves, few steps")
    options = parsed(parser)
    if options.quick:
        options.sets, options.units, options.curves, options.times = 2, 60, 160, [1]  # as `design.py`: compiled once
        options.contrasts, options.steps = CONTRASTS[:3], 3
    publish(run(options), options, print_tables)


if __name__ == "__main__":
    main()
