"""Numbers after the fact: what a finished circuit does."""

from tuneful.analysis.soc import CircuitScalars, circuit_scalars

__all__ = ["CircuitScalars", "circuit_scalars"]
