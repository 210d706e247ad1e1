# Sourced by the commands of this directory: the project's own environment in .venv, from the lock
# file. Needs python3 with venv, and a package index the first time.
#
#   environment COMMAND [WORDS...]   WORDS go to `uv sync`; COMMAND names who speaks in errors

environment() {
  local me=$1 uv tools
  shift
  command -v python3 >/dev/null || die "$me" "python3 (3.11 or later) is needed; install it and run again"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$me" "python3 is $(python3 -V 2>&1 | cut -d' ' -f2); 3.11 or later is needed"
  uv=$(command -v uv || true)
  if [ -z "$uv" ] || ! "$uv" --version >/dev/null 2>&1; then
    tools="${XDG_CACHE_HOME:-$HOME/.cache}/ome/tools"
    uv="$tools/bin/uv"
    if [ ! -x "$uv" ]; then
      python3 -m venv "$tools" ||
        die "$me" "python3 has no venv module; install it (Debian: python3-venv)"
      "$tools/bin/pip" install --quiet --disable-pip-version-check uv ||
        die "$me" "uv could not be installed from the package index; check the network and run again"
    fi
  fi
  export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy
  "$uv" sync --quiet --frozen "$@" ||
    die "$me" "the locked dependencies could not be installed (see above)"
  export PATH="$PWD/.venv/bin:$PATH"
}

die() { printf '%s: %s\n' "$1" "$2" >&2; exit 2; }
