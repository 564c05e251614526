"""Where the program begins: signals are answered before the first slow import."""

from tuneful.runs.interrupts import watch


def main() -> None:
    """Run the command line."""
    watch()
    from tuneful.cli.main import main as command_line

    command_line()
