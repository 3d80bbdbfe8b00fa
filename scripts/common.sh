# Sourced by the set-up scripts: how they speak, and how they become root. Written for bash 3.2, which macOS has.

say() { printf 'setup: %s\n' "$*"; }

fail() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

# Prints what a command must be prefixed with to run as root; fails where this user can't become root. sudo may only
# ask for a password where somebody can type one.
root_prefix() {
    if [ "$(id -u)" = 0 ]; then
        echo env
    elif command -v sudo >/dev/null && [ -t 0 ]; then
        echo sudo
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        echo sudo -n
    else
        return 1
    fi
}

# Installs Debian or Ubuntu packages, reading the package lists only where the first try shows that they are missing
# or old.
apt_install() {
    local root install
    if ! root=$(root_prefix); then
        say "installing packages needs root, and sudo is not to be had without a password"
        return 1
    fi
    install="$root DEBIAN_FRONTEND=noninteractive apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends"
    say "running: $install $*"
    if ! $install "$@" 2>/dev/null; then
        say "running: $root apt-get update, then the same again"
        $root apt-get update -qq
        $install "$@"
    fi
}
