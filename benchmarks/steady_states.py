"""Steady states found by `tuneful.solvers.steady_state` against plain integration from rest, in hostile regimes.

    python benchmarks/steady_states.py                  # 13 regimes, 200 networks x 5 stimuli each; some minutes
    python benchmarks/steady_states.py --json --networks 20
    python benchmarks/steady_states.py --networks 16 --side-by-side    # and the same networks as one crowd

Integration takes exponential Euler steps of 0.1 ms until all residuals are below 1e-3 Hz or 4 s of simulated time
are over. A search is wrong if it settled farther from there than 0.05 Hz, or 3 % of the largest rate if that is more
(a trajectory at a residual of 1e-3 Hz may be as far away as a slow mode takes it). Networks that integration itself
leaves moving are counted, not judged. Side by side, a problem is otherwise if its status is another, or if it settled
farther away than 1e-3 Hz, or 1e-5 of the largest rate: a hundred, or ten, times what may be left. Regimes scale the
paper's J, dJ and sigma.
"""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from reporting import add_options, parsed, publish

from tuneful.circuits import SSN
from tuneful.solvers import Status

REGIMES = {
    "paper": (201, (1, 1, 1), (16.0, 2.0)),
    "0.37 of all, the start of the fit": (201, (0.37, 0.37, 0.37), (16.0, 2.0)),
    "0.6 of all": (201, (0.6, 0.6, 0.6), (16.0, 2.0)),
    "1.3 of the weights": (201, (1.3, 1.3, 1), (16.0, 2.0)),
    "twice the range of weights": (201, (1, 2, 1), (16.0, 2.0)),
    "slow inhibition": (201, (1, 1, 1), (16.0, 8.0)),
    "weights per length, 101 sites": (101, (2, 2, 1), (16.0, 2.0)),
    "51 sites": (51, (1, 1, 1), (16.0, 2.0)),
    "0.37 of all, 51 sites": (51, (0.37, 0.37, 0.37), (16.0, 2.0)),
    "weights per length, 51 sites": (51, (4, 4, 1), (16.0, 2.0)),
    "1.5 of the weights, 31 sites": (31, (1.5, 1.5, 1), (16.0, 2.0)),
    "half the range of weights, 31 sites": (31, (1, 0.5, 1), (16.0, 2.0)),
    "equal time constants, 31 sites": (31, (2, 2, 1), (10.0, 10.0)),
}
STEP, CHUNK, CHUNKS = 0.1, 500, 80  # ms, steps between looks at the residual, looks


def circuit_of(regime: str) -> SSN:
    sites, factors, tau = REGIMES[regime]
    circuit = SSN(n_sites=sites, tau=tau)
    values = dict(zip(("J", "dJ", "sigma"), factors, strict=True))
    return circuit.with_values({name: factor * getattr(circuit, name) for name, factor in values.items()})


@eqx.filter_jit
def search(circuit: SSN, keys: jax.Array) -> Any:
    """The solver's steady states of one network a key."""
    return jax.lax.map(lambda key: circuit.steady_state(circuit.draw(key)), keys)


@eqx.filter_jit
def crowd(circuit: SSN, keys: jax.Array) -> Any:
    """The same, side by side."""
    return jax.vmap(lambda key: circuit.steady_state(circuit.draw(key)))(keys)


@eqx.filter_jit
def integrate(circuit: SSN, keys: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Rates that small steps from rest lead to, and their residuals, (networks, stimuli, 2N) and without the last."""

    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        z = circuit.draw(key)
        weights, external = circuit.weights(z), circuit.external_input(z)
        share = -jnp.expm1(-STEP / jnp.asarray(circuit.time_constants, weights.dtype))
        distance = lambda r: circuit.gain(r @ weights + external) - r  # noqa: E731

        def chunk(state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            rates = jax.lax.fori_loop(0, CHUNK, lambda _, r: r + share * distance(r), state[0])
            return rates, state[1] + 1

        moves = lambda state: (jnp.abs(distance(state[0])).max() > 1e-3) & (state[1] < CHUNKS)  # noqa: E731
        rates, _ = jax.lax.while_loop(moves, chunk, (jnp.zeros_like(external), 0))
        return rates, jnp.abs(distance(rates)).max(axis=-1)

    return jax.lax.map(one, keys)


def otherwise(alone: Any, together: Any) -> int:
    """How many problems end otherwise side by side."""
    apart = np.abs(alone.rates - together.rates).max(axis=-1)
    far = apart > np.maximum(1e-3, 1e-5 * alone.rates.max(axis=-1))
    return int(((alone.status != together.status) | (alone.settled & far)).sum())


def compare(regime: str, networks: int, side_by_side: bool) -> dict[str, Any]:
    """Judge the searches of one regime."""
    circuit, keys = circuit_of(regime), jax.random.split(jax.random.key(0), networks)
    search(circuit, keys)
    began = time.perf_counter()
    found = jax.tree.map(np.asarray, search(circuit, keys))
    seconds = time.perf_counter() - began
    rates, residual = map(np.asarray, integrate(circuit, keys))
    largest, about = rates.max(axis=-1), {}
    if side_by_side:
        about = {"otherwise": otherwise(found, jax.tree.map(np.asarray, crowd(circuit, keys)))}
    at_rest = residual < np.maximum(1e-3, 1e-5 * largest)  # the latter where single precision allows no less
    far = np.abs(found.rates - rates).max(axis=-1) > np.maximum(0.05, 0.03 * largest)
    return {
        "regime": regime,
        "problems": int(far.size),
        "wrong": int((found.settled & at_rest & far).sum()),
        "settled": int(found.settled.sum()),
        "integration_at_rest": int(at_rest.sum()),
        "missed": int((at_rest & ~found.settled).sum()),
        "undecided": int((found.settled & ~at_rest).sum()),
        "saturated": int((found.status == Status.SATURATED).sum()),
        "median_evaluations": float(np.median(found.evaluations)),
        "ms_a_network": 1e3 * seconds / networks,
    } | about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--side-by-side", action="store_true", help="compare with the same networks as one crowd")
    add_options(parser, quick="two networks of 31 sites")
    options = parsed(parser)
    if options.quick:
        options.networks = 2
    rows = []
    for regime in list(REGIMES)[-1:] if options.quick else REGIMES:
        rows.append(compare(regime, options.networks, options.side_by_side))
        if options.json != "-":
            row = rows[-1]
            print(
                f"{regime:<36}{row['problems']:>6} problems: {row['wrong']} wrong, {row['settled']} settled, "
                f"{row['missed']} missed, {row['undecided']} undecided, {row['saturated']} saturated; "
                f"{row['median_evaluations']:.0f} evaluations, {row['ms_a_network']:.1f} ms a network"
                + (f"; {row['otherwise']} otherwise side by side" if options.side_by_side else ""),
                flush=True,
            )
    summed = ("problems", "wrong", "settled", "missed", "undecided", *(["otherwise"] if options.side_by_side else []))
    total = {name: sum(row[name] for row in rows) for name in summed}
    publish({"rows": rows, "total": total}, options, lambda report: print(report["total"]))


if __name__ == "__main__":
    main()
