#!/usr/bin/env bash
# What git runs before a commit, once `make hooks` has been run.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)"
# git sets GIT_DIR and others for a hook; the tests' own repositories must not inherit them.
unset $(git rev-parse --local-env-vars)
exec make -s lint rules-check
