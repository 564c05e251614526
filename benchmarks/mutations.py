"""Inputs that nobody meant: valid files, changed in their bytes, in their text, and in what they say.

Every change is decided by a `random.Random`, so that an input is known by its number alone.
"""

import gzip
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

DEEP = 3000  # levels of lists and tables
TOKENS = [
    b"nan", b"inf", b"-", b"1e999", b"-1e-999", b"9" * 400, b"9" * 5000, b"0x10", b"1_0", b"1,5", b"\0",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b"|", b'"', b"'", b'"""', b"#",
    b"=", b"[", b"]", b"{", b"}", b"[" * DEEP, b'{"a":' * DEEP, b"{a=" * DEEP, b"null", b"true", b"None", b"\x1b[2J",
    b"../../../etc/passwd",
    b"unit", b"rate", b"size", b"\xe2\x80\xae", b"\xc2\xa0", b"\x85", b"\xe2\x80\xa8", b"%s%n", b"${HOME}",
    b"2026-01-01", b"'" * 99, b"\\", b"\\u0000", b"\\ud800", b"=1+1", b"!!python/object", b"__class__", b" " * 2000,
]  # fmt: skip
NUMBERS = [0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1]
VALUES = [
    None, True, False, 0, -1, 1, 3, 0.5, -2.5, 1e300, float("nan"), float("inf"), 10**30, 10**400, 2**63, "", "x",
    "nan", "m1", "\0", "\ud800", "\x1b[2J\n", "9" * 5000, "x" * 10_000, [], [[]], [1], [1, "a"], [None] * 50, {},
    {"a": 1}, {"": {}}, {"name": [1]}, {"low": 1}, {"value": None}, "/", "..", "~nobody/x", "a\nb",
    "\u202e", "fit", "study",
]  # fmt: skip
DIGITS = re.compile(rb"\d+(?:\.\d+)?")


def mutated(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A file with one thing changed or many: its bytes, or what they mean."""
    kinds = [_bytes, _bytes, _lines, _numbers, *_meanings(content)]
    try:
        return rng.choice(kinds)(content, others, rng)
    except Exception:  # libraries that read fail in every way
        return _bytes(content, others, rng)  # it did not mean what it seemed to


Change = Callable[[bytes, Sequence[bytes], random.Random], bytes]


def _meanings(content: bytes) -> list[Change]:
    """Changes that know the format, twice as likely as those that do not."""
    if content.startswith(b"PK"):
        return [_archive] * 4
    if content.startswith(b"\x1f\x8b"):
        return [_gzip] * 4
    if content.startswith(b"\x93NUMPY"):
        return [_numpy] * 4
    if content.startswith(b"\x89HDF"):
        return [_hdf5] * 4
    return [_tree] * 4 if content.lstrip()[:1] in (b"{", b"[") else [_cells] * 2


def _bytes(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Bytes flipped, put in, left out, cut off, repeated, or taken from another file."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 30])):
        where, kind = rng.randrange(len(changed) + 1), rng.randrange(7)
        if kind == 0 and changed:
            changed[min(where, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1 and changed:
            changed[min(where, len(changed) - 1)] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
        elif kind == 2:
            changed[where:where] = rng.choice(TOKENS)
        elif kind == 3:
            del changed[where : where + rng.choice((1, 2, 8, 40, len(changed)))]
        elif kind == 4:
            size = rng.choice((1, 2, 4, 8))
            changed[where : where + size] = (rng.choice(NUMBERS) % 256**size).to_bytes(
                size, rng.choice(("little", "big"))
            )
        elif kind == 5:
            again = rng.randrange(len(changed) + 1)
            changed[where:where] = changed[again : again + rng.randrange(200)]
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            changed[where : where + rng.randrange(200)] = other[start : start + rng.randrange(200)]
    return bytes(changed)


def _lines(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Lines repeated, left out, exchanged, joined."""
    lines = content.splitlines(keepends=True) or [b""]
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        lines[one:one] = [lines[other]] * rng.choice((1, 2, 50))
    elif kind == 1:
        del lines[one : one + rng.choice((1, 3, len(lines)))]
    elif kind == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 3:
        lines[one] = lines[one].rstrip(b"\r\n")
    else:
        lines = lines[: one + 1]
    return b"".join(lines)


def _numbers(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """One number written otherwise, or all of them; shapes are numbers, too."""
    every = rng.random() < 0.1
    found = list(DIGITS.finditer(content[:100_000]))
    for match in reversed(found if every else rng.sample(found, min(len(found), 1))):
        content = content[: match.start()] + rng.choice(TOKENS[:10]) + content[match.end() :]
    return content


def _cells(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A table or a list of settings, a cell or a column of it changed."""
    separator = max((b",", b"\t", b";", b"="), key=content.count)
    rows = [line.split(separator) for line in content.split(b"\n")]
    row, kind = rng.choice(rows), rng.randrange(5)
    column = rng.randrange(len(row))
    if kind == 0:
        row[column] = rng.choice(TOKENS)
    elif kind == 1:
        row[column] = rng.choice(rng.choice(rows))  # a name twice, for example
    elif kind == 2:
        for own in rows:
            own[column : column + 1] = [rng.choice(TOKENS)] if rng.random() < 0.5 else []
    elif kind == 3:
        for own in rows:
            own[column : column + 1] *= rng.choice((2, 300))
    else:
        row[column] = b'"' + row[column] + rng.choice((b'"', b'""', b"\n", b""))
    return b"\n".join(separator.join(row) for row in rows)


def _tree(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """JSON with a value, a key, or a part exchanged, left out, doubled or nested."""
    lines = content.decode().splitlines()
    several = len(lines) > 1 and all(line.startswith("{") for line in lines)
    trees = [json.loads(line) for line in lines] if several else [json.loads(content)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        number = rng.randrange(len(trees))
        trees[number] = changed_tree(trees[number], rng)
    texts = [json.dumps(tree, indent=None if several else 1) for tree in trees]
    return "\n".join(texts).encode()


def changed_tree(tree: Any, rng: random.Random) -> Any:
    """A tree of settings with one place of it changed."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    if not keys or rng.random() < 0.15:
        return rng.choice([*VALUES, [tree], {"a": tree}])
    key, kind = rng.choice(keys), rng.randrange(8)
    if kind == 0:
        rest = [(k, v) for k, v in (tree.items() if isinstance(tree, dict) else enumerate(tree)) if k != key]
        return dict(rest) if isinstance(tree, dict) else [value for _, value in rest]
    if kind == 1 and isinstance(tree, dict):
        return tree | {rng.choice(("unknown", "", "name", "kind", "format", "x" * 999, "a.b")): rng.choice(VALUES)}
    if kind == 2 and isinstance(tree, dict):
        return tree | {key: tree[rng.choice(keys)]}
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[key] = changed_tree(copy[key], rng)  # type: ignore[index, call-overload]
    return copy


def _archive(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A zip whose members are whole, and one of them changed, renamed, doubled or left out."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    where, kind = rng.randrange(len(members)), rng.randrange(8)
    name, inner = members[where]
    if kind == 0:
        members[where] = (rng.choice([*(name for name, _ in members), "", "../x.npy", "x" * 300, "rate.npy"]), inner)
    elif kind == 1:
        del members[where]
    elif kind == 2:
        members[where] = (name, rng.choice(members)[1])
    else:
        members[where] = (name, mutated(inner, [inner for _, inner in members], rng))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, inner in dict(members).items():
            archive.writestr(name, inner)
    return packed.getvalue()


def _gzip(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    return gzip.compress(mutated(gzip.decompress(content), others, rng), 1)


def _numpy(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """An array that claims another shape, order or kind of numbers."""
    length = int.from_bytes(content[8:10], "little")
    header, values = content[10 : 10 + length].decode("latin1").strip(), content[10 + length :]
    kinds = [
        "<f8",
        "<f4",
        ">f8",
        "<i8",
        "|b1",
        "<U3",
        "|S1",
        "|O",
        "<c16",
        "<M8[ns]",
        "<m8[s]",
        "<f2",
        "|V8",
        "<f16",
        "zz",
    ]
    shapes = [
        "()",
        "(0,)",
        "(1,)",
        "(2,2)",
        "(10**10,)",
        "(99999999999,)",
        "(4294967296,4294967296)",
        "(-1,)",
        "(0,3)",
        "(1,1,1,1)",
    ]
    header = rng.choice(
        (
            lambda: re.sub(r"'descr': '[^']*'", f"'descr': '{rng.choice(kinds)}'", header),
            lambda: re.sub(r"'shape': \([^)]*\)", f"'shape': {rng.choice(shapes)}", header),
            lambda: header.replace("False", "True"),
            lambda: header.replace("}", ", 'x': 1}"),
        )
    )()
    written = header.encode("latin1") + b" " * (-(len(header) + 11) % 64) + b"\n"
    return content[:8] + len(written).to_bytes(2, "little") + written + values


def _hdf5(content: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A file of HDF5 that libraries wrote as it is: another value, attribute, name, kind or shape of a variable."""
    import h5py
    import numpy as np

    packed = io.BytesIO(content)
    with h5py.File(packed, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.choice((1, 1, 3))):
            _change_item(file, rng.choice(names or ["/"]), rng, np)
    return packed.getvalue()


def _change_item(file: Any, name: str, rng: random.Random, np: Any) -> None:
    values = [
        np.nan,
        np.inf,
        "",
        "nan",
        "\x1b",
        b"\xff",
        0,
        -1,
        2**63 - 1,
        np.zeros(0),
        np.arange(3.0),
        np.array(["a", "b"], "S1"),
        True,
    ]
    item = file.get(name)
    if item is None:
        return
    kind = rng.randrange(7)
    if kind == 0:
        del file[name]
    elif kind == 1:
        file.move(name, name + rng.choice(("_", "x", " ", ".")))
    elif kind == 2 and len(item.attrs):
        item.attrs[rng.choice(list(item.attrs))] = rng.choice(values)
    elif kind == 3:
        item.attrs[
            rng.choice(("units", "coordinates", "scale_factor", "_FillValue", "MATLAB_class", "neurodata_type"))
        ] = rng.choice(values)
    elif kind == 4 and hasattr(item, "shape") and item.shape and item.dtype.kind in "iuf":
        item[rng.randrange(item.shape[0])] = rng.choice((np.nan, np.inf, -1, 0)) if item.dtype.kind == "f" else 0
    elif hasattr(item, "shape"):
        del file[name]
        file[name] = rng.choice([*values, np.zeros((2, 3)), np.zeros((0, 4)), np.ones(5, "c16"), np.ones(3, "u1")])
