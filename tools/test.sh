#!/usr/bin/env bash
# Runs every test: those on real servers beside all others, since each half leaves a processor idle. Those that start servers of their own (the bench,
# metastores, Ranger and Sentry, other clouds) make the halves last about as long as each other; Airflow, which waits much, has a process beside them.
set -uo pipefail
cd "$(dirname "$0")/.."
export PYTHONUNBUFFERED=1

log=$(mktemp)
alone=
end() {
    [ -z "$alone" ] || kill "$alone" 2>/dev/null
    rm -f "$log"
}
trap end EXIT
trap 'exit 130' INT TERM

own_servers=(tests/system/test_{abfs,bench,catalogue,clouds,gs,metastore,policies,ranger,sentry}*.py)

without_servers() { # Airflow in a process of its own: it sets up logging for all that runs in it
    local failed=0
    trap 'kill $(jobs -p) 2>/dev/null; exit 130' TERM
    local airflow_log airflow
    airflow_log=$(mktemp)
    .venv/bin/python -m pytest tests/airflow "$@" >"$airflow_log" 2>&1 &
    airflow=$!
    # UNITS is empty where make test-unit has run them already.
    # shellcheck disable=SC2086
    .venv/bin/python -m pytest ${UNITS-tests/unit tests/golden} tests/zones tests/crash tests/promises -m "not soak and not system" "$@" &
    wait $! || failed=1
    wait "$airflow" || failed=1
    cat "$airflow_log"
    rm -f "$airflow_log"
    .venv/bin/python -m pytest "${own_servers[@]}" -m "not soak" "$@" &
    wait $! || failed=1
    return "$failed"
}

without_servers "$@" >"$log" 2>&1 &
alone=$!
.venv/bin/python -m pytest tests/promises tests/system "${own_servers[@]/#/--ignore=}" -m "system and not soak" "$@"
served=$?
wait "$alone"
quick=$?
alone=
echo
echo "tests that need no server:"
cat "$log"
[ "$served" = 0 ] && [ "$quick" = 0 ]
