"""Realisations in turn and side by side, large and sparse networks, several processes, and a model of many devices.

    python benchmarks/devices.py                              # all parts; some ten minutes of one core
    python benchmarks/devices.py --parts batches --batches 15 60
    python benchmarks/devices.py --parts batches --at-once 4096 --in-turn 256 --max-time 500      # on a GPU
    python benchmarks/devices.py --parts sites --sites 801 2001
    python benchmarks/devices.py --json --quick

Everything is the SSN at the paper's values, five stimuli, float32, on one device. On CPUs times are processor times,
which other work on the machine changes least; elsewhere they are wall times.

- batches: steady states, with drawing and building the weights, in turn and side by side. An evaluation of the drive
  reads the weights once and takes 2 S (2N)^2 operations, S stimuli. What the evaluations that the searches report
  need at least is the larger of bytes over the bandwidth of a sum and operations over the rate of a square product,
  both measured here: the floor. What a crowd computes for groups that only fill a batch is not among them.
- sites: the same at several N, two realisations or more, in turn, and with a tenth of the connections, ten times as
  strong: time, memory of the compiled gradient, with all kept and within --memory.
- processes: loss and gradient of a step of a fit in one process, and in two through `jax.distributed`.
- model: the step of a synchronous fit on D devices, see `many_devices.Model`; of times that batches measure, beside a
  simulation of the schedule.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import many_devices
import numpy as np
from reporting import add_options, parsed, publish

from tuneful.circuits import SSN, Recurrent, Schedule
from tuneful.circuits.ensemble import in_chunks, map_realisations
from tuneful.solvers.precision import exact_products
from tuneful.solvers.steady_states import SteadyState

PARTS = ("batches", "sites", "processes", "model")
DEVICES = (8, 64, 512)
IN_ONE = 8  # sums and products of a program that measures the machine
SPARSE = 0.1  # probability of a connection


def clock() -> float:
    """Seconds: of this process where it computes itself, of the wall where a device does."""
    return time.process_time() if jax.default_backend() == "cpu" else time.perf_counter()


def timed(task: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """The shortest of some rounds of what is compiled, and what comes out."""
    times = []
    for _ in range(rounds):
        began = clock()
        end = jax.block_until_ready(task())
        times.append(clock() - began)
    return min(times), end


def seconds(task: Callable[[], Any], rounds: int) -> float:
    """The shortest of some rounds, after one that compiles."""
    jax.block_until_ready(task())
    return timed(task, rounds)[0]


def machine() -> dict[str, float]:
    """Bytes a second that sums read, and operations a second of square products, several in one program."""
    length, side = (2**26, 1024) if jax.default_backend() == "cpu" else (2**28, 8192)
    long, square = jnp.ones(length), jnp.ones((side, side))

    @jax.jit
    def add(long: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, IN_ONE, lambda _, total: jnp.sum(long * total), jnp.zeros(()))

    @jax.jit
    def multiply(square: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, IN_ONE, lambda _, product: product @ square, square)

    with exact_products():
        reading, product = seconds(lambda: add(long), 3) / IN_ONE, seconds(lambda: multiply(square), 3) / IN_ONE
    return {"bytes_a_second": long.nbytes / reading, "operations_a_second": 2 * side**3 / product}


@eqx.filter_jit
def found(circuit: Any, key: jax.Array, first: jax.Array, n: int, schedule: Schedule) -> SteadyState:
    """Steady states of so many realisations, from a number on."""
    return map_realisations(lambda c, k: c.steady_state(c.draw(k)), circuit, key, n, first, schedule)


def floor_of(circuit: Any, evaluations: int, about: dict[str, float]) -> dict[str, float]:
    """Bytes and operations of so many evaluations, and the seconds that they take at least."""
    entries, stimuli = len(circuit.network_types) ** 2, len(next(iter(circuit.conditions().values())))
    moved, operations = 4 * entries * evaluations, 2 * stimuli * entries * evaluations
    floor = max(moved / about["bytes_a_second"], operations / about["operations_a_second"])
    return {"gigabytes": moved / 1e9, "gigaoperations": operations / 1e9, "floor": floor}


def batches(options: argparse.Namespace) -> dict[str, Any]:
    """Both schedules at every batch; large ones in parts of one compiled size, as memory asks for."""
    circuit, about, rows = SSN(max_time=options.max_time).with_sites(options.n_sites), machine(), []
    counts, programs, each = np.zeros(0), {}, float("nan")
    for n in options.batches:
        ends, row, size = {}, {"batch": n, "at_once": min(n, options.at_once)}, min(n, options.at_once)
        both = (("in_turn", False), ("side_by_side", True))
        for name, side_by_side in both if n <= options.in_turn else both[1:]:
            sample = circuit, jax.random.key(3), jnp.uint32(0), size, Schedule(side_by_side, 1e3)
            if (name, size) not in programs:
                programs[name, size] = found.lower(*sample).compile()

            def task(program: Any = programs[name, size], s: Any = sample, n: int = n) -> SteadyState:
                return in_chunks(lambda first: program(*s[:2], first, *s[3:]), n, size=s[3])

            took, end = timed(task, 1 if n > 500 else options.repeats)
            needed = floor_of(circuit, int(end.evaluations.sum()), about)
            row[name] = {"seconds": took, "a_second": n / took, "over_floor": took / needed["floor"], **needed}
            row[name] |= {"status": np.bincount(np.ravel(end.status), minlength=4).tolist()}
            ends[name] = end
        counts = ends["side_by_side"].evaluations
        row |= {"evaluations": float(counts.mean()), "longest": int(counts.max())}
        if alone := ends.get("in_turn"):
            each = row["in_turn"]["seconds"] / alone.evaluations.sum()
            row["same_status"] = float((alone.status == ends["side_by_side"].status).mean())
            row["same_evaluations"] = float((alone.evaluations == counts).mean())
        rows.append(row)
    return {"machine": about, "rows": rows, "evaluations": counts.tolist(), "seconds_an_evaluation": each}


def sparse(n_sites: int) -> Recurrent:
    """The network with a tenth of its connections, ten times as strong: means stay, realisations differ more."""
    full = SSN().with_sites(n_sites)
    values = {
        name: np.ravel(getattr(full, name)) / (SPARSE if name != "sigma" else 1) for name in ("J", "dJ", "sigma")
    }
    return Recurrent(n_sites=n_sites, connection_probability=SPARSE, **values)


def sites(options: argparse.Namespace) -> dict[str, Any]:
    """Every number of sites, dense and sparse."""
    rows = []
    for n_sites in options.sites:
        for name, circuit in (("all", SSN().with_sites(n_sites)), ("a tenth", sparse(n_sites))):
            rows.append({"sites": n_sites, "connections": name} | size_of(circuit, options))
    return {"rows": rows, "memory": options.memory}


def size_of(circuit: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Time of a realisation and of its gradient, and memory of a batch of 15 with all kept, and within the limit."""
    n, schedule = options.realisations, Schedule(False, options.memory)

    @eqx.filter_jit
    def gradient(circuit: Any, n: int, schedule: Schedule) -> Any:
        return eqx.filter_grad(lambda c: c.sample(jax.random.key(3), n, schedule).all_rates.sum())(circuit)

    end = found(circuit, jax.random.key(3), jnp.uint32(0), n, schedule)
    kept = [
        gradient.lower(circuit, 15, Schedule(False, memory)).compile().compiled.memory_analysis().temp_size_in_bytes
        for memory in (1e6, options.memory)
    ]
    forward = seconds(lambda: found(circuit, jax.random.key(3), jnp.uint32(0), n, schedule), 1) / n
    both = seconds(lambda: gradient(circuit, n, schedule), 1) / n
    return {
        "weights_bytes": 4 * len(circuit.network_types) ** 2, "seconds": forward, "seconds_with_gradient": both,
        "evaluations": np.asarray(end.evaluations).tolist(), "settled": int(end.settled.sum()),
        "problems": int(end.settled.size), "bytes_kept": kept[0], "bytes_within": kept[1],
    }  # fmt: skip


def model(options: argparse.Namespace, report: dict[str, Any]) -> dict[str, Any]:
    """A step on many devices, of measured times; and one whose searches are cut short."""
    spent, each = np.array(report["batches"]["evaluations"]), report["batches"]["seconds_an_evaluation"]
    stimuli, slopes = len(SSN().stimuli), 12
    about = {"latency": options.latency, "bandwidth": options.bandwidth, "message": 4 * (stimuli + slopes)}
    cuts = {}
    for cut in (None, options.cut):
        times = each * np.minimum(spent, np.inf if cut is None else cut)
        found = many_devices.modelled(many_devices.Model(times, **about), options.of_a_step, DEVICES)
        cuts[str(cut)] = found | {"cut_short": 0.0 if cut is None else float((spent > cut).mean())}
    return about | {"realisations": options.of_a_step, "cuts": cuts}


def show(report: dict[str, Any]) -> None:
    """All tables."""
    if "batches" in report:
        _show_batches(report["batches"])
    if "sites" in report:
        _show_sites(report["sites"])
    if "processes" in report:
        _show_processes(report["processes"])
    if "model" in report:
        _show_model(report["model"])


def _table(names: tuple[str, ...], rows: list[list[Any]]) -> None:
    for row in (names, *rows):
        print("".join(f"{cell:>15.4g}" if isinstance(cell, float) else f"{cell!s:>15}" for cell in row))


def _show_batches(found: dict[str, Any]) -> None:
    about = found["machine"]
    print(f"{about['bytes_a_second'] / 1e9:.1f} GB/s, {about['operations_a_second'] / 1e9:.0f} GFLOP/s")
    names = (
        "batch",
        "in turn /s",
        "over floor",
        "crowd /s",
        "over floor",
        "GB",
        "evaluations",
        "longest",
        "same ends",
    )
    rows = []
    for row in found["rows"]:
        one, many = row.get("in_turn", {"a_second": "-", "over_floor": "-"}), row["side_by_side"]
        rates = one["a_second"], one["over_floor"], many["a_second"], many["over_floor"]
        ends = row["evaluations"], row["longest"], row.get("same_status", "-")
        rows.append([row["batch"], *rates, many["gigabytes"], *ends])
    _table(names, rows)


def _show_sites(found: dict[str, Any]) -> None:
    names = (
        "sites",
        "connections",
        "weights MB",
        "s",
        "s, gradient",
        "evaluations",
        "settled",
        "kept GB",
        "within GB",
    )
    rows = []
    for row in found["rows"]:
        memory = row["bytes_kept"] / 1e9, row["bytes_within"] / 1e9
        times = row["seconds"], row["seconds_with_gradient"], float(np.median(row["evaluations"]))
        settled = f"{row['settled']} of {row['problems']}"
        rows.append([row["sites"], row["connections"], row["weights_bytes"] / 1e6, *times, settled, *memory])
    _table(names, rows)


def _show_processes(found: dict[str, Any]) -> None:
    first = found["first"]
    print(
        f"N {found['sites']}, {found['curves']} curves: two processes {found['apart']:.1e} from one, relative; "
        f"{first['bytes']} bytes exchanged, {1e3 * first['exchange']:.3g} ms by themselves (8 bytes: "
        f"{1e3 * first['latency']:.3g} ms, 1 MiB: {1e3 * first['megabyte']:.3g} ms); step {first['seconds']:.3g} s, "
        f"in one process {found['alone']['seconds']:.3g} s"
    )


def _show_model(found: dict[str, Any]) -> None:
    for cut, case in found["cuts"].items():
        print(
            f"{found['realisations']} realisations of {1e3 * case['mean']:.3g} ms (longest {case['longest']:.3g} s), "
            f"searches cut at {cut} evaluations ({100 * case['cut_short']:.1f} %), {found['message']} bytes each"
        )
        names = ("devices", "each", "s", "simulated", "error", "work", "waiting", "exchange")
        keys = ("devices", "share", "seconds", "simulated", "simulated_error", "work", "waiting", "exchange")
        _table(names, [[row[key] for key in keys] for row in case["rows"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}; model needs batches")
    parser.add_argument("--n-sites", type=int, default=201, help="of batches, processes and model")
    parser.add_argument("--batches", type=int, nargs="+", default=[15, 60, 256, 1024, 4096])
    parser.add_argument("--in-turn", type=int, default=4096, help="the largest batch that is computed in turn, too")
    parser.add_argument("--max-time", type=float, default=1e4, help="that a network is followed, ms (presets: 500)")
    parser.add_argument("--sites", type=int, nargs="+", default=[201, 801, 2001])
    parser.add_argument("--realisations", type=int, default=2, help="that are timed at every number of sites")
    parser.add_argument("--memory", type=float, default=2.0, help="GiB that realisations may hold")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--curves", type=int, default=16, help="of the step in two processes")
    parser.add_argument(
        "--at-once", type=int, default=256, help="realisations, at most, of a batch that is one program"
    )
    parser.add_argument("--of-a-step", type=int, default=4096, help="realisations, in the model")
    parser.add_argument("--latency", type=float, default=2e-4, help="of an exchange in the model, s")
    parser.add_argument("--bandwidth", type=float, default=1e9, help="of an exchange in the model, bytes/s")
    parser.add_argument("--cut", type=int, default=1000, help="evaluations at which the model cuts searches short")
    add_options(parser, quick="two realisations of 31 sites, batches and model only")
    options = parsed(parser)
    if options.quick:
        options.n_sites, options.batches, options.repeats, options.parts = 31, [2], 1, "batches,model"
    parts, report = options.parts.split(","), {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--parts takes {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    if "model" in parts and ("batches" not in parts or options.in_turn < min(options.batches)):
        parser.error("--parts model needs batches, one of them computed in turn")
    if "batches" in parts:
        report["batches"] = batches(options)
    if "sites" in parts:
        report["sites"] = sites(options)
    if "processes" in parts:
        report["processes"] = many_devices.processes(options.n_sites, options.curves)
    if "model" in parts:
        report["model"] = model(options, report)
    publish(report, options, show)


if __name__ == "__main__":
    main()
