# Shared by the end-to-end tests of training: source it behind lib.sh, in $T.
#   make_train_data MIXTURE [ROOMS VAL]: so many rooms (3), of them for validation (1) (list: rooms), vlm-tiny,
#   wan-tiny, scenes/, features/{semantic,wan}, training's questions of two tasks (scanqa.json, scanrefer.json) and
#   mix.json, which takes so many of each ("first:8").
evaluate() { "$BIN/vega-eval" "$@" --progress off; }

make_train_data() {
  expect_exit 0 synth dataset --rooms "${2:-3}" --val "${3:-1}" --test 0 --texts 8 --frames 2 --size 96x72 --masks exact -o data --progress off
  cp "$OUT" rooms
  for preset in vlm-tiny wan-tiny; do expect_exit 0 synth model --preset $preset -o $preset --progress off; done
  small=(--list rooms --select uniform:2 --progress off --threads 2)
  expect_exit 0 extract scene "${small[@]}" -o scenes
  expect_exit 0 extract features "${small[@]}" --backbone siglip --model vlm-tiny --tag semantic -o features
  expect_exit 0 extract features "${small[@]}" --backbone wan --model wan-tiny --recipe vlm-tiny --tag wan -o features
  for task in scanqa scanrefer; do
    expect_exit 0 evaluate prepare $task data --split train --scenes scenes -o $task.json --log-level warn
  done
  printf '[{"annotations": "scanqa.json", "task": "scanqa", "count": "%s"}, {"annotations": "scanrefer.json", "task": "scanrefer", "count": "%s"}]' \
    "$1" "$1" >mix.json
}
