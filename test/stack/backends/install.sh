#!/usr/bin/env bash
# Makes the real programs of the stack tests available outside the repo: the OpenTelemetry Collector, Loki and logcli
# are built from Go modules, Prometheus and Alertmanager are taken out of the distribution's packages. Each lands in
#   ${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-~/.cache}/stepspan}/backends/<name>-<version>-<hash of its inputs>/bin
# and backends.json beside them names every program; test/stack/support/backends.ts reads it. Run it as often as you
# like, also twice at once: what is there is kept, and what was interrupted is not there. It starts no service.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
collector_manifest=$(cd -- "$here/../../../stack" && pwd)/collector-builder.yaml
cache=${STEPSPAN_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/stepspan}/backends
began=$SECONDS

say() { printf 'backends: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
need() { command -v "$1" >/dev/null || fail "$1 is needed to $2, and is not on the PATH."; }

# The kernel lets go of this lock when the script dies, so a killed install never blocks the next one.
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
# in any of them gives a new folder, and the old one stays usable for a checkout of an older commit.
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

loki_tells() { echo 'building it from its Go module (about 10 minutes on 2 cores).'; }
loki() {
  local bin=$1 version=$3
  need go 'build Loki'
  cd -- "$here/loki"
  CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -trimpath -o "$bin/" \
    -ldflags="-s -w -X github.com/grafana/loki/v3/pkg/util/build.Version=$version" \
    github.com/grafana/loki/v3/cmd/loki github.com/grafana/loki/v3/cmd/logcli
}

prometheus_tells() { echo "unpacking them from the distribution's packages (seconds)."; }
# The packages are unpacked and not installed: installing them would start services on a machine that allows it, and
# would need root. The programs are Go programs that need nothing but the C library.
prometheus() {
  local bin=$1 scratch=$2 package
  need apt-get 'fetch Prometheus and Alertmanager'
  need dpkg-deb 'unpack Prometheus and Alertmanager'
  cd -- "$scratch"
  local -a download=(apt-get download -o APT::Sandbox::User=root prometheus prometheus-alertmanager)
  if ! "${download[@]}"; then
    # A fresh machine has no package lists, and one long unused has lists of files that are gone.
    apt-get update
    "${download[@]}"
  fi
  for package in ./*.deb; do dpkg-deb --extract "$package" unpacked; done
  mv -- unpacked/usr/bin/{prometheus,promtool,amtool} "$bin/"
  mv -- unpacked/usr/share/prometheus/alertmanager "$bin/templates"
  mv -- unpacked/usr/bin/prometheus-alertmanager "$bin/templates/alertmanager"

  # Upstream's Alertmanager holds its default templates; the distribution's reads them from a folder that only an
  # installed package makes. The name of that folder is replaced, byte for byte as long, by one for the working folder,
  # and a script starts the program in the folder of the templates: paths that are given to it have to be absolute.
  local packaged=/usr/share/prometheus/alertmanager here=/proc/self/cwd/./././././././././.
  grep -q --binary-files=text -F "$packaged" "$bin/templates/alertmanager"
  LC_ALL=C sed -i "s#$packaged#$here#g" "$bin/templates/alertmanager"
  printf '#!/bin/sh\ncd -- "$(dirname -- "$0")/templates" && exec ./alertmanager "$@"\n' >"$bin/alertmanager"
  chmod 755 "$bin/alertmanager"
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
loki_version=$(sed -n 's/^\tgithub.com\/grafana\/loki\/v3 v\([^ ]*\).*/\1/p' "$here/loki/go.mod")
# The distribution's release stands for the version of its packages: asking apt for it takes longer than a warm run may.
release=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")

provide prometheus "${release:-unknown}" prometheus
prometheus_bin=$provided
provide collector "$collector_version" collector "$collector_manifest"
collector_bin=$provided
provide loki "$loki_version" loki "$here/loki/go.mod" "$here/loki/go.sum"
loki_bin=$provided

provide compose 2.9.0 compose
compose_bin=$provided
provide image-tools "${release:-unknown}" image_tools
image_tools_bin=$provided

cat >"$cache/backends.json.building" <<JSON
{
  "otelcol": "$collector_bin/otelcol",
  "loki": "$loki_bin/loki",
  "logcli": "$loki_bin/logcli",
  "prometheus": "$prometheus_bin/prometheus",
  "promtool": "$prometheus_bin/promtool",
  "alertmanager": "$prometheus_bin/alertmanager",
  "amtool": "$prometheus_bin/amtool",
  "composeLoad": "$compose_bin/compose-load",
  "busybox": "$image_tools_bin/busybox",
  "socat": "$image_tools_bin/socat"
}
JSON
mv -- "$cache/backends.json.building" "$cache/backends.json"
say "all there after $((SECONDS - began)) s, named in $cache/backends.json"
cat -- "$cache/backends.json"
