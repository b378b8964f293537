"""Names, numbers and places of backups, and the commands that bring them back."""

from __future__ import annotations

import dataclasses
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.backups.bulk_commands import aws, distcp
from airflow_provider_livedata.engine.backups.commands import (
    MOMENTS_UP_TO,
    MOST_PATHS,
    Layer,
    attributes,
    by_script,
    copying,
    hadoop_uri,
    header,
    outermost,
    snapshot_uri,
)
from airflow_provider_livedata.engine.backups.record import (
    BackupRecord,
    Intent,
    Places,
    name_of,
    number_of,
    record_from,
    sealed,
    split_version,
    stored_from,
    version_in,
)
from airflow_provider_livedata.engine.backups.report import BackupReport
from airflow_provider_livedata.engine.errors import StateDamaged
from airflow_provider_livedata.engine.model import Entry
from airflow_provider_livedata.engine.stored.manifest_file import ManifestFile

NAMES = [name_of(number, at) for number, at in ((1, 10**12), (2, 9 * 10**11), (7, 10**12), (1_000_000, 10**12))]
RECORD = BackupRecord(
    NAMES[2], "increments", "hdfs://nn:8020/data", "s3://bucket/backups", 1, 1, 2, files=3, exclude=("x",),
    generations=((ManifestFile("manifest/1", 3, "a", "d1"), ManifestFile("manifest/2", 3, "m", "d2")), (ManifestFile("manifest/3", 1, "b", "d3"),)),
)  # fmt: skip


def test_names_order_by_number_whatever_the_clock_said() -> None:
    assert [number_of(name) for name in NAMES] == [1, 2, 7, 1_000_000]
    assert NAMES[1].endswith("-19980709T160000Z")
    assert [number_of(text) for text in ("", "latest", "000001", "000001-20260101", "1-20260101T000000Z")] == [0] * 5
    assert Places(reversed(NAMES)).names == NAMES


@given(st.sets(st.sampled_from(NAMES)), st.sampled_from(NAMES))
def test_a_version_lies_in_the_oldest_backup_that_is_left_from_its_own_on(left: set[str], born: str) -> None:
    later = [name for name in NAMES if name in left and number_of(name) >= number_of(born)]
    assert Places(left).of(born) == (later[0] if later else "")


@given(st.sampled_from(NAMES), st.text())
def test_versions_are_told_apart(born: str, version: str) -> None:
    assert split_version(version_in(born, version)) == (born, version)
    assert split_version(f"x{version}") == ("", f"x{version}")


def test_a_record_comes_back_as_it_was_and_no_other_way() -> None:
    value = sealed(RECORD)
    assert record_from(value, file="f") == RECORD
    assert set(RECORD.manifest_files()) == {"manifest/1", "manifest/2", "manifest/3"}
    changes: list[dict[str, object]] = [{"files": 4}, {"generations": []}, {"seal": ""}]
    for change in changes:
        with pytest.raises(StateDamaged, match="not what was written"):
            record_from(value | change, file="f")
    with pytest.raises(StateDamaged, match="format 2"):
        record_from(value | {"format": 2}, file="f")
    with pytest.raises(StateDamaged, match="something else"):
        stored_from(Intent, {"name": "x"}, file="f")


def test_layers_are_laid_over_each_other_and_what_had_gone_is_removed_between() -> None:
    lines = list(copying(RECORD, [Layer(NAMES[0]), Layer(NAMES[1], ("a dir", "b*"), is_empty=True), Layer(NAMES[2])]))
    assert lines == [
        f"hadoop fs -cp -f 's3a://bucket/backups/{NAMES[0]}/*' \"$DESTINATION\"/",
        "hadoop fs -rm -r -f -skipTrash \"$DESTINATION\"/'a dir' \"$DESTINATION\"/'b\\*'",
        f"hadoop fs -cp -f 's3a://bucket/backups/{NAMES[2]}/*' \"$DESTINATION\"/",
    ]


def test_distcp_and_the_aws_cli_lay_the_same_layers_where_they_reach_the_place() -> None:
    layers = [Layer(NAMES[0]), Layer(NAMES[1], ("a dir",), is_empty=True), Layer(NAMES[2])]
    assert list(distcp(RECORD, layers)) == [
        f'hadoop distcp -overwrite s3a://bucket/backups/{NAMES[0]} "$DESTINATION"',
        "hadoop fs -rm -r -f -skipTrash \"$DESTINATION\"/'a dir'",
        f'hadoop distcp -overwrite s3a://bucket/backups/{NAMES[2]} "$DESTINATION"',
    ]
    assert list(aws(RECORD, layers)) == [
        f'aws s3 cp --recursive s3://bucket/backups/{NAMES[0]}/ "$DESTINATION"/',
        "aws s3 rm \"$DESTINATION\"/'a dir'",
        "aws s3 rm --recursive \"$DESTINATION\"/'a dir'/",
        f'aws s3 cp --recursive s3://bucket/backups/{NAMES[2]}/ "$DESTINATION"/',
    ]
    local = dataclasses.replace(RECORD, place="file:///vault")
    assert [*distcp(local, layers), *aws(local, layers)] == []
    frozen = dataclasses.replace(RECORD, place="hdfs://nn/a", snapshot="s1", snapshot_root="/a")
    (line,) = distcp(frozen, [])
    assert line.startswith("hadoop distcp -pugpaxt 'hdfs://nn/a/.snapshot/s1/{")
    assert list(aws(frozen, [])) == []


def _report_of(layers: list[Layer]) -> BackupReport:
    report = BackupReport("hdfs://nn:8020/data", "s3://bucket/backups", "increments", NAMES[2])
    report.restore_commands = list(copying(RECORD, layers))
    report.bulk_commands = [*distcp(RECORD, layers), *aws(RECORD, layers)]
    report.script_commands = by_script(RECORD, "")
    return report


def test_a_report_tells_all_commands_or_that_which_runs_the_script() -> None:
    few = _report_of([Layer(name_of(n, 10**12), (f"gone{n}",)) for n in range(1, 6)])
    assert few.summary()["restore_commands"] == few.restore_commands
    assert few.summary()["bulk_commands"] == few.bulk_commands
    assert few.tells_all_commands
    report = _report_of([Layer(name_of(n, 10**12), (f"gone{n}",)) for n in range(1, 12)])
    assert (len(report.restore_commands), len(report.bulk_commands)) == (22, 55)
    assert not report.tells_all_commands
    summary, table = report.summary(), report.table()
    (restoring,), (in_bulk,) = summary["restore_commands"], summary["bulk_commands"]
    making = [
        "python", "-c",
        f"from airflow_provider_livedata.engine import restore_script; print(restore_script('{RECORD.place}', '{NAMES[2]}'), end='')",
        ">", "restore.sh", "&&",
    ]  # fmt: skip
    assert shlex.split(restoring) == [*making, "bash", "restore.sh", "$DESTINATION"]
    assert shlex.split(in_bulk) == [*making, "WITH=distcp", "bash", "restore.sh", "$DESTINATION"]
    assert "aws s3" not in table
    assert all(f"  {line}" in table for line in (restoring, in_bulk))
    assert by_script(RECORD, "s3://bucket/b c/restore.sh") == [
        "hadoop fs -cat 's3a://bucket/b c/restore.sh' > restore.sh && bash restore.sh \"$DESTINATION\""
    ]


def test_alternatives_of_a_report_are_told_whole_or_not_each_by_itself() -> None:
    layers = [Layer(name_of(1, 10**12), tuple(f"gone{n}" for n in range(10)))]
    report = BackupReport("hdfs://nn:8020/data", "s3://bucket/backups", "increments", NAMES[2])
    report.bulk_commands = [*distcp(RECORD, layers), *aws(RECORD, layers)]
    assert len(report.bulk_commands) > 20 > len(list(distcp(RECORD, layers)))
    report.script_commands = by_script(RECORD, "")
    assert report.summary()["bulk_commands"] == list(distcp(RECORD, layers))


def test_times_are_set_by_the_second_and_unasked_only_where_they_are_few() -> None:
    moment = 1_700_000_000_123
    lines = list(
        attributes([Entry("a", mtime_ms=moment), Entry("b", mtime_ms=moment + 1), Entry("c", mtime_ms=10**12)])
    )
    assert lines[1:] == [
        'if [ "${TIMES:-yes}" = yes ]; then',
        '  TZ=UTC hadoop fs -touch -c -m -t 20010909:014640 "$DESTINATION"/c',
        '  TZ=UTC hadoop fs -touch -c -m -t 20231114:221320 "$DESTINATION"/a "$DESTINATION"/b',
        "fi",
    ]
    many = list(attributes(Entry(f"f{n:04d}", mtime_ms=moment + 1000 * n) for n in range(MOMENTS_UP_TO + 1)))
    assert many[1] == 'if [ "${TIMES:-no}" = yes ]; then'


def test_commands_hold_few_paths_each() -> None:
    paths = [f"p{n}" for n in range(MOST_PATHS + 1)]
    assert [line.count("$DESTINATION") for line in copying(RECORD, [Layer("x", tuple(paths), is_empty=True)])] == [
        MOST_PATHS,
        1,
    ]


def test_the_commonest_attributes_are_set_for_all_and_the_others_by_name() -> None:
    entries = [
        Entry("a", owner="ann", group="g", mode=0o644), Entry("b", owner="ann", group="g", mode=0o600),
        Entry("c", owner="bob", group="g", mode=0o644, acl="user:eve:r--", xattrs=(("user.k", b"\x01\x02"), ("user.e", b""))),
        Entry("d", "directory", owner="ann", group="g", mode=0o755), Entry("e", "directory"), Entry("e/f"),
    ]  # fmt: skip
    assert list(attributes(entries)) == [
        'hadoop fs -mkdir -p "$DESTINATION"/d',
        'hadoop fs -chmod -R 644 "$DESTINATION"',
        'hadoop fs -chmod 600 "$DESTINATION"/b',
        'hadoop fs -chmod 755 "$DESTINATION"/d',
        'hadoop fs -setfacl -m user:eve:r-- "$DESTINATION"/c',
        'hadoop fs -setfattr -n user.k -v 0x0102 "$DESTINATION"/c',
        'hadoop fs -setfattr -n user.e -v 0x00 "$DESTINATION"/c',
        'hadoop fs -chown -R ann:g "$DESTINATION"',
        'hadoop fs -chown bob:g "$DESTINATION"/c',
    ]
    assert list(attributes([Entry("z", "directory")])) == ['hadoop fs -mkdir -p "$DESTINATION"/z']


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_any_name_reaches_the_command_as_one_word(name: str) -> None:
    line = next(iter(copying(RECORD, [Layer("x", (name,), is_empty=True)])))
    *_, word = shlex.split(line)
    assert word.startswith("$DESTINATION/")
    assert len(shlex.split(line)) == 7


def test_the_script_is_one_that_bash_can_read() -> None:
    script = "\n".join(
        [*header(RECORD, "2026-01-01 00:00:00 UTC"), *copying(RECORD, [Layer("x", ("it's", 'a "b"', "c\nd"))])]
    )
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False, capture_output=True).returncode == 0


def test_addresses_are_those_that_hadoop_knows() -> None:
    assert hadoop_uri("s3://bucket/a[b") == r"s3a://bucket/a\[b"
    assert hadoop_uri("gs://bucket/x") == "gs://bucket/x"
    assert hadoop_uri("abfs://container/a[b") == r"abfss://container@ACCOUNT.dfs.core.windows.net/a\[b"
    assert hadoop_uri("hdfs://nn:8020/x") == "hdfs://nn:8020/x"
    frozen = BackupRecord(
        NAMES[0], "in place", "hdfs://nn/a/b", "hdfs://nn/a/b", 1, 1, 1, snapshot="s1", snapshot_root="/a"
    )
    assert snapshot_uri(frozen) == "hdfs://nn/a/.snapshot/s1/b"


def test_of_nested_paths_the_outermost_remain() -> None:
    assert outermost(["a/b", "a", "ab", "c/d", "a!"]) == ("a!", "a", "ab", "c/d")
