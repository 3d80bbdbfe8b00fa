#!/usr/bin/env bash
# Makes .venv from a Python of at least 3.11 and installs the project with its development tools into it.
# usage: setup-python.sh [PYTHON]    PYTHON is the interpreter to use, python3 unless told
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

wanted=${1:-python3}

recent_enough() {
    command -v "$1" >/dev/null && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The interpreter to use, empty when there is none. Newer ones are only looked for when nobody named one.
find_python() {
    local name
    if recent_enough "$wanted"; then
        echo "$wanted"
    elif [ "$wanted" = python3 ]; then
        for name in python3.13 python3.12 python3.11 python3.14; do
            if recent_enough "$name"; then
                echo "$name"
                return
            fi
        done
    fi
}

python=$(find_python)
if [ -z "$python" ] && [ "$wanted" = python3 ] && ! command -v python3 >/dev/null && command -v apt-get >/dev/null; then
    say "there is no python3 on this machine; installing it"
    apt_install python3 python3-venv || true
    python=$(find_python)
fi
if [ -z "$python" ]; then
    found=$("$wanted" --version 2>/dev/null || echo "no $wanted")
    fail "Python 3.11 or newer is needed, and this machine has $found." \
        "Install a newer one and name it, if it isn't python3: make PYTHON=python3.12 ..."
fi

# Debian and Ubuntu ship Python without the part that makes virtual environments.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    say "$python can't make virtual environments; the package $package adds that"
    if ! command -v apt-get >/dev/null || ! apt_install "$package"; then
        fail "Install $package (apt-get install $package, as root), then run make again."
    fi
fi

# A virtual environment holds the paths of its Python and of itself. One that was made elsewhere is made anew.
origin=$("$python" -c 'import sys; print(sys.version.split()[0], sys.base_prefix)')" in $PWD"
if [ ! -x .venv/bin/python ] || [ "$(cat .venv/.origin 2>/dev/null)" != "$origin" ]; then
    say "making .venv with $("$python" --version) ($(command -v "$python"))"
    "$python" -m venv --clear .venv
    echo "$origin" >.venv/.origin
fi

say "installing the packages that constraints.txt names into .venv"
# As a variable, and not as -c, it also holds for the build backend, which pip installs apart.
export PIP_CONSTRAINT="$PWD/constraints.txt" PIP_BUILD_CONSTRAINT="$PWD/constraints.txt"
# A newer pip first: the commands that pip 23 writes import `re` at each start, a sixth of the time of a `make rules`
# that has nothing to do.
{ .venv/bin/python -m pip install -q --upgrade pip && .venv/bin/python -m pip install -q -e '.[dev,router]'; } ||
    fail "pip could not install the packages; what it said stands above." \
        "Is the package index reachable from here (proxy, certificates)? Then run make again."
