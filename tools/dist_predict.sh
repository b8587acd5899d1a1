#!/usr/bin/env bash
# Usage: tools/dist_predict.sh IMAGES EXPRESSIONS NUMBER_OF_PROCESSES [options of mmrefseg predict]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each.
set -euo pipefail
if [ $# -lt 3 ]; then
    echo "Usage: $0 IMAGES EXPRESSIONS NUMBER_OF_PROCESSES [options of mmrefseg predict]" >&2
    exit 1
fi

IMAGES=$1
EXPRESSIONS=$2
GPUS=$3
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
PORT=${PORT:-29500}
MASTER_ADDR=${MASTER_ADDR:-"127.0.0.1"}

PYTHONPATH="$(dirname "$0")/..${PYTHONPATH:+:$PYTHONPATH}" \
python -m torch.distributed.run \
    --nnodes="$NNODES" \
    --node_rank="$NODE_RANK" \
    --master_addr="$MASTER_ADDR" \
    --nproc_per_node="$GPUS" \
    --master_port="$PORT" \
    -m mmrefseg predict "$IMAGES" "$EXPRESSIONS" --launcher pytorch "${@:4}"
