#!/usr/bin/env bash
# Sees to promtool and amtool: takes those on PATH, or fetches them into .tools/bin. Further programs can be named as
# arguments: prometheus and alertmanager, which only the slow tests run.
#
# On Debian and Ubuntu the programs are taken out of the distribution's packages rather than installed with them: the
# packages would start a Prometheus and an Alertmanager on this machine, and would need root.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

wanted="promtool amtool $*"
tools=$PWD/.tools/bin
PATH=$tools:$PATH

# The oldest that the rules and their tests are made for: Debian 12's.
minimum_of() {
    case $1 in
    promtool | prometheus) echo 2.42 ;;
    amtool | alertmanager) echo 0.25 ;;
    esac
}

# Prints the name under which a tool is on PATH: Debian calls alertmanager prometheus-alertmanager.
command_of() {
    if [ "$1" = alertmanager ] && ! command -v alertmanager >/dev/null; then
        echo prometheus-alertmanager
    else
        echo "$1"
    fi
}

# Prints a tool's version, such as 2.42.0, or nothing when it isn't there or doesn't start.
version_of() {
    "$(command_of "$1")" --version 2>&1 | sed -n "s/^$1, version \([0-9][0-9.]*\).*/\1/p" || true
}

recent_enough() {
    local have=$1 want=$2
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$want" "$have" | sort -t . -k 1,1n -k 2,2n | head -n 1)" = "$want" ]
}

# Prints the names of the tools that are missing or too old.
lacking() {
    local tool
    for tool in $wanted; do
        recent_enough "$(version_of $tool)" "$(minimum_of $tool)" || echo $tool
    done
}

advice() {
    fail "$1" \
        "promtool $(minimum_of promtool) or newer comes with Prometheus, amtool $(minimum_of amtool) or newer with Alertmanager." \
        "Put both on PATH or into $tools, then run make again."
}

scratch=
cleanup() { if [ -n "$scratch" ]; then rm -rf "$scratch"; fi; }
trap cleanup EXIT

# Downloads a package into the current folder. Its first try uses the machine's own package lists; where there are
# none, or they are old, lists are read into the scratch folder, which needs no root and leaves the machine as it is.
download() {
    apt-get -q "${apt_options[@]}" download "$1" >"$scratch/log" 2>&1 && return
    if [ ! -d "$scratch/lists" ]; then
        say "reading package lists"
        mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
        apt_options+=(-o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache"
            -o APT::Update::Post-Invoke-Success= -o APT::Update::Post-Invoke=)
        apt-get -q "${apt_options[@]}" update >"$scratch/log" 2>&1 || true
    fi
    apt-get -q "${apt_options[@]}" download "$1" >"$scratch/log" 2>&1
}

# Debian's alertmanager reads its notification templates from a fixed path when it starts. Only root can put them there;
# these two files are all that lands outside this checkout, and the package itself would write the same.
templates_from() {
    local folder=/usr/share/prometheus/alertmanager root name
    if [ -e $folder/default.tmpl ] && [ -e $folder/email.tmpl ]; then return; fi
    if ! root=$(root_prefix); then
        say "alertmanager needs its templates in $folder; install the package prometheus-alertmanager as root" >&2
        return 1
    fi
    say "putting alertmanager's templates into $folder, where it looks for them"
    dpkg-deb --fsys-tarfile "$1" | tar -x -C "$scratch" ".$folder"
    for name in default email; do
        $root install -D -m 644 "$scratch$folder/$name.tmpl" $folder/$name.tmpl
    done
}

from_debian() {
    local tool package file
    scratch=$(mktemp -d)
    apt_options=(-o Debug::NoLocking=true)
    # As root, apt would drop to a user that can't write to the scratch folder, and warn.
    if [ "$(id -u)" = 0 ]; then apt_options+=(-o APT::Sandbox::User=root); fi
    mkdir -p "$tools"
    for tool in $missing; do
        file=$tool
        case $tool in
        promtool | prometheus) package=prometheus ;;
        amtool) package=prometheus-alertmanager ;;
        alertmanager) package=prometheus-alertmanager file=prometheus-alertmanager ;;
        esac
        say "taking $tool out of this distribution's package $package, into .tools/bin; no service is installed"
        # No subshell: what download learns about package lists must hold for the next tool.
        cd "$scratch"
        if ! download "$package"; then
            cat "$scratch/log" >&2
            return 1
        fi
        cd "$OLDPWD"
        dpkg-deb --fsys-tarfile "$scratch/$package"_*.deb | tar -x -C "$scratch" "./usr/bin/$file" || return 1
        if [ $tool = alertmanager ]; then templates_from "$scratch/$package"_*.deb || return 1; fi
        mv -f "$scratch/usr/bin/$file" "$tools/$tool"
    done
}

missing=$(lacking)
if [ -n "$missing" ]; then
    if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
        from_debian || advice "$(echo $missing) could not be fetched; what apt-get said stands above."
    elif command -v brew >/dev/null; then
        for tool in $missing; do
            case $tool in
            promtool | prometheus) formula=prometheus ;;
            amtool | alertmanager) formula=alertmanager ;;
            esac
            say "running: brew install $formula"
            brew install -q "$formula" || advice "brew could not install $formula."
        done
    else
        advice "$(echo $missing) is missing or too old, and there is neither apt-get nor brew here."
    fi
    missing=$(lacking)
    if [ -n "$missing" ]; then
        advice "After all that, $(echo $missing) is still missing or too old: promtool $(version_of promtool), amtool $(version_of amtool)."
    fi
fi

for tool in $wanted; do
    say "$tool $(version_of $tool) ($(command -v "$(command_of $tool)"))"
done
