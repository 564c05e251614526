"""Does the design that is chosen measure parameters better than designs at random?

    python benchmarks/design.py                                    # [--repeats 10] [--random 20] [--keep FILE]
    python benchmarks/design.py --add 1 --for half half_spread     # one condition, to learn about two parameters
    python benchmarks/design.py --circuit ssn --keep ssn.jsonl     # sizes and contrasts of the SSN: takes hours
    python benchmarks/design.py --quick

At a known truth conditions are added to those shown already: the ones that `tuneful.analysis.best_conditions`
chooses, and others at random from the same candidates. Every design is then measured: units are simulated in its
conditions, and the circuit is fitted to them again, from the truth to the minimum of a sample of its own. Its error
is the root mean square over repeats of how far parameters are from the truth, in the logarithm; of several, the
geometric mean, which the choice is meant to make small. Beside it stands what the information of curves promised.
With --for, both are of the parameters that are named only.

`saturating` is a closed form: responses that saturate with contrast, scale and contrast at half maximum log-normal
between cells. Full and half contrast are shown; twelve more are the candidates.
"""

import argparse
import dataclasses
import math
import time
from collections.abc import Mapping
from typing import Any, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from inference import ASIDE, OBJECTIVES, RECURRENT, measured
from jax import Array
from reporting import add_keep, add_options, kept, parsed, publish

from tuneful.analysis import InferenceSettings, infer
from tuneful.analysis.coordinates import Coordinates
from tuneful.analysis.experimental_design import Criterion, Realised, best_conditions
from tuneful.circuits import AbstractCircuit, Positive, Response, parameter
from tuneful.fitting.fits import FitTask
from tuneful.fitting.linearised import realised_at
from tuneful.fitting.settings import FitSettings
from tuneful.fitting.unconstrained import unconstrained_values
from tuneful.runs.design_run import ALL, chosen_parameters

POWER, SCATTER = 2.0, 0.2  # of contrast; of the logarithm of a response, between conditions


@final
class Saturating(AbstractCircuit):
    """Rates R e^(rho z) c^n / (c^n + (h e^(sigma z'))^n) e^(.2 z''), n = 2, of cells with standard normal z."""

    label = "saturating"

    top: Array = parameter(symbol="R", unit="Hz", constraint=Positive(), default=20.0, meaning="median largest rate")
    half: Array = parameter(
        symbol="h", unit="%", constraint=Positive(), default=10.0, meaning="median contrast at half"
    )
    top_spread: Array = parameter(symbol="rho", unit="", constraint=Positive(), default=0.6, meaning="of log R")
    half_spread: Array = parameter(symbol="sigma", unit="", constraint=Positive(), default=0.4, meaning="of log h")
    contrasts: Array = eqx.field(converter=jnp.asarray, default=(50.0, 100.0))
    cells: int = eqx.field(static=True, default=8)

    def draw(self, key: Array) -> Array:
        return jax.random.normal(key, (self.cells, 2 + len(self.contrasts)))

    def respond(self, z: Array) -> Response:
        half = self.half * jnp.exp(self.half_spread * z[:, 1:2])
        above = (self.contrasts / half) ** POWER
        rates = self.top * jnp.exp(self.top_spread * z[:, :1] + SCATTER * z[:, 2:]) * above / (1 + above)
        return Response(rates, jnp.array(True), jnp.zeros(()))

    def conditions(self) -> dict[str, np.ndarray]:
        return {"contrast": np.asarray(self.contrasts, float)}

    def at_conditions(self, features: Mapping[str, np.ndarray]) -> Self:
        return dataclasses.replace(self, contrasts=jnp.asarray(features["contrast"], float))

    @classmethod
    def example(cls) -> Self:
        return cls()


@dataclasses.dataclass(frozen=True)
class Setting:
    """A circuit at its truth, what is fitted, and conditions: those shown first, then those that might be added."""

    truth: AbstractCircuit
    fitted: tuple[str, ...] | None
    conditions: dict[str, list[float]]
    shown: int

    def at(self, which: list[int]) -> AbstractCircuit:
        """The circuit in some of the conditions."""
        return self.truth.at_conditions({name: np.array(values)[which] for name, values in self.conditions.items()})

    @property
    def candidates(self) -> range:
        return range(self.shown, len(next(iter(self.conditions.values()))))


CONTRASTS = [100.0, 50.0, 1.5, 2.0, 3.0, 4.5, 6.0, 9.0, 12.0, 18.0, 25.0, 35.0, 70.0, 85.0]
SIZES, MORE = [0.5, 1.0, 2.0, 4.0, 6.0], [0.25, 0.75, 1.5, 3.0, 5.0]
SETTINGS = {
    "saturating": Setting(Saturating(), None, {"contrast": CONTRASTS}, 2),
    "ssn": Setting(
        RECURRENT,
        ("J", "dJ", "sigma"),
        {"size": [*SIZES, *MORE, *SIZES, *MORE], "contrast": [20.0] * 10 + [10.0] * 5 + [10.0] * 5},
        5,
    ),
}


def task_of(circuit: AbstractCircuit, setting: Setting, units: int, key: Array) -> FitTask:
    """So many units of the circuit, to be fitted by weighted moments."""
    data = measured(circuit, units, key)
    settings = FitSettings(held_out=ASIDE / data.sizes["unit"], fitted=setting.fitted)
    return FitTask.of(circuit, OBJECTIVES["moments"], data, settings, 0)


def looked_at(setting: Setting, curves: int) -> tuple[Realised, Coordinates]:
    """The truth in all conditions, with derivatives, and what is fitted."""
    whole = setting.at([*range(setting.shown), *setting.candidates])
    problem = task_of(whole, setting, 2 * ASIDE, jax.random.key(7)).problem
    at = unconstrained_values(whole, problem.fitted)
    sample = realised_at(problem, at, jax.random.key(8), curves)
    return Realised(*sample, setting.shown), Coordinates(whole, problem.fitted)


def apart(setting: Setting, added: list[int], asked: argparse.Namespace, seed: list[int]) -> dict[str, Any]:
    """How far the answer is from the truth in an experiment with some conditions added."""
    circuit, key = setting.at([*range(setting.shown), *added]), jax.random.key(9)
    for number in seed:
        key = jax.random.fold_in(key, number)
    task = task_of(circuit, setting, asked.units, key)
    found = infer(task, circuit, InferenceSettings(curves=asked.curves, seed=seed[-1], polish=asked.polish))
    return {"apart": found.point - found.coordinates.answer}


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Choose, then measure every design in every repeat."""
    began, setting = time.perf_counter(), SETTINGS[asked.circuit]
    realised, coordinates = looked_at(setting, asked.look)
    which = chosen_parameters(coordinates, ",".join(asked.for_) or ALL)
    criterion, rng = Criterion(asked.units, which), np.random.default_rng(asked.seed)
    designs = [sorted(best_conditions(realised, criterion, asked.add))]
    while len(designs) < min(1 + asked.random, math.comb(len(setting.candidates), asked.add)):
        drawn = sorted(rng.choice(list(setting.candidates), asked.add, replace=False).tolist())
        designs += [] if drawn in designs else [drawn]
    decides = "circuit", "for_", "units", "curves", "polish"
    about = {name: getattr(asked, name) for name in decides} | {"designs": designs}

    def one(number: int) -> dict[str, Any]:
        repeat, design = divmod(number, len(designs))
        return apart(setting, designs[design], asked, [design, repeat])

    rows = kept(asked.keep, about, range(asked.repeats * len(designs)), one)
    errors = np.array([row["apart"] for row in rows], float).reshape(asked.repeats, len(designs), -1)
    rms, counted = np.sqrt(np.mean(errors**2, axis=0)), list(which) or slice(None)
    whole = np.exp(np.log(rms[:, counted]).mean(axis=1))
    rows = [
        {"added": [_said(setting, i) for i in design], "error": whole[k], "errors": rms[k]}
        | {"promised": np.exp(np.log(criterion.errors(realised.per_curve(design))[counted]).mean())}
        for k, design in enumerate(designs)
    ]
    median = float(np.median(whole[1:]))
    found = {"parameters": coordinates.entries, "designs": rows, "median_of_random": median, "chosen": whole[0]}
    found |= {"chosen_over_median": whole[0] / median, "worse_than_chosen": float(np.mean(whole[1:] > whole[0]))}
    promised = [row["promised"] for row in rows]
    found["correlation"] = float(np.corrcoef(np.log(promised), np.log(whole))[0, 1])
    return about | found | {"repeats": asked.repeats, "seconds": time.perf_counter() - began}


def _said(setting: Setting, number: int) -> str:
    varied = {name: values for name, values in setting.conditions.items() if len(set(values)) > 1}
    return ", ".join(f"{name} {values[number]:g}" for name, values in varied.items())


def print_tables(report: dict[str, Any]) -> None:
    print(f"{report['circuit']}: {report['units']} units, {report['repeats']} repeats, {report['seconds']:.0f} s")
    print(f"{'error':>8}{'promised':>10}  " + "".join(f"{name:>12}" for name in report["parameters"]) + "  added")
    for row in report["designs"]:
        each = "".join(f"{error:12.3f}" for error in row["errors"])
        print(f"{row['error']:8.4f}{row['promised']:10.4f}  {each}  " + "; ".join(row["added"]))
    print(
        f"The first was chosen: {report['chosen_over_median']:.2f} of the median of the others, and better than "
        f"{report['worse_than_chosen']:.0%} of them; promised and measured correlate by {report['correlation']:.2f}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--circuit", choices=tuple(SETTINGS), default="saturating")
    parser.add_argument("--add", type=int, default=3, help="conditions")
    parser.add_argument("--for", dest="for_", nargs="+", default=[], help="parameters that count; all by default")
    parser.add_argument("--units", type=int, default=600)
    parser.add_argument("--curves", type=int, default=2400, help="simulated for every fit")
    parser.add_argument("--look", type=int, default=6000, help="curves from which the design is chosen")
    parser.add_argument("--random", type=int, default=20, help="designs at random")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--polish", type=int, default=12, help="looks on the way to a minimum, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the designs at random")
    add_keep(parser)
    add_options(parser, quick="one condition, two designs at random, few units")
    options = parsed(parser)
    if options.quick:
        options.add, options.random, options.repeats, options.polish = 1, 2, 1, 3
        options.units, options.curves, options.look = 60, 160, 160
    publish(run(options), options, print_tables)


if __name__ == "__main__":
    main()
