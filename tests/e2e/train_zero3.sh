# vega-train run --zero 3: layers of the decoder that ranks keep apart and lend each other change no bit of a run; a
# checkpoint whose model is in parts is exported as any other, and goes on with other ranks and levels; a rank that is
# killed while layers go round or while it writes its parts.
#   bash train_zero3.sh BIN TOOLS
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh" || exit 1
. "$(dirname "$0")/ranks_lib.sh" || exit 1
cp "$2/libfault_shim.so" "$T/shim.so"
cd "$T" || exit 1
make_train_data random:8 5
files=(--checkpoint vlm-tiny --data mix.json --scenes scenes --semantic features/semantic --features features/wan --threads 1)
base=("${files[@]}" --progress off)
whole=(--train fusion,generative-projector,projector,newline,ground-head,decoder --rate 1e-3 --warmup 0)
tensors_of() { datasets "$1"/$2-*.h5 | sort; }   # STEP CONTENT
equal_state() {   # RUN RUN STEP: bit for bit
  local content
  for content in model optimizer; do
    check "$2 has tensors of the $content" test "$(tensors_of "$2/$3" $content | wc -l)" -ge 12
    check "$1 and $2: equal $content" cmp -s <(tensors_of "$1/$3" $content) <(tensors_of "$2/$3" $content)
  done
}
figures() { grep -oE '"(loss|grad_norm)":[^,]*' "$1/metrics.jsonl"; }
same_figures() {   # RUN RUN COUNT: losses and norms of all steps, bit for bit
  check "$1 and $2: equal losses and norms" cmp -s <(figures "$1") <(figures "$2")
  check "$2 has figures" test "$(figures "$2" | wc -l)" = "$3"
}

# --- two scenes a step: no bit differs between two ranks at level 2, and two or four (of which two compute nothing) at
# level 3
pairs=("${whole[@]}" --sampler scene --step-scenes 2 --scene-questions 2 --steps 2 --save-every 1 --keep 9)
last=step-00000002
ranks 2 two "${pairs[@]}" --zero 2
ranks 2 apart-2 "${pairs[@]}" --zero 3
ranks 4 apart-4 "${pairs[@]}" --zero 3
for run in apart-2 apart-4; do
  equal_state two $run $last
  same_figures two $run 4
done
check "the model is in parts" test "$(cd apart-4/$last && echo model-*)" = \
  "model-0-of-4.h5 model-1-of-4.h5 model-2-of-4.h5 model-3-of-4.h5"
check "no tensor twice" test "$(tensors_of apart-4/$last model | cut -d' ' -f1 | uniq -d | wc -l)" = 0
for part in 1 2 3; do
  check "part $part has layers alone" test "$(datasets apart-4/$last/model-$part-of-4.h5 | grep -vc 'model.layers\|lm_head')" = 0
done
for run in two apart-4; do expect_exit 0 "$BIN/vega-train" export $run/$last -o exported-$run --layout hf; done
check "equal exports" cmp -s exported-two/model.safetensors exported-apart-4/model.safetensors

# --- from 4 to 2 ranks, and to one rank at level 0
for run in moved alone; do cp -r apart-4 $run && rm -r $run/finished.json $run/$last; done
ranks 2 moved "${pairs[@]}" --zero 3
expect_text "goes on after step 1 of 2" "ranks 2, before 4"
expect_exit 0 "$BIN/vega-train" run "${base[@]}" "${pairs[@]}" -o alone
expect_text "goes on after step 1 of 2"
for run in moved alone; do equal_state two $run $last; done

# --- questions that the decoder reads one at a time, so that ranks have other numbers of passes
for level in 2 3; do
  ranks 2 split-$level "${whole[@]}" --sampler random --batch 5 --pass-tokens 64 --steps 1 --zero $level
done
equal_state split-2 split-3 step-00000001
same_figures split-2 split-3 2

# --- in bfloat16 as well, where matrices come in two bytes: level 3 has the bits of level 2
for level in 2 3; do ranks 2 half-$level "${pairs[@]}" --dtype bf16 --zero $level; done
equal_state half-2 half-3 $last
same_figures half-2 half-3 4
check "bfloat16 computes other figures" test "$(figures half-3)" != "$(figures two)"

# --- rank 1 is killed while layers and gradients go round (a log of one run says how often it sends), and before each of
# its parts of the second checkpoint, the model's and the optimiser's, is whole: the first one is what the run goes on from
begun() { rm -rf "$1" && cp -r apart-2 "$1" && rm -r "$1/finished.json" "$1/$last"; }   # RUN: after step 1
begun killed
RANK_1="LD_PRELOAD=$T/shim.so VEGA_FAULT_PREFIX=socket: VEGA_FAULT_LOG=$T/sends.log"
ranks 2 "$T/killed" "${pairs[@]}" --zero 3
sends=$(grep -c '^write' sends.log)
check "rank 1 sends $sends times" test "$sends" -ge 40
killed_at() {   # PREFIX CALL N
  begun killed
  RANK_1="LD_PRELOAD=$T/shim.so VEGA_FAULT_PREFIX=$1 VEGA_FAULT_CALL=$2 VEGA_FAULT_AT=$3 VEGA_FAULT_SIGNAL=9"
  start 2 "$T/killed" "${pairs[@]}" --zero 3
  dead=${PIDS[1]}
  ended "$T/killed" 5 137
  expect_text "process $dead) has ended" "1 of 2 steps are saved"
  check "no second checkpoint" test "$(cd killed && echo step-*)" = step-00000001
  expect_exit 0 "$BIN/vega-train" inspect killed/step-00000001
}
killed_at socket: write $((sends / 2))
for part in 1 2; do killed_at "$T/killed/$last.part-" fsync $part; done
RANK_1=
ranks 2 killed "${pairs[@]}" --zero 3
expect_text "goes on after step 1 of 2"
equal_state two killed $last

# --- a part of the model that is missing: it is named, and the step before is used
rm killed/finished.json killed/$last/model-1-of-2.h5
expect_exit 3 "$BIN/vega-train" export killed/$last -o none
expect_text "model-1-of-2.h5"
ranks 2 killed "${pairs[@]}" --zero 3
expect_text "model-1-of-2.h5" "it is removed" "goes on after step 1 of 2"
equal_state two killed $last

# --- where level 3 does not apply
expect_exit 2 "$BIN/vega-train" run "${base[@]}" -o none --preset lora --zero 3
expect_text "--zero" "take --zero 2"
expect_exit 2 "$BIN/vega-train" run "${base[@]}" -o none "${whole[@]}" --zero 3 --recompute off
expect_text "--recompute"
expect_nothing none
finish
