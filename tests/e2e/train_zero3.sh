# vega-train run --zero 3: layers of the decoder that ranks keep apart and lend each other change no bit of a run; a
# checkpoint whose model is in parts is exported as any other, and goes on with other ranks and levels.
#   bash train_zero3.sh BIN
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/train_lib.sh" || exit 1
. "$(dirname "$0")/ranks_lib.sh" || exit 1
cd "$T" || exit 1
make_train_data random:8 5
files=(--checkpoint vlm-tiny --data mix.json --scenes scenes --semantic features/semantic --features features/wan --threads 1)
base=("${files[@]}" --progress off)
whole=(--train fusion,generative-projector,projector,newline,ground-head,decoder --rate 1e-3 --warmup 0)
tensors_of() { for part in "$1"/$2-*.h5; do datasets "$part"; done | sort; }   # STEP CONTENT
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

# --- where level 3 does not apply
expect_exit 2 "$BIN/vega-train" run "${base[@]}" -o none --preset lora --zero 3
expect_text "--zero" "take --zero 2"
expect_exit 2 "$BIN/vega-train" run "${base[@]}" -o none "${whole[@]}" --zero 3 --recompute off
expect_text "--recompute"
expect_nothing none
finish
