#!/usr/bin/env bash
# Makes the real programs of the stack tests available outside the repo: the OpenTelemetry Collector, Prometheus and
# Alertmanager, with their tools, are built from Go modules; what is small comes from the distribution's packages. Loki, Tempo
# and Grafana are not built: copy-images.sh says where they come from. Each program lands in
#   ${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/stepspan}/backends/<name>-<version>-<hash of its inputs>/bin
# and backends.json beside them names every program; test/stack/support/backends.ts reads it. Run it as often as you
# like, also twice at once: what was built is kept, and an interrupted build leaves nothing. It starts no service.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../../.." && pwd)
collector_manifest=$root/stack/collector-builder.yaml
cache=${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/stepspan}/backends
began=$SECONDS

say() { printf 'backends: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
need() { command -v "$1" >/dev/null || fail "$1 is needed to $2, and is not on the PATH."; }

# The kernel releases this lock when the script dies, so a killed install never blocks the next one.
need flock 'run one install at a time (Debian package util-linux)'
need sha256sum 'name the cache folders (Debian package coreutils)'
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock --nonblock 9 || {
  say "another install is at work in $cache, waiting for it."
  flock 9
}
# Under the lock every such folder is what a killed install left behind.
rm -rf "$cache"/.building.*

# Prints the first 12 hex digits over the recipe's own text, the machine's kind and the files it is made from: a change
# in any of them makes a new folder, and the old one stays usable for a checkout of an older commit.
inputs_hash() {
  local recipe=$1
  shift
  { declare -f "$recipe" && uname -sm && cat -- /dev/null "$@"; } | sha256sum | cut -c1-12
}

# provide NAME VERSION RECIPE INPUT...: sets $provided to the folder of NAME's programs, running RECIPE where they are
# missing. RECIPE gets an empty folder to put programs into and one for scratch; the rename at the end makes them visible.
provide() {
  local name=$1 version=$2 recipe=$3 start=$SECONDS folder building status
  shift 3
  folder=$cache/$name-$version-$(inputs_hash "$recipe" "$@")
  provided=$folder/bin
  if [[ -d $folder ]]; then
    say "$name $version: there already."
    return
  fi
  say "$name $version: missing; $("${recipe}_tells")"
  building=$(mktemp -d "$cache/.building.XXXXXX")
  mkdir "$building/bin" "$building/scratch"
  # The lock is not for the recipe's children: a compiler that outlives a killed script must not hold it. The recipe is
  # not called in a condition, because bash ignores `set -e` there.
  set +e
  (
    set -e
    "$recipe" "$building/bin" "$building/scratch" "$version"
  ) 9>&- >"$building/log" 2>&1 </dev/null
  status=$?
  set -e
  if ((status != 0)); then
    tail -n 40 -- "$building/log" >&2
    fail "$name $version failed after $((SECONDS - start)) s; above are the last lines of what it printed."
  fi
  rm -rf "$building/scratch"
  chmod 755 "$building"
  mv -- "$building" "$folder"
  say "$name $version: done in $((SECONDS - start)) s."
}

collector_tells() { echo 'building it with the OpenTelemetry Collector builder (about 2 minutes on 2 cores).'; }
collector() {
  local bin=$1 scratch=$2 version=$3
  need go 'build the Collector'
  GOBIN=$scratch nice -n 10 go install "go.opentelemetry.io/collector/cmd/builder@v$version"
  sed "/^dist:/a\\  output_path: $scratch/out" "$collector_manifest" >"$scratch/manifest.yaml"
  CGO_ENABLED=0 nice -n 10 "$scratch/builder" --config "$scratch/manifest.yaml" --ldflags='-s -w'
  mv -- "$scratch/out/otelcol" "$bin/"
}

# unpack_module MODULE VERSION FOLDER: the source of a release as the Go module proxy has it, to be built as its own main
# module, so with exactly the dependencies that it names. It is not in a recipe's hash, because the version is.
unpack_module() {
  go mod download "$1@$2"
  cp -R -- "$(go list -m -f '{{.Dir}}' "$1@$2")" "$3"
  chmod -R u+w -- "$3"
}

prometheus_tells() { echo 'building it from its Go module (about 3 minutes on 2 cores).'; }
# Without the discovery of targets in clouds, which takes half of the time; the targets of stack/ are written down. The
# module has no web pages, and nothing here looks at them.
prometheus() {
  local bin=$1 scratch=$2 version=$3 major minor patch
  need go 'build Prometheus'
  # Release 3.14.0 is module version 0.314.0.
  IFS=. read -r major minor patch <<<"$version"
  unpack_module github.com/prometheus/prometheus "v0.$((major * 100 + minor)).$patch" "$scratch/source"
  cd -- "$scratch/source"
  # Its workspace names folders that the module does not have.
  GOWORK=off CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -trimpath -tags=remove_all_sd -o "$bin/" \
    -ldflags="-s -w -X github.com/prometheus/common/version.Version=$version" ./cmd/prometheus ./cmd/promtool
}

alertmanager_tells() { echo 'building it from its Go module (about a minute on 2 cores).'; }
alertmanager() {
  local bin=$1 scratch=$2 version=$3
  need go 'build Alertmanager'
  unpack_module github.com/prometheus/alertmanager "v$version" "$scratch/source"
  cd -- "$scratch/source"
  # It embeds its web pages, which the module does not have; an empty one takes their place.
  mkdir -p ui/app/dist
  : >ui/app/dist/index.html
  CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -trimpath -o "$bin/" \
    -ldflags="-s -w -X github.com/prometheus/common/version.Version=$version" ./cmd/alertmanager ./cmd/amtool
}

versitygw_tells() { echo 'building it from its Go module (about a minute on 2 cores).'; }
# An S3 server over a folder, for archives.
versitygw() {
  local bin=$1 scratch=$2 version=$3
  need go 'build the S3 server'
  unpack_module github.com/versity/versitygw "v$version" "$scratch/source"
  cd -- "$scratch/source"
  GOWORK=off CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -trimpath -o "$bin/" -ldflags='-s -w' ./cmd/versitygw
}

compose_tells() { echo 'building the loader of compose files (seconds).'; }
# It reads a compose file as docker compose does, and prints it with everything filled in. It needs no docker.
compose() {
  local bin=$1 scratch=$2 version=$3
  need go 'build the loader of compose files'
  GOBIN=$scratch nice -n 10 go install "github.com/compose-spec/compose-go/v2/cmd@v$version"
  mv -- "$scratch/cmd" "$bin/compose-load"
}

image_tools_tells() { echo "unpacking busybox and socat from the distribution's packages (seconds)."; }
# What two images of docker-compose.yml consist of, so that its scripts and health checks run here as they do there.
image_tools() {
  local bin=$1 scratch=$2 package
  need apt-get 'fetch busybox and socat'
  need dpkg-deb 'unpack busybox and socat'
  cd -- "$scratch"
  local -a download=(apt-get download -o APT::Sandbox::User=root busybox-static socat libwrap0)
  if ! "${download[@]}"; then
    apt-get update
    "${download[@]}"
  fi
  for package in ./*.deb; do dpkg-deb --extract "$package" unpacked; done
  mv -- unpacked/bin/busybox "$bin/"
  mv -- unpacked/usr/bin/socat "$bin/socat.program"
  find unpacked -name 'libwrap.so*' -exec mv -t "$bin" -- {} +
  printf '#!/bin/sh\nhere=$(dirname -- "$0")\nLD_LIBRARY_PATH=$here exec "$here/socat.program" "$@"\n' >"$bin/socat"
  chmod 755 "$bin/socat"
}

# The version is read from the file that pins it, so that it is written down once.
collector_version=$(sed -n 's/^  version: //p' "$collector_manifest")
image_version() { sed -n "s#^    image: $1:v##p" "$root/docker-compose.yml"; }
prometheus_version=$(image_version prom/prometheus)
alertmanager_version=$(image_version prom/alertmanager)
# The distribution's release stands for the version of its packages: asking apt for it takes longer than a warm run may.
release=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")

provide prometheus "$prometheus_version" prometheus
prometheus_bin=$provided
provide alertmanager "$alertmanager_version" alertmanager
alertmanager_bin=$provided
provide collector "$collector_version" collector "$collector_manifest"
collector_bin=$provided

provide compose 2.9.0 compose
compose_bin=$provided
provide versitygw 1.8.0 versitygw
versitygw_bin=$provided
provide image-tools "${release:-unknown}" image_tools
image_tools_bin=$provided

cat >"$cache/backends.json.building" <<JSON
{
  "otelcol": "$collector_bin/otelcol",
  "prometheus": "$prometheus_bin/prometheus",
  "promtool": "$prometheus_bin/promtool",
  "alertmanager": "$alertmanager_bin/alertmanager",
  "amtool": "$alertmanager_bin/amtool",
  "composeLoad": "$compose_bin/compose-load",
  "versitygw": "$versitygw_bin/versitygw",
  "busybox": "$image_tools_bin/busybox",
  "socat": "$image_tools_bin/socat"
}
JSON
mv -- "$cache/backends.json.building" "$cache/backends.json"
"$here/copy-images.sh"
say "all there after $((SECONDS - began)) s, named in $cache/backends.json"
cat -- "$cache/backends.json"
