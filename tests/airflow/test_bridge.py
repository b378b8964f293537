"""Every error of the engine means one thing to Airflow, and texts of templates become options."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_livedata.bridge import airflow_error, airflow_errors, as_bool, as_texts, options_from
from airflow_provider_livedata.engine import errors
from airflow_provider_livedata.engine.errors import BadOption, LiveDataError, PathMissing, ZoneBusy
from airflow_provider_livedata.engine.options import ReplicateOptions

WORTH_A_RETRY = {
    "ChecksumMismatch", "LeaseLost", "LiveFailed", "MetastoreBusy", "MetastoreUnreachable", "NoShare", "ObjectChanged", "PolicyStoreBusy", "PolicyStoreUnreachable", "RunFailed", "TargetHeld", "ZoneBusy", "ZoneUnreachable",
}  # fmt: skip
HOPELESS = {
    "AlreadyExists", "BackupMissing", "BackupUnusable", "BadAddress", "BadConfiguration", "BadInput", "BadOption", "BucketMissing", "CannotHold", "CatalogueError", "ChangesLost", "ConflictsLeft", "CorruptSource",
    "CredentialsRefused", "DestinationNewer", "DestinationTaken", "FilterChanged", "HomeMoved", "IsADirectory", "LiveDataError", "MetastoreRefused", "NameRefused", "NoCheckpoint", "NotADirectory", "NotAtRest", "NotEmpty", "ObjectExists", "ObjectMissing", "PartitionsRefused",
    "PathMissing", "PathsOverlap", "PermissionRefused", "PlaceNotAllowed", "PolicyAccessRefused", "PolicyMissing", "PolicyRefused", "PolicyStoreError", "PublishingCutOff", "RunRefused", "SnapshotRefused", "SourceEmpty", "StagedBytesGone", "StateDamaged",
    "StillChanging", "StoreFull", "TargetIsActive", "TargetTouched", "TooManyDeletes", "UnknownScheme", "UnsortedListing", "Unsupported",
    "VerifyFailed", "WindowClosed", "WritersNotBlocked", "WrongSide", "ZoneError",
}  # fmt: skip
ALL = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, LiveDataError)
}  # fmt: skip


def fields(options: ReplicateOptions) -> dict[str, Any]:
    return {field.name: getattr(options, field.name) for field in dataclasses.fields(options) if field.init}


def test_every_error_of_the_engine_is_decided_about() -> None:
    assert set(ALL) == WORTH_A_RETRY | HOPELESS
    assert not WORTH_A_RETRY & HOPELESS


@pytest.mark.parametrize("name", sorted(ALL))
def test_an_error_is_tried_again_where_that_can_help(name: str) -> None:
    told = airflow_error(ALL[name]("what to do", path="a/b"))
    assert isinstance(told, AirflowException)
    assert isinstance(told, AirflowFailException) == (name in HOPELESS)
    assert str(told) == f"{name}: what to do (path='a/b')"


def test_the_engines_error_is_noted_before_airflow_is_told() -> None:
    noted: list[LiveDataError] = []
    with pytest.raises(AirflowException, match="ZoneBusy: slow down"), airflow_errors(noted.append):
        raise ZoneBusy("slow down")
    assert [type(error) for error in noted] == [ZoneBusy]


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(KeyError), airflow_errors():
        raise KeyError("x")
    with pytest.raises(AirflowFailException) as caught, airflow_errors():
        raise PathMissing("nothing is there")
    assert isinstance(caught.value.__cause__, PathMissing)


def test_options_are_read_from_the_texts_that_templates_give() -> None:
    options = options_from(
        {
            "exclude": '["*.tmp", "logs/*/raw"]', "threads": "8", "max_delete_ratio": "0.25", "skip_unholdable": "True",
            "allow_snapshot": "False", "bandwidth": "50MiB/s", "preserve": "mtime, mode", "max_reads": None,
        }, dry_run=True,
    )  # fmt: skip
    assert fields(options) == fields(ReplicateOptions(
        exclude=("*.tmp", "logs/*/raw"), threads=8, max_delete_ratio=0.25, skip_unholdable=True, allow_snapshot=False,
        bandwidth="50MiB/s", preserve=frozenset({"mtime", "mode"}), dry_run=True,
    ))  # fmt: skip


def test_every_option_takes_its_own_default_back_as_a_text() -> None:
    default = ReplicateOptions()
    texts = {
        "exclude": "[]", "preserve": ",".join(default.preserve), "bandwidth": "", "holder": "", "foreign": "stop", "find_by": "auto",
        **{
            name: str(getattr(default, name))
            for name in ("dry_run", "max_delete_ratio", "accept_new_filter", "skip_unholdable", "allow_snapshot",
                         "exclusive", "threads", "max_reads", "max_namenode_calls_per_s", "memory_mib", "progress_s", "list_every_h")
        },
    }  # fmt: skip
    assert fields(options_from(texts)) == fields(default)


@pytest.mark.parametrize(
    "values",
    [
        {"treads": 3}, {"threads": "many"}, {"threads": "1.5"}, {"threads": "nan"}, {"threads": "inf"}, {"threads": -1},
        {"dry_run": "perhaps"}, {"exclude": 3}, {"exclude": '["a", 3]'}, {"exclude": [1]}, {"bandwidth": 50},
        {"foreign": "burn"}, {"find_by": "guess"}, {"max_delete_ratio": "2"}, {"preserve": "colour"}, {"bandwidth": "fast"},
    ],
)  # fmt: skip
def test_what_an_option_cannot_have_is_refused_by_name(values: dict[str, Any]) -> None:
    with pytest.raises(BadOption) as caught:
        options_from(values)
    assert next(iter(values)) in str(caught.value)


def test_fractions_are_numbers_too_where_the_default_is_a_whole_one() -> None:
    options = options_from({"list_every_h": "0.5", "keep_removed": 0.25})
    assert (options.list_every_h, options.keep_removed) == (0.5, 0.25)


def test_an_option_that_has_an_argument_of_its_own_is_refused_instead_of_being_passed_over() -> None:
    with pytest.raises(BadOption, match=r"options=\['dry_run'\]"):
        options_from({"dry_run": True, "threads": 2}, dry_run=False)
    assert options_from({"dry_run": None}, dry_run=True).dry_run


@pytest.mark.parametrize("given", [[""], [" ", "\n"], '[""]', ("",)])
def test_a_list_of_nothing_but_blanks_is_no_empty_list(given: Any) -> None:
    with pytest.raises(BadOption, match="blank"):
        as_texts(given, "paths")
    assert as_texts(given, "exclude") == ()  # as an empty line in a form


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("", ()), (" \n,", ()), ([], ()), (["a", ""], ("a",)), ("a", ("a",)), ("a, b\n c ,\n", ("a", "b", "c")), ("[]", ()), ('["a,b"]', ("a,b",)), (["a", " b "], ("a", "b")),
        (("a",), ("a",)), ("[ab]*.tmp", ("[ab]*.tmp",)),
    ],
)  # fmt: skip
def test_lists_are_written_as_lists_lines_or_words(given: Any, texts: tuple[str, ...]) -> None:
    assert as_texts(given, "exclude") == texts


@pytest.mark.parametrize(("given", "claim"), [("True", True), ("yes", True), (1, True), ("False", False), ("", False)])
def test_claims_are_written_in_words(given: Any, claim: bool) -> None:
    assert as_bool(given, "dry_run") is claim
