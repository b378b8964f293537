"""What a follower of the old home is known to hold of the new one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.model import Entry, Held
from airflow_provider_livedata.engine.switching.rejoin import UNKNOWN, rejoined

versions = st.sampled_from(["", "1", "2"])


def rows(side: str) -> st.SearchStrategy[list[Held]]:
    """Manifests, each made of some version of the old home's files."""
    row = st.builds(
        lambda path, version, size, settled: Held(
            Entry(path, size_bytes=size, version=version, crc32c=size), f"{side} {path} {version}", is_settled=settled
        ),
        st.sampled_from("abcdef"), versions, st.integers(0, 1), st.booleans(),
    )  # fmt: skip
    return st.lists(row, unique_by=lambda held: held.key).map(lambda held: sorted(held, key=lambda one: one.key))


@given(rows("follower"), rows("home"))
def test_a_file_counts_as_the_new_homes_only_where_both_were_made_of_one_version(
    follower: list[Held], home: list[Held]
) -> None:
    of_home = {held.key: held for held in home}
    found = list(rejoined(follower, home))
    assert [held.key for held in found] == [held.key for held in follower]
    for before, after in zip(follower, found, strict=True):
        other = of_home.get(before.key)
        is_same = (
            other is not None
            and before.entry.version != ""
            and before.entry == other.entry
            and before.is_settled
            and other.is_settled
        )
        assert after.entry.version == (other.target_version if is_same and other else UNKNOWN)
        assert after == before._replace(entry=before.entry._replace(version=after.entry.version))


def test_directories_stay_as_they_are() -> None:
    directory = Held(Entry("d", "directory", mode=0o750))
    assert list(rejoined([directory], [Held(Entry("d", "directory", mode=0o700))])) == [directory]
    assert list(rejoined([directory], [])) == [directory]
