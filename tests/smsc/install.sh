#!/usr/bin/env bash
# The package of a message centre written by others, for one story of tests/it. Sourced by
# tests/run.sh. Without node and npm the story says that it is skipped.

smsc_place=${CARGO_TARGET_DIR:-target}/smsc

# The packages of the lock file, outside the tree; again when the lock file changes.
smsc_packages() {
    local lock=tests/smsc/package-lock.json
    command -v npm >/dev/null || return 0
    if ! cmp -s "$lock" "$smsc_place/package-lock.json"; then
        rm -rf "$smsc_place" && mkdir -p "$smsc_place" || return 1
        cp tests/smsc/package.json "$lock" "$smsc_place/" || return 1
        if ! (cd "$smsc_place" && npm ci --ignore-scripts --no-audit --no-fund </dev/null >&2); then
            rm -f "$smsc_place/package-lock.json"
            return 1
        fi
    fi
    TONGLUO_SMSC_PACKAGES=$(realpath "$smsc_place") && export TONGLUO_SMSC_PACKAGES
}
