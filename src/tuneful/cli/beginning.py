"""Where the program begins: signals are answered before the first slow import."""

import signal


def main() -> None:
    """Run the command line."""
    if hasattr(signal, "pthread_sigmask"):  # let them wait for whoever answers, even while that is imported
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    from tuneful.runs.interrupts import watch

    watch()
    from tuneful.cli.main import main as command_line

    command_line()
