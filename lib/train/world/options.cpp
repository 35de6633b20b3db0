#include "train/world/options.h"

#include <limits>

#include "base/error.h"

namespace vega::train {
namespace {

constexpr std::int64_t kMany = std::int64_t{1} << 40;
constexpr Choice<bool> kMirror[] = {{true, "on"}, {false, "off"}};

std::vector<std::int64_t> strides_option(const std::string& option, const std::string& text) {
  std::vector<std::int64_t> out;
  for (const std::string& part : comma_parts(text))
    out.push_back(whole_number(option, part, {1, 1 << 20}));
  return out;
}

std::string strides_text(const std::vector<std::int64_t>& strides) {
  std::string out;
  for (const std::int64_t stride : strides)
    out += (out.empty() ? "" : ",") + std::to_string(stride);
  return out;
}

void visit_pictures(WorldOptions& o, OptionVisitor& v) {
  v.inputs(o.items.inputs, "FRAMES...",
           "walks: folders of frames in one of the layouts of vega-extract, .sens streams, videos");
  v.group("Pictures");
  v.text("--list", o.items.list, "FILE|-",
         "walks from a list instead: PATH or KEY<TAB>PATH a line; - reads stdin");
  v.text("--root", o.items.root, "DIR", "inputs are scene ids below DIR, as for vega-extract");
  v.text("--select", o.select, "uniform:N|stride:K|fps:R",
         "frames of each walk: N evenly spread, every K-th, or R a second (videos)");
  v.open_integer("--every", o.every, "N", {1, 1 << 20}, "the same as --select stride:N");
  v.parsed("--size", o.size, "WxH", to_string(o.size), size_option,
           "what pictures are resized to; multiples of 16");
  v.choice("--view", o.view, kWorldViews, "which part of a frame is seen");
  v.real("--memory", o.memory, "GIB", {.least = 0, .above_least = true},
         "most memory for the latents of all pictures");
  v.text("--note", o.note, "TEXT",
         "what the model is trained on, in words: it stands in the model's record");
}

void visit_clips(WorldOptions& o, OptionVisitor& v) {
  v.group("Clips");
  v.integer("--clips", o.clips.clips, "N", {1, 1 << 16}, "clips a step");
  v.integer("--clip-frames", o.clips.frames, "N", {1, 1024}, "frames a clip");
  v.parsed("--strides", o.clips.strides, "N,...", strides_text(o.clips.strides), strides_option,
           "frames of the walk from one frame of a clip to the next; drawn for each clip");
  v.real("--single", o.clips.single, "SHARE", {.least = 0, .most = 1},
         "share of the steps that see single frames, as many as the clips of a step have");
  v.choice("--mirror", o.clips.mirror, kMirror,
           "half of the clips are mirrored; takes twice the memory for latents");
  v.flag("--closed", o.clips.closed,
         "walks end where they begin: a clip may go on from the last frame to the first");
  v.real("--noise-mean", o.noise_mean, "X", {-20, 20},
         "share of noise in a clip: sigmoid of a normal number of this mean");
  v.real("--noise-std", o.noise_std, "X", {0, 20}, "and of this deviation");
}

void visit_model(WorldOptions& o, OptionVisitor& v) {
  v.group("Model");
  v.text("--from", o.from, "MODEL",
         "go on from the weights of another Wan model, with its sizes and its VAE");
  v.open_integer("--width", o.width, "N", {2, 1 << 16}, "of a token [256]");
  v.open_integer("--blocks", o.blocks, "N", {1, 1024}, "transformer blocks [8]");
  v.open_integer("--heads", o.heads, "N", {1, 1024}, "of attention [4]");
  v.open_integer("--ffn", o.ffn, "N", {1, 1 << 18}, "width inside of the feed-forward part [1024]");
  v.open_integer("--patch", o.patch, "N", {1, 2},
                 "latent cells a token, each way; 1: a token is 8x8 pixels, not 16x16 [2]");
  v.text("--vae", o.vae, "MODEL",
         "take the VAE of another Wan model (default: one is fitted to the pictures)");
  v.integer("--vae-width", o.vae_width, "N", {wan::kLeastLinearBase, 96},
            "base width of the VAE that is fitted");
  v.integer("--vae-pictures", o.vae_pictures, "N", {1, 1 << 20},
            "pictures that the VAE is fitted to, evenly spread over all");
  v.real("--vae-power", o.vae_power, "X", {0, 1},
         "how far its latents keep the proportions of the pixels; 0: all have deviation 1");
}

void visit_training(WorldOptions& o, OptionVisitor& v) {
  v.group("Steps");
  v.integer("--steps", o.steps, "N", {1, kMany}, "");
  v.choice("--optimizer", o.optimizer, kMatrixRules, "");
  v.real("--rate", o.rate, "X", {.least = 0}, "learning rate, of both optimisers");
  v.choice("--schedule", o.schedule, kSchedules, "of the learning rate");
  v.real("--warmup", o.warmup, "SHARE", {.least = 0, .most = 1},
         "share of the steps in which the rate grows from 0");
  v.real("--weight-decay", o.weight_decay, "X", {.least = 0}, "not of norms and biases");
  v.real("--clip", o.clip, "NORM", {.least = 0}, "longest gradient; 0: any");
  v.real("--ema", o.ema, "X", {0, 0.9999999},
         "the model is a running mean of the weights that keeps this share of itself a step, less "
         "at first: n / (n + 10) after n steps");
  v.open_integer("--micro-batch", o.micro_batch, "N", {1, 1 << 16},
                 "clips that are computed at a time, for less memory (default: all of a step)");
  v.integer("--seed", o.seed, "N", {0, std::numeric_limits<std::int64_t>::max()},
            "of clips, noise and initial values");
}

void visit_output(WorldOptions& o, OptionVisitor& v) {
  v.group("Output");
  v.text("-o,--out", o.out, "DIR",
         "folder of the run; a run that was stopped goes on in it. The model: DIR/model");
  v.flag("--overwrite", o.overwrite, "remove the run that is there and begin anew");
  v.integer("--save-every", o.save_every, "N", {1, kMany}, "steps between checkpoints");
  v.integer("--keep", o.keep, "N", {1, 1 << 20}, "newest checkpoints that stay");
  v.choice("--layout", o.layout, wan::kModelLayouts, "of the model's folder");
  v.choice("--store-dtype", o.store_dtype, kComputeTypes,
           "type of the tensors that trained; those of --from and --vae that do not train stay as "
           "they are");
  v.open_integer("--block", o.block, "N", {0, 1023},
                 "block that features are taken of where none is asked for, in the model's record "
                 "(default: the middle one)");
  v.integer("--timestep", o.timestep, "T", {0, 1000}, "the same: noise level");
  v.group("Device");
  DeviceOptions::visit_device(v, o.device, "where to compute");
  v.choice("--dtype", o.dtype, kComputeTypes,
           "type of matrix products (default: bf16 on cuda and on processors with AVX-512 BF16, "
           "else fp32); weights that train are kept in fp32");
  RunOptions::visit_threads(v, o.threads);
}

}  // namespace

void WorldOptions::visit(OptionVisitor& v) {
  visit_pictures(*this, v);
  visit_clips(*this, v);
  visit_model(*this, v);
  visit_training(*this, v);
  visit_output(*this, v);
}

}  // namespace vega::train
