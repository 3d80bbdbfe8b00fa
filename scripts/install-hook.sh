#!/usr/bin/env bash
# Makes git run scripts/pre-commit.sh before each commit of this clone. A hook of your own is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

hook=$(git rev-parse --git-path hooks)/pre-commit
line='exec scripts/pre-commit.sh'
if [ -e "$hook" ]; then
    grep -qxF "$line" "$hook" || fail "$hook exists and is not ours: add the line '$line' to it yourself."
    say "$hook is in place already"
else
    mkdir -p "$(dirname "$hook")"
    printf '#!/bin/sh\n%s\n' "$line" >"$hook"
    chmod +x "$hook"
    say "git now runs scripts/pre-commit.sh before each commit; remove $hook to undo that"
fi
