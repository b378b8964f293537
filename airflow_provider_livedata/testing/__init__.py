"""What authors of zones and flows test with: the conformance suite, faults and strategies. Needs pytest, hypothesis."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):  # faults and strategies serve without pytest too
    import pytest

    pytest.register_assert_rewrite("airflow_provider_livedata.testing.suite")
