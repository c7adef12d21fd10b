#!/bin/sh
# Build the image, start the gateway in it as a cluster would, and see it answer. $1: docker, podman, or
# buildah (builds and looks inside, without starting anything).
set -eu
tool=$1
cd "$(dirname "$0")/../.."
"$tool" build -f deploy/container/Containerfile -t localhost/golive:latest .
if [ "$tool" = buildah ]; then
    container=$(buildah from localhost/golive:latest)
    trap 'buildah rm "$container" >/dev/null' EXIT
    buildah run "$container" -- golive --version
    exit
fi
container=$("$tool" run --detach --read-only --tmpfs /tmp --tmpfs /data:mode=0777 --cap-drop ALL \
    --security-opt no-new-privileges --publish 127.0.0.1:18000:8000 localhost/golive:latest)
trap '"$tool" rm --force "$container" >/dev/null' EXIT
for _ in $(seq 60); do
    if curl --fail --silent http://127.0.0.1:18000/health/ready; then
        echo
        exit 0
    fi
    sleep 1
done
"$tool" logs "$container"
exit 1
