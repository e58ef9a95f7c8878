#!/usr/bin/env bash
# Installs what is missing, builds, and runs the client with these arguments
# (see ./start-client.sh --help). Start it as often as you like.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# Standard output is the client's alone: scripts read it.
"$root/tools/install-packages" build >&2
"$root/tools/build" build -- parla >&2
exec "$root/build/parla" "$@"
