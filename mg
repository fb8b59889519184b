#!/usr/bin/env bash
# mg: the project's commands in one place. `./mg help` lists them.
#
# Each command installs with apt what it needs and does not find, says what it is doing in one line per step, keeps the
# full output of every step under build/logs/, and ends with status 0 or with one sentence about what went wrong.
# Nothing here reads standard input; CI=true only turns the colours off.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec </dev/null

readonly LOGS=build/logs
readonly BUILD_PACKAGES=(build-essential cmake ninja-build pkgconf libwebsockets-dev libwebsockets-evlib-uv
    libhiredis-dev libuv1-dev libcjson-dev libssl-dev liblua5.1-0-dev uthash-dev)
readonly TEST_PACKAGES=(libcmocka-dev redis-server haproxy chromium fonts-dejavu-core curl python3-websockets)
readonly LINT_PACKAGES=(clang clang-format clang-tidy)
readonly NODE_MIN=18

jobs=${MG_JOBS:-$(nproc)}
bold='' plain=''
if [[ -t 1 && -z ${CI:-} ]]; then bold=$'\e[1m' plain=$'\e[0m'; fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
fail() {
    printf 'mg: %s\n' "$*" >&2
    exit 1
}

# step NAME COMMAND...: runs it with its output in build/logs/NAME.log; on failure shows the log's end and gives up.
step() {
    local name=$1 log=$LOGS/$1.log
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        fail "step '$name' failed; its whole output is in $log."
    fi
}

# --- what must be installed ------------------------------------------------------------------------------------------

has_package() { [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null) == ii* ]]; }

install_packages() {
    local missing=() package
    command -v dpkg-query >/dev/null || fail "this helper installs with apt; on another system install by hand: $*"
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || fail "not root, and these packages are missing: apt-get install ${missing[*]}"
    say "installing ${#missing[@]} packages: ${missing[*]}"
    step apt-update apt-get update -q
    without_services step apt-install env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# Debian starts what it installs; a redis-server or haproxy on the standard ports is nothing anybody asked for.
without_services() {
    local policy=/usr/sbin/policy-rc.d
    if [[ -e $policy ]]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    "$@"
    rm -f "$policy"
    trap - EXIT
}

# Any Node >= 18 will do, wherever it comes from; Debian's is taken only when there is none.
install_node() {
    if ! { command -v node && command -v npm; } >/dev/null; then install_packages nodejs npm; fi
    local major
    major=$(node -p 'process.versions.node.split(".")[0]')
    ((major >= NODE_MIN)) || fail "node $major is too old: version $NODE_MIN or newer is needed."
    # npm writes node_modules/.package-lock.json last, so it dates the last complete installation.
    if [[ tests/package-lock.json -nt tests/node_modules/.package-lock.json ]]; then
        say "installing the test clients' node modules"
        step npm-ci npm ci --prefix tests --no-audit --no-fund --loglevel=error
        touch tests/node_modules/.package-lock.json
    fi
}

# --- building --------------------------------------------------------------------------------------------------------

build() { # build PRESET
    local start=$SECONDS
    say "building preset $1 (build/$1)"
    step "configure-$1" cmake --preset "$1"
    step "build-$1" cmake --build "build/$1" -j "$jobs"
    say "built in $((SECONDS - start)) s"
}

# --- commands --------------------------------------------------------------------------------------------------------

cmd_run() {
    install_packages "${BUILD_PACKAGES[@]}"
    build release
    local port=${PORT:-3030} token=${ADMIN_TOKEN:-} tries=0 pid
    ! port_answers "$port" || fail "port $port is taken; choose another one: PORT=3031 ./mg run"
    [[ -n $token ]] || token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    # Standalone: whatever Redis the environment names stays untouched. A session of its own, so that Ctrl-C reaches only
    # this script: a second signal would cut the orderly end short.
    setsid setpriv --pdeathsig TERM -- env REDIS_ENABLED=false DEMO=1 PORT="$port" ADMIN_TOKEN="$token" \
        build/release/matchgate "$@" &
    pid=$!
    trap 'kill -TERM "$pid" 2>/dev/null || true' INT TERM
    until port_answers "$port"; do
        kill -0 "$pid" 2>/dev/null || fail "matchgate did not start; its last line above says why."
        ((tries++ < 100)) || { kill "$pid"; fail "matchgate does not answer on port $port after 10 s."; }
        sleep 0.1
    done
    say "open the demo page in two tabs:  ${bold}http://localhost:$port/${plain}"
    say "admin token (POST /health/cleanup): $token"
    say "in memory, one instance; Ctrl-C stops it"
    # A trapped signal ends the first wait early; the second one waits for the orderly end.
    wait "$pid" || wait "$pid" || fail "matchgate ended with status $?."
}

port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# part NAME COMMAND...: one part of the tests; its output goes to the screen and to build/logs/NAME.log. Counts what the
# part's last line says ("N passed, N failed"); a part without such a line has failed.
part() {
    local name=$1 log=$LOGS/$1.log start=$SECONDS status=0 line passed failed
    shift
    say "$name"
    "$@" 2>&1 | tee "$log" || status=1
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1 || true)
    passed=${line%% *} failed=${line#*, } failed=${failed%% *}
    [[ -n $line ]] || { passed=0 failed=1; }
    ((status == 0 || failed > 0)) || failed=1
    summary+=("$(printf '%-8s %5d passed, %d failed  (%d s)' "$name" "$passed" "$failed" $((SECONDS - start)))")
    ((total_passed += passed, total_failed += failed)) || true
    ((failed == 0)) || failed_parts+=("$log")
}

run_ctest() {
    local status=0 out
    out=$(ctest --test-dir build/dev -j "$jobs" --output-on-failure --no-tests=error 2>&1) || status=1
    if ((status)); then printf '%s\n' "$out"; else printf '%s\n' "$out" | grep -aE '^ *[0-9]+/|tests passed' || true; fi
    awk '/^ *[0-9]+\/[0-9]+ Test/ { if ($0 ~ / Passed /) p++; else f++ } END { printf "%d passed, %d failed\n", p, f }' \
        <<<"$out"
    return $status
}

run_node() { node tests/run.mjs "$@"; }

cmd_test() {
    local parts=${*:-unit e2e chaos browser check} name summary=() failed_parts=() total_passed=0 total_failed=0
    install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
    install_node
    build dev
    for name in $parts; do
        case $name in
        unit) part unit run_ctest ;;
        e2e | chaos | browser) part "$name" run_node "$name" ;;
        check) part check run_node check ;;
        */*) part "$(basename "$name" .test.mjs)" run_node "$name" ;;
        *) fail "unknown part '$name': unit, e2e, chaos, browser, check, or a path such as tests/e2e/match.test.mjs." ;;
        esac
    done
    say "summary"
    printf '%s\n' "${summary[@]}"
    printf '%d passed, %d failed\n' "$total_passed" "$total_failed"
    ((total_failed == 0)) || fail "tests failed; the logs are ${failed_parts[*]}."
}

cmd_bench() {
    install_packages "${BUILD_PACKAGES[@]}" redis-server
    install_node
    build release
    step build-bench cmake --build build/release -j "$jobs" --target bench bench_floor bench_scripts
    node tests/bench/run.mjs "$@"
}

# With asan as the first word the slower binary that sees more.
cmd_chaos() {
    local preset=release
    [[ ${1:-} != asan ]] || { preset=dev; shift; }
    install_packages "${BUILD_PACKAGES[@]}" "${TEST_PACKAGES[@]}"
    install_node
    build "$preset"
    MATCHGATE_BIN=build/$preset/matchgate exec node tests/chaos/campaign.mjs "$@"
}

cmd_cluster() {
    install_packages "${BUILD_PACKAGES[@]}" redis-server haproxy
    build release
    exec deploy/cluster.sh "$@"
}

c_files() { find common proto matchmaking gateway tests -name '*.[ch]' -not -path '*/node_modules/*' | sort; }

cmd_format() {
    install_packages clang-format
    c_files | xargs -P "$jobs" -n 20 clang-format -i
}

cmd_lint() {
    local file untidy=() log=$LOGS/clang-tidy.log found=0
    install_packages "${BUILD_PACKAGES[@]}" libcmocka-dev "${LINT_PACKAGES[@]}"
    install_node
    say "clang-format"
    while read -r file; do
        clang-format --dry-run -Werror "$file" 2>/dev/null || untidy+=("$file")
    done < <(c_files)
    say "clang-tidy"
    step configure-clang cmake --preset clang
    node tests/check/tidy.mjs "$jobs" >"$log" 2>&1 || echo "tidy.mjs: error: it failed" >>"$log"
    grep -aE '(warning|error): ' "$log" | sort -u | sed "s|$PWD/||" || true
    found=$(grep -acE '(warning|error): ' "$log" || true)
    ((found == 0)) || printf '%s clang-tidy findings; the whole output is in %s\n' "$found" "$log"
    ((${#untidy[@]} == 0)) || printf 'not as clang-format wants it (./mg format): %s\n' "${untidy[*]}"
    ((found + ${#untidy[@]} == 0)) || fail "lint: $found findings of clang-tidy, ${#untidy[@]} files for clang-format."
    say "lint: clean"
}

cmd_clang() {
    install_packages "${BUILD_PACKAGES[@]}" libcmocka-dev clang
    build clang
}

cmd_help() {
    cat <<'TEXT'
./mg run [flags]   build and run one instance in memory with the demo page (PORT, default 3030)
./mg test [part…]  build with ASan+UBSan and run every test, or only: unit, e2e, chaos, browser, check, a test file
./mg chaos [asan] [--runs N --seconds S …]  many runs of faults at random, each with its seed, and the sum (tests/chaos/campaign.mjs)
./mg bench [name…] measure: echo, room, pace, storm, pairs, memory, connect, slow, fleet, scripts, … (tests/bench/README.md)
./mg cluster       Redis, three instances and haproxy on this machine (ports by environment, see deploy/cluster.sh)
./mg format        clang-format all C files in place
./mg lint          clang-format and clang-tidy, errors only; what was clean and has not changed is not looked at again
./mg clang         build with the second compiler
TEXT
}

mkdir -p "$LOGS"
command=${1:-help}
shift || true
case $command in
run | test | chaos | bench | cluster | format | lint | clang) "cmd_$command" "$@" ;;
help | -h | --help) cmd_help ;;
*) fail "unknown command '$command'; ./mg help lists them." ;;
esac
