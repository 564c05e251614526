# %% [markdown]
# # A circuit of your own
# A circuit is one short file. This one has cells that prefer a size drawn at random, are suppressed by larger ones,
# and differ in gain; three numbers describe the ensemble. Batching, constraints, fitting, resuming and the
# report need nothing more.

# %%
from typing import ClassVar, final

import jax
import jax.numpy as jnp
import numpy as np

import tuneful
from tuneful.circuits import AbstractCircuit, Positive, Response, parameter


@final
class SizeTuned(AbstractCircuit):
    """Rate g exp(-(log b - m)^2 / 2 w^2) with a log-normal gain g and a preferred log size m ~ N(0, spread^2)."""

    label: ClassVar[str] = "size-tuned"

    gain: jax.Array = parameter(symbol="g", unit="Hz", constraint=Positive(), default=5.0, meaning="median gain")
    width: jax.Array = parameter(
        symbol="w", unit="octaves", constraint=Positive(), default=2.0, meaning="tuning width"
    )
    spread: jax.Array = parameter(symbol="s", unit="octaves", constraint=Positive(), default=0.3, meaning="spread")
    sizes: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)

    def draw(self, key):
        return jax.random.normal(key, (2,))

    def respond(self, z):
        distance = jnp.log2(jnp.array(self.sizes)) - self.spread * z[0]
        rates = self.gain * jnp.exp(0.5 * z[1]) * jnp.exp(-((distance / self.width) ** 2) / 2)
        return Response(rates[None], settled=jnp.array(True), residual=jnp.zeros(()))

    def conditions(self):
        return {"size": np.array(self.sizes)}

    def at_conditions(self, features):
        return SizeTuned(self.gain, self.width, self.spread, tuple(float(b) for b in features["size"]))

    @classmethod
    def example(cls):
        return cls(gain=12.0, width=1.0, spread=1.0)


# %% [markdown]
# Simulate measured curves with known parameters, then find the parameters from the curves.

# %%
data = tuneful.simulate(SizeTuned.example(), 400, jax.random.key(1))
fit = tuneful.Fit(SizeTuned(), max_steps=300, window=60).fit(data, seed=0, progress=False)

for name, row in fit.result_["parameters"].items():
    start, value, truth = (row[key] for key in ("initial", "value", "truth"))
    print(f"{name:<8} start {start:6.2f}   fitted {value:6.2f}   truth {truth:6.2f} {row['unit']}")
for name, row in fit.result_["statistics"].items():
    print(f"{name:<18} KS {row['ks']:.3f}   5 % line {row['line']:.3f}")
