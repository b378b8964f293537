"""A tree of files as a plain dictionary: what a location must hold after operations that its users meant.

    {"a": None, "a/f": b"1"}       paths with their bytes, None for directories; no mode says 0o755 or 0o644

Kept apart from every zone, so that a mistake in one is not made in the other as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Node = tuple[bytes | None, int]
FILE, DIRECTORY = 0o644, 0o755


@dataclass
class Tree:
    """Every operation says whether it was allowed; one that was not has changed nothing."""

    nodes: dict[str, Node] = field(default_factory=dict)
    ever: set[bytes] = field(default_factory=set)  # the bytes of every file that there ever was

    def write(self, path: str, data: bytes) -> bool:
        """Make or replace a file."""
        if self._is_below_file(path) or self._is_directory(path):
            return False
        self._make_above(path)
        self._keep(path, data, FILE)
        return True

    def append(self, path: str, data: bytes) -> bool:
        """Let a file grow; it stays the same file."""
        there, mode = self.nodes.get(path, (None, 0))
        if there is None:
            return False
        self._keep(path, there + data, mode)
        return True

    def make(self, path: str) -> bool:
        """Make a directory with its parents; one that is there stays."""
        if self._is_below_file(f"{path}/"):
            return False
        self._make_above(f"{path}/")
        return True

    def rename(self, old: str, new: str) -> bool:
        """Move what is at a path, with all below it, to where nothing is."""
        if old not in self.nodes or new in self.nodes or new.startswith(f"{old}/") or self._is_below_file(new):
            return False
        moved = {path: node for path, node in self.nodes.items() if path == old or path.startswith(f"{old}/")}
        for path in moved:
            del self.nodes[path]
        self._make_above(new)
        self.nodes |= {new + path[len(old) :]: node for path, node in moved.items()}
        return True

    def delete(self, path: str) -> bool:
        """Remove what is at a path, with all below it."""
        found = [one for one in self.nodes if one == path or one.startswith(f"{path}/")]
        for one in found:
            del self.nodes[one]
        return bool(found)

    def mode(self, path: str, mode: int) -> bool:
        """Set the rights."""
        if path not in self.nodes:
            return False
        self.nodes[path] = (self.nodes[path][0], mode)
        return True

    def without(self, name: str) -> dict[str, Node]:
        """All but what has a name of its path left out."""
        return {path: node for path, node in self.nodes.items() if name not in path.split("/")}

    def _keep(self, path: str, data: bytes, mode: int) -> None:
        self.nodes[path] = (data, mode)
        self.ever.add(data)

    def _make_above(self, path: str) -> None:
        for above in _above(path):
            self.nodes.setdefault(above, (None, DIRECTORY))

    def _is_below_file(self, path: str) -> bool:
        return any(self.nodes.get(above, (None, 0))[0] is not None for above in _above(path))

    def _is_directory(self, path: str) -> bool:
        return path in self.nodes and self.nodes[path][0] is None


def _above(path: str) -> list[str]:
    names = path.split("/")[:-1]
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]
