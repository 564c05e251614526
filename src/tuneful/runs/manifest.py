"""What a run wrote into its folder, and the proof of it: nothing else is ever replaced or removed."""

import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from tuneful.errors import UserError
from tuneful.files import replacing
from tuneful.plain import printable
from tuneful.settings import Section

MANIFEST = ".tuneful.json"
LOG = "metrics.jsonl"  # grows line by line
GROWN = re.compile(
    rb'(\{"step": [^\n]*\n)*(\{("step": [^\n]*|"[step]{0,4}"?:?)?|\0*)'
)  # lines since, the last one cut short by a kill

LONGEST = 255  # bytes in the name of a file


def _as_name(name: str) -> str:
    """The name of a file in a folder, or an error: others would be looked for elsewhere, or not at all."""
    if name in ("", "..") or Path(name).name != name or len(os.fsencode(name)) > LONGEST or "\0" in name:
        raise ValueError("no name of a file")
    return name


class Proof(Section):
    """What a file held when it was written."""

    size: int = Field(ge=0)
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Proof":
        """The proof of a file as it is now."""
        with open(path, "rb") as file:
            return cls(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())

    def holds(self, path: Path, is_log: bool) -> bool:
        """Whether a file is still what it was; a log may have got lines since."""
        if path.is_symlink() or not path.is_file():
            return False
        if not is_log:
            return path.stat().st_size == self.size and self == Proof.of(path)
        content = path.read_bytes()
        is_begun = len(content) >= self.size and hashlib.sha256(content[: self.size]).hexdigest() == self.sha256
        return is_begun and GROWN.fullmatch(content, self.size) is not None


class Manifest(Section):
    """The files of a run by name, each with what it may hold.

    A file is noted before it appears under its name, together with what it held before: whenever the process is
    killed, one of the two is there. `mark` is a random word in the names of temporary files, so that those which a
    kill left are known again.
    """

    kind: Literal["files written by tuneful"] = "files written by tuneful"
    format: Literal[1] = 1
    mark: str = Field(pattern="^[0-9a-f]{16}$")
    files: dict[Annotated[str, AfterValidator(_as_name)], tuple[Proof, ...]]

    @classmethod
    def of(cls, *paths: Path) -> "Manifest":
        """A new one, with these files as they are now."""
        return cls(mark=secrets.token_hex(8), files={path.name: (Proof.of(path),) for path in paths})

    def proves(self, path: Path) -> bool:
        """Whether a file was written by the run, and not changed since."""
        return any(proof.holds(path, path.name == LOG) for proof in self.files.get(path.name, ()))

    def is_leftover(self, path: Path) -> bool:
        """Whether a file is a temporary one, left by a kill."""
        return path.name.startswith(".") and self.mark in path.name and path.is_file()

    def noted(self, path: Path, content: Path, overwrite: bool = False) -> "Manifest":
        """With a file that is about to get the content of another one.

        Raises
        ------
        UserError
            If there is a file already that is not of this run, and `overwrite` is false.
        """
        proofs = [proof for proof in self.files.get(path.name, ()) if proof.holds(path, path.name == LOG)]
        if os.path.lexists(path) and not (proofs or overwrite):
            raise stranger(path, path.name in self.files)
        return self.model_copy(update={"files": self.files | {path.name: (*proofs, Proof.of(content))}})

    def write(self, folder: Path) -> None:
        """Put it into its folder."""
        with replacing(folder / MANIFEST, mark="manifest") as temporary:
            temporary.write_text(self.model_dump_json(indent=1))


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None if there is none that can be read, so that nothing in the folder is proven."""
    path = folder / MANIFEST
    try:
        return None if path.is_symlink() else Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def stranger(path: Path, is_changed: bool) -> UserError:
    """The refusal to touch a file."""
    what = "was changed since tuneful wrote it" if is_changed else "was not written by tuneful"
    return UserError(printable(f"{path} {what}: choose another folder, or move it away.", longest=200))
