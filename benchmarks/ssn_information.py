"""What size tuning says about the twelve parameters of the SSN, and how much of it each objective makes use of.

    python benchmarks/ssn_information.py                                 # 3,000 realisations
    python benchmarks/ssn_information.py --json                          # also: --realisations 1000 --truth halved
    python benchmarks/ssn_information.py --sets 0 --plot identified.png  # a picture, and no objectives
    python benchmarks/ssn_information.py --learn 12000                   # and what a learned score knows
    python benchmarks/ssn_information.py --quick                         # shows that the script runs

At the truth (Table 3 of Arakaki et al. 2017), realisations of the network answer to five sizes at two contrasts, with
cells of both types at three places. Each experiment is a part of that: curves of some populations at some contrasts,
shared equally among its populations. Reported are the eigenvalues of the information per curve (logarithms of
parameters; the Cramer-Rao bound of n curves is the inverse of n times it), and standard errors of every parameter at
several numbers of curves, if it was known to a factor of 20 before, which decides little. Below .25 a parameter is
identified ("yes"), below 1 "weakly", else not.

The efficiency of an objective is the variance of the bound over that of its minimum, along the directions that the
curves of the first experiment fix to a quarter: its curvature and the noise of its slopes in the sandwich
H^-1 S H^-1, means over independent sets of curves, for objectives that know both; the other directions are taken as
known.

With --learn, the first experiment once more by a learned score (`tuneful.analysis.learned_score`), from so many
realisations of three neighbouring cells whose parameters scatter around the truth: eigenvalues of its information and
of the smoothed model's, with standard errors, and standard errors of parameters.
"""

import argparse
import dataclasses
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import reporting
from ssn_recovery import IDENTIFIED, truth_of

from tuneful.analysis import ScorePlan, information, learned_score, standard_errors
from tuneful.circuits import SSN
from tuneful.fitting import Problem
from tuneful.fitting.linearised import generated_at, realised_at
from tuneful.fitting.uncertainty import how_identified
from tuneful.fitting.unconstrained import parameter_names, unconstrained_values
from tuneful.objectives import Measured
from tuneful.objectives.base import Generated, sharpest
from tuneful.registry import build, objectives
from tuneful.runs.presets import resolve

SIZES, CONTRASTS, PLACES = (0.5, 1.0, 2.0, 4.0, 6.0), (20.0, 10.0), (0.0, 0.5, 1.0)
NUMBERS = (100, 600, 5000)  # of curves
FITTED = 600  # curves in `ssn_recovery.py`
VAGUE = 3.0  # what is known of logarithms before: a factor of 20
COLOURS = {"yes": "#9ecfc2", "weakly": "#f2d9a0", "no": "#e6b3aa"}
NEIGHBOURS, MAX_TIME = (-0.04, 0.0, 0.04), 500.0  # places of recorded cells, and ms to settle, as in the preset
# Contrasts, cell types and places by the name of the experiment: how many of each, the first ones.
FIRST = "one contrast"
EXPERIMENTS = {
    FIRST: (1, 1, 1),
    "two contrasts": (2, 1, 1),
    "E and I cells": (1, 2, 1),
    "three places": (1, 1, 3),
    "all of these": (2, 2, 3),
}


@dataclasses.dataclass(frozen=True)
class Realised:
    """Rates (realisations, types, places, contrasts, sizes), their tangents (..., n), and which count."""

    rates: np.ndarray
    tangents: np.ndarray
    weight: np.ndarray

    def population(self, kind: int, place: int, contrasts: int) -> tuple[Generated, jax.Array]:
        """Curves of one kind of cell at one place, with their tangents."""
        rates, tangents = (a[:, kind, place, :contrasts] for a in (self.rates, self.tangents))
        n = len(rates)
        curves = Generated(jax.numpy.asarray(rates.reshape(n, -1)), jax.numpy.asarray(self.weight))
        return curves, jax.numpy.asarray(tangents.reshape(n, -1, tangents.shape[-1]))


def problem_of(truth: SSN) -> Problem:
    """One without data: only its circuit is asked."""
    nothing = Measured.from_rates(np.ones((2, len(truth.stimuli))))
    return Problem(truth, build("objective", objectives(), {"name": "energy"}), nothing, ("J", "dJ", "sigma"))


def realise(truth: SSN, realisations: int) -> Realised:
    """Draw the network at the truth, with all populations in all conditions."""
    contrasts = {"contrasts": CONTRASTS, "sizes": SIZES}
    whole = dataclasses.replace(truth, recorded="both", sites=PLACES, **SSN.crossed(**contrasts))
    problem, cells = problem_of(whole), 2 * len(PLACES)
    at = unconstrained_values(whole, problem.fitted)
    generated, tangents = realised_at(problem, at, jax.random.key(0), realisations * cells)
    shape = (-1, 2, len(PLACES), len(CONTRASTS), len(SIZES))
    rates, slopes = np.asarray(generated.rates).reshape(shape), np.asarray(tangents)
    return Realised(rates, slopes.reshape(*rates.shape, slopes.shape[-1]), np.asarray(generated.realisation_weight))


def of_experiment(found: Realised, contrasts: int, kinds: int, places: int) -> np.ndarray:
    """Information per curve, (n, n): the mean over the populations, which share the curves."""
    parts = [
        information(*found.population(kind, place, contrasts)) for kind in range(kinds) for place in range(places)
    ]
    return np.mean(parts, axis=0)


def efficiency(name: str, found: Realised, per_curve: np.ndarray, sets: list[Measured]) -> dict[str, Any] | None:
    """Variances of the bound over those of an objective, as the preset sets it, by direction; None if unknown."""
    objective = build("objective", objectives(), resolve("ssn", {"objective": name}, []).objective)
    (generated, tangents), key = found.population(0, 0, 1), jax.random.key(1)
    seen = [
        objective.sampling(
            generated, tangents, sharpest(objective, objective.init(key, d), lambda: generated, d), d, key
        )
        for d in sets
    ]
    told = [one for one in seen if one is not None]
    if not told:
        return None
    values, axes = np.linalg.eigh(per_curve)
    is_known = values >= min(values[-1], IDENTIFIED**-2 / FITTED)
    known = axes[:, is_known]
    curvature, noise = (
        known.T @ np.mean([np.asarray(getattr(one, what), float) for one in told], axis=0) @ known
        for what in ("curvature", "noise")
    )
    spread = np.linalg.inv(curvature)
    variance = np.diag(spread @ noise @ spread) * len(sets[0].rates)
    return {"objective": name, "efficiency": (1 / (values[is_known] * variance)).tolist()}


def measured_sets(truth: SSN, sets: int, curves: int) -> list[Measured]:
    """Independent sets of about so many curves of the centre cell, all of one size."""
    problem = problem_of(dataclasses.replace(truth, sites=(0.0,)))
    at = unconstrained_values(problem.circuit, problem.fitted)
    drawn = generated_at(problem, at, jax.random.key(3), sets * curves)
    rates = np.asarray(drawn.rates)[np.asarray(drawn.weight) > 0]
    size = len(rates) // sets
    return [Measured.from_rates(rates[i * size : (i + 1) * size]) for i in range(sets)]


def learn(truth: SSN, data: Measured, asked: argparse.Namespace) -> dict[str, Any]:
    """What a learned score knows of the first experiment."""
    problem = problem_of(dataclasses.replace(truth, sites=NEIGHBOURS, max_time=MAX_TIME))
    problem = dataclasses.replace(problem, data=data)
    plan, began = ScorePlan(spread=asked.spread, realisations=asked.learn), time.perf_counter()
    score = learned_score(problem, problem.circuit, plan, key=5)
    values, errors = score.eigenvalues
    found = {"lost": score.lost, "explained": score.explained, "seconds": time.perf_counter() - began}
    found |= {"eigenvalues": values.tolist(), "eigenvalue_errors": errors.tolist(), "spread": plan.spread}
    found |= {"smoothed": np.linalg.eigvalsh(score.smoothed)[::-1].tolist(), "realisations": plan.realisations}
    found |= {"information": score.information.tolist(), "information_error": score.information_error.tolist()}
    return found | {f"errors_{n}": standard_errors(score.information, n, VAGUE).tolist() for n in NUMBERS}


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """All experiments, and all objectives that are no critic."""
    jax.config.update("jax_num_cpu_devices", len(os.sched_getaffinity(0)))
    began = time.perf_counter()
    truth = truth_of(asked.truth, asked.sites)
    found = realise(truth, asked.realisations)
    experiments = {FIRST: EXPERIMENTS[FIRST]} if asked.quick else EXPERIMENTS
    per_curve = {name: of_experiment(found, *parts) for name, parts in experiments.items()}
    sets = measured_sets(truth, max(asked.sets, 1), asked.curves) if asked.sets or asked.learn else []
    names = parameter_names(unconstrained_values(truth, ("J", "dJ", "sigma")))
    every = [name for name, kind in objectives().items() if not kind.learns]
    compared = (["moments"] if asked.quick else every) if asked.sets else []
    return {
        "truth": asked.truth,
        "realisations": int(found.weight.sum()),
        "parameters": names,
        "experiments": [dict(_row(name, matrix)) for name, matrix in per_curve.items()],
        "learned": learn(truth, sets[0], asked) if asked.learn else None,
        "objectives": [row for name in compared if (row := efficiency(name, found, per_curve[FIRST], sets))],
        "seconds": time.perf_counter() - began,
    }


def _row(name: str, per_curve: np.ndarray) -> Iterator[tuple[str, Any]]:
    yield "experiment", name
    yield "eigenvalues", np.linalg.eigvalsh(per_curve)[::-1].tolist()
    yield "information", per_curve.tolist()
    for n in NUMBERS:
        errors = standard_errors(per_curve, n, VAGUE).tolist()
        yield f"errors_{n}", errors
        yield f"identified_{n}", [how_identified(error) for error in errors]


def print_tables(report: dict[str, Any]) -> None:
    print(f"{report['realisations']} realisations, truth: {report['truth']}; {report['seconds']:.0f} s")
    for row in report["experiments"]:
        print(f"{row['experiment']}: per curve " + " ".join(f"{v:.3g}" for v in row["eigenvalues"]))
    print(f"{'standard errors':<20}" + "".join(f"{name:>10}" for name in report["parameters"]))
    for row in report["experiments"]:
        for n in NUMBERS:
            told = zip(row[f"errors_{n}"], row[f"identified_{n}"], strict=True)
            print(f"{row['experiment']:<14}{n:>6}" + "".join(f"{e:>8.3f} {word[0]}" for e, word in told))
    print("y: identified, w: weakly, n: not")
    if report["learned"]:
        print_learned(report["learned"])
    if report["objectives"]:
        print("efficiency, stiffest direction last")
    for row in report["objectives"]:
        print(f"{row['objective']:<20}" + "".join(f"{e:>8.2f}" for e in row["efficiency"]))


def draw(report: dict[str, Any], path: Path) -> None:
    """Standard errors of every parameter in every experiment, on the colour of what they say."""
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle

    from tuneful.plot.style import ON_PAPER, styled

    rows, names = (
        report["experiments"],
        [f"{stem}$_{{{a}{b}}}$" for stem in ("J", "δJ", "σ") for a in "EI" for b in "EI"],
    )
    with styled(**ON_PAPER, **{"text.parse_math": True}):
        figure, panels = plt.subplots(len(NUMBERS), figsize=(8.2, 6.2), layout="constrained")
        for n, axes in zip(NUMBERS, panels, strict=True):
            for y, row in enumerate(rows):
                for x, (error, word) in enumerate(zip(row[f"errors_{n}"], row[f"identified_{n}"], strict=True)):
                    axes.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, color=COLOURS[word], lw=0))
                    axes.text(x, y, f"{error:#.2g}".removeprefix("0"), ha="center", va="center", fontsize=8)
            axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(rows) - 0.5, -0.5), title=f"{n:,} curves")
            axes.set_xticks(range(len(names)), names)
            axes.set_yticks(range(len(rows)), [row["experiment"] for row in rows])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        patches = [Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
        words = [f"identified: {word}" for word in COLOURS]
        figure.legend(patches, words, loc="outside lower center", ncols=len(words))
        figure.savefig(path, dpi=150)
        plt.close(figure)


def print_learned(row: dict[str, Any]) -> None:
    print(
        f"learned score, s = {row['spread']}, {row['realisations']} realisations, {row['lost']:.1%} lost; explains "
        f"{row['explained']:.3f} of the variance; {row['seconds']:.0f} s"
    )
    pairs = zip(row["eigenvalues"], row["eigenvalue_errors"], strict=True)
    print("per curve " + " ".join(f"{value:.3g}+-{error:.2g}" for value, error in pairs))
    print("smoothed  " + " ".join(f"{value:.3g}" for value in row["smoothed"]))
    for n in NUMBERS:
        print(f"{'learned':<14}{n:>6}" + "".join(f"{e:>10.3f}" for e in row[f"errors_{n}"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--realisations", type=int, default=3000)
    parser.add_argument("--learn", type=int, default=0, help="realisations from which a score is learned; 0: none")
    parser.add_argument("--spread", type=float, default=0.2, help="of their parameters, in the logarithm")
    parser.add_argument(
        "--sets", type=int, default=4, help="of curves, over which efficiencies are averaged; 0: none"
    )
    parser.add_argument("--curves", type=int, default=FITTED, help="in each set")
    parser.add_argument("--truth", choices=("paper", "halved"), default="paper")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="a picture of the standard errors")
    reporting.add_options(parser, quick="11 sites, few realisations and sets, one experiment and objective")
    options = reporting.parsed(parser)
    options.sites = 201
    if options.quick:
        options.sites, options.realisations, options.sets, options.curves, options.truth = 11, 16, 4, 12, "halved"
        options.learn = min(options.learn, 120)
    report = run(options)
    if options.plot:
        draw(report, options.plot)
    reporting.publish(report, options, print_tables)


if __name__ == "__main__":
    main()
