"""Commands that refuse an option that is given twice, instead of taking the last."""

from collections import Counter
from typing import Any

from typer.core import TyperCommand

from tuneful.errors import UserError


class Once(TyperCommand):
    """A command whose options that take one value are given once.

    >>> import typer
    >>> app = typer.Typer()
    >>> command = app.command(cls=Once)(lambda seed: None)
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of a command line; refuse those that would be overlooked."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option, times in Counter(p for p in given if p.param_type_name == "option").items():
            if times > 1 and not option.multiple and not getattr(option, "is_flag", False):
                raise UserError(
                    f"The option {max(option.opts, key=len)} is given {times} times, and takes one value."
                )
        return super().parse_args(ctx, args)
