"""How the clients of a bucket are made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_livedata.engine.zones.address import Address
from airflow_provider_livedata.engine.zones.s3 import sharing as s3_sharing
from airflow_provider_livedata.engine.zones.s3.clients import S3Options, _endpoint, _provider, suits_obstore


def test_credentials_are_asked_for_again_before_renewed_ones_expire() -> None:
    keys = iter("ab")
    current = SimpleNamespace(
        get_frozen_credentials=lambda: SimpleNamespace(access_key=next(keys), secret_key="s", token="t")
    )
    provide = _provider(current)
    given = [provide(), provide()]
    assert [one["access_key_id"] for one in given] == ["a", "b"]
    for one in given:
        assert one["expires_at"] is not None  # obstore would never ask again
        assert one["expires_at"] <= datetime.now(UTC) + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("key", "suits"),
    [
        ("a/b c", True), ("a/.b", True), ("a/..b", True), ("...", True), ("a%2Fb", True), ("é\U0001f600", True), ("a\\b", True),
        ("a//b", False), ("/a", False), ("a/", False), ("a/./b", False), ("a/..", False), ("..", False), (".", False),
        ("", False), ("a\nb", False), ("a\tb", False), ("a\x7fb", False), ("a\0b", False), ("a\n", False),
    ],
)  # fmt: skip
def test_keys_that_obstore_refuses_or_changes_are_known(key: str, suits: bool) -> None:
    assert suits_obstore(key) is suits


def test_secrets_are_not_in_the_representation_of_the_options() -> None:
    options = S3Options(access_key_id="AKID", secret_access_key="hidden", session_token="hidden too")
    assert "AKID" not in repr(options)
    assert "hidden" not in repr(options)


def test_a_bucket_stands_in_the_path_of_other_stores_and_in_the_host_name_of_aws() -> None:
    assert S3Options().style("bucket") == "virtual"
    assert S3Options().style("has.dots") == "path"
    assert S3Options(endpoint_url="http://store:9000").style("bucket") == "path"
    assert _endpoint("http://store:9000", "bucket", "path") == "http://store:9000"
    assert _endpoint("http://store:9000", "bucket", "virtual") == "http://bucket.store:9000"


def test_zones_of_the_same_bucket_and_keys_share_clients_and_others_do_not() -> None:
    place, options = Address("s3", "bucket", "a"), S3Options(access_key_id="one", secret_access_key="s", region="r-1")
    first = s3_sharing.take(place, options)
    assert s3_sharing.take(Address("s3", "bucket", "b"), options) is first
    others = [
        s3_sharing.take(Address("s3", "other", "a"), options),
        s3_sharing.take(place, S3Options(access_key_id="one", secret_access_key="t", region="r-1")),
    ]
    assert all(one is not first for one in others)
    for clients in (first, first, *others):
        s3_sharing.give_back(clients)
    assert s3_sharing.take(place, options) is first  # the next cycle
    s3_sharing.give_back(first)


def test_connections_are_closed_when_the_last_zone_is_and_few_clients_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_sharing, "MOST_KEPT", 2)
    options = S3Options(access_key_id="one", secret_access_key="s", region="r-1")
    taken = [s3_sharing.take(Address("s3", f"bucket-{n}", ""), options) for n in range(4)]
    closed: list[str] = []
    for one in taken:
        monkeypatch.setattr(one, "close", lambda one=one: closed.append(one.bucket))
    assert s3_sharing.take(Address("s3", "bucket-0", ""), options) is taken[0]
    for one in taken:
        s3_sharing.give_back(one)
    assert closed == ["bucket-1", "bucket-2", "bucket-3"]
    s3_sharing.give_back(taken[0])
    assert closed[3:] == ["bucket-0"]
    s3_sharing.give_back(s3_sharing.take(Address("s3", "bucket-4", ""), options))
    assert s3_sharing.take(Address("s3", "bucket-1", ""), options) is not taken[1]
