#!/usr/bin/env bash
# All that waits for a GPU, in 8 minutes on one of the H200's class:
#
#     pip install -c constraints.txt -e '.[gpu,peers]'
#     benchmarks/gpu.sh --out runs/gpu
#
# The answers come one after the other, each in a process of its own with a limit of time, and are
# written as they come. `--tiny` goes through all of it on a CPU, only to see that it runs.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m benchmarks.gpu "$@"
