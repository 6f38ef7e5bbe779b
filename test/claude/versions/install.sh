#!/usr/bin/env bash
# Installs versions of Claude Code outside the repo, each once: install.sh VERSION...
# Each lands in
#   ${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/stepspan}/claude-code/<version>/bin/claude
# test/support/claude-versions.ts calls it and reads that folder. You can run it twice at once: an interrupted
# install leaves no version behind, and an installed one is kept. Its scripts are not run, so it starts nothing of what
# it installs.
set -euo pipefail

cache=${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/stepspan}/claude-code
say() { printf 'claude versions: %s\n' "$*" >&2; }
mkdir -p "$cache"

# program FOLDER: the program of an installed package. A JavaScript file up to 2.1.112, then a native one in a package of
# its own, which the launcher of the main package looks for only in an install script.
program() {
  local native
  for native in "$1"/node_modules/@anthropic-ai/claude-code-*/claude; do
    [[ -x $native ]] && echo "$native" && return
  done
  echo "$1/node_modules/.bin/claude"
}

# reason LOG: the line of npm's that says why, and not its error code.
reason() {
  grep 'npm error' "$1" | grep -v -m1 -e 'npm error code' -e 'npm error errno' -e 'npm error syscall' || tail -n 1 "$1"
}

for version in "$@"; do
  [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { say "\"$version\" is not a version; write one such as 2.1.112."; exit 2; }
  [[ -x $cache/$version/bin/claude ]] && continue
  # One install of a version at a time; the kernel releases the lock if this script dies.
  exec 9>"$cache/.lock-$version"
  flock 9
  if [[ ! -x $cache/$version/bin/claude ]]; then
    start=$SECONDS
    rm -rf "$cache/.building-$version"
    mkdir -p "$cache/.building-$version/bin"
    cd -- "$cache/.building-$version"
    npm install --prefix . --no-audit --no-fund --no-save --ignore-scripts --loglevel=error --fetch-retries=1 \
      "@anthropic-ai/claude-code@$version" >install.log 2>&1 9>&- </dev/null ||
      { say "$version could not be installed: $(reason install.log)"; exit 1; }
    ln -s "../$(realpath --no-symlinks --relative-to=. "$(program .)")" bin/claude
    cd -- "$cache"
    rm -rf "$version"
    mv -- ".building-$version" "$version"
    say "$version: installed in $((SECONDS - start)) s."
  fi
  exec 9>&-
done
