#!/usr/bin/env bash
# A library of WeChat's callbacks written by others, for one test of tests/it. Sourced by
# tests/run.sh. Without python3 and its venv the test says that it is skipped.

wechatpy_place=${CARGO_TARGET_DIR:-target}/wechatpy

# The pinned packages in a place of their own, outside the tree; again when the list changes.
wechatpy_packages() {
    local list=tests/wechatpy/requirements.txt
    command -v python3 >/dev/null || return 0
    if ! cmp -s "$list" "$wechatpy_place/requirements.txt"; then
        rm -rf "$wechatpy_place" && mkdir -p "$wechatpy_place" || return 1
        python3 -m venv "$wechatpy_place/venv" </dev/null >&2 || return 1
        "$wechatpy_place/venv/bin/pip" install --quiet --disable-pip-version-check \
            --only-binary :all: -r "$list" </dev/null >&2 || return 1
        cp "$list" "$wechatpy_place/" || return 1
    fi
    TONGLUO_WECHATPY=$(realpath "$wechatpy_place")/venv/bin/python && export TONGLUO_WECHATPY
}
