# docs/recipes/scannet/run.sh and ablation/run.sh on a made-up world, without SLURM: what --check finds missing, what --plan
# says, a stage that is stopped and goes on, a training of everything with its vision tower, a second run that does nothing,
# scenes that fail. tests/slurm/recipes.sh runs both to the end as jobs.
#   bash recipes.sh BIN
. "$(dirname "$0")/lib.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$T" || exit 1
mkdir build && ln -s "$BIN" build/bin
recipe() { local name=$1; shift; BUILD=${build:-$T/build} "$root/docs/recipes/$name/run.sh" "$@"; }
expect_exit 0 env BUILD="$T/build" bash "$root/docs/recipes/made_up.sh" world
data=$T/world/data
cat >small.conf <<END
. $T/world/scannet.conf
tasks="scanrefer scanqa" mixture="scanqa scanrefer" count=first:3 select=uniform:2 preset=full
train="--position avg-discrete-sin3d --ground-head infonce --batch 3 --steps 2"
END

# --- wrong calls
expect_exit 2 recipe scannet --stage
expect_text "run.sh: --stage: got nothing behind it"
expect_exit 2 recipe scannet --stage dawn
expect_text "--stage: got 'dawn', expected 1 to 9 or one of lists scenes"
expect_exit 2 recipe scannet --stage train --until 2
expect_text "--until: got stage 2, expected 6 or later"
expect_exit 2 recipe ablation --submit cloud
expect_text "--submit: got 'cloud', expected local or slurm"
expect_exit 2 recipe ablation --conf nowhere.conf
expect_text "--conf: got no file nowhere.conf"

printf '%s\n' ". $T/world/scannet.conf" 'ranks=6 ranks_per_node=4' >ranks.conf
expect_exit 2 recipe scannet --conf ranks.conf
expect_text "ranks: got 6, expected a multiple of ranks_per_node=4"
mkdir -p login
printf '#!/bin/sh\necho "$*" >>%s/submitted\nwc -l <%s/submitted\n' "$T" "$T" >login/sbatch
chmod +x login/sbatch
printf '%s\n' ". $T/world/scannet.conf" 'ranks=8 ranks_per_node=4 sbatch=--nodes=1 train_sbatch=--time=1' >ranks.conf
PATH=$T/login:$PATH expect_exit 0 recipe scannet --conf ranks.conf -o submitted-run --submit slurm
check "nodes and tasks of the training" grep -q -- ' --nodes=1 --nodes=2 --ntasks=8 --ntasks-per-node=4 --time=1 ' submitted
check "of the training alone" test "$(grep -c ntasks submitted)" = 1

# --- what is missing: each file with what it is and where one gets it
expect_exit 0 recipe scannet --check --conf small.conf
expect_text "and 3 scenes are there"
check "nothing is missing" test ! -s "$OUT"
expect_exit 0 recipe ablation --check --conf world/ablation.conf
mkdir aside
scan=$data/scannet/scans/scene0002_00
for file in "$scan/scene0002_00_vh_clean_2.ply" "$data/benchmark/scanqa/ScanQA_v1.0_train.json" world/llava-video/model-00002-of-00002.safetensors \
  world/wan/prompt.pt world/wan/prompt.h5; do
  mv "$file" aside/
done
mv world/wan/Wan2.1_VAE.pth aside/
printf 'version https://git-lfs.github.com/spec/v1\n' >world/wan/Wan2.1_VAE.pth
expect_exit 3 recipe scannet --check --conf small.conf
expect_text "run.sh: 5 of "
missing() { cut -f 1,2 "$OUT" | grep -qF -- "$1$TAB$2" && grep -F -- "$1$TAB" "$OUT" | cut -f 3 | grep -qF -- "$3"; }
check "the mesh" missing "$scan/scene0002_00_vh_clean_2.ply" mesh "download-scannet.py --id scene0002_00 --type _vh_clean_2.ply"
check "the annotations" missing "$data/benchmark/scanqa/ScanQA_v1.0_train.json" "annotations of scanqa, split train" https://github.com/ATR-DBI/ScanQA
check "the part of the weights" missing "$T/world/llava-video/model-00002-of-00002.safetensors" "weights of the model" huggingface.co
check "the pointer" missing "$T/world/wan/Wan2.1_VAE.pth" "weights of Wan's VAE: this is a pointer of Git LFS" "git lfs pull"
check "the embedding" missing "$T/world/wan/prompt.h5" "embedding of the empty text" "vega-extract prompt"
mv aside/*.ply "$scan/" && mv aside/ScanQA* "$data/benchmark/scanqa/" && mv aside/model-* world/llava-video/ && mv aside/* world/wan/
build=$T/nowhere expect_exit 3 recipe scannet --check --conf small.conf
check "the programs" test "$(grep -c "^$T/nowhere/bin/vega-.*a program" "$OUT")" = 3

# --- a stage that is stopped: exit code 75, and nothing behind it begins; here a program that only waits
mkdir -p waiting/bin && ln -s "$BIN"/vega-* waiting/bin/ && rm waiting/bin/vega-extract
printf '#!/bin/sh\ntrap "exit 75" TERM\ntouch %s/begun\nwhile :; do sleep 0.1; done\n' "$T" >waiting/bin/vega-extract
chmod +x waiting/bin/vega-extract
BUILD=$T/waiting "$root/docs/recipes/scannet/run.sh" --conf small.conf -o out --threads 2 >"$OUT" 2>"$ERR" &
pid=$!
until [ -e begun ] || ! kill -0 $pid 2>/dev/null; do sleep 0.1; done
kill -TERM $pid
rc=0
wait $pid || rc=$?
check "exit code 75, got $rc" test $rc = 75
check "the stage behind it has not begun" sh -c "! grep -q 'Stage 3' '$ERR'"

# --- everything trains, the vision tower too: what it sees is extracted behind the training
expect_exit 0 recipe scannet --conf small.conf -o out --threads 2
number='[0-9]+\.[0-9]+'
check "a row of the table" grep -qE "^\| chance \| \**$number "'\\\['"$number, $number" out/RESULTS.md
check "intervals" grep -qE "^\| scanrefer \| Acc@0.5 \| $number \| -?$number to $number \|" out/RESULTS.md
check "LaTeX" grep -q 'begin{tabular}' out/table.tex
check "the trained tower sees the scenes of evaluation alone" test "$(cd out/features/seen && echo *.h5)" = "$(sed 's/$/.h5/' out/lists/evaluated.txt | paste -sd ' ')"
check "no semantic features before" test ! -e out/features/semantic
sed '/^| processor/d' out/RESULTS.md >before
expect_exit 0 recipe scannet --conf small.conf -o out --threads 2 --results copy.md
sed '/^| processor/d; s/ --results copy.md//' out/RESULTS.md >after
check "the same tables again" cmp -s before after
check "a copy" cmp -s out/RESULTS.md copy.md
check "nothing was computed again" test -z "$(find out/scenes out/features out/run out/answers -name '*.h5' -newer before -o -name 'part-*' -newer before)"

# --- the plan: what is left, and what a GPU that is not here would take
cat >gpu.conf <<END
. $T/small.conf
device=cuda
END
expect_exit 0 recipe scannet --plan --conf gpu.conf -o fresh
check "disk, memory, no hours" grep -qE '^\| generative \| [0-9.]+ [kM]B \| [0-9.]+ MB \| [0-9.]+ [MG]B \| not known \| not known \|' "$OUT"
expect_text "train: vega-train plan reads what the stages before write"
echo tflops=100 >>gpu.conf
expect_exit 0 recipe scannet --plan --conf gpu.conf -o out
check "the assumption is named" grep -qF 'tflops=100 of gpu.conf, which is an assumption' "$OUT"
check "hours" grep -qE '^\| train \| [0-9.]+ MB \| - \| [0-9.]+ MB \| (< )?[0-9.]+ \| (< )?[0-9.]+ \|' "$OUT"
check "nothing was written" test ! -e fresh/scenes -a ! -e fresh/features

# --- a scene that fails ends its stage behind the others; skip_missing goes on without it
mv "$data/scannet/scans/scene0002_00" aside/
expect_exit 4 recipe scannet --conf small.conf -o lost --threads 2 --until scenes
expect_text "stage 2, scenes: some items failed, named above" "skip_missing=1"
check "the others are there" test "$(ls lost/scenes | wc -l)" = 2
echo skip_missing=1 >>small.conf
expect_exit 0 recipe scannet --conf small.conf -o lost --threads 2 --until scenes
# No detector's boxes: the annotated ones do not take their place.
mv "$data/metadata/scannet_val_pred_box.json" "$data"/scannet/scans/scene0001_00/*.mask.npz aside/
expect_exit 3 recipe scannet --check --conf small.conf
check "the boxes" missing "$data/metadata/scannet_val_pred_box.json" "boxes of a detector, split val" "masks of LEO"
rm lost/scenes/scene0001_00.h5
skipped=$(grep -v skip_missing small.conf) && printf '%s\n' "$skipped" >strict.conf
expect_exit 4 recipe scannet --conf strict.conf -o lost --threads 2 --stage scenes --until scenes
check "no scene file" test ! -e lost/scenes/scene0001_00.h5
# A scene that no split of ScanNet names.
sed -i '/scene0003_00/d' "$data/scannetv2_train.txt"
expect_exit 3 recipe scannet --conf small.conf -o lost --until lists
expect_text "got no scene0003_00 (1 scenes in all)"
finish
