"""What an index of packages shows of README.md: there, the files beside it are not."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"!\[[^\]]*\]\((?!https?:)[^)]*\)\n\n[^\n]*(?:\n[^\n]+)*\n\n")  # and the words below it
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)[^)]*\)")


class Description(MetadataHookInterface):
    """README.md as `as_description` has it."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": as_description(text)}


def as_description(text: str) -> str:
    """Markdown without pictures in files, and with the words of links to files in their place.

    >>> as_description("See [it](docs/it.md), or [all](https://example.org).")
    'See it, or [all](https://example.org).'
    """
    return LINK.sub(r"\1", PICTURE.sub("", text))
