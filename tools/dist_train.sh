#!/usr/bin/env bash
# Usage: tools/dist_train.sh CONFIG NUMBER_OF_PROCESSES [options of tools/train.py]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each.
# MAX_RESTARTS=3 lets a training whose process died go on from its last checkpoint, up to three times.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "Usage: $0 CONFIG NUMBER_OF_PROCESSES [options of tools/train.py]" >&2
    exit 1
fi

CONFIG=$1
GPUS=$2
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
PORT=${PORT:-29500}
MASTER_ADDR=${MASTER_ADDR:-"127.0.0.1"}
RESTARTS=()
if [ "${MAX_RESTARTS:-0}" -gt 0 ]; then  # under the static rendezvous a second start finds the addresses of the first
    RESTARTS=(--max_restarts="$MAX_RESTARTS" --rdzv_backend=c10d --rdzv_endpoint="$MASTER_ADDR:$PORT")
fi

PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
python -m torch.distributed.run \
    --nnodes="$NNODES" \
    --node_rank="$NODE_RANK" \
    --master_addr="$MASTER_ADDR" \
    --nproc_per_node="$GPUS" \
    --master_port="$PORT" \
    ${RESTARTS[@]+"${RESTARTS[@]}"} \
    "$(dirname "$0")/train.py" \
    "$CONFIG" \
    --launcher pytorch "${@:3}"
