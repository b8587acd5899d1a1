#!/usr/bin/env bash
# Usage: [GPUS=8] [GPUS_PER_NODE=8] tools/slurm_predict.sh PARTITION JOB_NAME IMAGES EXPRESSIONS [options of mmrefseg predict]
set -euo pipefail
if [ $# -lt 4 ]; then
    echo "Usage: [GPUS=8] [GPUS_PER_NODE=8] $0 PARTITION JOB_NAME IMAGES EXPRESSIONS [options of mmrefseg predict]" >&2
    exit 1
fi
set -x

PARTITION=$1
JOB_NAME=$2
IMAGES=$3
EXPRESSIONS=$4
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}

# SRUN_ARGS holds several words on purpose.
# shellcheck disable=SC2086
PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
srun -p "$PARTITION" \
    --job-name="$JOB_NAME" \
    --gres=gpu:"$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u -m mmrefseg predict "$IMAGES" "$EXPRESSIONS" --launcher slurm "${@:5}"
