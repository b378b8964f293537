"""What is copied: three shapes of data, and how much of each. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class Shape:
    """Files of one size, 250 a directory."""

    name: str
    files: int
    size_bytes: int

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return self.files * self.size_bytes

    @property
    def title(self) -> str:
        """For people."""
        size = f"{self.size_bytes // MIB} MiB" if self.size_bytes >= MIB else f"{self.size_bytes // KIB} KiB"
        return f"{self.files:,} x {size}"

    def to_json(self) -> dict[str, str | int]:
        """As stored."""
        return {"name": self.name, "files": self.files, "size_bytes": self.size_bytes}

    def paths(self) -> Iterator[str]:
        """Of all files."""
        return (f"d{n // 250:03d}/f{n:06d}" for n in range(self.files))


@dataclass(frozen=True, slots=True)
class Size:
    """How much a whole run measures. ``slow`` stands for the small files where HDFS is the target, which takes long.

    Large files come last: by then the servers' compilers are done with what they run for every file, so that it does not
    count where there are few. ``rounds`` of the quick contenders after ``warm_rounds`` that do not count, ``large_rounds`` for large files, whose
    times spread widest beside what is asked of them; ``few_rounds`` of the floors, of Hive metadata, and of all for ``slow``; ``slow_rounds`` of DistCp, but ``few_rounds`` with large files, where it comes
    nearest to what is asked. ``limit_mib_s`` is kept for about ``limit_s`` seconds.
    """

    shapes: tuple[Shape, ...]
    slow: Shape
    warm_rounds: int
    rounds: int
    large_rounds: int
    few_rounds: int
    slow_rounds: int
    counted_files: int
    load: Shape
    small_load: Shape
    load_rounds: int
    load_limit_mib_s: int
    limit_mib_s: int
    limit_s: int
    limit_window_s: int
    planned_entries: int
    cycle_files: tuple[int, ...]  # of the trees in which ``cycle_changes`` files change, ``cycle_rounds`` times
    cycle_changes: int
    cycle_warm_cycles: int  # of ours alone, before all others, which do not count
    cycle_warm_rounds: int  # of each contender, before the first of those that count
    cycle_rounds: int
    lag_changes_s: float
    lag_s: int
    metadata_tables: int
    metadata_partitions: int

    def rounds_of(self, shape: Shape) -> int:
        """How often the quick contenders copy a shape, and it counts."""
        if shape == self.slow:
            return self.few_rounds
        return self.large_rounds if shape.name == "large" else self.rounds

    def slow_rounds_of(self, shape: Shape) -> int:
        """How often DistCp copies a shape."""
        return self.few_rounds if shape.name == "large" else self.slow_rounds


SIZES = {
    "usual": Size(
        shapes=(Shape("small", 36_000, 4 * KIB), Shape("medium", 1_400, 4 * MIB), Shape("large", 44, 128 * MIB)),
        slow=Shape("small", 6_000, 4 * KIB),
        warm_rounds=1,
        rounds=5,
        large_rounds=9,
        few_rounds=3,
        slow_rounds=1,
        counted_files=2_000,
        load=Shape("load", 12, 128 * MIB),
        small_load=Shape("small load", 2_000, 4 * KIB),
        load_rounds=3,
        load_limit_mib_s=50,
        limit_mib_s=50,
        limit_s=36,
        limit_window_s=30,
        planned_entries=1_000_000,
        cycle_files=(50_000, 500_000),
        cycle_changes=100,
        cycle_warm_cycles=120,
        cycle_warm_rounds=2,
        cycle_rounds=9,
        lag_changes_s=20,
        lag_s=120,
        metadata_tables=1_000,
        metadata_partitions=10_000,
    ),
    "short": Size(
        shapes=(Shape("small", 4_000, 4 * KIB), Shape("medium", 150, 4 * MIB), Shape("large", 8, 128 * MIB)),
        slow=Shape("small", 1_000, 4 * KIB),
        warm_rounds=1,
        rounds=3,
        large_rounds=3,
        few_rounds=2,
        slow_rounds=1,
        counted_files=500,
        load=Shape("load", 8, 128 * MIB),
        small_load=Shape("small load", 1_000, 4 * KIB),
        load_rounds=2,
        load_limit_mib_s=50,
        limit_mib_s=50,
        limit_s=20,
        limit_window_s=10,
        planned_entries=100_000,
        cycle_files=(5_000,),
        cycle_changes=100,
        cycle_warm_cycles=10,
        cycle_warm_rounds=1,
        cycle_rounds=3,
        lag_changes_s=20,
        lag_s=45,
        metadata_tables=200,
        metadata_partitions=2_000,
    ),
    "tiny": Size(
        shapes=(Shape("small", 60, 4 * KIB), Shape("medium", 4, 4 * MIB), Shape("large", 2, 20 * MIB)),
        slow=Shape("small", 30, 4 * KIB),
        warm_rounds=1,
        rounds=1,
        large_rounds=1,
        few_rounds=1,
        slow_rounds=1,
        counted_files=20,
        load=Shape("load", 2, 16 * MIB),
        small_load=Shape("small load", 20, 4 * KIB),
        load_rounds=1,
        load_limit_mib_s=50,
        limit_mib_s=32,
        limit_s=3,
        limit_window_s=2,
        planned_entries=5_000,
        cycle_files=(60, 120),
        cycle_changes=10,
        cycle_warm_cycles=2,
        cycle_warm_rounds=1,
        cycle_rounds=1,
        lag_changes_s=10,
        lag_s=6,
        metadata_tables=12,
        metadata_partitions=10,
    ),
}
