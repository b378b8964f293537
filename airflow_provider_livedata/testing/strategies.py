"""Hypothesis strategies for names, paths, trees and entries, with a taste for what goes wrong."""

from __future__ import annotations

from hypothesis import strategies as st

from airflow_provider_livedata.engine.model import Entry

Tree = dict[str, bytes | None]  # path -> content, None for a directory; parents before what they hold
_Nested = dict[str, "bytes | _Nested"]

# Few characters, so that names collide and share beginnings; those around "/" (0x2f) decide the order of listings.
_AWKWARD = "ab.-!0 %+#=\"'\\*?[]~\u00e9\u0301\uff5e\U0001f600"


def names(alphabet: str = _AWKWARD, *, max_chars: int = 8) -> st.SearchStrategy[str]:
    """File names that every zone holds: not empty, not ``.`` or ``..``, not the name of the engine's own state."""
    return st.text(alphabet, min_size=1, max_size=max_chars).filter(is_usable)


def any_names() -> st.SearchStrategy[str]:
    """File names of up to 255 bytes with any character that Linux and UTF-8 allow."""
    text = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
    return text.filter(lambda name: is_usable(name) and len(name.encode()) <= 255)


def is_usable(name: str) -> bool:
    """Whether a zone may hold the name."""
    return name not in (".", "..") and not name.startswith(".livedata")


def paths(*, max_depth: int = 4) -> st.SearchStrategy[str]:
    """Relative paths of up to ``max_depth`` names."""
    return st.lists(names(), min_size=1, max_size=max_depth).map("/".join)


def trees(*, max_names: int = 4, max_bytes: int = 40) -> st.SearchStrategy[Tree]:
    """Trees in which no file is the parent of something; empty files and directories are common."""
    content = st.binary(max_size=max_bytes)
    nested: st.SearchStrategy[_Nested] = st.recursive(
        st.dictionaries(names(), content, max_size=max_names),
        lambda below: st.dictionaries(names(), content | below, max_size=max_names),
        max_leaves=6,
    )
    return nested.map(_flatten)


def entries(*, path: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Entry]:
    """Files and directories with any size, time and version, without attributes."""
    times, path = st.integers(0, 4_000_000_000_000), path or paths()
    files = st.builds(
        Entry, path, st.just("file"), st.integers(0, 1 << 50), times, st.text("0123456789abcdef", min_size=1)
    )
    return files | st.builds(Entry, path, st.just("directory"), st.just(0), times)


def listings(*, max_entries: int = 12) -> st.SearchStrategy[list[Entry]]:
    """What a scan may yield: entries in key order, every directory before what it holds."""
    return trees().flatmap(_listing).map(lambda found: found[:max_entries])


def _flatten(nested: _Nested, prefix: str = "") -> Tree:
    tree: Tree = {}
    for name, held in nested.items():
        if isinstance(held, bytes):
            tree[prefix + name] = held
        else:
            tree[prefix + name] = None
            tree.update(_flatten(held, f"{prefix}{name}/"))
    return tree


def _listing(tree: Tree) -> st.SearchStrategy[list[Entry]]:
    def entry(path: str, data: bytes | None) -> st.SearchStrategy[Entry]:
        kind = st.just("directory") if data is None else st.just("file")
        version = st.just("") if data is None else st.text("0123456789abcdef", min_size=1, max_size=4)
        return st.builds(Entry, st.just(path), kind, st.just(len(data or b"")), st.integers(0, 1 << 41), version)

    found = st.tuples(*(entry(path, data) for path, data in tree.items()))
    return found.map(lambda each: sorted(each, key=lambda one: one.key))
