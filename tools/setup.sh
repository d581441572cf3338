#!/usr/bin/env bash
# Makes .venv from requirements.lock, every download checked by its hash, and installs the members editable.
# Needs Python >= 3.11 and a package index that pip knows; uv comes from there, too.
set -euo pipefail
cd "$(dirname "$0")/.."
tools_dir=.local/tools/uv

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.14; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
        [ "$candidate" != "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is not a Python between 3.11 and 3.14."
    done
    fail "no Python between 3.11 and 3.14 was found; name one with PYTHON=/path/to/python3 make setup."
}

uv_works() { [ -x "$tools_dir/bin/uv" ] && "$tools_dir/bin/uv" --version >/dev/null 2>&1; }

# `pip config get` knows the user's file alone; the list knows the machine's, too. The last one wins. Some Pythons have
# no pip but in their virtual environments.
pip_setting() {
    { "$tools_dir/bin/python" -m pip config list || "$python" -m pip config list; } 2>/dev/null |
        sed -nE "s/^(global|install)\.$1='(.*)'\$/\2/p" | tail -n 1 || true
}

# uv does not read pip's configuration, so an index or a company's certificates that only pip knows are handed on.
hand_on_pip_settings() {
    local index="${PIP_INDEX_URL:-}" certificates="${PIP_CERT:-}"
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        [ -n "$index" ] || index=$(pip_setting index-url)
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    fi
    if [ -z "${SSL_CERT_FILE:-}${SSL_CERT_DIR:-}" ]; then
        [ -n "$certificates" ] || certificates=$(pip_setting cert)
        [ -z "$certificates" ] || export SSL_CERT_FILE="$certificates"
    fi
}

python=$(find_python)
if ! uv_works; then
    rm -rf "$tools_dir"
    mkdir -p "$(dirname "$tools_dir")"
    if ! { "$python" -m venv "$tools_dir" && "$tools_dir/bin/pip" install -q --require-hashes -r tools/uv.lock.txt; } 2>/dev/null; then
        rm -rf "$tools_dir"
        "$python" -m pip install -q --target "$tools_dir" --require-hashes -r tools/uv.lock.txt ||
            fail "uv could not be installed: is a package index reachable, and does $python have pip?"
    fi
fi
hand_on_pip_settings
export UV_NO_SYNC=1
uv=$tools_dir/bin/uv
[ -x .venv/bin/python ] && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    "$uv" venv -q --clear --python "$(command -v "$python")" .venv
"$uv" pip sync -q --python .venv --require-hashes requirements.lock ||
    fail "the packages of requirements.lock could not be installed: is the package index reachable?"
members=()
while read -r _ member; do members+=(-e "$member"); done <workspace.in
"$uv" pip install -q --python .venv --no-deps --no-build-isolation "${members[@]}"
