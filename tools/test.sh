#!/usr/bin/env bash
# Runs every test in three lines beside each other, which last about as long: those on real HDFS; those that need no server, then those on S3 alone; and
# Airflow's, which wait much, then those that start servers of other kinds (metastores, Ranger and Sentry, other clouds, the bench).
set -uo pipefail
cd "$(dirname "$0")/.."
export PYTHONUNBUFFERED=1

log=$(mktemp)
others_log=$(mktemp)
served_log=$(mktemp)
alone=
others=
end() {
    [ -z "$alone" ] || kill "$alone" 2>/dev/null
    [ -z "$others" ] || kill "$others" 2>/dev/null
    rm -f "$log" "$others_log" "$served_log"
}
trap end EXIT
trap 'exit 130' INT TERM

# The bench comes last: it takes longest of all tests, and by then one of the other lines has ended.
own_servers=(tests/system/test_{abfs,catalogue,clouds,gs,metastore,policies,ranger,sentry}*.py tests/system/test_bench.py)
s3_alone=(tests/system/test_s3_*.py)
units=(tests/unit tests/golden)

without_servers() {
    local failed=0
    trap 'kill $(jobs -p) 2>/dev/null; exit 130' TERM
    if [ -n "${MEASURED-}" ]; then # CI: the unit tests with what they cover, which is held at 100 % for the pure modules
        make --no-print-directory test-unit &
        wait $! || failed=1
        units=()
    fi
    .venv/bin/python -m pytest "${units[@]}" tests/zones tests/crash tests/promises -m "not soak and not system" "$@" &
    wait $! || failed=1
    .venv/bin/python -m pytest "${s3_alone[@]}" -m "not soak" "$@" &
    wait $! || failed=1
    return "$failed"
}

with_other_servers() { # Airflow in a process of its own: it sets up logging for all that runs in it
    local failed=0
    trap 'kill $(jobs -p) 2>/dev/null; exit 130' TERM
    .venv/bin/python -m pytest tests/airflow "$@" &
    wait $! || failed=1
    .venv/bin/python -m pytest "${own_servers[@]}" -m "not soak" "$@" &
    wait $! || failed=1
    return "$failed"
}

without_servers "$@" >"$log" 2>&1 &
alone=$!
with_other_servers "$@" >"$others_log" 2>&1 &
others=$!
.venv/bin/python -m pytest tests/promises tests/system "${own_servers[@]/#/--ignore=}" "${s3_alone[@]/#/--ignore=}" -m "system and not soak" "$@" \
    | tee "$served_log"
served=${PIPESTATUS[0]}
wait "$alone"
quick=$?
alone=
wait "$others"
other=$?
others=
echo
echo "tests that need no server, and on S3 alone:"
cat "$log"
echo
echo "tests of Airflow, and on servers of other kinds:"
cat "$others_log"
[ "$served" = 0 ] && [ "$quick" = 0 ] && [ "$other" = 0 ] && exit 0
# Said once more at the end: of three long lines only the last one's end is on the screen, or in what is kept of a log.
echo
echo "failed (exit codes: on real HDFS $served; without servers, and on S3 alone $quick; Airflow, and servers of other kinds $other):"
grep -hE '^(FAILED|ERROR|FAIL|E  )|^=+ .*(failed|error)|^make.*Error|^Coverage failure' "$served_log" "$log" "$others_log"
exit 1
