"""Names of a package that are imported when they are first asked for."""

import importlib

TYPE_CHECKING = False  # as type checkers know it; `typing` would take half of the time of `import tuneful`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def deferred(
    package: str, home: "Mapping[str, str]", listed: "Sequence[str]"
) -> "tuple[Callable[[str], object], Callable[[], list[str]]]":
    """Make `__getattr__` and `__dir__` of a package (PEP 562).

    Parameters
    ----------
    package
        Its ``__name__``.
    home
        In which module of the package each name is; a module is in itself.
    listed
        Its ``__all__``.

    >>> get, names = deferred("tuneful", {"UserError": "errors", "errors": "errors"}, ["errors", "UserError"])
    >>> get("UserError") is get("errors").UserError, names()
    (True, ['UserError', 'errors'])
    """

    def get(name: str) -> object:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{home[name]}")
        return module if name == home[name] else getattr(module, name)

    return get, lambda: sorted(listed)
