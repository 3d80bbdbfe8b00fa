#!/usr/bin/env bash
# Sees to the tools that it is told: setup.sh [rules-gen] [promtool] [amtool]. Each ends up in .tools/bin or is on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

tools=$PWD/.tools/bin
mkdir -p "$tools"
PATH=$tools:$PATH
scratch=
cleanup() { if [ -n "$scratch" ]; then rm -rf "$scratch"; fi; }
trap cleanup EXIT

# rules-gen: the one that is here already if it has the version that requirements.txt names, so that the same
# definitions give the same files on every machine; else .venv with that version.

see_to_rules_gen() {
    local wanted candidate found python
    wanted=$(sed -n 's/^tocsin==\([^ #;]*\).*/\1/p' requirements.txt)
    if [ -z "$TOCSIN" ]; then
        while IFS= read -r candidate; do
            found=$("$candidate" --version 2>/dev/null || true)
            if [ "$found" = "rules-gen $wanted" ]; then
                if [ "$candidate" != "$tools/rules-gen" ]; then ln -sf "$candidate" "$tools/rules-gen"; fi
                say "$found ($candidate)"
                return
            fi
            say "leaving $candidate aside: it is ${found:-broken}, requirements.txt names $wanted"
        done < <(type -aP rules-gen)
    fi
    python=${PYTHON:-python3}
    "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "rules-gen needs Python 3.11 or newer with its venv module; $python isn't that." \
            "On Debian and Ubuntu: apt-get install python3-venv. Or name another one: make PYTHON=python3.12 ..."
    say "installing ${TOCSIN:-tocsin $wanted} into .venv"
    "$python" -m venv --clear .venv
    if [ -n "$TOCSIN" ]; then
        .venv/bin/python -m pip install -q "$TOCSIN"
    else
        .venv/bin/python -m pip install -q -r requirements.txt
    fi || fail "pip could not install it; what it said stands above." \
        "If you have a rules-gen elsewhere, put it on PATH, or name its checkout: make TOCSIN=DIR ..."
    rm -f "$tools/rules-gen"
    ln -s ../../.venv/bin/rules-gen "$tools/rules-gen"
}

# The editors' schema belongs to the version of rules-gen.
refresh_schema() {
    local fresh
    fresh=$("$tools/rules-gen" schema)
    if [ "$fresh" != "$(cat .schema/definitions.schema.json 2>/dev/null)" ]; then
        mkdir -p .schema
        printf '%s\n' "$fresh" >.schema/definitions.schema.json
        say "wrote .schema/definitions.schema.json, as this rules-gen has it: commit it"
    fi
}

# promtool and amtool: those on PATH, else taken out of the distribution's packages, without installing a service.

minimum_of() {
    case $1 in
    promtool) echo 2.42 ;;
    amtool) echo 0.25 ;;
    esac
}

version_of() {
    "$1" --version 2>&1 | sed -n "s/^$1, version \([0-9][0-9.]*\).*/\1/p" || true
}

recent_enough() {
    local have
    have=$(version_of "$1")
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$(minimum_of "$1")" "$have" | sort -t . -k 1,1n -k 2,2n | head -n 1)" = "$(minimum_of "$1")" ]
}

# Where the machine has no package lists, or old ones, they are read into the scratch folder: that needs no root.
download() {
    local options=(-q -o Debug::NoLocking=true)
    if [ "$(id -u)" = 0 ]; then options+=(-o APT::Sandbox::User=root); fi
    apt-get "${options[@]}" download "$1" >log 2>&1 && return
    say "reading package lists"
    mkdir -p lists/partial cache/archives/partial
    options+=(-o "Dir::State::Lists=$PWD/lists" -o "Dir::Cache=$PWD/cache"
        -o APT::Update::Post-Invoke-Success= -o APT::Update::Post-Invoke=)
    apt-get "${options[@]}" update >log 2>&1 || true
    apt-get "${options[@]}" download "$1" >log 2>&1
}

see_to_prometheus_tool() {
    local tool=$1 package=$2 formula=$3
    if recent_enough "$tool"; then return; fi
    if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
        say "taking $tool out of this distribution's package $package, into .tools/bin; no service is installed"
        scratch=$(mktemp -d)
        if (cd "$scratch" && download "$package"); then
            dpkg-deb --fsys-tarfile "$scratch/$package"_*.deb | tar -x -C "$scratch" "./usr/bin/$tool"
            mv -f "$scratch/usr/bin/$tool" "$tools/$tool"
        else
            cat "$scratch/log" >&2
        fi
        cleanup
        scratch=
    elif command -v brew >/dev/null; then
        say "running: brew install $formula"
        brew install -q "$formula" || true
    fi
    recent_enough "$tool" || fail "$tool $(minimum_of "$tool") or newer is needed, it comes with $formula." \
        "Put it on PATH or into .tools/bin, then run make again."
}

for tool in "$@"; do
    case $tool in
    rules-gen)
        TOCSIN=${TOCSIN:-}
        see_to_rules_gen
        refresh_schema
        ;;
    promtool) see_to_prometheus_tool promtool prometheus prometheus ;;
    amtool) see_to_prometheus_tool amtool prometheus-alertmanager alertmanager ;;
    *) fail "unknown tool $tool" ;;
    esac
done
