#!/usr/bin/env bash
# Make everything ready, then run a command in it:
#
#     ./bootstrap.sh invoke release
#
# Ready means: a virtual environment from the hash-locked requirements, and a Docker engine with
# buildx and Compose. When all of that is there already, it costs a fraction of a second. On Debian
# as root it installs and starts what is missing, and says so; elsewhere it tells what to do and
# exits 7. All it says goes to standard error: standard output belongs to the command.
#
#     ./bootstrap.sh --browser pytest
#
# also installs the browser in which the tests look at Ray's dashboard, which nothing else needs.
set -euo pipefail

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$root/.venv
stamp=$venv/.ready
name=ray-image-factory

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
    say "$1"
    shift
    for line in "$@"; do printf '  → %s\n' "$line" >&2; done
    exit 7
}

has() { command -v "$1" >/dev/null 2>&1; }

os_release() { sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}$/\1/p" /etc/os-release 2>/dev/null || true; }

debian_root() { [[ $(os_release ID) == debian && $(id -u) == 0 ]]; }

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=600 \
        "$@" >&2 ||
        die "apt-get $1 failed" "mend what it says above (the network, the sources under /etc/apt," \
            "the room on the disk), then run this again"
}

# Without what the user's shell sets for another Python.
pure() { env -u PYTHONPATH -u PYTHONHOME "$@"; }

# ------------------------------------------------------------------ locks

# One bootstrap at a time: of this checkout ($root/.factory), of this machine's engine (/run).
# Not in /run/lock, where anybody may put a symbolic link; and nothing is ever truncated.
# The lock ends with this process: nothing that outlives it may inherit descriptor 9.
locked() {
    local file=$1
    shift
    mkdir -p "$(dirname "$file")"
    (
        if has flock && ! flock -n 9; then
            say "waiting for another bootstrap"
            flock 9
        fi
        "$@"
    ) 9>>"$file"
}

# ------------------------------------------------------- the environment

# Scripts in a virtual environment hold its absolute path, hence $root.
fingerprint() {
    printf '%s\n' "$root"
    cat "$root/requirements.lock" "$root/pyproject.toml" | { sha256sum 2>/dev/null || shasum -a 256; }
}

python_ready() {
    [[ -x $venv/bin/python && -f $stamp ]] && [[ $(<"$stamp") == "$(fingerprint)" ]]
}

# A Python that is new enough and can make virtual environments.
find_python() {
    local candidate
    for candidate in ${FACTORY_PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if pure "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

install_python() {
    debian_root || die "there is no Python 3.11 or newer that can make virtual environments" \
        "install one (on Debian and Ubuntu: sudo apt-get install python3 python3-venv)" \
        "or name one: FACTORY_PYTHON=/path/to/python3 ./bootstrap.sh …"
    say "installing Python from Debian"
    apt update
    local packages=(python3 python3-venv)
    # Where there is a bundle it is left alone: an upgrade makes it anew, without what a site put in.
    [[ -s /etc/ssl/certs/ca-certificates.crt ]] || packages+=(ca-certificates)
    apt install --no-install-recommends "${packages[@]}"
    find_python >/dev/null || die "Debian's Python here is older than 3.11" \
        "use Debian 12 or newer, or name another Python in FACTORY_PYTHON"
}

pip() {
    pure env -u PIP_USER -u PIP_TARGET -u PIP_PREFIX \
        "$venv/bin/python" -m pip -qq --disable-pip-version-check "$@" >&2
}

make_environment() {
    python_ready && return # another bootstrap made it while this one waited
    find_python >/dev/null || locked "$machine_lock" install_python
    # Without its stamp an environment is half made, and what pip left in it cannot be trusted; with
    # that of another place it was copied from there.
    [[ -f $stamp && $(head -n 1 "$stamp") == "$root" ]] || rm -rf "$venv"
    rm -f "$stamp"
    say "installing the locked requirements into .venv (a minute or two, once)"
    [[ -x $venv/bin/python ]] || pure "$(find_python)" -m venv "$venv" >&2 ||
        die "a virtual environment could not be made in $venv"
    pip install --require-hashes --requirement "$root/requirements.lock" ||
        die "pip could not install the locked requirements" \
            "see its words above: it uses the index, mirrors and CA of this machine's pip configuration"
    pip install --no-deps --no-build-isolation --editable "$root" ||
        die "pip could not install the project itself"
    fingerprint >"$stamp"
}

# ------------------------------------------------------------ the engine

# Whether the first "x.y." in $1 is at least $2.$3.
at_least() {
    [[ $1 =~ ([0-9]+)\.([0-9]+)\. ]] &&
        ((BASH_REMATCH[1] > $2 || (BASH_REMATCH[1] == $2 && BASH_REMATCH[2] >= $3)))
}

engine_version() { docker version --format '{{.Server.Version}}' 2>/dev/null; }
engine_answers() { engine_version >/dev/null; }
engine_new() { at_least "$(engine_version)" 25 0; }
buildx_ready() { at_least "$(docker buildx version 2>/dev/null)" 0 13; }
compose_ready() { at_least "$(docker compose version --short 2>/dev/null)" 2 20; }

# All three at once: each is a program of some 50 ms.
engine_ready() {
    has docker || return 1
    local pids=() pid ready=0
    engine_new & pids+=($!)
    buildx_ready & pids+=($!)
    compose_ready & pids+=($!)
    for pid in "${pids[@]}"; do wait "$pid" || ready=1; done
    return $ready
}

# Only the base from Debian packages, the local registry, signing and code from git need these.
extras_ready() {
    ! debian_root || { has mmdebstrap && has docker-registry && has cosign && has git; }
}

machine_ready() { engine_ready && extras_ready; }

missing_packages() {
    if ! engine_answers && ! has dockerd; then printf '%s\n' docker.io; fi
    has docker || printf '%s\n' docker-cli
    buildx_ready || printf '%s\n' docker-buildx
    compose_ready || printf '%s\n' docker-compose
    has docker-registry || printf '%s\n' docker-registry
    has cosign || printf '%s\n' cosign
}

# Debian 12's own Docker has neither buildx nor Compose v2. Debian 13's packages install on it; the
# low pin keeps apt from taking anything from there that is not asked for by name.
add_trixie() {
    local list=/etc/apt/sources.list.d/$name.sources pin=/etc/apt/preferences.d/$name
    local mirror keyring
    # shellcheck disable=SC2016  # $(…) here is apt's own format
    mirror=$(apt-get indextargets --format '$(CREATED_BY) $(CODENAME) $(COMPONENT) $(REPO_URI)' |
        awk '$1 == "Packages" && $2 ~ /^[a-z]+$/ && $3 == "main" { print $4; exit }')
    [[ -n $mirror ]] || die "apt names no mirror of Debian" \
        "add one to /etc/apt/sources.list.d, then run this again"
    keyring=$(keyring_of "${mirror%/}")
    say "adding Debian 13 from $mirror as a source ($list), pinned low"
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 50\n' >"$pin"
    {
        printf 'Types: deb\nURIs: %s\nSuites: trixie\nComponents: main\n' "$mirror"
        [[ -z $keyring ]] || printf 'Signed-By: %s\n' "$keyring"
    } >"$list"
    apt update
}

# The key file that the system's own sources name beside this mirror, in either of apt's formats.
keyring_of() {
    { grep -rlsF "$1" /etc/apt/sources.list /etc/apt/sources.list.d || true; } |
        { xargs -r grep -hoiE '(Signed-By:[[:space:]]*|signed-by=)/[^] ]+' || true; } |
        sed -E 's/^[^\/]*//' | head -n 1
}

install_packages() {
    local packages own=()
    mapfile -t packages < <(missing_packages)
    has mmdebstrap || own+=(mmdebstrap uidmap) # uidmap: for users other than root
    has git || own+=(git)
    local all=("${packages[@]}" "${own[@]}")
    if ((${#all[@]} == 0)); then return; fi
    say "installing ${all[*]} from Debian"
    apt update
    if ((${#packages[@]})); then
        # Debian 12 has no buildx. What it calls itself does not count: its sources do.
        if [[ -e /etc/apt/sources.list.d/$name.sources ]] ||
            ! apt-cache show docker-buildx >/dev/null 2>&1; then
            add_trixie
            packages=("${packages[@]/%//trixie}") # by name: with -t apt would replace libc as well
        fi
        apt install --no-install-recommends "${packages[@]}"
    fi
    ((${#own[@]} == 0)) || apt install --no-install-recommends "${own[@]}" # of the system's own release
}

# Before an engine first starts: the image store that keeps attestations and compressed layers.
choose_store() {
    [[ -e /etc/docker/daemon.json ]] && return
    say "choosing the containerd image store (/etc/docker/daemon.json)"
    mkdir -p /etc/docker
    printf '{"features": {"containerd-snapshotter": true}}\n' >/etc/docker/daemon.json
}

start_engine() {
    local log=/var/log/dockerd.log pid='' second
    if [[ -d /run/systemd/system ]]; then
        say "starting the Docker engine with systemd"
        systemctl enable --now docker >&2 || true
        log=''
    else
        say "starting the Docker engine (its log: $log)"
        setsid dockerd >"$log" 2>&1 </dev/null 9>&- &
        pid=$!
    fi
    for ((second = 0; second < 60; second++)); do
        engine_answers && return
        [[ -z $pid ]] || kill -0 "$pid" 2>/dev/null || break
        sleep 1
    done
    say "the Docker engine did not start; its last words:"
    if [[ -n $log ]]; then tail -n 20 "$log"; else journalctl -u docker -n 20 --no-pager; fi >&2 || true
    die "no Docker engine" "mend what its log says, then run this again"
}

explain_engine() {
    local todo=() said
    if ! has docker; then
        todo+=("install Docker Engine 25 or newer: https://docs.docker.com/engine/install/")
    elif ! engine_answers; then
        said=$(docker version --format '{{.Server.Version}}' 2>&1 >/dev/null | tail -n 1) || true
        todo+=("start the Docker engine, or set DOCKER_HOST to one that you may use: $said")
    fi
    if has docker; then
        ! engine_answers || engine_new ||
            todo+=("update the Docker engine: $(engine_version) is older than 25")
        buildx_ready || todo+=("install buildx 0.13 or newer (docker-buildx-plugin)")
        compose_ready || todo+=("install Compose v2 (docker-compose-plugin)")
    fi
    die "this machine is not ready, and only on Debian as root can I mend it" \
        ${todo[@]+"${todo[@]}"}
}

make_machine() {
    machine_ready && return # another bootstrap made it while this one waited
    debian_root || explain_engine
    [[ -z ${DOCKER_HOST:-} ]] || engine_answers ||
        die "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST" "start it, or unset DOCKER_HOST"
    engine_answers || choose_store
    install_packages
    engine_answers || start_engine
    engine_ready || explain_engine
}

# ----------------------------------------------------------- the browser

browser_ready() { has chromium && has chromedriver; }

install_browser() {
    browser_ready && return
    debian_root || die "there is no browser for the tests, and only on Debian as root can I install it" \
        "install chromium and chromedriver, or leave out --browser: that one test is skipped then"
    say "installing chromium and chromium-driver from Debian"
    apt update
    apt install --no-install-recommends chromium chromium-driver
}

# ------------------------------------------------------------------ main

browser=''
if [[ ${1:-} == --browser ]]; then
    browser=1
    shift
fi

machine_lock=$root/.factory/machine.lock
if [[ $(id -u) == 0 && -w /run ]]; then machine_lock=/run/$name.lock; fi
prepared=''

machine_ready & machine=$!
python_ready || {
    locked "$root/.factory/bootstrap.lock" make_environment
    prepared=1
}
wait "$machine" || {
    locked "$machine_lock" make_machine
    prepared=1
}
[[ -z $browser ]] || browser_ready || {
    locked "$machine_lock" install_browser
    prepared=1
}
[[ -z $prepared ]] || say "ready; for a shell: source .venv/bin/activate"

(($#)) || exit 0
export VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH
exec "$@"
