"""Who may ask for the page of a run: whoever has its address, in a browser that believes it talks to this machine.

Two things keep others out. A web page of somebody else may have its own name point to 127.0.0.1 (DNS rebinding), but
then asks for that name: only names of this machine are answered. And other people on a shared machine can reach every
port of it: the address holds a secret word, which only the owner of a key in the folder of their settings can know.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

import platformdirs

HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)
KEY = "watch.key"
BYTES = 32
LENGTH = 16  # characters of the secret word


def is_of_this_machine(host: str | None) -> bool:
    """Whether a request was for this machine by a name of its own, at any port: tunnels have others.

    >>> is_of_this_machine("localhost:8080"), is_of_this_machine("[::1]"), is_of_this_machine("localhost.example")
    (True, True, False)
    """
    return HOST.fullmatch(host or "") is not None


def secret_of(folder: Path, keys: Path | None = None) -> str:
    """The secret word in the address of a folder: the same whenever it is watched by the same person.

    Parameters
    ----------
    folder
        The folder of a run.
    keys
        Where the key is kept; by default where a program keeps what is of its user.
    """
    key = _key(platformdirs.user_state_path("tuneful") if keys is None else keys)
    return hmac.new(key, os.fsencode(folder.resolve()), hashlib.sha256).hexdigest()[:LENGTH]


def _key(keys: Path) -> bytes:
    """The key of this person, made at first use; where none can be kept, one for this time."""
    path = keys / KEY
    with contextlib.suppress(OSError):
        keys.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(BYTES))
        known = path.read_bytes()
        if len(known) == BYTES:
            return known
    return secrets.token_bytes(BYTES)
