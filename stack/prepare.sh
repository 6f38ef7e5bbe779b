#!/bin/sh
# Makes what the services of docker-compose.yml need before they start, in the folders QUEUE, TOOLS, SECRETS and RULES. It
# runs as root in a container of its own, at every `docker compose up`. Existing files stay as they are, except for the rules.
set -eu

# The user of the Collector's image. A new volume belongs to root, and the image has no folder whose owner it could take.
collector_user=10001
# The user of Grafana's image.
grafana_user=472

chown "$collector_user:$collector_user" "$QUEUE"
chmod 700 "$QUEUE"

# Written beside and renamed, because a running health check may be using the old one.
cp /bin/busybox "$TOOLS/busybox.new"
mv "$TOOLS/busybox.new" "$TOOLS/busybox"

# Grafana takes it when it makes its database and never again, so a later change here would only mislead.
password=$SECRETS/grafana-admin-password
if [ ! -s "$password" ]; then
  umask 077
  # 24 bytes are 32 characters, none of which a shell or a URL minds.
  printf '%s' "${GRAFANA_ADMIN_PASSWORD:-$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')}" >"$password.new"
  chown "$grafana_user:0" "$password.new"
  chmod 400 "$password.new"
  mv "$password.new" "$password"
fi

# Loki's ruler reads one folder for a tenant, and `fake` is what one without tenants is called. So the rules that are made
# here and your own are put together. ALERTING is the folder alerting/ of the clone.
tenant=$RULES/fake
mkdir -p "$tenant"
rm -f "$tenant"/*.yaml
for file in "$ALERTING"/loki/stepspan/*.rules.yaml; do
  [ -e "$file" ] && cp "$file" "$tenant/"
done
for file in "$ALERTING"/custom/loki/*.rules.yaml; do
  [ -e "$file" ] && cp "$file" "$tenant/custom-$(basename "$file")"
done
chmod -R a+rX "$RULES"
