#!/usr/bin/env bash
# Runs every test: those that need no server beside those that do, since each half leaves a processor idle.
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

.venv/bin/python -m pytest tests/unit tests/zones tests/crash tests/promises -m "not soak and not system" "$@" >"$log" 2>&1 &
alone=$!
.venv/bin/python -m pytest tests/airflow tests/promises tests/system -m "(airflow or system) and not soak" "$@"
served=$?
wait "$alone"
quick=$?
alone=
echo
echo "tests that need no server:"
cat "$log"
[ "$served" = 0 ] && [ "$quick" = 0 ]
