#!/usr/bin/env bash
# What Prometheus and Alertmanager themselves say of the generated files. It fails when there are none to look at.
set -euo pipefail
cd "$(dirname "$0")/.."

rules=() tests=()
while IFS= read -r file; do rules+=("$file"); done < <(find rules -name '*.rules.yml' | sort)
while IFS= read -r file; do tests+=("$file"); done < <(find rules -name '*.test.yml' | sort)
if [ "${#rules[@]}" = 0 ] || [ "${#tests[@]}" = 0 ]; then
    echo "test: rules/ holds no rules or no tests: run make rules" >&2
    exit 1
fi

# Says nothing unless it fails: what the tools print for every file that is good would bury the rest.
quietly() {
    local said
    said=$("$@" 2>&1) || {
        printf '%s\n' "$said" >&2
        exit 1
    }
}

quietly promtool check rules --lint=none "${rules[@]}"
quietly promtool test rules "${tests[@]}"
quietly amtool check-config rules/alertmanager.yml
echo "test: promtool passes ${#rules[@]} rule files and ${#tests[@]} test files, amtool passes alertmanager.yml"
