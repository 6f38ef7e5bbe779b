#!/bin/sh
# Starts Alertmanager with alertmanager.yaml, filled from the environment; with --print it only prints the result.
# For the shell and awk of busybox, as the image has no others. Further arguments go to Alertmanager.
#
# An empty variable counts as not set, as compose passes those that nobody has set as empty.
set -eu
umask 077 # The result has the address of the webhook in it, which may be a secret.

here=$(cd "$(dirname "$0")" && pwd)
runtime=${STEPSPAN_ALERT_RUNTIME_DIR:-${TMPDIR:-/tmp}}
custom=${STEPSPAN_ALERT_CUSTOM_CONFIG:-$here/../custom/alertmanager.yaml}

fail() {
  echo "start.sh: $1" >&2
  exit 2
}

# Reads NAME from the file that NAME_FILE names. Of both, nobody could say which is meant.
from_file() {
  eval "value=\${$1:-}; file=\${$1_FILE:-}"
  [ -z "$file" ] && return
  [ -z "$value" ] || fail "$1 and $1_FILE are both set; set one of them"
  [ -r "$file" ] || fail "$1_FILE names $file, which cannot be read; write the value into that file"
  value=$(cat "$file")
  [ -n "$value" ] || fail "$1_FILE names $file, which is empty; write the value into that file"
  export "$1=$value"
}

# The other way round: Alertmanager reads some secrets from files only.
to_file() {
  eval "value=\${$1:-}; file=\${$1_FILE:-}"
  [ -z "$value" ] && return
  [ -z "$file" ] || fail "$1 and $1_FILE are both set; set one of them"
  file=$runtime/stepspan-$2
  printf %s "$value" >"$file"
  export "$1_FILE=$file"
}

if [ "${1:-}" = --print ]; then print=yes; else print=no; fi

STEPSPAN_ALERT_TEMPLATES=$here/templates
STEPSPAN_SMTP_REQUIRE_TLS=${STEPSPAN_SMTP_REQUIRE_TLS:-true}
STEPSPAN_ALERT_MAIL_FROM=${STEPSPAN_ALERT_MAIL_FROM:-${STEPSPAN_SMTP_USER:-stepspan@localhost}}
export STEPSPAN_ALERT_TEMPLATES STEPSPAN_SMTP_REQUIRE_TLS STEPSPAN_ALERT_MAIL_FROM

if [ "$print" = no ] && [ -f "$custom" ]; then
  exec "${STEPSPAN_ALERTMANAGER:-alertmanager}" "--config.file=$custom" "$@"
fi

from_file STEPSPAN_ALERT_WEBHOOK_URL
to_file STEPSPAN_ALERT_WEBHOOK_TOKEN webhook-token
to_file STEPSPAN_SMTP_PASSWORD smtp-password

if [ -n "${STEPSPAN_ALERT_MAIL_TO:-}" ]; then
  case ${STEPSPAN_SMTP_SMARTHOST:-} in
  *?:?*) ;;
  *) fail "STEPSPAN_ALERT_MAIL_TO is set, so STEPSPAN_SMTP_SMARTHOST must say through which server; write host:port, such as smtp.example.com:587" ;;
  esac
  if [ -n "${STEPSPAN_SMTP_USER:-}" ] && [ -z "${STEPSPAN_SMTP_PASSWORD_FILE:-}" ]; then
    fail "STEPSPAN_SMTP_USER is set without a password; set STEPSPAN_SMTP_PASSWORD_FILE to the file that has it"
  fi
fi
case $STEPSPAN_SMTP_REQUIRE_TLS in
true | false) ;;
*) fail "STEPSPAN_SMTP_REQUIRE_TLS is $STEPSPAN_SMTP_REQUIRE_TLS; write true or false" ;;
esac
case ${STEPSPAN_ALERT_WEBHOOK_URL:-http://} in
http://* | https://*) ;;
*) fail "STEPSPAN_ALERT_WEBHOOK_URL is not an address; write one that begins with http:// or https://" ;;
esac

# In a quoted YAML text a quote is written twice; a value of several lines would become more than a value.
fill() {
  awk '
    function filled(line,    out, value) {
      while (match(line, /[$][{][A-Z_]+[}]/)) {
        value = ENVIRON[substr(line, RSTART + 2, RLENGTH - 3)]
        gsub(/\047/, "\047\047", value)
        if (value ~ /[\n\r]/) { print "start.sh: a value has several lines: " line > "/dev/stderr"; failed = 1; exit 2 }
        out = out substr(line, 1, RSTART - 1) value
        line = substr(line, RSTART + RLENGTH)
      }
      return out line
    }
    NR == 1, /^global:/ { if (!/^global:/) next }
    /^ *# if [A-Z_]+$/ { depth++; if (!hidden && ENVIRON[$3] == "") hidden = depth; next }
    /^ *# end$/ { if (hidden == depth) hidden = 0; depth--; next }
    !hidden { print filled($0) }
    END { if (failed) exit 2 }
  ' "$here/alertmanager.yaml"
}

if [ "$print" = yes ]; then
  fill
  exit
fi
fill >"$runtime/alertmanager.yaml"
exec "${STEPSPAN_ALERTMANAGER:-alertmanager}" "--config.file=$runtime/alertmanager.yaml" "$@"
