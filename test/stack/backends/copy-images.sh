#!/usr/bin/env bash
# Copies the programs of Loki, Tempo and Grafana out of the images that docker-compose.yml pins, if a Docker engine answers,
# for the stack tests to run. One that its variable names or that is on the PATH is not copied. Called by install.sh; if
# no engine answers it does nothing, and the tests that need one of the programs say so.
#
# The programs are static, so they run outside of their images as well; each is tried before it is made visible as
#   ${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/stepspan}/backends/image-<name>-<tag>/bin/<name>
set -euo pipefail

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../.." && pwd)
cache=${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/stepspan}/backends
say() { printf 'backends: %s\n' "$*" >&2; }

# copy NAME VARIABLE FOLDER: FOLDER is what the image has of the program; its bin/NAME, or NAME itself, is the program.
copy() {
  local name=$1 variable=$2 inside=$3 image folder building container
  [[ -n ${!variable:-} ]] && return
  command -v "$name" >/dev/null && return
  image=$(sed -n "s#^    image: \(grafana/$name:.*\)#\1#p" "$root/docker-compose.yml")
  folder=$cache/image-$name-${image##*:}
  [[ -d $folder ]] && return
  say "$name: copying it out of $image."
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/.building.XXXXXX")
  container=$(docker create "$image") || { rm -rf "$building"; return; }
  if [[ $inside == */ ]]; then
    docker cp --quiet "$container:$inside." "$building/" || true
  else
    mkdir "$building/bin" && docker cp --quiet "$container:$inside" "$building/bin/$name" || true
  fi
  docker rm --force "$container" >/dev/null
  if "$building/bin/$name" --version >/dev/null 2>&1; then
    chmod 755 "$building"
    mv -- "$building" "$folder"
  else
    say "$name: the program of $image does not run outside of it; name one in $variable."
    rm -rf "$building"
  fi
}

if ! command -v docker >/dev/null || ! timeout 20 docker info >/dev/null 2>&1; then
  say 'no Docker engine answers, so Loki, Tempo and Grafana come from STEPSPAN_LOKI, STEPSPAN_TEMPO, STEPSPAN_GRAFANA or the PATH.'
  exit 0
fi
copy loki STEPSPAN_LOKI /usr/bin/loki
copy tempo STEPSPAN_TEMPO /tempo
copy grafana STEPSPAN_GRAFANA /usr/share/grafana/
