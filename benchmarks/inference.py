"""Coverage: how often do intervals of nominal 90 % contain the truth, over simulated data sets?

    python benchmarks/inference.py [--json] [--circuit closed-form] [--sets 1000] [--units 600] [--objective moments]

Of circuits whose parameters are known: a closed form (log-normal rates, median and spread, of which the best standard
errors are known, too), the feedforward M1 model on a grid of 20, the SSN of 201 sites as `tuneful fit ssn` has it:
units are centre cells, and three neighbours of a realisation are simulated. Every set has its own units and its own
simulated curves; the inference begins at the truth, or with --away so far from it at random, and goes to
its minimum by itself. A side that is open contains everything: coverage is counted where a parameter is identified at
least weakly, and that of all beside it. What cannot be identified is held at the truth with --hold sigma_l.
With --test "median = 5, spread = 0.5", how often a restriction that is true is refused at a level; with --bands, how
often bands of predictions contain what the truth gives: the mean rate in every condition, and the spread of rates.
With --keep FILE every set is kept as it is done, and the same command goes on.
"""

import argparse
import dataclasses
import os
import time
from collections.abc import Mapping
from typing import Any, Self, final

import jax

jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))

import equinox as eqx  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import xarray as xr  # noqa: E402
from jax import Array  # noqa: E402
from reporting import add_keep, add_options, kept, parsed, publish  # noqa: E402

from tuneful.analysis import InferenceSettings, infer  # noqa: E402
from tuneful.analysis.coordinates import Coordinates  # noqa: E402
from tuneful.circuits import SSN, AbstractCircuit, FeedforwardM1, Positive, Response, parameter  # noqa: E402
from tuneful.fitting.fits import FitTask  # noqa: E402
from tuneful.fitting.settings import FitSettings  # noqa: E402
from tuneful.fitting.simulation import simulate  # noqa: E402
from tuneful.fitting.unconstrained import with_unconstrained  # noqa: E402
from tuneful.objectives import AbstractObjective, EnergyDistance, MaximumMeanDiscrepancy, Moments  # noqa: E402

OBJECTIVES = {
    "moments": Moments(log_above=0.1, ridge=0.01),
    "energy": EnergyDistance(),
    "mmd": MaximumMeanDiscrepancy(),
}
LEVELS = 0.05, 0.1, 0.5  # of tests
ASIDE = 4  # units that a fit must hold out
PREDICTED = 200  # realisations of which means and spreads are predicted, the same at all draws


@final
class LogNormal(AbstractCircuit):
    """Rates median * exp(spread z) in conditions that vary independently, z standard normal."""

    label = "log-normal"

    median: Array = parameter(symbol="m", unit="Hz", constraint=Positive(), default=5.0, meaning="median rate")
    spread: Array = parameter(symbol="s", unit="", constraint=Positive(), default=0.5, meaning="of log rates")
    sizes: tuple[float, ...] = eqx.field(static=True, default=(1.0, 2.0, 4.0))
    cells: int = eqx.field(static=True, default=8)

    def draw(self, key: Array) -> Array:
        return jax.random.normal(key, (self.cells, len(self.sizes)))

    def respond(self, z: Array) -> Response:
        return Response(self.median * jnp.exp(self.spread * z), jnp.array(True), jnp.zeros(()))

    def conditions(self) -> dict[str, np.ndarray]:
        return {"size": np.array(self.sizes)}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> Self:
        return dataclasses.replace(self, sizes=tuple(features["size"].tolist()))

    @classmethod
    def example(cls) -> Self:
        return cls()


RECURRENT = dataclasses.replace(SSN.example(), sites=(-0.04, 0.0, 0.04), max_time=500.0)  # as in its preset
CIRCUITS = {
    "closed-form": (LogNormal(), None),
    "m1": (FeedforwardM1.example(), ("J", "dphi", "dsigma", "phi_l", "sigma_l")),
    "ssn": (RECURRENT, ("J", "dJ", "sigma")),
}


def truth_of(name: str, grid: int, sites: int) -> tuple[AbstractCircuit, tuple[str, ...] | None]:
    """The circuit at its truth, and the names of what is fitted."""
    circuit, fitted = CIRCUITS[name]
    if isinstance(circuit, FeedforwardM1):
        circuit = dataclasses.replace(circuit, grid=grid)
    return (circuit.with_sites(sites) if isinstance(circuit, SSN) else circuit), fitted


def measured(truth: AbstractCircuit, units: int, key: Array) -> xr.Dataset:
    """Curves of so many units, and of those that a fit must hold out; of the SSN, units are centre cells."""
    one = dataclasses.replace(truth, sites=(0.0,)) if isinstance(truth, SSN) else truth
    return simulate(one, units + ASIDE, key)


def one_set(number: int, asked: argparse.Namespace, objective: AbstractObjective) -> dict[str, Any]:
    """Intervals from one data set: by method, low, high and words, in the order of the entries."""
    truth, fitted = truth_of(asked.circuit, asked.grid, asked.sites)
    data = measured(truth, asked.units, jax.random.key(1000 + number))
    fitted = tuple(name for name in fitted or truth.parameters() if name not in asked.hold)
    settings = FitSettings(held_out=ASIDE / data.sizes["unit"], fitted=fitted)
    task = FitTask.of(truth, objective, data, settings, number)
    at = Coordinates(truth, fitted)
    apart = asked.away * np.random.default_rng(number).normal(size=len(at.answer))
    begin = with_unconstrained(truth, at.named(at.answer + apart))
    method = ("sandwich", "bootstrap", *(["profile"] if number < asked.profiles else []))
    how = {"curves": asked.curves, "level": asked.level, "refits": asked.refits, "test": tuple(asked.test)}
    how["polish"] = asked.polish
    found = infer(task, begin, InferenceSettings(method=method, **how))
    own = at.own(np.stack([at.answer, found.point]))
    intervals = {name: (i.low, i.high, list(i.identified)) for name, i in found.by_method.items()}
    about = {"names": at.entries, "is_logarithm": at.is_logarithm, "truth": own[0], "value": own[1]}
    bands = {}
    if asked.bands:
        told = found.predict(means_and_spreads, seed=number, draws=asked.bands)
        bands = {name: (told.truth[name], *told.band(name)[[0, 2]]) for name in told.values}
    return about | {"intervals": intervals, "tests": found.about["tests"], "bands": bands}


@eqx.filter_jit  # once for all draws
def means_and_spreads(circuit: AbstractCircuit, key: Array) -> dict[str, Array]:
    """What is predicted: mean rates and their standard deviations, in every condition."""
    response = circuit.sample(key, PREDICTED)
    curves, counts = response.curves, response.accepted[:, None]
    return {"mean rate": curves.mean(axis=0, where=counts), "spread": curves.std(axis=0, where=counts)}


def coverage(sets: list[dict[str, Any]], method: str) -> list[dict[str, Any]]:
    """For every entry: how often its interval contains the truth, and how often it is open or not identified.

    Half widths are of the logarithm of positive parameters, and of others in their own units.
    """
    rows = [one for one in sets if method in one["intervals"]]
    found = []
    for k, name in enumerate(sets[0]["names"]):
        low, high = (np.array([one["intervals"][method][side][k] for one in rows], float) for side in (0, 1))
        words = [one["intervals"][method][2][k] for one in rows]
        truth = np.array([one["truth"][k] for one in rows])
        covers = ~(low > truth) & ~(high < truth)
        counted = np.array([word != "no" for word in words])
        n = int(counted.sum())
        ends = [np.log(side[counted]) if sets[0]["is_logarithm"][k] else side[counted] for side in (low, high)]
        found.append({
            "parameter": name, "method": method, "sets": len(rows), "identified": n,
            "coverage": float(covers[counted].mean()) if n else None,
            "error": float(np.sqrt(0.9 * 0.1 / n)) if n else None,
            "coverage_of_all": float(covers.mean()),
            "half_width": float(np.mean(ends[1] - ends[0]) / 2) if n else None,
        })  # fmt: skip
    return found


def by_word(sets: list[dict[str, Any]], method: str) -> list[dict[str, Any]]:
    """How often intervals of all entries that are called identified, or weakly, contain the truth.

    Entries of a set go together: the standard error is that of a ratio over sets.
    """
    found = []
    for word in ("yes", "weakly"):
        counts = []
        for one in (one for one in sets if method in one["intervals"]):
            low, high = (np.array(side, float) for side in one["intervals"][method][:2])
            own, truth = np.array(one["intervals"][method][2]) == word, np.array(one["truth"])
            counts.append([np.sum(~(low > truth) & ~(high < truth) & own), own.sum()])
        inside, n = np.array(counts).T
        share = inside.sum() / max(n.sum(), 1)
        error = np.sqrt(np.sum((inside - share * n) ** 2)) / max(n.sum(), 1)
        found.append({"method": method, "word": word, "entries": n.sum(), "coverage": share, "error": error})
    return found


def of_bands(sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How often the bands of each prediction contain what the truth gives, over sets and conditions."""
    found = []
    for name in sets[0]["bands"]:
        truth, low, high = np.moveaxis(np.array([one["bands"][name] for one in sets], float), 1, 0)
        covers = ((low <= truth) & (truth <= high)).mean(axis=1)  # conditions of a set go together
        error = float(covers.std() / np.sqrt(len(covers)))
        found.append({"prediction": name, "sets": len(sets), "coverage": float(covers.mean()), "error": error})
    return found


def scatter(sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bias and standard deviation of estimates, of the logarithm of positive ones."""
    logarithm = np.array(sets[0]["is_logarithm"])
    values, truth = (np.array([one[name] for one in sets]) for name in ("value", "truth"))
    apart = np.where(logarithm, np.log(np.where(logarithm, values / truth, 1)), values - truth)
    columns = zip(sets[0]["names"], apart.mean(axis=0), apart.std(axis=0, ddof=1), strict=True)
    return [{"parameter": name, "bias": bias, "deviation": deviation} for name, bias, deviation in columns]


def refused(sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How often each restriction is refused at several levels, of the sets in which it could be tested."""
    found = []
    for k, one in enumerate(sets[0]["tests"]):
        p = np.array([own["tests"][k]["p_value"] for own in sets if own["tests"][k]["p_value"] is not None])
        for level in LEVELS:
            error = float(np.sqrt(level * (1 - level) / max(len(p), 1)))
            share = float(np.mean(p < level)) if len(p) else None
            row = {"restriction": one["restriction"], "sets": len(p), "level": level, "refused": share}
            found.append(row | {"error": error})
    return found


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """All sets of one circuit."""
    began, objective = time.perf_counter(), OBJECTIVES[asked.objective]
    if asked.landmarks is not None and isinstance(objective, Moments):
        objective = dataclasses.replace(objective, landmarks=asked.landmarks)
    about = {name: getattr(asked, name) for name in DECIDES}
    sets = kept(asked.keep, about, range(asked.sets), lambda number: one_set(number, asked, objective))
    methods = list(sets[0]["intervals"])
    rows = [row for method in methods for row in coverage(sets, method)]
    found = {"coverage": rows, "words": [row for method in methods for row in by_word(sets, method)]}
    found |= {"bands": of_bands(sets), "estimates": scatter(sets), "tests": refused(sets)}
    return about | found | {"sets": asked.sets, "seconds": time.perf_counter() - began}


def print_tables(report: dict[str, Any]) -> None:
    """The tables for a terminal."""
    print(f"{report['circuit']}, {report['objective']}: {report['units']} units, {report['seconds']:.0f} s")
    print(f"{'parameter':<12}{'method':<12}{'sets':>6}{'identified':>12}{'coverage':>10}{'+-':>7}{'half width':>12}")
    for row in report["coverage"]:
        numbers = [(f"{row[k]:{w}}" if row[k] is not None else f"{'-':>6}") for k, w in SHOWN.items()]
        print(f"{row['parameter']:<12}{row['method']:<12}{row['sets']:>6}{row['identified']:>12}" + "".join(numbers))
    for row in report["words"]:
        share = f"{row['coverage']:.3f} +- {row['error']:.3f} of {row['entries']} entries" if row["entries"] else "-"
        print(f"identified, {row['word']}: {row['method']} {share}")
    for row in report["bands"]:
        print(f"bands of {row['prediction']}: {row['coverage']:.3f} +- {row['error']:.3f} of {row['sets']} sets")
    for row in report["estimates"]:
        print(f"{row['parameter']:<12} estimate - truth: {row['bias']:+.4f}, scatter {row['deviation']:.4f}")
    for row in report["tests"]:
        share = f"{row['refused']:.3f} +- {row['error']:.3f} of {row['sets']} sets" if row["sets"] else "-"
        print(f"{row['restriction']}: refused at {row['level']:g} in {share}")


SHOWN = {"coverage": "10.3f", "error": "7.3f", "half_width": "12.4f"}
DECIDES = (
    "circuit", "objective", "profiles", "units", "curves", "refits", "landmarks", "test", "bands", "level", "grid",
    "sites", "hold", "away", "polish",
)  # fmt: skip


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circuit", choices=tuple(CIRCUITS), default="closed-form")
    parser.add_argument("--objective", choices=tuple(OBJECTIVES), default="moments")
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--profiles", type=int, default=200, help="sets with a profile, which takes longest")
    parser.add_argument("--units", type=int, default=600)
    parser.add_argument("--curves", type=int, default=2400, help="simulated for every set")
    parser.add_argument("--refits", type=int, default=0, help="looks that a replicate of the bootstrap may take")
    parser.add_argument("--landmarks", type=int, help="of moments")
    parser.add_argument("--test", action="append", default=[], help="a restriction that is true; repeat for more")
    parser.add_argument("--bands", type=int, default=0, help="draws for the bands of predictions; 0: none")
    parser.add_argument("--hold", action="append", default=[], help="a parameter held at its truth; repeat for more")
    parser.add_argument("--away", type=float, default=0.0, help="deviation of where to begin, unconstrained")
    parser.add_argument("--polish", type=int, default=12, help="looks on the way to the minimum, at most")
    parser.add_argument("--level", type=float, default=0.9)
    parser.add_argument("--grid", type=int, default=20, help="of M1")
    parser.add_argument("--sites", type=int, default=201, help="of the SSN, with the same weights per length")
    add_keep(parser)
    add_options(parser, quick="few sets of few units and curves")
    options = parsed(parser)
    if options.quick:
        cheap = options.circuit == "closed-form"
        options.units, options.curves, options.grid, options.sites = 40, 96, 6, 101
        options.sets, options.polish, options.profiles, options.bands = (4, 12, 1, 3) if cheap else (2, 1, 0, 0)
        options.test += ["median = 5"] * cheap
    publish(run(options), options, print_tables)


if __name__ == "__main__":
    main()
