#!/usr/bin/env bash
# A private PostgreSQL and a private RabbitMQ for the tests: unprivileged, loopback only, on ports
# and in directories of their own. Sourced by run.sh; run directly it is the control of one server:
#     servers.sh postgres|rabbit DIR start|stop|restart|kill|pause|resume
# It never touches the machine's own services, nor a process it did not start.

# The settings that an installation gets, beside the tests.
deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")/../deploy" 2>/dev/null && pwd)

# ---- what both have in common -------------------------------------------------------------------

say() { printf '%s\n' "$*" >&2; }

# Runs a command in the server's directory, as the unprivileged user when we are root.
as_user() {
    local user=$1
    shift
    cd "$dir" || return 1
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --no-new-privs "$@"
    fi
    exec "$@"
}

# A memory disk with some gigabytes to spare, where there is one.
roomy_place() {
    local free
    free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
    [ -w /dev/shm ] && [ "${free:-0}" -gt 6000000 ] && { echo /dev/shm; return; }
    echo /tmp
}

first_user() {
    local name
    for name in "$@" nobody; do
        id -u "$name" >/dev/null 2>&1 && { echo "$name"; return; }
    done
}

# Below Linux's range for outgoing connections, so that no client socket takes it meanwhile.
free_port() {
    local port
    while :; do
        port=$((10240 + (RANDOM * 32768 + RANDOM) % 22000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

secret() { od -An -N12 -tx1 /dev/urandom | tr -d ' \n'; }

# A zombie answers `kill -0` but is gone.
alive() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

until_gone() {
    local pid tenths
    for pid in "$@"; do
        tenths=0
        while alive "$pid"; do
            tenths=$((tenths + 1))
            [ "$tenths" -gt 300 ] && return 1
            sleep 0.1
        done
    done
}

# Calls a function until it succeeds, at most so many seconds, while the job just launched lives.
until_ready() {
    local ready=$1 launched=$2 end=$((SECONDS + $3))
    until "$ready"; do
        [ "$SECONDS" -ge "$end" ] && return 1
        alive "$launched" || return 1
        sleep 0.1
    done
}

# ---- PostgreSQL ---------------------------------------------------------------------------------

postgres_bin() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -V | tail -1)
    [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && { echo "$bin"; return; }
    bin=$(dirname "$(command -v initdb 2>/dev/null || echo /none/initdb)")
    [ -x "$bin/initdb" ] && [ -x "$bin/postgres" ] && echo "$bin"
}

postgres_pid() { head -1 "$dir/data/postmaster.pid" 2>/dev/null; }

postgres_ready() {
    (as_user "$user" "$bin/pg_isready" -q -h 127.0.0.1 -p "$port") >/dev/null 2>&1
}

# Several tries: after a kill, the dead one's shared memory may be in use for a moment longer.
postgres_start() {
    local try
    for try in 1 2 3 4 5 6; do
        (as_user "$user" setsid "$bin/postgres" -D "$dir/data" </dev/null >>"$dir/log" 2>&1) &
        disown
        until_ready postgres_ready $! 60 && return 0
        say "postgres did not start (try $try): $(tail -n 2 "$dir/log")"
        sleep 0.5
    done
    return 1
}

postgres_stop() {
    local pid
    pid=$(postgres_pid)
    alive "$pid" || return 0
    kill -CONT "$pid" 2>/dev/null
    kill -INT "$pid" 2>/dev/null
    until_gone "$pid"
}

# The backends notice the postmaster's death by themselves. The lock files go too when all are gone:
# the dead process may stay a zombie for long, and PostgreSQL takes a zombie for a living server.
postgres_kill() {
    local pid children
    pid=$(postgres_pid)
    alive "$pid" || return 0
    children=$(ps -o pid= --ppid "$pid")
    kill -KILL "$pid" 2>/dev/null
    # shellcheck disable=SC2086
    until_gone "$pid" $children && rm -f "$dir/data/postmaster.pid" "$dir/socket/".s.*
}

postgres_signal_all() {
    local pid
    pid=$(postgres_pid)
    # shellcheck disable=SC2046
    kill "-$1" "$pid" $(ps -o pid= --ppid "$pid")
}
postgres_pause() { postgres_signal_all STOP; }
postgres_resume() { postgres_signal_all CONT; }

postgres_create() {
    dir=$1
    bin=$(postgres_bin)
    user=$(first_user postgres)
    port=$(free_port)
    password=$(secret)
    mkdir -p "$dir/socket"
    printf '%s\n' "$password" >"$dir/password"
    printf 'user=%q bin=%q port=%q\n' "$user" "$bin" "$port" >"$dir/settings"
    : >"$dir/log"
    [ "$(id -u)" = 0 ] && chown -R "$user" "$dir"
    (as_user "$user" "$bin/initdb" -D "$dir/data" -U tongluo --pwfile="$dir/password" \
        -A scram-sha-256 -E UTF8 --no-locale --no-sync) >>"$dir/log" 2>&1 || return 1
    # The settings that are shipped, so that every test is one of them too; then what is a test's.
    cp "$deploy/postgresql.conf" "$dir/data/shipped.conf" && chmod a+r "$dir/data/shipped.conf"
    cat >>"$dir/data/postgresql.conf" <<-CONF
	include 'shipped.conf'
	listen_addresses = '127.0.0.1'
	port = $port
	unix_socket_directories = '$dir/socket'
	max_connections = 200
	shared_buffers = 512MB
	max_wal_size = 4GB
	log_min_duration_statement = -1
	CONF
    postgres_start || return 1
    TEST_PG_URL="postgres://tongluo:$password@127.0.0.1:$port/postgres"
}

# ---- RabbitMQ -----------------------------------------------------------------------------------

# Not Debian's wrapper in /usr/sbin, which insists on becoming the user `rabbitmq` by itself.
rabbit_bin() {
    local bin
    for bin in /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/*/sbin; do
        [ -x "$bin/rabbitmq-server" ] && { echo "$bin"; return; }
    done
    bin=$(command -v rabbitmq-server) && dirname "$(readlink -f "$bin")"
}

# Replaces the (sub)shell, so that the process id of the job is the server's own.
rabbit_as() {
    local become=()
    cd "$dir" || return 1
    if [ "$(id -u)" = 0 ]; then
        become=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups --no-new-privs)
    fi
    exec env -i PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH" HOME="$dir" LANG=C.UTF-8 \
        ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port" \
        RABBITMQ_NODENAME="$node@localhost" RABBITMQ_DIST_PORT="$dist_port" \
        RABBITMQ_CONF_ENV_FILE="$dir/env.conf" RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$dir/advanced.config" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" \
        RABBITMQ_MNESIA_BASE="$dir/mnesia" RABBITMQ_LOG_BASE="$dir/logs" \
        RABBITMQ_GENERATED_CONFIG_DIR="$dir/generated" RABBITMQ_PID_FILE="$dir/pid" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} \
            +sbwt none +sbwtdcpu none +sbwtdio none" \
        "${become[@]}" "$@"
}

rabbit_pid() { cat "$dir/pid" 2>/dev/null; }

# The listener opens last of all; it is ready when it answers the protocol header with a frame.
rabbit_ready() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
        printf 'AMQP\x00\x00\x09\x01' >&3
        IFS= read -r -t 3 -N 1 answer <&3 && [ "$answer" = $'\x01' ]
    ) 2>/dev/null
}

rabbit_start() {
    rm -f "$dir/pid"
    if ! alive "$(cat "$dir/epmd.pid" 2>/dev/null)"; then
        (rabbit_as setsid epmd -port "$epmd_port" </dev/null >>"$dir/log" 2>&1) &
        echo $! >"$dir/epmd.pid"
        disown
        sleep 0.2
    fi
    (rabbit_as setsid "$bin/rabbitmq-server" </dev/null >>"$dir/log" 2>&1) &
    disown
    until_ready rabbit_ready $! 90
}

rabbit_end() {
    local pid
    pid=$(rabbit_pid)
    alive "$pid" || return 0
    kill -CONT "$pid" 2>/dev/null
    kill "-$1" "$pid" 2>/dev/null
    until_gone "$pid"
}
rabbit_stop() { rabbit_end TERM; }
rabbit_kill() { rabbit_end KILL; }
rabbit_pause() { kill -STOP "$(rabbit_pid)"; }
rabbit_resume() { kill -CONT "$(rabbit_pid)"; }

rabbit_create() {
    dir=$1
    bin=$(rabbit_bin)
    user=$(first_user rabbitmq)
    port=$(free_port)
    dist_port=$(free_port)
    epmd_port=$(free_port)
    node=tongluo_$port
    password=$(secret)
    mkdir -p "$dir/mnesia" "$dir/logs" "$dir/generated"
    printf 'user=%q bin=%q port=%q dist_port=%q epmd_port=%q node=%q\n' \
        "$user" "$bin" "$port" "$dist_port" "$epmd_port" "$node" >"$dir/settings"
    : >"$dir/log" >"$dir/env.conf"
    echo '[].' | tee "$dir/advanced.config" >"$dir/enabled_plugins"
    cp "$deploy/rabbitmq.conf" "$dir/rabbitmq.conf"
    cat >>"$dir/rabbitmq.conf" <<-CONF
	listeners.tcp.1 = 127.0.0.1:$port
	default_user = tongluo
	default_pass = $password
	disk_free_limit.absolute = 64MB
	log.file.level = warning
	CONF
    [ "$(id -u)" = 0 ] && chown -R "$user" "$dir"
    rabbit_start || return 1
    TEST_AMQP_URL="amqp://tongluo:$password@127.0.0.1:$port/%2f"
}

# ---- both, for run.sh ---------------------------------------------------------------------------

systemd_wanted() { command -v systemd-analyze >/dev/null || echo systemd; }

# Installs what is missing, and what is named, by apt, which must not start Debian's own servers.
servers_install() {
    local wanted=("$@") sudo=() policy=/usr/sbin/policy-rc.d kept='' failed=0
    [ -z "${TEST_PG_URL:-}" ] && [ -z "$(postgres_bin)" ] && wanted+=(postgresql)
    [ -z "${TEST_AMQP_URL:-}" ] && [ -z "$(rabbit_bin)" ] && wanted+=(rabbitmq-server)
    command -v cc >/dev/null || wanted+=(build-essential)
    [ ${#wanted[@]} = 0 ] && return 0
    [ "$(id -u)" = 0 ] || sudo=(sudo -n)
    say "installing ${wanted[*]}"
    if [ -e "$policy" ] || [ -L "$policy" ]; then
        kept=$policy.tongluo.$$
        "${sudo[@]}" mv "$policy" "$kept" || return 1
    fi
    # From here to the restoring nothing may end this shell.
    trap : INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod 755 "$policy"
    # A foreign source that does not answer is no reason to stop: the install decides.
    "${sudo[@]}" apt-get update -qq </dev/null >&2 || say "apt-get update: not all sources answered"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
        "${wanted[@]}" </dev/null >&2 || failed=1
    "${sudo[@]}" rm -f "$policy"
    [ -n "$kept" ] && "${sudo[@]}" mv "$kept" "$policy"
    trap - INT TERM HUP
    return $failed
}

# A port may be taken between the choosing and the binding: so three tries, on other ports.
servers_create() {
    local kind=$1 try
    for try in 1 2 3; do
        "${kind}_create" "$servers_dir/$kind.$try" && break
        say "$kind did not start (try $try):"
        tail -n 20 "$servers_dir/$kind.$try/log" >&2
        "${kind}_kill"
        [ "$try" = 3 ] && return 1
    done
    printf '#!/bin/sh\nexec bash %q %s %q "$@"\n' \
        "$servers_dir/servers.sh" "$kind" "$dir" >"$servers_dir/$kind.ctl"
    chmod 755 "$servers_dir/$kind.ctl"
}

# Sets and exports TEST_PG_URL, TEST_PG_CTL, TEST_AMQP_URL, TEST_RABBIT_CTL.
servers_start() {
    # Not in TMPDIR: the unprivileged user must be able to reach it.
    servers_dir=$(mktemp -d -p "$(roomy_place)") || return 1
    chmod 711 "$servers_dir"
    # A copy: whoever edits the script does not pull it from under running servers.
    cp "${BASH_SOURCE[0]}" "$servers_dir/servers.sh"
    if [ -z "${TEST_PG_URL:-}" ]; then
        servers_create postgres || return 1
        TEST_PG_CTL=$servers_dir/postgres.ctl
    fi
    if [ -z "${TEST_AMQP_URL:-}" ]; then
        servers_create rabbit || return 1
        TEST_RABBIT_CTL=$servers_dir/rabbit.ctl
    fi
    export TEST_PG_URL TEST_AMQP_URL TEST_PG_CTL TEST_RABBIT_CTL REQUIRE_SERVERS=1
}

servers_end() {
    [ -n "${servers_dir:-}" ] || return 0
    local dir user bin port dist_port epmd_port node kind epmd
    for dir in "$servers_dir"/*/; do
        dir=${dir%/}
        [ -e "$dir/settings" ] || continue
        # shellcheck disable=SC1091
        . "$dir/settings"
        kind=$(basename "$dir")
        kind=${kind%.*}
        "${kind}_stop" || "${kind}_kill"
        epmd=$(cat "$dir/epmd.pid" 2>/dev/null)
        alive "$epmd" && kill "$epmd" && until_gone "$epmd"
    done
    rm -rf "$servers_dir"
    servers_dir=
} 2>/dev/null

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    kind=$1 dir=$2 act=$3
    case "$kind/$act" in
        postgres/* | rabbit/*) ;;
        *) say "usage: servers.sh postgres|rabbit DIR ACT"; exit 2 ;;
    esac
    # shellcheck disable=SC1091
    . "$dir/settings" || exit 2
    case $act in
        start | stop | kill | pause | resume) "${kind}_$act" ;;
        restart) "${kind}_stop" && "${kind}_start" ;;
        *) say "no such act: $act"; exit 2 ;;
    esac
fi
