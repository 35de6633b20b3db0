#!/usr/bin/env bash
# tools/benchmark.sh: from annotations to a table in one command, made-up data and folders laid out like real ones.
#   bash benchmark.sh BIN
. "$(dirname "$0")/lib.sh"
script=$(cd "$(dirname "$0")/../../tools" && pwd)/benchmark.sh
cd "$T" || exit 1
export BUILD=${BIN%/bin}
benchmark() { bash "$script" "$@"; }
small=(--rooms 3 --frames 2 --texts 4)
tasks=(scanrefer multi3drefer scan2cap scanqa sqa3d nr3d)

# --- everything made up: questions, answers, scores and a table; the model's state is said
expect_exit 0 benchmark "${small[@]}" -o run
expect_text "The model is untrained"
for task in "${tasks[@]}"; do
  check "$task is asked, answered and scored" test -s run/questions/$task.json -a -s run/answers/$task/answers.jsonl \
    -a -s run/answers/$task/scores.json
done
check "a report" grep -q '</html>' run/report.html
check "which says that nothing was trained" grep -q 'Never trained: ' run/report.html
check "four questions" test "$(wc -l <run/answers/scanqa/answers.jsonl)" = 4
check "a row in the table" grep -q '^vlm-tiny ' run/table.txt
check "no published row beside made-up rooms" test "$(grep -c 'VEGA-3D' run/table.md)" = 0
check "the table is printed last" test "$(tail -n "$(wc -l <run/table.txt)" "$OUT")" = "$(cat run/table.txt)"

# --- the same command keeps what is there; an answer that is lost is answered again, and alone
find run/answers run/features run/scenes -type f -exec cksum {} + | sort >before
rm run/answers/scanqa/answers.jsonl
sed -i '$d' run/answers/scanqa/part-0-of-1.jsonl
expect_exit 0 benchmark "${small[@]}" -o run
expect_text "4 questions of 1 scene, 3 answered already" "4 questions of 1 scene, 4 answered already"
find run/answers run/features run/scenes -type f -exec cksum {} + | sort >after
same() { diff <(grep -E '(answers|part-0-of-1)\.jsonl|\.h5' before) <(grep -E '(answers|part-0-of-1)\.jsonl|\.h5' after); }
check "the same answers and files" same

# --- a folder like the release's: no boxes of annotated objects, one benchmark already processed, a model given
mkdir real && cp -r run/data/. real/
rm real/metadata/scannet_*_gt_box.json real/scannet/scans/*/*.mask.npz real/tokenizer/tokenizer.json
mkdir real/processed && mv run/questions/scanqa.json real/processed/scanqa_val_llava_style.json
rm -r real/benchmark/{scanqa,nr3d,sqa_task,multi3drefer}
given=(--data real --checkpoint run/models/vlm-tiny --frames 2)
expect_exit 2 benchmark "${given[@]}" -o other
expect_text "give its diffusion model with --model"
expect_exit 0 benchmark "${given[@]}" --model run/models/wan-tiny -o other --name ours -- --max-new-tokens 3
check "three benchmarks" test "$(echo other/answers/*/scores.json)" = \
  "other/answers/scan2cap/scores.json other/answers/scanqa/scores.json other/answers/scanrefer/scores.json"
check "boxes of scene files" grep -q '"box": \[' other/questions/scanrefer.json
check "processed questions as they are" cmp other/questions/scanqa.json real/processed/scanqa_val_llava_style.json
check "published rows beside" grep -q '^VEGA-3D ' other/table.txt
check "our row" grep -q '^ours ' other/table.txt

# --- without proposals of a detector the annotated objects do not take their place: others keep their rows
cp -r run/data blind && rm blind/metadata/scannet_*_pred_box.json blind/scannet/scans/*/*.mask.npz
expect_exit 4 benchmark --data blind --checkpoint run/models/vlm-tiny --model run/models/wan-tiny --frames 2 -o blind-run \
  --tasks "scanrefer scan2cap scanqa nr3d" -- --max-new-tokens 3
expect_text "scanrefer, split val: got no proposals of a detector" "since one of them is the answer" "no row for scanrefer scan2cap:"
check "two benchmarks" test "$(echo blind-run/answers/*/scores.json)" = "blind-run/answers/nr3d/scores.json blind-run/answers/scanqa/scores.json"
for file in blind-run/scenes/*.h5; do check "no proposals in $file" sh -c "'$BIN/vega-extract' inspect '$file' | grep -q /objects/gt && ! '$BIN/vega-extract' inspect '$file' | grep -q /objects/proposal"; done

# --- a benchmark whose questions cannot be asked, and one whose scenes are not there, cost only their rows
cp -r run/data broken
sed -i 's/"description":"[^"]*"/"description":""/' broken/benchmark/multi3drefer/multi3drefer_val.json
sed -i 's/"scene_id":"[^"]*"/"scene_id":"scene0099_00"/' broken/benchmark/scanqa/ScanQA_v1.0_val.json
lost=(--data broken --checkpoint run/models/vlm-tiny --model run/models/wan-tiny --frames 2 -o lost)
expect_exit 4 benchmark "${lost[@]}" --tasks "multi3drefer scanqa sqa3d" -- --max-new-tokens 3
expect_text "multi3drefer: no question can be asked" "no row for multi3drefer scanqa"
check "the row of the other one" test -s lost/answers/sqa3d/scores.json -a -s lost/table.txt -a -s lost/report.html

# --- threads that wait leave their cores, here and on a cluster, unless the user says otherwise
mkdir -p fake/bin
printf '#!/bin/sh\necho "policy ${OMP_WAIT_POLICY-none}." >&2\nexit 5\n' >fake/bin/vega-synth
chmod +x fake/bin/vega-synth && cp fake/bin/vega-synth fake/bin/vega-eval
policy() { env -u OMP_WAIT_POLICY BUILD=fake "$@"; }
share() {
  env -u OMP_WAIT_POLICY SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_JOB_ID=1 VEGA="$PWD/fake/bin/vega-eval" OUT="$PWD/share" \
    "$@" bash "${script%/*}/slurm/eval.sbatch"
}
expect_exit 5 policy bash "$script" -o policy
expect_text "policy passive."
expect_exit 5 policy env OMP_WAIT_POLICY=active bash "$script" -o policy
expect_text "policy active."
expect_exit 5 share
expect_text "policy passive."
expect_exit 5 share OMP_WAIT_POLICY=active
expect_text "policy active."

# --- what is not there is said
expect_exit 2 benchmark --frobnicate
expect_text "--frobnicate"
expect_exit 2 benchmark --data real --tasks vqa --checkpoint run/models/vlm-tiny --model run/models/wan-tiny -o none
expect_text "got 'vqa'"
expect_exit 3 benchmark --data real --tasks nr3d --checkpoint run/models/vlm-tiny --model run/models/wan-tiny -o none
expect_text "no annotations of nr3d, split val"
finish
