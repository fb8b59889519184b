#!/usr/bin/env bash
# cluster.sh: a whole fleet on this machine: Redis, three gateways, haproxy. Ctrl-C stops everything.
#
# By environment: PORT (haproxy, 3030), GATEWAY_PORTS ("3031 3032 3033"), REDIS_PORT (6390), CLUSTER_DIR (Redis' data and
# all logs, build/cluster), MATCHGATE_BIN (build/release/matchgate), ADMIN_TOKEN (made when unset). Any other setting of
# matchgate in the environment reaches all three gateways.
#
# A process that ends is reported and the others go on: kill -9 a gateway and watch.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec </dev/null

port=${PORT:-3030}
read -r -a gateway_ports <<<"${GATEWAY_PORTS:-3031 3032 3033}"
redis_port=${REDIS_PORT:-6390}
dir=${CLUSTER_DIR:-$root/build/cluster}
binary=${MATCHGATE_BIN:-$root/build/release/matchgate}
export ADMIN_TOKEN=${ADMIN_TOKEN:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}

declare -A name_of # pid -> name
order=()           # pids in the order in which to stop them
stopping=0

say() { printf '%s\n' "$*"; }
fail() {
    printf 'cluster: %s\n' "$*" >&2
    exit 1
}

# start NAME COMMAND...: in a session of its own, so that Ctrl-C reaches only this script, which then stops things in order.
start() {
    local name=$1
    shift
    setsid setpriv --pdeathsig TERM -- "$@" >"$dir/$name.log" 2>&1 &
    name_of[$!]=$name
    order=("$!" "${order[@]}")
}

# ask PORT PATH: the status of a GET, empty when nobody answers.
ask() {
    local line=''
    {
        exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3 &&
            read -r -t 2 _ line _ <&3
    } 2>/dev/null || true
    exec 3>&- 2>/dev/null || true
    printf '%s' "$line"
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_until NAME COMMAND...: at most 20 s, and not longer than the last started process lives.
wait_until() {
    local name=$1 tries=0
    shift
    until "$@"; do
        kill -0 "${order[0]}" 2>/dev/null || { tail -n 20 "$dir/$name.log" >&2; fail "$name did not start; see $dir/$name.log."; }
        ((tries++ < 200)) || fail "$name does not answer after 20 s; see $dir/$name.log."
        sleep 0.1
    done
}

ready() { [[ $(ask "$1" /health/ready) == 200 ]]; }

# Gateways first, so that they can say goodbye and take their things out of Redis; then haproxy, then Redis.
stop() {
    ((stopping == 0)) || return 0
    stopping=1
    local kind pid
    for kind in gateway haproxy redis; do
        for pid in $(pids_of "$kind"); do kill -TERM "$pid" 2>/dev/null || true; done
        for pid in $(pids_of "$kind"); do wait "$pid" 2>/dev/null || true; done
    done
}

pids_of() {
    local pid
    for pid in "${order[@]}"; do
        if [[ ${name_of[$pid]:-} == "$1"* ]]; then printf '%s\n' "$pid"; fi
    done
}

main() {
    local n=0 p status pid
    [[ -x $binary ]] || fail "$binary is not there; build it first (./mg cluster does)."
    for p in "$port" "$redis_port" "${gateway_ports[@]}"; do
        ! port_answers "$p" || fail "port $p is taken; see the environment variables at the top of deploy/cluster.sh."
    done
    mkdir -p "$dir"
    ulimit -n "$(ulimit -Hn)"
    trap stop EXIT
    trap 'exit 0' INT TERM

    start redis redis-server "$root/deploy/redis.conf" --port "$redis_port" --dir "$dir"
    wait_until redis port_answers "$redis_port"
    for p in "${gateway_ports[@]}"; do
        ((n += 1))
        start "gateway$n" env PORT="$p" HOST=127.0.0.1 DEMO="${DEMO:-1}" REDIS_URL="redis://127.0.0.1:$redis_port" "$binary"
        export "GATEWAY_$n=127.0.0.1:$p"
    done
    for p in "${gateway_ports[@]}"; do wait_until "gateway$n" ready "$p"; done
    MATCHGATE_LISTEN=${MATCHGATE_LISTEN:-":$port"} start haproxy haproxy -W -db -f "$root/deploy/haproxy.cfg"
    wait_until haproxy ready "$port"

    say "players connect to  ws://localhost:$port/ws   demo page  http://localhost:$port/"
    n=0
    for p in "${gateway_ports[@]}"; do
        ((n += 1))
        say "gateway$n            http://localhost:$p/health/stats"
    done
    say "redis               redis-cli -p $redis_port"
    say "admin token         $ADMIN_TOKEN"
    say "logs                $dir/*.log"
    say "ready; Ctrl-C stops everything"
    while ((${#name_of[@]})); do
        status=0
        wait -n -p pid || status=$?
        [[ -n ${pid:-} ]] || break
        say "${name_of[$pid]} (pid $pid) ended with status $status"
        unset "name_of[$pid]"
    done
}

main "$@"
