#!/usr/bin/env bash
# What the tests in Chromium need, and how they are started. Sourced by tests/run.sh, after
# servers.sh. Nothing is downloaded but Debian's packages and the two of package-lock.json.

browser_place=${CARGO_TARGET_DIR:-target}/browser

# Debian's packages that are missing, for servers_install.
browser_wanted() {
    [ -n "${TONGLUO_CHROMIUM:-}" ] || command -v chromium >/dev/null || echo chromium
    command -v node >/dev/null || echo nodejs
    command -v npm >/dev/null || echo npm
    # Without a Chinese font every picture is little boxes, and every width is wrong.
    [ -n "$(fc-list :lang=zh-cn family 2>/dev/null)" ] || echo fontconfig fonts-wqy-microhei
}

# The packages of the lock file, outside the tree; again when the lock file changes.
browser_packages() {
    local lock=tests/browser/package-lock.json
    cmp -s "$lock" "$browser_place/package-lock.json" \
        && [ -e "$browser_place/node_modules/.package-lock.json" ] && return 0
    mkdir -p "$browser_place" && rm -rf "$browser_place/node_modules" || return 1
    cp tests/browser/package.json "$lock" "$browser_place/" || return 1
    if ! (cd "$browser_place" && npm ci --ignore-scripts --no-audit --no-fund </dev/null >&2); then
        rm -f "$browser_place/package-lock.json"
        return 1
    fi
}

# Builds the program, installs, and runs the tests; the pictures lie in artefacts/browser.
browser_run() {
    cargo build --locked --bin tongluo || return 1
    browser_packages || { say "cannot install the packages of the browser tests"; return 1; }
    [ -n "$(browser_wanted)" ] && { say "missing: $(browser_wanted | tr '\n' ' ')"; return 1; }
    export TONGLUO_PROGRAM=${CARGO_TARGET_DIR:-target}/debug/tongluo
    export TONGLUO_BROWSER_PACKAGES=$browser_place
    TONGLUO_CHROMIUM=${TONGLUO_CHROMIUM:-$(command -v chromium)} \
        exec node --test-reporter=spec tests/browser/main.mjs
}
