#!/usr/bin/env bash
# made_up.sh: data and models to try the recipes with: a data folder of rooms and texts, and untrained tiny models that stand
# for LLaVA-Video-7B-Qwen2 and Wan2.1-T2V-1.3B. Seconds instead of weeks; the numbers that come out are those of chance.
#
#   docs/recipes/made_up.sh DIR     # DIR/data, DIR/llava-video, DIR/wan, DIR/scannet.conf, DIR/ablation.conf
#
# The last two go to --conf of scannet/run.sh and ablation/run.sh. BUILD=build is the build folder.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${BUILD:-$root/build}/bin
case ${1:-} in '' | -*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;; esac
to=$1
quiet=(--log-level warn --progress off)
"$bin/vega-synth" dataset --rooms 4 --val 1 --test 1 --texts 8 --frames 4 --size 96x72 "${quiet[@]}" -o "$to/data" >/dev/null
model() {   # NAME OPTIONS...
  local name=$1
  shift
  [ -f "$to/$name/config.json" ] || "$bin/vega-synth" model "$@" "${quiet[@]}" -o "$to/$name" >/dev/null
}
model llava-video --preset vlm-tiny-video --tokenizer "$to/data/tokenizer"
model wan --preset wan-tiny
to=$(cd "$to" && pwd)
cat >"$to/scannet.conf" <<END
data=$to/data base=$to/llava-video wan=$to/wan published=none row=chance
title="A trial in a made-up world: numbers of chance, none of ScanNet"
tasks="scanrefer multi3drefer scan2cap scanqa sqa3d"
mixture="sqa3d scanqa scan2cap scanrefer multi3drefer"
select=uniform:4 size=208x128 block=20 timestep=300
preset=lora train="--position avg-discrete-sin3d --ground-head infonce --lora-rank 4 --batch 16 --steps 4" fusion=token_gated
answer="--max-new-tokens 8" device=cpu
END
cat >"$to/ablation.conf" <<END
. $to/scannet.conf
task=scanrefer metric=Acc@0.5 mixture=scanrefer
blocks="10 20" timesteps="100 300" grid=cross fusions="token_gated add none" random_preset=wan-tiny
train="--position avg-discrete-sin3d --ground-head infonce --lora-rank 4 --batch 16 --steps 2"
END
