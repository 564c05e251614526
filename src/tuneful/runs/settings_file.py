"""Files of settings, TOML or JSON, whatever they are for."""

import json
import tomllib
from pathlib import Path
from typing import Any

from tuneful.errors import UserError


def read_settings(path: Path) -> dict[str, Any]:
    """Read a file of settings: JSON by its ending, TOML otherwise.

    Raises
    ------
    UserError
        If it is missing, unreadable, or no table of settings.
    """
    read = json.loads if path.suffix == ".json" else tomllib.loads
    try:
        found = read(path.read_text(encoding="utf-8-sig"))  # Windows may put a mark first
    except FileNotFoundError as error:
        raise UserError(f"There is no configuration file {path}.") from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"The configuration file {path} is not UTF-8 ({error.reason} at byte {error.start}): save it as such."
        ) from error
    except OSError as error:
        raise UserError(f"The configuration file {path} cannot be read: {error}.") from error
    except RecursionError as error:
        raise UserError(f"The configuration file {path} is nested too deeply.") from error
    except ValueError as error:
        raise UserError(f"The configuration file {path} is not valid {path.suffix[1:].upper()}: {error}.") from error
    if not isinstance(found, dict):
        raise UserError(f"The configuration file {path} holds no settings.")
    return found
