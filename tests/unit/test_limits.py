"""Bandwidth by a timetable, calls a second, and buffers out of one budget."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_livedata.engine.errors import BadOption, WindowClosed
from airflow_provider_livedata.engine.limits import MADE_UP_S, Bandwidth, Buffers, Pace
from airflow_provider_livedata.engine.timetable import CLOSED, Timetable, parse_rate

MIB = 1 << 20


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50MiB/s", 50 * MIB), ("2GB/s", 2e9), ("1048576", MIB), ("1.5 MiB", 1.5 * MIB), ("10k", 10240), ("off", None)],
)
def test_rates_are_read(text: str, rate: float | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["fast", "-1MiB/s", "0", "5 parsecs/s", "08:00=5MiB", "25:00-26:00=1MiB", "08:61-09:00=1MiB", "shut"]
)
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadOption, match="write"):
        Timetable.parse(text)


@pytest.mark.parametrize(
    ("hour", "minute", "rate"),
    [
        (7, 59, None),
        (8, 0, 50 * MIB),
        (17, 59, 50 * MIB),
        (18, 0, 200 * MIB),
        (23, 0, 1024),
        (3, 0, 1024),
        (5, 0, None),
    ],
)
def test_a_timetable_gives_the_rate_of_the_hour(hour: int, minute: int, rate: float | None) -> None:
    table = Timetable.parse("08:00-18:00=50MiB/s, 18:00-20:00=200MiB/s, 22:00-04:00=1KiB/s, off")
    assert table.rate(datetime(2026, 1, 1, hour, minute)) == rate  # noqa: DTZ001 - the clock on the wall


def test_the_rate_of_the_rest_of_the_day_may_stand_first() -> None:
    table = Timetable.parse("1MiB/s, 08:00-09:00=2MiB/s")
    assert [table.rate(datetime(2026, 1, 1, hour)) for hour in (8, 12)] == [2 * MIB, MIB]  # noqa: DTZ001


NIGHT = "22:00-04:00=closed, 04:00-05:00=1MiB/s, 12:00-12:30=closed"


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("21:59", "21:59"),
        ("22:00", "04:00"),
        ("03:59", "04:00"),
        ("04:00", "04:00"),
        ("12:00", "12:30"),
        ("12:29", "12:30"),
    ],
)
def test_a_timetable_tells_when_bytes_may_be_moved_again(now: str, opens: str) -> None:
    moment = datetime.fromisoformat(f"2026-01-01T{now}:17+01:00")
    found = Timetable.parse(NIGHT).opens(moment)
    assert found is not None
    assert f"{found:%H:%M}" == opens
    assert 0 <= (found - moment).total_seconds() < 24 * 3600 or now == opens
    assert found.tzinfo == moment.tzinfo


@given(
    st.datetimes(),
    st.lists(st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59)), max_size=4),
)
def test_bytes_may_be_moved_when_a_timetable_opens_and_not_a_minute_before(
    now: datetime, spans: list[tuple[int, ...]]
) -> None:
    table = Timetable.parse(",".join("{:02}:{:02}-{:02}:{:02}=closed".format(*span) for span in spans))
    opens = table.opens(now)
    minutes = [now.replace(second=0, microsecond=0) + timedelta(minutes=n) for n in range(1, 1441)]
    closed = [table.rate(moment) == CLOSED for moment in minutes]
    if table.rate(now) != CLOSED:
        assert opens == now
    else:
        assert opens == (minutes[closed.index(False)] if False in closed else None)


def test_a_day_that_is_closed_never_opens() -> None:
    assert Timetable.parse("closed").opens(datetime(2026, 1, 1)) is None  # noqa: DTZ001
    with pytest.raises(WindowClosed, match="never opens") as caught:
        Bandwidth(Timetable.parse("closed")).take(1)
    assert caught.value.where["opens"] is None


def test_nothing_passes_while_it_is_closed_and_the_error_says_what_is_closed_and_until_when() -> None:
    now = [datetime.fromisoformat("2026-01-01T23:10:00+01:00")]
    limit = Bandwidth(
        Timetable.parse(NIGHT), now=lambda: now[0], name="writing of the lake", sleep=lambda s: pytest.fail("slept")
    )
    for call in (limit.refuse_closed, lambda: limit.take(1), limit.rate):
        with pytest.raises(WindowClosed, match="opens at 04:00") as caught:
            call()
        assert caught.value.where == {"limit": "writing of the lake", "opens": "2026-01-02T04:00:00+01:00"}
    now[0] = datetime.fromisoformat("2026-01-02T06:00:00+01:00")
    limit.refuse_closed()
    limit.take(1 << 40)
    assert limit.rate() is None


def test_a_share_of_the_rate_lets_that_part_of_the_bytes_pass() -> None:
    now = [0.0]
    limit = Bandwidth(Timetable.parse("1MiB/s"), clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
    for _ in range(5):
        limit.take(MIB, share=lambda: 0.25)
    assert now[0] == pytest.approx(16)


@given(st.lists(st.integers(1, 10 * MIB), min_size=2, max_size=30))
def test_bytes_pass_at_the_rate_and_no_faster(sizes: list[int]) -> None:
    now = [0.0]
    limit = Bandwidth(Timetable.parse("1MiB/s"), clock=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s))
    for size in sizes:
        limit.take(size)
    # The last piece has been let through when all before it have had their time.
    assert now[0] == pytest.approx(sum(sizes[:-1]) / MIB, rel=1e-6, abs=1e-6)


def test_without_a_limit_nobody_waits() -> None:
    limit = Bandwidth(Timetable.parse(""), sleep=lambda s: pytest.fail("slept"))
    limit.take(1 << 40)


class Virtual:
    """A clock that only moves when somebody sleeps, or when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now_s += seconds

    def pace(self, calls_per_s: float) -> Pace:
        return Pace(calls_per_s, clock=lambda: self.now_s, sleep=self.sleep)


@given(
    rate=st.sampled_from([1, 7, 50, 1000]),
    comings=st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 20)), max_size=12),
)
def test_no_window_of_time_has_more_calls_than_the_rate_allows(rate: int, comings: list[tuple[float, int]]) -> None:
    time, passed = Virtual(), list[float]()
    pace = time.pace(rate)
    for idle_s, calls in comings:
        time.sleep(idle_s)
        for _ in range(calls):
            pace.take()
            passed.append(time.now_s)
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= rate * (end - begin + MADE_UP_S) + 1 + 1e-6


@given(rate=st.sampled_from([1, 50, 1000]), calls=st.integers(1, 300), at_once=st.integers(1, 3))
def test_calls_that_all_come_at_once_pass_at_the_rate_and_no_slower(rate: int, calls: int, at_once: int) -> None:
    time = Virtual()
    pace = time.pace(rate)
    for _ in range(calls):
        pace.take(at_once)
    assert time.now_s == pytest.approx(max(0.0, (calls * at_once - 1) / rate - MADE_UP_S), abs=1e-6)


def test_threads_share_one_pace() -> None:
    time = Virtual()
    pace = time.pace(50)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: pace.take(), range(200)))
    assert time.now_s >= 199 / 50 - MADE_UP_S


def test_a_pace_of_no_calls_at_all_is_refused_and_0_is_no_limit() -> None:
    with pytest.raises(BadOption, match="no limit"):
        Pace(-1)
    Pace(0, sleep=lambda s: pytest.fail("slept")).take(1 << 40)


def test_buffers_lent_at_once_never_exceed_the_budget() -> None:
    buffers, lent, most, lock = Buffers(10 * MIB), [0], [0], threading.Lock()

    def work(size: int) -> None:
        for _ in range(20):
            with buffers.borrow(size) as buffer:
                assert len(buffer) == size
                with lock:
                    lent[0] += size
                    most[0] = max(most[0], lent[0])
                with lock:
                    lent[0] -= size

    threads = [
        threading.Thread(target=work, args=(size,)) for size in (MIB, 2 * MIB, 4 * MIB, 8 * MIB) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most[0] <= 10 * MIB


def test_a_buffer_larger_than_the_budget_is_lent_alone() -> None:
    buffers = Buffers(MIB)
    with buffers.borrow(4 * MIB) as buffer:
        assert len(buffer) == 4 * MIB
