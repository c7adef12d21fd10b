#!/bin/sh
# Writes the front door's configuration: make.sh DOMAIN CERTIFICATE KEY [FOLDER]
#
# FOLDER (default /etc/golive) gets nginx.conf and auth.inc; nginx keeps its logs there too. The
# ports are those of golive.toml unless GOLIVE_PORT_GATEWAY, _DASHBOARDS and _DAGSTER say others;
# LISTEN and LISTEN_HTTP are where nginx listens (443 and 80). GATEWAYS and DASHBOARDS name several, on
# this machine or others: GATEWAYS="10.0.0.5:8000 10.0.0.6:8000".
set -eu
[ $# -ge 3 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
domain=$1 certificate=$2 key=$3 run=${4:-/etc/golive}
for file in "$certificate" "$key"; do
    [ -r "$file" ] || { echo "$file cannot be read: it has to be the certificate or its key" >&2; exit 2; }
done
listen=${LISTEN:-443}
port=${listen##*:}
[ "$port" = 443 ] && suffix= || suffix=:$port
mime=/etc/nginx/mime.types
mkdir -p "$run"
[ -r "$mime" ] || { mime=$run/mime.types; echo 'types { text/html html; }' >"$mime"; }
cat >"$run/auth.inc" <<'INC'
proxy_pass_request_body off;
proxy_set_header Content-Length "";
proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto https;
proxy_set_header X-Original-Method $request_method;
proxy_set_header X-Original-URI $request_uri;
INC
# servers ADDRESS...: as an upstream lists them.
servers() { printf 'server %s max_fails=0; ' "$@"; }
# shellcheck disable=SC2086
gateways=$(servers ${GATEWAYS:-127.0.0.1:${GOLIVE_PORT_GATEWAY:-8000}})
# shellcheck disable=SC2086
dashboards=$(servers ${DASHBOARDS:-127.0.0.1:${GOLIVE_PORT_DASHBOARDS:-8501}})
sed -e "s|@DOMAIN@|$domain|g" -e "s|@CERTIFICATE@|$certificate|g" -e "s|@KEY@|$key|g" \
    -e "s|@RUN@|$run|g" -e "s|@MIME@|$mime|g" -e "s|@LISTEN@|$listen|g" \
    -e "s|@LISTEN_HTTP@|${LISTEN_HTTP:-80}|g" -e "s|@PORT_SUFFIX@|$suffix|g" \
    -e "s|@GATEWAYS@|$gateways|g" -e "s|@DASHBOARDS@|$dashboards|g" \
    -e "s|@DAGSTER@|${GOLIVE_PORT_DAGSTER:-3000}|g" \
    "$(dirname "$0")/golive.conf.template" >"$run/nginx.conf"
echo "$run/nginx.conf is written: nginx -t -c $run/nginx.conf, then nginx -c $run/nginx.conf"
