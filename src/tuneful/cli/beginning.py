"""Where the program begins: signals are answered before the first slow import."""

import signal
import sys

WATCH = "watch"  # a command that goes on until it is stopped
GOODBYE = "Stopped watching; the run is as it was."


def main() -> None:
    """Run the command line."""
    if hasattr(signal, "pthread_sigmask"):  # let them wait for whoever answers, even while that is imported
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    from tuneful.runs.interrupts import watch

    watch(GOODBYE if sys.argv[1:2] == [WATCH] else None)
    from tuneful.cli.main import main as command_line

    command_line()
