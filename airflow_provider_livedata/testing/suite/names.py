"""Which names a zone holds, and that it refuses those that it cannot, by the engine's own errors."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from airflow_provider_livedata.engine.errors import BadInput, LiveDataError, NameRefused
from airflow_provider_livedata.engine.zones.base import Zone
from airflow_provider_livedata.testing.suite.common import (
    NAMES,
    data_of,
    keys,
    listed,
    put,
    read,
    read_all,
    stat,
    upload_whole,
)

IMPOSSIBLE = ("..", "../x", "a/../b", ".", "./a", "a/./b", "a//b", "nul\0byte", "not-utf-8-\udcff")


class Names:
    """Names of files and directories."""

    @pytest.mark.parametrize("name", NAMES, ids=ascii)
    def test_a_name_is_kept_as_it_is(self, zone: Zone, name: str, refused_names: Collection[str]) -> None:
        if name in refused_names:
            self._check_refused(zone, name)
            return
        put(zone, name, b"at the root")
        put(zone, f"d/{name}", b"below")
        assert keys(zone) == sorted([name, "d/", f"d/{name}"])
        assert (stat(zone, name).path, read_all(zone, name)) == (name, b"at the root")
        assert zone.delete([stat(zone, name)]) == []
        assert zone.stat(name) is None
        assert read_all(zone, f"d/{name}") == b"below"

    def _check_refused(self, zone: Zone, name: str) -> None:
        before = [entry.path for entry in zone.scan() if entry.kind == "file"]
        with pytest.raises(NameRefused):
            put(zone, name)
        with pytest.raises(NameRefused):
            put(zone, f"d/{name}/f")
        with pytest.raises(NameRefused):
            upload_whole(zone, name, b"12345")
        with pytest.raises(NameRefused):
            zone.make_directory(name)
        assert [entry.path for entry in zone.scan() if entry.kind == "file"] == before

    def test_all_names_side_by_side_are_listed_in_order_with_their_own_bytes(
        self, zone: Zone, refused_names: Collection[str]
    ) -> None:
        held = [name for name in NAMES if name not in refused_names]
        for name in held:
            put(zone, f"all/{name}", data_of(name, 50))
        assert keys(zone) == ["all/", *sorted(f"all/{name}" for name in held)]
        for name in held:
            assert read_all(zone, f"all/{name}") == data_of(name, 50), name
        assert zone.delete(list(zone.scan("all"))) == []
        assert keys(zone, "all") == []

    def test_names_of_directories_are_kept_and_scanned_under(self, zone: Zone, refused_names: Collection[str]) -> None:
        held = [name for name in NAMES if name not in refused_names and len(name.encode()) < 250]
        for name in held:
            put(zone, f"{name}/f")
        assert keys(zone) == sorted(key for name in held for key in (f"{name}/", f"{name}/f"))
        for name in held:
            assert keys(zone, name) == [f"{name}/f"]
            assert stat(zone, name).kind == "directory"

    def test_names_of_empty_directories_are_kept(self, zone: Zone, refused_names: Collection[str]) -> None:
        held = [name for name in NAMES if name not in refused_names and len(name.encode()) < 250]
        for name in held:
            zone.make_directory(name)
        assert listed(zone.scan()) == [(name, "directory") for name in sorted(held, key=lambda name: name + "/")]

    def test_names_are_kept_by_uploads_in_parts(self, zone: Zone, refused_names: Collection[str]) -> None:
        held = [name for name in NAMES if name not in refused_names][::4]
        for name in held:
            upload_whole(zone, name, data_of(name, 50))
        assert keys(zone) == sorted(held)
        for name in held:
            assert read_all(zone, name) == data_of(name, 50)

    @pytest.mark.parametrize("path", IMPOSSIBLE, ids=ascii)
    def test_a_path_that_no_zone_has_is_refused_everywhere(self, zone: Zone, path: str) -> None:
        put(zone, "f", b"1")
        attempts: list[Callable[[], object]] = [
            lambda: put(zone, path),
            lambda: zone.begin(path, 5),
            lambda: zone.make_directory(path),
            lambda: zone.stat(path),
            lambda: read(zone, path, 0, 1),
        ]
        for attempt in attempts:
            with pytest.raises((BadInput, NameRefused)):
                attempt()
        assert keys(zone) == ["f"]

    def test_the_root_is_not_a_file(self, zone: Zone) -> None:
        with pytest.raises(LiveDataError):
            put(zone, "", b"1")
        with pytest.raises(LiveDataError):
            upload_whole(zone, "", b"1")
        assert keys(zone) == []

    def test_the_longest_name_is_held_and_a_longer_one_refused(self, zone: Zone) -> None:
        longest = zone.facts.max_name_bytes
        if longest > 1 << 16:
            pytest.skip("this store does not limit names apart from whole paths")
        put(zone, f"d/{'n' * longest}", b"1")
        assert keys(zone, "d") == [f"d/{'n' * longest}"]
        for name in ("n" * (longest + 1), "\u00e9" * (longest // 2 + 1)):
            self._check_refused(zone, name)

    def test_the_longest_path_is_held_and_a_longer_one_refused(self, zone: Zone) -> None:
        longest = zone.facts.max_key_bytes
        if longest > 1 << 16:
            pytest.skip("this store does not limit whole paths")
        path = _path_of(longest)
        put(zone, path, b"1")
        assert [entry.path for entry in zone.scan() if entry.kind == "file"] == [path]
        with pytest.raises(NameRefused):
            put(zone, path + "x")
        with pytest.raises(NameRefused):
            upload_whole(zone, path + "x", b"12345")


def _path_of(size_bytes: int) -> str:
    """A path of that length, of names of 200 bytes at most."""
    path = "/".join("n" * 199 for _ in range(size_bytes // 200 + 1))[:size_bytes]
    return path[:-1] + "n" if path.endswith("/") else path
