#!/usr/bin/env bash
# From nothing to answers, and to a model of your own, on two CPU cores: environment, generated data, answers of a model
# of the zoo, training from the pre-trained nano Swin, test, images. What is done already is not done again.
set -euo pipefail
cd "$(dirname "$0")/.."
best=sadlr_lavt_nano_refshapes
config=configs/lavt/lavt_nano_refshapes_1e.py
work_dir=work_dirs/lavt_nano_refshapes_1e
image=data/images/refshapes/refshapes_val_000001.jpg

bash tools/setup_env.sh
export PATH="$PWD/.venv/bin:$PATH" PYTHONWARNINGS=ignore

python tools/dataset_converters/make_refshapes.py data --workers 2

echo "The best model of the zoo, $best, answers:"
python demo/image_demo.py "$image" "striped cross left" "far right striped orange one" "cross above green cross" \
    --config "$best" --out-dir outputs/quickstart

epochs=$(python -c "from mmengine import Config; print(Config.fromfile('$config').max_epochs)")
checkpoint=$work_dir/epoch_$epochs.pth
# mmengine writes last_checkpoint once the checkpoint is whole.
if [ "$(basename "$(cat "$work_dir/last_checkpoint" 2>/dev/null)")" != "epoch_$epochs.pth" ]; then
    python tools/train.py "$config" --work-dir "$work_dir" --resume
fi

python tools/test.py "$config" "$checkpoint" --splits val testA testB --work-dir "$work_dir" --out "$work_dir/metrics.json"
python tools/analysis_tools/prediction_grid.py "$config" "$checkpoint" --out "$work_dir/predictions.png"

cat <<END

Answers of the zoo's $best: outputs/quickstart
Predictions of your own model beside the truth: $work_dir/predictions.png
The table above: val; testA, one family of shapes; testB, pairs of kind and colour never seen in training.
Does it read?  Give every expression to another object of its image, and the numbers fall:
  .venv/bin/python tools/test.py $config $checkpoint --shuffle-expressions
Your own image:
  .venv/bin/python demo/image_demo.py IMAGE "the red circle" --config $config --weights $checkpoint
Train it to the end (docs/en/model_zoo.md has what that gives):
  .venv/bin/python tools/train.py configs/lavt/lavt_nano_refshapes.py
Next, on eight GPUs with RefCOCO under data/ (tools/dataset_converters/prepare_refcoco.py data tells what is missing):
  PATH=\$PWD/.venv/bin:\$PATH tools/dist_train.sh configs/lavt/lavt_swinb_refcoco.py 8
END
