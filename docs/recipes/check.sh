# check.sh: run.sh --check: what is missing of programs, data and weights, in seconds: a line a file on stdout, "FILE<tab>what
# it is<tab>where one gets it". Nothing is read whole. Exit code 3: something is missing. run.sh's variables are known here.
# shellcheck shell=bash disable=SC2154
missing=0 looked=0
lack() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; missing=$((missing + 1)); }
# need FILE WHAT WHERE: it must be there, and not be empty.
need() { looked=$((looked + 1)); [ -s "$1" ] || lack "$@"; }
# first_of FILE...: the first one that is there, else the first one.
first_of() {
  local file
  for file; do [ ! -s "$file" ] || { echo "$file"; return; }; done
  echo "$1"
}

# ---------------------------------------------------------------------------------------------- programs
check_programs() {
  local program
  for program in vega-extract vega-train vega-eval $programs; do
    looked=$((looked + 1))
    if [ ! -x "$bin/$program" ]; then lack "$bin/$program" "a program" "make, or BUILD=FOLDER"
    elif ! "$bin/$program" --version >"$said" 2>&1; then lack "$bin/$program" "a program that does not start here" "$(head -n 1 "$said")"; fi
  done
  [ "$submit" = local ] || command -v sbatch >/dev/null || lack sbatch "SLURM's own program" "a login node of the cluster"
}

# ---------------------------------------------------------------------------------------------- weights
# weights FOLDER WHAT WHERE [FILE]: a checkpoint in safetensors: its settings, and FILE or every part that its index names.
weights() {
  local folder=$1 file=${4:-model.safetensors} part
  need "$folder/config.json" "settings of $2" "$3"
  if [ -s "$folder/$file.index.json" ]; then
    while read -r part; do part_of_weights "$folder/$part" "$2" "$3"; done < <(
      grep -oE '"[^"/]+\.safetensors"' "$folder/$file.index.json" | tr -d '"' | sort -u)
  else
    part_of_weights "$folder/$file" "$2" "$3"
  fi
}
# part_of_weights FILE WHAT WHERE: no pointer of Git LFS in its place.
part_of_weights() {
  looked=$((looked + 1))
  if [ ! -s "$1" ]; then lack "$1" "weights of $2" "$3"
  elif head -c 7 "$1" | grep -qa '^version'; then lack "$1" "weights of $2: this is a pointer of Git LFS" "git lfs pull, or $3"; fi
}
check_weights() {
  local from="https://huggingface.co/lmms-lab/LLaVA-Video-7B-Qwen2" folder dit
  weights "$base" "the model that training begins with" "$from"
  need "$(first_of "$base/tokenizer.json" "$base/vocab.json")" "tokeniser of the model" "$from"
  [ -z "$tower" ] || weights "$tower" "the vision tower" "https://huggingface.co/google/siglip-so400m-patch14-384"
  from="https://huggingface.co/Wan-AI/Wan2.1-T2V-1.3B"
  folder=$wan dit=diffusion_pytorch_model.safetensors
  if [ -d "$wan/transformer" ]; then
    need "$wan/vae/config.json" "settings of Wan's VAE" "$from-Diffusers"
    part_of_weights "$wan/vae/$dit" "Wan's VAE" "$from-Diffusers"
    folder=$wan/transformer
  else
    part_of_weights "$wan/Wan2.1_VAE.pth" "Wan's VAE" "$from"
  fi
  weights "$folder" "the diffusion transformer" "$from" "$dit"
  need "${prompt:-$(first_of "$wan/prompt.h5" "$wan/prompt.pt" "$wan/wan_prompt_embedding.pt")}" "embedding of the empty text" \
    "vega-extract prompt --model $wan -o $wan/prompt.h5 (reads models_t5_umt5-xxl-enc-bf16.pth of $from)"
  [ -z "$meteor" ] || need "$meteor/meteor-1.5.jar" "METEOR's word lists" "docs/scoring.md"
  [ -z "$meteor" ] || need "$meteor/data/paraphrase-en.gz" "METEOR's paraphrases" "docs/scoring.md"
}

# ---------------------------------------------------------------------------------------------- annotations and scans
from_of() {   # TASK: where its annotations are
  case $1 in
    scanrefer | scan2cap) echo "https://daveredrum.github.io/ScanRefer" ;;
    multi3drefer) echo "https://3dlg-hcvc.github.io/multi3drefer" ;;
    scanqa) echo "https://github.com/ATR-DBI/ScanQA" ;;
    sqa3d) echo "https://github.com/SilongYong/SQA3D" ;;
  esac
}
check_annotations() {
  local task split file
  {
    for task in $mixture; do echo "$task train"; done
    for task in $tasks; do echo "$task $(eval_split "$task")"; done
  } | sort -u | while read -r task split; do
    while read -r file; do printf '%s\t%s\t%s\n' "$file" "annotations of ${task/scan2cap/scanrefer}, split $split" "$(from_of "$task")"; done < <(annotations "$task" "$split")
  done | sort -u >"$said"
  while IFS=$'\t' read -r -a file; do need "${file[@]}"; done <"$said"
  for split in train val; do
    need "$data/scannetv2_$split.txt" "ScanNet's split $split" "https://github.com/ScanNet/ScanNet, Tasks/Benchmark"
  done
  need "$data/scannetv2-labels.combined.tsv" "ScanNet's table of labels" "download-scannet.py --label_map"
}
# scene_files SCENE: what a scan must have: pictures with depth and poses (.sens, or exported), alignment, mesh, objects.
scene_files() {
  local scene=$1 folder=$data/scannet/scans/$1 from="http://www.scan-net.org: download-scannet.py --id $1 --type" type
  [ -d "$folder" ] || [ ! -d "$data/scannet/scans_test/$1" ] || folder=$data/scannet/scans_test/$1
  need "$(first_of "$folder/$scene.sens" "$data/scannet/posed_images/$scene/00000.jpg" "$folder/00000.jpg")" "pictures, depth and poses" "$from .sens"
  for type in .txt _vh_clean_2.ply _vh_clean_2.0.010000.segs.json .aggregation.json; do
    case $folder:$type in *scans_test*.json) continue ;; esac   # not public
    need "$folder/$scene$type" "$(what_of $type)" "$from $type"
  done
}
what_of() {
  case $1 in .txt) echo "alignment" ;; *.ply) echo "mesh" ;; *.segs.json) echo "segments of the mesh" ;; *) echo "objects" ;; esac
}
check_scans() {
  local scene split none=''
  if ! asked_scenes >"$said" 2>/dev/null || [ ! -s "$said" ]; then cat "$data"/scannetv2_{train,val}.txt >"$said" 2>/dev/null || true; fi
  scans=$(wc -l <"$said")
  while read -r scene; do scene_files "$scene"; done <"$said"
  for split in val test; do   # of the scenes that are asked about with proposals
    [ -s "$data/scannetv2_$split.txt" ] || continue
    none=$(grep -xF -f "$data/scannetv2_$split.txt" "$said" | head -n 1 || true)
    [ -z "$none" ] || [ -d "$data/scannet/mask" ] || [ -s "$data/scannet/scans/$none/$none.mask.npz" ] ||
      need "$data/metadata/scannet_${split}_pred_box.json" "boxes of a detector, split $split" \
        "data of Video-3D-LLM (https://github.com/LaVi-Lab/Video-3D-LLM), or Mask3D's masks of LEO in $data/scannet/mask"
  done
}

said=$(mktemp)
trap 'rm -f "$said"' EXIT
scans=0
check_programs
check_weights
check_annotations
check_scans
if [ "$missing" != 0 ]; then
  echo "run.sh: $missing of $looked files are missing or not usable, for $scans scenes" >&2
  exit 3
fi
echo "run.sh: $looked files of programs, weights, annotations and $scans scenes are there" >&2
