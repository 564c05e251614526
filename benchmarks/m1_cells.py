"""What several recorded cells per realisation cost in independence, and save in time.

    python benchmarks/m1_cells.py [--json]

Cells of one realisation share the receptive fields of all inputs and nothing else. For every statistic of their
tuning curves the intraclass correlation rho says how much they have in common; c cells of one realisation are then
worth c / (1 + (c - 1) rho) independent ones. The standard error of rho under independence is printed beside it.
"""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import numpy as np
from reporting import add_options, parsed, publish

from tuneful.circuits import FeedforwardM1
from tuneful.curves import compute

STATISTICS = ("r2", "complexity", "coding_level", "max_rate")


def intraclass_correlation(values: np.ndarray) -> float:
    """rho of values (realisations, cells): mean product of the deviations of two cells of one realisation."""
    deviation = values - np.nanmean(values)
    defined = np.isfinite(deviation)
    deviation = np.where(defined, deviation, 0.0)
    products = deviation.sum(1) ** 2 - (deviation**2).sum(1)
    pairs = defined.sum(1) ** 2 - defined.sum(1)
    return float(products.sum() / pairs.sum() / np.nanvar(values))


def measure(cells: int, realisations: int, grid: int) -> dict[str, Any]:
    """Intraclass correlations and time per curve at the circuit's example parameters."""
    example = FeedforwardM1.example()
    truth = {name: getattr(example, name) for name in example.parameters()}
    circuit = FeedforwardM1(grid=grid, n_cells=cells).with_values(truth)
    sample = eqx.filter_jit(lambda c, key: c.sample(key, realisations).rates)
    jax.block_until_ready(sample(circuit, jax.random.key(0)))
    began = time.perf_counter()
    rates = np.asarray(jax.block_until_ready(sample(circuit, jax.random.key(1))))
    elapsed = time.perf_counter() - began
    curves = rates.reshape(-1, rates.shape[-1])
    rho = {
        name: intraclass_correlation(compute(name, curves, circuit.conditions()).reshape(realisations, cells))
        for name in STATISTICS
        if cells > 1
    }
    return {
        "cells": cells,
        "milliseconds_per_curve": 1e3 * elapsed / len(curves),
        "rho": rho,
        "standard_error": float(np.sqrt(2 / (cells * (cells - 1) * realisations))) if cells > 1 else None,
        "worth": {name: cells / (1 + (cells - 1) * value) for name, value in rho.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--realisations", type=int, default=400)
    add_options(parser, quick="few realisations of a small grid")
    options = parsed(parser)
    realisations, grid = (20, 8) if options.quick else (options.realisations, 40)
    rows = [measure(cells, realisations, grid) for cells in (1, 2, 5, 10)]
    publish(rows, options, table)


def table(rows: list[dict[str, Any]]) -> None:
    """Print times and correlations."""
    for row in rows:
        rho = "  ".join(f"{name} {value:+.3f}" for name, value in row["rho"].items())
        error = f"  (+- {row['standard_error']:.3f})" if rho else ""
        print(f"{row['cells']:>3} cells: {row['milliseconds_per_curve']:.2f} ms a curve   rho: {rho or '-'}{error}")


if __name__ == "__main__":
    main()
