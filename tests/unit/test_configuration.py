"""What is wrong with livedata.yaml is told with file and line, and touches nothing but the entry that it is in."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_livedata.configuration import Backup, DisasterRecovery, Migration, load, read
from airflow_provider_livedata.configuration.__main__ import main
from airflow_provider_livedata.configuration.cutting import SECTIONS
from airflow_provider_livedata.configuration.file import File
from airflow_provider_livedata.configuration.location import Follower, Location
from airflow_provider_livedata.configuration.model import (
    Attribute,
    BackupOptions,
    RecoveryOptions,
    Retention,
    ZoneOptions,
)
from airflow_provider_livedata.configuration.part import Part
from airflow_provider_livedata.configuration.schema import SCHEMA, schema_text
from airflow_provider_livedata.configuration.two_way import TwoWayLocation
from airflow_provider_livedata.engine import BackupOptions as EngineBackupOptions
from airflow_provider_livedata.engine import Duration, ReplicateOptions, RetentionPolicy
from airflow_provider_livedata.engine.backups.retention_policy import AGES, COUNTS
from airflow_provider_livedata.engine.errors import BadConfiguration
from airflow_provider_livedata.engine.options import PRESERVABLE
from tests.conftest import REPOSITORY, TESTS

CASES = sorted((TESTS / "golden" / "configuration").glob("*.yaml"))
RIGHT = """\
zones:
  prod:
    address: hdfs://hdfs_prod@nn1:8020/data
    options: {bandwidth: 50MiB/s, max_reads: 8}
  lake: {address: "s3://aws_default@lake/copies"}
replications:
  sales:
    kind: disaster_recovery
    source: prod:/sales
    target: lake:sales
    schedule: "@continuous"
    options: {bandwidth: "off", exclude: ["*.tmp"]}
    interval_s: 30
  hr: {kind: migration, source: "prod:hr", target: "file:///srv/hr", verify_level: content}
backups:
  nightly:
    source: prod:/sales
    target: lake:/backups/sales
    layout: tree
    schedule: 0 2 * * *
    timezone: Europe/Berlin
    retention: {keep_daily: 7, keep_within: 1m}
    exclude: [_tmp]
    options: {threads: 4, max_delete_ratio: 0.2}
    drill: {schedule: {weeks: 1, hours: 2}, target: "file:///srv/drill"}
  in-place: {source: "prod:/sales", schedule: {hours: 6}, retention: {keep_last: 4}}
"""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_what_is_wrong_is_told_in_the_words_of_the_golden_files(case: Path, golden: Callable[[str, str], None]) -> None:
    told = "".join(f"{problem}\n" for problem in read(case.read_text()).problems)
    golden(f"configuration/{case.stem}.txt", told)


def test_there_are_golden_files() -> None:
    assert [case.stem for case in CASES] == ["homes", "names", "places", "twice", "values"]


def test_a_right_file_has_addresses_for_places_and_the_options_of_the_zone_that_is_read() -> None:
    found = read(RIGHT)
    assert found.problems == ()
    sales, hr = found.replications["sales"], found.replications["hr"]
    assert isinstance(sales, DisasterRecovery)
    assert (sales.source, sales.target) == (
        "hdfs://hdfs_prod@nn1:8020/data/sales",
        "s3://aws_default@lake/copies/sales",
    )
    assert sales.options.chosen() == {"bandwidth": "off", "max_reads": 8, "exclude": ["*.tmp"]}
    assert isinstance(hr, Migration)
    assert (hr.target, hr.options.chosen()) == ("file:///srv/hr", {"bandwidth": "50MiB/s", "max_reads": 8})
    nightly, in_place = found.backups["nightly"], found.backups["in-place"]
    assert nightly.policy == RetentionPolicy(keep_daily=7, keep_within=Duration(months=1), timezone="Europe/Berlin")
    copying = nightly.copying
    assert (copying.exclude, copying.bandwidth, copying.max_reads, copying.threads) == (("_tmp",), "50MiB/s", 8, 4)
    assert nightly.options.max_delete_ratio == 0.2
    assert (nightly.schedule, in_place.schedule) == ("0 2 * * *", timedelta(hours=6))
    assert nightly.drill is not None
    assert (nightly.drill.target, nightly.drill.schedule) == ("file:///srv/drill", timedelta(weeks=1, hours=2))
    assert (in_place.target, in_place.policy.grace) == (None, Duration(days=1))
    found.raise_problems()


def test_entries_without_problems_hold_beside_those_that_have_some() -> None:
    found = read((TESTS / "golden" / "configuration" / "places.yaml").read_text())
    assert list(found.zones) == ["prod", "lake"]
    assert list(found.replications) == ["right"]
    assert list(found.backups) == ["in-place", "beside"]


def test_one_error_names_everything_that_is_wrong() -> None:
    text = RIGHT.replace("keep_daily: 7", "keep_daily: seven").replace("content}", "all}")
    with pytest.raises(BadConfiguration) as caught:
        read(text, "/etc/livedata.yaml").raise_problems()
    lines = str(caught.value).splitlines()
    assert lines[0] == "the entries that these lines are about were left out, all others hold:"
    assert lines[1:] == [
        "  /etc/livedata.yaml:14: replications.hr.verify_level: is 'listing', 'checksum' or 'content', not 'all'",
        "  /etc/livedata.yaml:22: backups.nightly.retention.keep_daily: is a whole number, not 'seven'",
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("zones:\n  a: 1\n-\n", 3, "not YAML"),
        ("zones: {a: \0}", 0, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("zones: *missing\n", 1, "not YAML"),
        ("[" * 5000, 1, "nested too deeply"),
        ("- zones\n", 1, "is a mapping of names"),
        ("zones: [a]\n", 1, "zones: is a mapping of names"),
        ("just text", 1, "is a mapping of names"),
    ],
)
def test_a_text_that_is_not_such_a_file_is_a_problem(text: str, line: int, message: str) -> None:
    found = read(text)
    assert [problem.line for problem in found.problems] == [line]
    assert message in str(found.problems[0])


def test_aliases_that_grow_beyond_all_bounds_are_a_problem() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
    )
    (problem,) = read(bomb).problems
    assert "more than 200,000 values" in problem.message


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "zones:\nreplications:\nbackups:\n", "{}"])
def test_a_file_without_entries_is_right(text: str) -> None:
    found = read(text)
    assert (found.problems, dict(found.zones), dict(found.backups)) == ((), {}, {})


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a\n", "-a", "ä", "a" * 101, "${x}"])
def test_a_name_of_which_no_dag_id_can_be_made_is_refused(name: str) -> None:
    found = read(yaml.safe_dump({"backups": {name: {"source": "hdfs://nn/a"}, "b": {"source": "hdfs://nn/b"}}}))
    assert list(found.backups) == ["b"]
    assert "a name is made of letters" in str(found.problems[0])


def scheduled(schedule: Any) -> bool:
    return not read(yaml.safe_dump({"backups": {"a": {"source": "hdfs://nn/a", "schedule": schedule}}})).problems


@pytest.mark.parametrize(
    "schedule",
    [
        "*/15 * * * *",
        "0 2 * * MON-FRI",
        "0 3 * MAR THU",
        "0 0 29 2 *",
        "@daily",
        {"minutes": 15},
        {"days": 1, "hours": 0},
        None,
    ],
)
def test_schedules_are_cron_expressions_presets_and_intervals(schedule: Any) -> None:
    assert scheduled(schedule)


@pytest.mark.parametrize(
    "schedule",
    [
        "H 2 * * *", "R 2 * * *", "0 2 * *", "0 2 * * * *", "0 0 30 2 *", "@often", "", 7, [1], {}, {"hours": 0}, {"hours": -1},
        {"hours": True}, {"days": 1.5}, {"days": 10**9}, {"seconds": 5},
    ],
)  # fmt: skip
def test_what_is_no_schedule_or_never_comes_is_refused(schedule: Any) -> None:
    assert not scheduled(schedule)


def test_a_cron_expression_without_the_quotes_that_it_needs_is_told_so() -> None:
    (problem,) = read("backups:\n  a: {source: 'hdfs://nn/a'}\n  b:\n    schedule: */5 * * * *\n").problems
    assert problem.line == 4
    assert "a text that begins with * or & needs quotes" in problem.message


SLIPS = {  # in the entry "nightly": what stands there, and what is typed instead
    "without quotes": ("0 2 * * *", "*/5 * * * *"),
    "a tab": ("    layout", "\tlayout"),
    "too deep": ("    layout", "      layout"),
    "not deep enough": ("    layout", "   layout"),
    "as an entry": ("    layout", "  layout"),
    "as a section": ("    layout", "layout"),
    "a quote that does not end": ("layout: tree", "layout: 'tree"),
    "a bracket that does not end": ("layout: tree", "layout: [tree"),
    "two colons": ("layout: tree", "layout: tree: x"),
    "no colon": ("layout: tree", "layout tree"),
    "no colon after the name": ("  nightly:", "  nightly"),
    "an alias of nothing": ("layout: tree", "layout: *nothing"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_an_entry_that_is_no_yaml_is_left_out_and_the_others_hold(slip: str) -> None:
    right, wrong = SLIPS[slip]
    before, after = read(RIGHT), read(RIGHT.replace(right, wrong))
    assert (after.zones, after.replications) == (before.zones, before.replications)
    assert after.backups == {"in-place": before.backups["in-place"]}
    (problem,) = after.problems
    assert (problem.path, problem.message[:10]) == (("backups", "nightly"), "not YAML: ")
    assert ("left out with it: layout" in problem.message) == (slip == "as an entry")


def test_several_entries_that_are_no_yaml_are_left_out() -> None:
    found = read(RIGHT.replace("0 2 * * *", "*/5 * * * *").replace("lake: {", "lake: {{").replace("hr: {", "hr: }"))
    assert [problem.path for problem in found.problems] == [
        ("zones", "lake"),
        ("replications", "sales", "target"),
        ("replications", "hr"),
        ("backups", "nightly"),
    ]
    assert "the zone lake cannot be used" in found.problems[1].message
    assert list(found.backups) == ["in-place"]


@settings(max_examples=300)
@given(
    st.integers(RIGHT.index("  nightly:"), RIGHT.index("  in-place:") - 1),
    st.sampled_from(list("{}[]:,&*!|>'\"%@`#-?\t x\n")),
)
def test_a_slip_in_one_entry_never_changes_another(at: int, typed: str) -> None:
    before, after = read(RIGHT), read(RIGHT[:at] + typed + RIGHT[at:])
    told = "".join(map(str, after.problems))
    is_whole_file = any(problem.path == () for problem in after.problems)
    for section in SECTIONS:
        there = getattr(after, section)
        for name, one in getattr(before, section).items():
            if name != "nightly" and there.get(name) != one:
                assert name not in there
                assert is_whole_file or name in told


# Files, and the command --------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_a_problem_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("zones: {ü: 1}".encode("latin-1"))
    for name, why in (("nothing", "No such file"), (".", "Is a directory"), ("latin", "not text in UTF-8")):
        found = load(str(tmp_path / name))
        assert [problem.line for problem in found.problems] == [0]
        assert str(found.problems[0]).startswith(f"{tmp_path / name}: cannot be read: ")
        assert why in str(found.problems[0])
    (tmp_path / "with mark").write_text(RIGHT, encoding="utf-8-sig")
    assert load(str(tmp_path / "with mark")).problems == ()
    assert load("").problems == ()


def test_the_command_tells_problems_and_whether_there_are_any(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "livedata.yaml"
    file.write_text(RIGHT)
    assert main([str(file)]) == 0
    assert (
        capsys.readouterr().out == f"{file}: 2 zones, 2 replications, 2 backups, 0 locations can be used; 0 problems\n"
    )
    file.write_text(RIGHT + "more: {}\n")
    assert main([str(file)]) == 1
    assert capsys.readouterr().out.startswith(f"{file}:27: more: is not known here")
    with pytest.raises(SystemExit, match="2"):
        main([])


# Whatever stands in the file ---------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.binary(max_size=3),
    st.sampled_from(["prod:/x", "hdfs://nn/x", "s3://b/x", "@daily", "1y", "0d", "migration", "disaster_recovery", "checksum"]),
)  # fmt: skip
names = st.one_of(
    st.text(max_size=4),
    st.sampled_from([*SECTIONS, *Backup.model_fields, *DisasterRecovery.model_fields, *Location.model_fields, "prod"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
entries = st.dictionaries(
    st.sampled_from(["address", *Backup.model_fields, *Migration.model_fields, *Location.model_fields]),
    values,
    max_size=6,
)
files = st.fixed_dictionaries(
    {},
    optional={name: st.dictionaries(names, st.one_of(values, entries), max_size=3) for name in SECTIONS},
)


def is_told(text: str) -> None:
    found = read(text)
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029") + 1
    for problem in found.problems:
        assert 0 <= problem.line <= lines + 1
        assert problem.message
        assert str(problem).startswith("livedata.yaml")
        assert "\n" not in str(problem)
    for backup in found.backups.values():
        assert (backup.policy.timezone, backup.copying.exclude) == (backup.timezone, tuple(backup.exclude))


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text: str) -> None:
    is_told(text)


@settings(max_examples=300)
@given(st.one_of(files, values))
def test_no_yaml_makes_it_fail(value: Any) -> None:
    is_told(yaml.safe_dump(value, allow_unicode=True))


@settings(max_examples=300)
@given(
    st.integers(0, len(RIGHT)),
    st.integers(0, 12),
    st.one_of(st.sampled_from(list("{}[]:,&*!|>'\"%@`#-?\n \t")), st.text(max_size=5)),
)
def test_no_slip_of_the_keyboard_makes_it_fail(at: int, removed: int, typed: str) -> None:
    is_told(RIGHT[:at] + typed + RIGHT[at + removed :])


@given(st.sampled_from(["nightly", "in-place"]), values)
def test_what_stands_in_one_entry_does_not_touch_the_others(name: str, value: Any) -> None:
    before = read(RIGHT)
    said = yaml.safe_load(RIGHT)
    said["backups"][name] = value
    after = read(yaml.safe_dump(said, sort_keys=False))
    assert after.replications == before.replications
    assert {key: one for key, one in after.backups.items() if key != name} == {
        key: one for key, one in before.backups.items() if key != name
    }
    assert all(problem.path[:2] == ("backups", name) for problem in after.problems)
    assert bool(after.problems) != (name in after.backups)


def test_a_retention_that_cannot_be_is_a_problem_of_the_file() -> None:
    (problem,) = read(RIGHT.replace("keep_daily: 7", "grace: 0d")).problems
    assert str(problem) == "livedata.yaml:22: backups.nightly.retention: grace is longer than nothing: a backup may be at work; the least is 1h"  # fmt: skip


@given(st.integers(0, 30))
def test_the_line_is_that_of_the_wrong_value(above: int) -> None:
    text = "# a comment\n" * above + RIGHT.replace("max_reads: 8", "max_reads: -8")
    (problem, *_) = read(text).problems
    assert "max_reads: -8" in text.splitlines()[problem.line - 1]


# The types agree with the engine, and the schema with the types -------------------------------------------------


@pytest.mark.parametrize("model", [ZoneOptions, RecoveryOptions, BackupOptions])
def test_options_are_those_of_the_engine_with_the_same_defaults(model: type[Part]) -> None:
    engine: dict[str, Any] = {one.name: one.default for one in dataclasses.fields(ReplicateOptions) if one.init}
    if model is BackupOptions:
        engine["list_every_h"] = EngineBackupOptions().copy.list_every_h
    fields: dict[str, Any] = dict(model.model_fields)
    offered: dict[str, Any] = {name: field.default for name, field in fields.items()}
    decided_by_the_dag = {"max_delete_ratio"} if model is BackupOptions else {"consistency", "keep_removed"}
    assert set(offered) <= set(engine)
    for name in set(offered) - decided_by_the_dag:
        value = offered[name]
        assert (
            (set(value), len(value)) == (set(engine[name]), len(engine[name]))
            if isinstance(value, list)
            else value == engine[name]
        )
    ReplicateOptions(**offered)


def test_every_option_that_a_replication_can_have_can_be_written() -> None:
    engine = {one.name for one in dataclasses.fields(ReplicateOptions) if one.init}
    assert set(RecoveryOptions.model_fields) == engine - {"dry_run", "holder", "progress_s", "keep_manifests"}


def test_every_attribute_and_rule_can_be_written() -> None:
    assert set(get_args(Attribute)) == PRESERVABLE
    assert set(Retention.model_fields) == {*COUNTS, *AGES, "grace"}
    assert RetentionPolicy.of(Retention().model_dump()) == RetentionPolicy()


def test_the_sections_are_those_of_the_types() -> None:
    assert tuple(File.model_fields) == SECTIONS


def test_the_shipped_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "make schema"


def validator() -> Any:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_an_editor_accepts_what_is_right_and_refuses_wrong_names_and_values() -> None:
    check = validator()
    assert list(check.iter_errors(yaml.safe_load(RIGHT))) == []
    for case in ("names", "values"):
        assert list(
            check.iter_errors(yaml.safe_load((TESTS / "golden" / "configuration" / f"{case}.yaml").read_text()))
        )


@given(files)
def test_what_is_taken_without_problems_is_accepted_by_editors_too(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value)
    if not read(text).problems:
        assert list(validator().iter_errors(yaml.safe_load(text))) == []


def test_the_examples_of_the_page_are_right() -> None:
    page = (REPOSITORY / "docs" / "configuration.md").read_text()
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 1
    for example in examples:
        assert read(example).problems == ()
        assert list(validator().iter_errors(yaml.safe_load(example))) == []


def test_the_page_names_everything_that_can_be_written() -> None:
    page = (REPOSITORY / "docs" / "configuration.md").read_text()
    models = (Migration, DisasterRecovery, Backup, RecoveryOptions, BackupOptions, Location, Follower, TwoWayLocation)
    assert sorted({name for model in models for name in model.model_fields if f"`{name}`" not in page}) == []


FOLLOWED = """\
zones:
  lake: {address: "s3://aws_default@lake/copies"}
replications:
  sales:
    kind: disaster_recovery
    source: file:///srv/sales
    target: lake:sales
    metadata: {source: prod_ms, target: dr_ms, state: "lake:state/metadata", locations: {"file:/srv": "s3://lake/copies"}}
    policies: {source: "ranger://prod/hive", target: "ranger://dr/hive", state: "file:///srv/state", databases: {sales: sales}}
    protection: {target: "ranger://dr/hive", state: "file:///srv/state", databases: {sales: sales}, writers: {users: [replicator]}}
"""


def test_what_follows_a_replication_is_part_of_its_entry_and_its_state_may_lie_in_a_zone() -> None:
    found = read(FOLLOWED)
    assert found.problems == ()
    entry = found.replications["sales"]
    assert isinstance(entry, DisasterRecovery)
    assert entry.metadata is not None
    assert entry.metadata.chosen() == {
        "source": "prod_ms", "target": "dr_ms", "state": "s3://aws_default@lake/copies/state/metadata", "locations": {"file:/srv": "s3://lake/copies"},
    }  # fmt: skip
    assert entry.policies is not None
    assert entry.protection is not None
    assert entry.protection.writers == {"users": ["replicator"]}


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("lake:state/metadata", "lake:sales/state", "is a place of its own, not in the target"),
        ("lake:state/metadata", "nowhere:state", "neither an address"),
        ('"s3://lake/copies"}}', '"s3://lake/copies"}, options: {table: [a]}}', "options has no table; known are"),
        ('"s3://lake/copies"}}', '"s3://lake/copies"}, options: {deletes: none}}', "deletes"),
        ("databases: {sales: sales}, writers", "databases: {}, writers", "name what is replicated"),
        ("{users: [replicator]}", "{user: [replicator]}", "writers are users, groups and roles, not user"),
        ("{users: [replicator]}", "{}", "protection.writers"),
    ],
)
def test_what_is_wrong_with_what_follows_is_told_and_costs_the_entry(right: str, wrong: str, said: str) -> None:
    assert right in FOLLOWED
    found = read(
        FOLLOWED.replace(right, wrong, 1)
        if "writers" not in said and "protection" not in said
        else FOLLOWED.replace(right, wrong)
    )
    assert list(found.replications) == []
    assert said in str(found.problems[0])
