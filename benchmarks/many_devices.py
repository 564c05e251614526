"""A synchronous step of a fit on many devices: measured in two processes, and modelled from measured parts."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from tuneful.circuits import SSN
from tuneful.fitting import Problem
from tuneful.fitting.problem import evaluate
from tuneful.fitting.steps import Steps
from tuneful.objectives import EnergyDistance, Measured

BINS = 2**15  # of times in the model
COLLECTIVES = re.compile(
    r"= (.*?) (?:all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute)(?:-start)?\("
)
ARRAY = re.compile(r"(f32|s32|u32|pred)\[([\d,]*)\]")
WIDTH = {"f32": 4, "s32": 4, "u32": 4, "pred": 1}
ROUNDS = 20


@dataclass(frozen=True)
class Model:
    r"""Seconds of a synchronous step.

    Realisations are dealt out before the step, as many to each device, and computed in turn; devices then exchange
    curves and slopes in log2(devices) rounds (recursive doubling), and nothing overlaps. So

        step = E[max over devices of the sum of their times] + sum_r (latency + message_r / bandwidth),

    the expectation of independent times with the measured distribution: the distribution of a sum is a power of its
    Fourier transform, that of a maximum a power of the distribution. All devices are alike, and as fast as this one.

    each
        Measured seconds of realisations: drawing, weights and steady states. Derivatives take nearly the same time
        for all, and are left out.
    latency, bandwidth
        Of one exchange between two devices: seconds, and bytes a second.
    message
        Bytes of one realisation: its curves and slopes.
    """

    each: np.ndarray
    latency: float
    bandwidth: float
    message: float

    def compute(self, devices: int, share: int) -> float:
        """Seconds until the last of the devices is done with so many realisations each."""
        mean, longest = self.each.mean(), self.each.max()
        width = (share * mean + 10 * share**0.5 * self.each.std() + 10 * longest) / BINS
        places, rest = np.divmod(self.each / width, 1)
        density = np.zeros(BINS)  # each time on its two neighbours, so that the mean stays
        np.add.at(density, places.astype(int), (1 - rest) / len(rest))
        np.add.at(density, places.astype(int) + 1, rest / len(rest))
        total = np.fft.irfft(np.fft.rfft(density) ** share, BINS)
        below = np.clip(np.cumsum(total), 0, 1)
        return float(width * np.sum(1 - below**devices))

    def exchange(self, devices: int, share: int) -> float:
        """Seconds of the exchange: messages double from round to round."""
        rounds = np.arange(int(np.log2(devices)))
        return float(np.sum(self.latency + 2.0**rounds * share * self.message / self.bandwidth))

    def step(self, devices: int, realisations: int) -> dict[str, float]:
        """What a step takes, and what of it is work, waiting for the slowest, and exchange."""
        share = -(-realisations // devices)
        work, busy, exchange = share * self.each.mean(), self.compute(devices, share), self.exchange(devices, share)
        total = busy + exchange
        return {"devices": devices, "share": share, "seconds": total, "work": work / total,
                "waiting": (busy - work) / total, "exchange": exchange / total}  # fmt: skip

    def simulated(self, devices: int, realisations: int, repeats: int = 400) -> tuple[float, float]:
        """The same schedule, device by device and round by round: mean seconds of a step and its standard error."""
        rng, share = np.random.default_rng(0), -(-realisations // devices)
        ends = np.empty(repeats)
        for i in range(repeats):
            clocks = rng.choice(self.each, (devices, share)).sum(axis=1)
            for r in range(int(np.log2(devices))):
                partner = np.arange(devices) ^ (1 << r)
                clocks = np.maximum(clocks, clocks[partner])
                clocks += self.latency + 2.0**r * share * self.message / self.bandwidth
            ends[i] = clocks.max()
        return float(ends.mean()), float(ends.std(ddof=1) / np.sqrt(repeats))


def step_of(n_sites: int, curves: int) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Loss and gradient of one step of a fit to made-up curves."""
    circuit = SSN().with_sites(n_sites)
    rates = np.random.default_rng(0).gamma(1.0, 10.0, (40, len(circuit.stimuli)))
    data = Measured.from_rates(rates.astype(np.float32))
    problem = Problem(circuit, EnergyDistance(), data, ("J", "dJ", "sigma"), steps=Steps(batch=curves))
    objective = problem.distance.init(jax.random.key(0), data)

    def step(unconstrained: Any, key: jax.Array) -> Any:
        for_sample, for_loss = jax.random.split(key)
        return evaluate(problem, unconstrained, objective, for_sample, for_loss, curves)

    return step, (problem.start(), jax.random.key(1))


def exchanged_bytes(text: str) -> int:
    """Bytes of all arrays that come out of exchanges in a compiled program."""
    shapes = [array for result in COLLECTIVES.findall(text) for array in ARRAY.findall(result)]
    return sum(WIDTH[kind] * int(np.prod([int(n) for n in shape.split(",") if n])) for kind, shape in shapes)


def of_one_process(number: int, processes: int, port: int, n_sites: int, curves: int) -> dict[str, Any]:
    """In a process of its own: loss, gradient, time of a step, and of the exchange of as many bytes."""
    jax.config.update("jax_num_cpu_devices", 1)
    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{port}", processes, number)
    step, inputs = step_of(n_sites, curves)
    compiled = jax.jit(step).lower(*inputs).compile()
    gradient, record = compiled(*inputs)
    values = jax.tree.map(lambda a: np.asarray(a).tolist(), gradient)
    took = min(_timed(lambda: compiled(*inputs)) for _ in range(3))
    found = {"loss": float(record.loss), "gradient": values, "seconds": took}
    if processes == 1:
        return found
    size = exchanged_bytes(compiled.as_text())
    return found | {"bytes": size, "exchange": _exchange(size), "latency": _exchange(8), "megabyte": _exchange(2**20)}


def _exchange(size: int) -> float:
    """Seconds in which all processes learn what each knows a part of, so many bytes in all."""
    devices = jax.devices()
    mesh = Mesh(np.array(devices), ("process",))
    rows = max(1, size // (4 * len(devices))) * len(devices)
    split, whole = NamedSharding(mesh, PartitionSpec("process")), NamedSharding(mesh, PartitionSpec())
    own = jax.make_array_from_callback((rows,), split, lambda index: np.zeros(rows, np.float32)[index])
    gather = jax.jit(lambda a: a, out_shardings=whole)
    gather(own).block_until_ready()
    return min(_timed(lambda: gather(own)) for _ in range(ROUNDS))


def _timed(task: Callable[[], Any]) -> float:
    began = time.perf_counter()
    jax.block_until_ready(task())
    return time.perf_counter() - began


def processes(n_sites: int, curves: int) -> dict[str, Any]:
    """One process against two."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def begun(number: int, of: int) -> subprocess.Popen[bytes]:
        about = [str(a) for a in (number, of, port, n_sites, curves)]
        return subprocess.Popen([sys.executable, __file__, *about], stdout=subprocess.PIPE)

    def ended(process: subprocess.Popen[bytes]) -> dict[str, Any]:
        out, _ = process.communicate()
        assert process.returncode == 0, f"a process ended with {process.returncode}"
        return json.loads(out.splitlines()[-1])

    alone = ended(begun(0, 1))
    both = [begun(number, 2) for number in (0, 1)]
    first, second = map(ended, both)
    return {"sites": n_sites, "curves": curves, "alone": alone, "first": first, "second": second} | {
        "apart": max(_apart(alone, one) for one in (first, second))
    }


def _apart(a: dict[str, Any], b: dict[str, Any]) -> float:
    """The largest difference of loss and gradients, relative to the largest entry of each."""
    pairs = [(a["loss"], b["loss"]), *((a["gradient"][k], b["gradient"][k]) for k in a["gradient"])]
    return max(float(np.abs(np.subtract(x, y)).max() / np.abs(x).max()) for x, y in pairs)


def modelled(model: Model, realisations: int, devices: Iterable[int]) -> dict[str, Any]:
    """The model and its simulation, for every number of devices."""
    rows = []
    for number in devices:
        mean, error = model.simulated(number, realisations)
        rows.append(model.step(number, realisations) | {"simulated": mean, "simulated_error": error})
    return {"rows": rows, "mean": model.each.mean(), "longest": model.each.max()}


if __name__ == "__main__":
    print(json.dumps(of_one_process(*map(int, sys.argv[1:]))))
