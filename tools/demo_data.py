"""The data set of the demonstration: many small files, a few larger ones, odd names, empty files and directories."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

MIB = 1 << 20
NEW = "orders/day=2024-12-26/part-00000.parquet"
REWRITTEN = "orders/day=2024-06-01/part-00000.parquet"
DELETED = "orders/day=2024-01-01"
ODD_NAMES = (
    "with space.csv", "100%.csv", "a+b=c#d.csv", "it's \"quoted\".csv", "naïve-ä.csv", "nai\u0308ve.csv", "日本語.csv", "🐘.csv",
    "line\nbreak.csv", "percent%20encoded.csv", "back\\slash.csv", "question?.csv",
)  # fmt: skip


def make(root: Path) -> str:
    """Write it below ``root``; returns what it is, in words."""
    chance = random.Random(2024)
    for day in range(360):
        table = root / f"orders/day={date(2024, 1, 1) + timedelta(days=day)}"
        write(table / "part-00000.parquet", chance.randbytes(chance.randrange(200, 20_000)))
    for number in range(3):
        write(root / f"clicks/part-{number:05d}.avro", chance.randbytes(24 * MIB))
    for name in ODD_NAMES:
        write(root / "odd names" / name, chance.randbytes(1000))
    write(root / "orders/_SUCCESS", b"")
    for name in ("returns/2024", "tmp"):
        (root / name).mkdir(parents=True)
    return tell(root)


def change(root: Path) -> str:
    """Change a little; returns what, in words."""
    write(root / NEW, b"a new day")
    write(root / REWRITTEN, b"a day that was counted again")
    (root / DELETED / "part-00000.parquet").unlink()
    (root / DELETED).rmdir()
    return "a file is new, one is rewritten, one is deleted with its directory"


def write(path: Path, data: bytes) -> None:
    """Write a file and make its directory."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def tell(root: Path) -> str:
    """Count what lies below ``root``."""
    files = [path for path in root.rglob("*") if path.is_file()]
    directories = sum(path.is_dir() for path in root.rglob("*"))
    size_mib = sum(path.stat().st_size for path in files) / MIB
    return f"{len(files)} files and {directories} directories, {size_mib:.0f} MiB"
