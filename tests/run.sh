#!/usr/bin/env bash
# Everything that is checked, in one command; the last lines are the test runner's own summary.
#     tests/run.sh            style, clippy, all tests, over servers of its own
#     tests/run.sh FILTER     only the tests whose name contains FILTER
#     tests/run.sh browser    only the pages in real Chromium; pictures in artefacts/browser
#     tests/run.sh servers    only the servers: prints their exports, waits for end of input or TERM
# TEST_PG_URL and TEST_AMQP_URL, when set, name servers to use instead of private ones.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tests/servers.sh
. tests/servers.sh
# shellcheck source=tests/browser/install.sh
. tests/browser/install.sh
# shellcheck source=tests/smsc/install.sh
. tests/smsc/install.sh
# shellcheck source=tests/wechatpy/install.sh
. tests/wechatpy/install.sh

command -v cargo >/dev/null || PATH="$HOME/.cargo/bin:$PATH"

# Nothing here has to outlive the machine: in memory, nobody waits for a disk.
[ -n "${TMPDIR:-}" ] || export TMPDIR=$(roomy_place)

extra=()
case ${1:-} in
    '') mapfile -t extra < <(browser_wanted | tr ' ' '\n'; systemd_wanted) ;;
    browser) mapfile -t extra < <(browser_wanted | tr ' ' '\n') ;;
esac
servers_install "${extra[@]}" || { say "cannot install what the tests need"; exit 1; }
# Children run in the background and are waited for: a trap of bash does not interrupt a foreground
# command, and the servers must not outlive an interrupted run.
child=
finish() {
    [ -n "$child" ] && kill "$child" 2>/dev/null && wait "$child"
    servers_end
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
[ "${1:-}" = browser ] || servers_start || exit 1

if [ "${1:-}" = servers ]; then
    for name in TEST_PG_URL TEST_PG_CTL TEST_AMQP_URL TEST_RABBIT_CTL REQUIRE_SERVERS; do
        [ -n "${!name:-}" ] && printf 'export %s=%q\n' "$name" "${!name}"
    done
    cat >/dev/null <&0 &
    child=$!
    wait "$child"
    child=
    exit 0
fi

failed=0
step() {
    say "== $*"
    "$@" </dev/null &
    child=$!
    wait "$child" || { failed=1; say "== FAILED: $*"; }
    child=
}

runner=(cargo test --no-fail-fast)
if cargo nextest --version >/dev/null 2>&1; then
    runner=(cargo nextest run --no-fail-fast)
fi

if [ "${1:-}" = browser ]; then
    step browser_run
    exit $failed
fi
wechatpy_packages || { say "cannot install the library of callbacks"; failed=1; }
smsc_packages || { say "cannot install the message centre's package"; failed=1; }
if [ $# -gt 0 ]; then
    step "${runner[@]}" "$@"
    exit $failed
fi

step cargo fmt --check
step cargo clippy --locked --all-targets -- -D warnings
# nextest leaves out the examples in the documentation.
[ "${runner[1]}" = nextest ] && step cargo test --locked --quiet --doc
step browser_run
[ $failed = 1 ] && say "== something above has FAILED already; the tests run all the same"
say "== ${runner[*]}"
"${runner[@]}" --locked </dev/null &
child=$!
wait "$child" || failed=1
child=
exit $failed
