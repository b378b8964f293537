"""Errors survive the way between processes, say where, and are all in the tree that is drawn on top of the module."""

from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_livedata.engine import errors
from airflow_provider_livedata.engine.errors import LiveDataError

KINDS = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, LiveDataError)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_pickling_with_all_that_it_says(kind: type[LiveDataError]) -> None:
    error = kind("it broke; do this", path="a/b", size_bytes=7, nothing=None)
    for found in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(found) is kind
        assert (found.args, found.where, found.retryable) == (error.args, error.where, error.retryable)
        assert str(found) == str(error) == "it broke; do this (path='a/b', size_bytes=7)"


@pytest.mark.parametrize("kind", KINDS)
def test_the_tree_on_top_of_the_module_has_each_error_below_its_base_with_its_mark(kind: type[LiveDataError]) -> None:
    lines = (errors.__doc__ or "").splitlines()
    drawn = [
        line for line in lines if kind.__name__ in line.replace("|", " ").replace("`", " ").replace("-", " ").split()
    ]
    assert len(drawn) == 1
    assert ("(retryable)" in drawn[0]) == kind.retryable
    assert _depth(drawn[0]) == len(kind.__mro__) - len(LiveDataError.__mro__) - (kind is errors.BucketMissing)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_has_a_docstring_that_ends_as_a_sentence(kind: type[LiveDataError]) -> None:
    assert kind.__doc__ is not None
    assert kind.__doc__.split("\n")[0].strip()


def test_an_error_without_a_place_says_only_what_happened() -> None:
    assert str(LiveDataError("it broke")) == "it broke"


def _depth(line: str) -> int:
    """0 for the base, 1 for what stands directly below it."""
    return (len(line) - len(line.lstrip(" |`-"))) // 4
