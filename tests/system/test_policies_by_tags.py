"""Policies by tags become policies of what bears the tags; what both mean is asked of Ranger's real policy engine.

Ranger Admin is a stand-in, see ``tests/services/ranger_admin.py``; the tags reach the engine by Ranger's own reader of files.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_livedata.engine import PolicyReport, PolicySyncOptions, open_policies, sync_policies
from airflow_provider_livedata.engine.errors import CannotHold
from airflow_provider_livedata.engine.policies.base import PolicyTarget
from airflow_provider_livedata.engine.retry import RetryPolicy
from tests.services.ranger_admin import RangerAdmin
from tests.services.ranger_engine import Question, RangerEngine, Tags, tag_service_def
from tests.system.policy_common import USERS, Json, hive_questions, line, some_policies, some_table, table

NAMED = {"sales": "sales_dr"}
OPTIONS: dict[str, Any] = {"databases": {"sales": "sales_dr", "hr": "hr"}, "tags": "resolve"}
TAGS = ("PII", "HR", "OLD")
Pair = tuple[RangerAdmin, RangerAdmin]


@pytest.fixture(scope="module")
def engine() -> Iterator[RangerEngine]:
    with RangerEngine() as started:
        yield started


@pytest.fixture
def pair(engine: RangerEngine) -> Iterator[Pair]:
    defs = {kind: engine.service_def(kind) for kind in ("hive", "hdfs")}
    defs["tag"] = tag_service_def(*defs.values())
    with RangerAdmin(service_defs=defs) as source, RangerAdmin(service_defs=defs) as target:
        source.add_service("tags", "tag")
        source.add_service("hive", "hive", tagService="tags")
        target.add_service("hive", "hive")
        yield source, target


def synced(pair: Pair, tmp_path: Path, **options: Any) -> PolicyReport:
    sides = [
        open_policies(
            "ranger", service="hive", url=one.url, user=one.user, password=one.password, policy=RetryPolicy(attempts=2, base_s=0, max_s=0)
        )
        for one in pair
    ]  # fmt: skip
    assert isinstance(sides[1], PolicyTarget)
    return sync_policies(
        sides[0], sides[1], PolicySyncOptions(**{**OPTIONS, **options}), state=f"file://{tmp_path}/state"
    )


def tagged(*borne: tuple[str, str, str, tuple[str, ...]]) -> Json:
    """``ServiceTags``: database, table, column, tags of each; an empty table or column is none."""
    numbers = {name: number for number, name in enumerate(TAGS, 1)}
    resources = [
        {
            name: {"values": [value]}
            for name, value in zip(("database", "table", "column"), one[:3], strict=True)
            if value
        }
        for one in borne
    ]
    return {
        "op": "add_or_update", "tags": {str(number): {"type": name} for name, number in numbers.items()},
        "serviceResources": [{"id": number, "resourceElements": one} for number, one in enumerate(resources, 1)],
        "resourceToTagIds": {str(number): [numbers[name] for name in one[3]] for number, one in enumerate(borne, 1)},
    }  # fmt: skip


def before(engine: RangerEngine, source: RangerAdmin, borne: Json, questions: list[Question]) -> list[bool]:
    tags = Tags([{**one, "id": one["id"] + 10_000} for one in source.policies("tags")], borne)
    return engine.answers(engine.service_def("hive"), source.policies("hive"), [], questions, tags=tags)


def after(engine: RangerEngine, target: RangerAdmin, questions: list[Question]) -> list[bool]:
    return engine.answers(engine.service_def("hive"), target.policies("hive"), [], questions)


def differing(engine: RangerEngine, pair: Pair, borne: Json) -> list[tuple[Question, bool]]:
    """Questions to which the target answers otherwise, with its answer."""
    was = before(engine, pair[0], borne, hive_questions())
    now = after(engine, pair[1], hive_questions(databases=NAMED))
    return [(one, theirs) for one, ours, theirs in zip(hive_questions(), was, now, strict=True) if ours != theirs]


def by_tag(name: str, *tags: str, **lines: Any) -> Json:
    return {"service": "tags", "policyType": 0, "name": name, "resources": {"tag": {"values": list(tags)}}, **lines}


def test_what_a_tag_denies_is_denied_at_the_target_and_a_tag_that_moves_does_so_at_the_next_sync(
    engine: RangerEngine, pair: Pair, tmp_path: Path
) -> None:
    source, target = pair
    source.add_policy(
        {
            "service": "hive",
            "policyType": 0,
            "name": "readers",
            "resources": table("*"),
            "policyItems": [line("select", groups="bi")],
        }
    )
    source.add_policy(
        by_tag(
            "pii",
            "PII",
            denyPolicyItems=[line("hive:select", groups="ops")],
            policyItems=[line("hive:update", users="zoe")],
        )
    )
    for where in ("t1", "t2"):
        borne = tagged(("sales", where, "c", ("PII",)))
        source.set_tags("hive", borne)
        report = synced(pair, tmp_path, max_delete_ratio=0.7)
        assert report.state == "synced"
        assert differing(engine, pair, borne) == []
        asked = [
            Question("eve", USERS["eve"], (("database", "sales_dr"), ("table", one), ("column", "c")), "select")
            for one in ("t1", "t2")
        ]
        assert after(engine, target, asked) == [where != "t1", where != "t2"]
    made = [one for one in target.policies("hive") if "pii" in one["name"]]
    assert {one["name"] for one in made} == {
        "livedata pii on columns of sales.t2", "livedata pii, denials on columns of sales.t2",
    }  # fmt: skip
    assert synced(pair, tmp_path).found_by == "comparing all policies"
    assert synced(pair, tmp_path).found_by == "the versions of both services"
    source.set_tags("hive", tagged())
    assert synced(pair, tmp_path, max_delete_ratio=1).done == {"deleted": 2}


@pytest.mark.parametrize("seed", range(8))
def test_random_policies_by_tags_and_of_resources_give_the_same_answers(
    engine: RangerEngine, pair: Pair, tmp_path: Path, seed: int
) -> None:
    source, target = pair
    chance = random.Random(300 + seed)
    # What Ranger's engine answers where a tag allows and a resource denies hangs on the order in which it comes to ask policies.
    give(
        source,
        "hive",
        ({**one, "denyPolicyItems": []} for one in some_policies(chance, 8, some_table, ["select", "update"])),
    )
    by_tags = some_policies(chance, 4, some_tag, ["hive:select", "hive:update", "hdfs:read"])
    give(source, "tags", ({**one, "policyPriority": 0} for one in by_tags))
    borne = some_tagged(chance)
    source.set_tags("hive", borne)
    report = synced(pair, tmp_path)
    assert report.state == "synced", report.table()
    assert differing(engine, pair, borne) == [], report.table()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_policies_of_both_kinds_say_never_more_is_allowed(
    engine: RangerEngine, pair: Pair, tmp_path: Path, seed: int
) -> None:
    source, target = pair
    chance = random.Random(400 + seed)
    give(source, "hive", some_policies(chance, 8, some_table, ["select", "update"]))
    give(source, "tags", some_policies(chance, 4, some_tag, ["hive:select", "hive:update"]))
    above = tagged(("sales", "t1", "", ("PII",)), ("hr", "", "", ("HR",)), ("sales", "x", "c", ("OLD", "HR")))
    borne = above if seed % 2 else some_tagged(chance)
    source.set_tags("hive", borne)
    synced(pair, tmp_path)
    assert [(one, now) for one, now in differing(engine, pair, borne) if now] == []


def test_masks_by_tags_are_masks_of_the_columns(engine: RangerEngine, pair: Pair, tmp_path: Path) -> None:
    source, target = pair
    mask = {"dataMaskPolicyItems": [line("hive:select", groups="bi", dataMaskInfo={"dataMaskType": "hive:MASK_HASH"})]}
    source.add_policy({**by_tag("hide", "PII", **mask), "policyType": 1})
    borne = tagged(("sales", "t1", "c", ("PII",)))
    source.set_tags("hive", borne)
    assert synced(pair, tmp_path).state == "synced"
    questions = [one for one in hive_questions() if one.access == "select"]
    there = [one for one in hive_questions(databases=NAMED) if one.access == "select"]
    tags = Tags([{**one, "id": one["id"] + 10_000} for one in source.policies("tags")], borne)
    was = engine.masks(engine.service_def("hive"), [], [], questions, tags=tags)
    assert engine.masks(engine.service_def("hive"), target.policies("hive"), [], there) == [
        one and one.removeprefix("hive:") for one in was
    ]
    assert "hive:MASK_HASH" in was or "MASK_HASH" in was


def test_without_a_choice_policies_by_tags_stop_the_run_by_their_names(pair: Pair, tmp_path: Path) -> None:
    source, target = pair
    source.add_policy(by_tag("pii", "PII", denyPolicyItems=[line("hive:select", groups="ops")]))
    source.set_tags("hive", tagged(("sales", "t1", "c", ("PII",))))
    with pytest.raises(CannotHold, match=r"\(pii\).*'resolve'"):
        synced(pair, tmp_path, tags="stop")
    assert target.policies("hive") == []
    assert "(pii)" in str(synced(pair, tmp_path, tags="leave_out").notes)


def some_tag(chance: random.Random) -> Json:
    return {"tag": {"values": sorted(chance.sample(TAGS, chance.randint(1, 2)))}}


def some_tagged(chance: random.Random) -> Json:
    where = (
        (chance.choice(["sales", "hr"]), one, "c", tuple(chance.sample(TAGS, chance.randint(1, 2))))
        for one in ("t1", "t2", "x")
    )
    return tagged(*where)


def give(admin: RangerAdmin, service: str, policies: Iterable[Json]) -> None:
    for one in policies:
        admin.add_policy({"service": service, "policyType": 0, **without_roles(one)})


def without_roles(policy: Json) -> Json:
    parts = ("policyItems", "denyPolicyItems", "allowExceptions", "denyExceptions")
    return {
        **policy,
        **{name: [{**one, "roles": []} for one in policy[name] if one["users"] or one["groups"]] for name in parts},
    }
