#!/usr/bin/env bash
# Installs what is missing, builds, and runs the server with these arguments
# (see ./start-server.sh --help). A second start is quick and needs no network.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
"$root/tools/install-packages" build
"$root/tools/build" build -- parlad
PARLAD_CLIENT=./start-client.sh exec "$root/build/parlad" "$@"
