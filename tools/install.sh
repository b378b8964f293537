#!/usr/bin/env bash
# Makes .venv from the pinned requirements, and installs this package into it, editable. Needs Python 3.11 or newer.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    local name
    for name in "${PYTHON:-python3.11}" python3.11 python3 python3.12 python3.13; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "Python 3.11 or newer is needed: sudo apt-get install -y python3.11 python3.11-venv" >&2
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# Debian and Ubuntu keep the part of Python that makes environments in a package of its own.
ensure_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package="$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    echo "Installing $package, which this Python lacks"
    if ! { as_root apt-get update -q && as_root apt-get install -y -q "$package"; }; then
        echo "Could not install it. Run this, then make again: sudo apt-get install -y $package" >&2
        return 1
    fi
}

python="$(find_python)"
ensure_venv "$python"
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    "$python" -m venv --clear .venv
fi
export UV_SYSTEM_CERTS=true UV_LINK_MODE=copy
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
.venv/bin/python -m uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/dev.txt requirements/uv.txt
.venv/bin/python -m uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
echo "Installed into .venv: $(.venv/bin/python -c 'import sys; print("Python", sys.version.split()[0])')"
