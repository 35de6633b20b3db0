// Qwen2.5-VL beside transformers, in one run: frames of a video go through the vision tower, the
// decoder reads them with a question, and answers greedily. Both have the same random weights, the
// widths of the 3B model and as many layers as the memory holds, the same threads, and take turns,
// so that a busy machine slows both. Where other programs run, compare the processor time.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "bench/arguments.h"
#include "bench/program.h"
#include "bench/qwen2_parts.h"
#include "bench/seconds.h"
#include "bench/side_process.h"
#include "core/device.h"
#include "core/dtype.h"
#include "models/qwen2/decoder.h"
#include "models/qwen2/names.h"
#include "models/qwen2_5_vl/checkpoint.h"
#include "models/qwen2_5_vl/positions.h"
#include "models/qwen2_5_vl/tower.h"
#include "synth/model_qwen_vl.h"
#include "weights/safetensors_writer.h"

namespace {

using namespace vega;
using namespace vega::bench;
namespace fs = std::filesystem;

constexpr const char* kUsage = R"(bench_qwen_vl [OPTION VALUE]...
  --python PATH    an interpreter with torch and transformers; absent: vega alone
  --dtype TYPE     fp32 or bf16 (fp32)
  --frames N       of 504x392 pixels, 252 tokens each (8)
  --new N          tokens to decode (16)
  --tower N        layers of the tower, every eighth of which sees the whole frame (8)
  --layers N       layers of the decoder (8)
  --repeat N       rounds; medians are shown (3)
  --threads N      of both sides (all cores)
)";

// Cells of a frame of 504x392 pixels, and ids of the released models.
constexpr std::int64_t kRows = 14, kColumns = 18;
constexpr std::int64_t kImage = 151655, kStart = 151652, kEnd = 151653;
// Words in front of the frames and behind them.
constexpr std::int64_t kBefore = 14, kBehind = 40;

struct Plan {
  std::string python;
  at::ScalarType type = at::kFloat;
  std::int64_t frames = 8, fresh = 16, tower = 8, layers = 8, repeat = 3, threads = 0;
};

// The work of one order: reading the frames, reading all, decoding.
struct Turn {
  Seconds seconds;
  std::vector<std::int64_t> ids;  // greedy
};

qwen2_5_vl::Config shape_of(const Plan& plan) {
  qwen2_5_vl::Config c = synth::qwen_vl_preset("qwen2.5-vl-3b", 0);
  c.text.layers = plan.layers;
  c.vision.layers = plan.tower;
  c.vision.full_layers.clear();
  for (std::int64_t n = 7; n < plan.tower; n += 8) c.vision.full_layers.push_back(n);
  return c;
}

Json config_json(const qwen2_5_vl::Config& c) {
  const Json vision{{"depth", c.vision.layers},
                    {"hidden_act", "silu"},
                    {"hidden_size", c.vision.width},
                    {"intermediate_size", c.vision.mlp},
                    {"num_heads", c.vision.heads},
                    {"in_chans", 3},
                    {"out_hidden_size", c.vision.out},
                    {"patch_size", qwen2_5_vl::kPatch},
                    {"spatial_merge_size", qwen2_5_vl::kMerge},
                    {"spatial_patch_size", qwen2_5_vl::kPatch},
                    {"temporal_patch_size", qwen2_5_vl::kTime},
                    {"window_size", c.vision.window_cells * qwen2_5_vl::kCell},
                    {"fullatt_block_indexes", c.vision.full_layers},
                    {"tokens_per_second", 2}};
  return {{"architectures", Json::list({"Qwen2_5_VLForConditionalGeneration"})},
          {"model_type", "qwen2_5_vl"},
          {"hidden_act", "silu"},
          {"hidden_size", c.text.hidden},
          {"intermediate_size", c.text.mlp},
          {"num_hidden_layers", c.text.layers},
          {"num_attention_heads", c.text.heads},
          {"num_key_value_heads", c.text.kv_heads},
          {"vocab_size", c.text.vocab},
          {"max_position_embeddings", c.text.max_positions},
          {"rms_norm_eps", c.text.norm_eps},
          {"rope_theta", c.text.rope_theta},
          {"rope_scaling", {{"type", "mrope"}, {"mrope_section", Json(c.text.rope_sections)}}},
          {"use_sliding_window", false},
          {"tie_word_embeddings", c.text.tied},
          {"image_token_id", kImage},
          {"video_token_id", kImage + 1},
          {"vision_start_token_id", kStart},
          {"vision_end_token_id", kEnd},
          {"vision_config", vision}};
}

void write_model(const fs::path& folder, const qwen2_5_vl::Config& c, at::ScalarType type) {
  std::ofstream(folder / "config.json") << config_json(c).dump();
  std::vector<TensorSpec> specs;
  const auto add = [&](const std::string& prefix, const std::vector<NamedTensor>& tensors) {
    for (const NamedTensor& one : tensors)
      specs.push_back({prefix + one.canonical, dtype_of(type), one.shape});
  };
  add(qwen2_5_vl::kOriginal.tower, qwen2_5_vl::tower_tensors(c.vision));
  add(qwen2_5_vl::kOriginal.decoder, qwen2::decoder_tensors(c.text));
  SafetensorsWriter writer(folder / "model.safetensors", specs, {{"format", "pt"}});
  for (const TensorSpec& spec : specs) {
    std::vector<std::int64_t> shape = spec.shape;
    while (shape.size() > 2) {  // of the patches' convolution, which adds up all of a patch
      shape[shape.size() - 2] *= shape.back();
      shape.pop_back();
    }
    write_values(writer, spec.name, made_up(spec.name, shape), type);
  }
  writer.publish();
}

// (N, patches, kPatchValues), as normalised pixels lie.
at::Tensor made_up_patches(std::int64_t frames) {
  const std::int64_t patches = qwen2_5_vl::kCellPatches * kRows * kColumns;
  return made_up("patches", {frames * patches, qwen2_5_vl::kPatchValues})
      .mul_(10)
      .view({frames, patches, qwen2_5_vl::kPatchValues});
}

void write_patches(const fs::path& file, const at::Tensor& patches) {
  SafetensorsWriter writer(file, {{"patches", DType::kF32, patches.sizes().vec()}}, {});
  write_values(writer, "patches", patches, at::kFloat);
  writer.publish();
}

// Ids of the prompt with their positions, and where the frames' tokens stand.
struct Prompt {
  std::vector<std::int64_t> ids, places;
  at::Tensor positions;  // (3, L)
  std::int64_t next = 0;
};

Prompt prompt_of(std::int64_t frames) {
  Prompt out;
  qwen2_5_vl::PositionCounter positions;
  const auto words = [&](std::vector<std::int64_t> ids) {
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    positions.text(std::ssize(ids));
  };
  words(prompt_ids(kBefore));
  for (std::int64_t n = 0; n < frames; ++n) {
    words({kStart});
    for (std::int64_t k = 0; k < kRows * kColumns; ++k) {
      out.places.push_back(std::ssize(out.ids));
      out.ids.push_back(kImage);
    }
    positions.picture(kRows, kColumns);
    words({kEnd});
  }
  words(prompt_ids(kBehind));
  out.positions = positions.take();
  out.next = positions.next();
  return out;
}

class Vega {
 public:
  Vega(const Plan& plan, const fs::path& folder, at::Tensor patches)
      : plan_(plan),
        checkpoint_(qwen2_5_vl::open_checkpoint(folder)),
        tower_(checkpoint_.tower, checkpoint_.config.vision, {.dtype = plan.type}),
        decoder_(checkpoint_.set, checkpoint_.config.text,
                 {folder.string(), checkpoint_.layout.decoder, "lm_head.weight", {}},
                 {.dtype = plan.type}),
        patches_(std::move(patches)),
        prompt_(prompt_of(plan.frames)),
        cache_(decoder_.new_cache()) {
    // The mapped file becomes resident, as the other side's weights are.
    std::ifstream file(folder / "model.safetensors", std::ios::binary);
    std::vector<char> block(1 << 22);
    while (file.read(block.data(), std::ssize(block))) {
    }
    tower_.forward(patches_.narrow(0, 0, 1), kRows, kColumns);
  }

  Turn tower() {
    const Seconds start = now();
    tokens_ = tower_.forward(patches_, kRows, kColumns).flatten(0, 1);
    return {now() - start, {}};
  }

  Turn prefill() {
    cache_ = decoder_.new_cache(std::ssize(prompt_.ids) + plan_.fresh + 1);
    const Seconds start = now();
    at::Tensor embeddings = decoder_.embed(prompt_.ids);
    embeddings.index_copy_(0, at::tensor(prompt_.places, at::kLong), tokens_);
    const at::Tensor hidden = decoder_.forward(embeddings, prompt_.positions, cache_, true);
    token_ = decoder_.logits(hidden).argmax().item<std::int64_t>();
    return {now() - start, {token_}};
  }

  Turn decode() {
    Turn turn;
    const Seconds start = now();
    for (std::int64_t n = 0; n < plan_.fresh; ++n) {
      const at::Tensor place = at::full({3, 1}, prompt_.next + n, at::kLong);
      const at::Tensor hidden =
          decoder_.forward(decoder_.embed(std::span(&token_, 1)), place, cache_, true);
      token_ = decoder_.logits(hidden).argmax().item<std::int64_t>();
      turn.ids.push_back(token_);
    }
    turn.seconds = now() - start;
    return turn;
  }

 private:
  const Plan& plan_;
  qwen2_5_vl::Checkpoint checkpoint_;
  qwen2_5_vl::Tower tower_;
  qwen2::Decoder decoder_;
  at::Tensor patches_, tokens_;
  Prompt prompt_;
  KvCache cache_;
  std::int64_t token_ = 0;
};

// Works on orders on stdin: "tower", "prefill" behind it, "decode" behind that; answers each with a
// line of JSON: seconds on the clock, seconds of processor time, greedy ids.
constexpr const char* kScript = R"(import json, sys, time
import torch
from safetensors.torch import load_file
from transformers import Qwen2_5_VLForConditionalGeneration
folder, dtype, frames, rows, columns, new, threads = sys.argv[1], getattr(torch, sys.argv[2]), *map(int, sys.argv[3:8])
torch.set_num_threads(threads)
model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
model = model.eval().requires_grad_(False)
image, first, last = model.config.image_token_id, model.config.vision_start_token_id, model.config.vision_end_token_id
words = lambda count: [7919 * i % 151000 for i in range(count)]
ids = words(BEFORE) + ([first] + [image] * (rows * columns) + [last]) * frames + words(BEHIND)
ids = torch.tensor([ids])
grid = torch.tensor([[1, 2 * rows, 2 * columns]] * frames)
patches = load_file(folder + "/patches.safetensors")["patches"]
patches = patches.view(-1, 3, 1, 14, 14).expand(-1, 3, 2, 14, 14).reshape(-1, 1176).to(dtype)
positions = model.model.get_rope_index(ids, mm_token_type_ids=(ids == image).int(), image_grid_thw=grid)[0]
with torch.inference_mode():
    model.model.visual(patches[:4 * rows * columns], grid_thw=grid[:1])
    print("ready", flush=True)
    for line in sys.stdin:
        answer, start, busy = [], time.perf_counter(), time.process_time()
        if line.strip() == "tower":
            seen = model.model.visual(patches, grid_thw=grid).pooler_output
        elif line.strip() == "prefill":
            embeddings = model.get_input_embeddings()(ids)
            embeddings[0, ids[0] == image] = seen.to(embeddings.dtype)
            out = model.model.language_model(inputs_embeds=embeddings, position_ids=positions, use_cache=True)
            past, token = out.past_key_values, model.lm_head(out.last_hidden_state[:, -1]).argmax(-1, keepdim=True)
            answer.append(int(token))
        else:
            for n in range(new):
                place = torch.full((3, 1, 1), int(positions.max()) + 1 + n)
                out = model.model.language_model(inputs_embeds=model.get_input_embeddings()(token), position_ids=place,
                                                 past_key_values=past, use_cache=True)
                past, token = out.past_key_values, model.lm_head(out.last_hidden_state[:, -1]).argmax(-1, keepdim=True)
                answer.append(int(token))
        print(json.dumps([time.perf_counter() - start, time.process_time() - busy, answer]), flush=True)
)";

class Transformers {
 public:
  Transformers(const Plan& plan, const fs::path& folder)
      : process_("transformers", command(plan, folder)) {}

  Turn order(const char* what) {
    const Json answer = process_.order(what);
    Turn turn{{answer[0].number().value_or(0), answer[1].number().value_or(0)}, {}};
    for (const Json& id : answer[2].elements()) turn.ids.push_back(id.whole().value_or(-1));
    return turn;
  }

 private:
  static std::vector<std::string> command(const Plan& plan, const fs::path& folder) {
    std::string script = kScript;
    const auto put = [&](const std::string& word, std::int64_t value) {
      script.replace(script.find(word), word.size(), std::to_string(value));
    };
    put("BEFORE", kBefore);
    put("BEHIND", kBehind);
    std::ofstream(folder / "side.py") << script;
    return {plan.python,
            (folder / "side.py").string(),
            folder.string(),
            plan.type == at::kFloat ? "float32" : "bfloat16",
            std::to_string(plan.frames),
            std::to_string(kRows),
            std::to_string(kColumns),
            std::to_string(plan.fresh),
            std::to_string(plan.threads)};
  }

  SideProcess process_;
};

// A part of the work with what both sides took for it, round by round.
struct Part {
  const char* name;
  std::function<Turn()> ours;
  std::vector<Seconds> vega, other;
  std::vector<std::int64_t> ids, their_ids;  // of the last round
};

void print_part(const Part& part) {
  const Seconds ours = median(part.vega);
  fmt::print("  {:8} vega {:8.3f} s ({:8.3f} s of processor time)", part.name, ours.wall, ours.cpu);
  if (!part.other.empty()) {
    const Seconds theirs = median(part.other);
    fmt::print("; transformers {:8.3f} s ({:8.3f} s); ratio {:.2f} (processor time {:.2f})",
               theirs.wall, theirs.cpu, theirs.wall / ours.wall, theirs.cpu / ours.cpu);
  }
  fmt::print("\n");
}

void measure(const Plan& plan, const fs::path& folder) {
  const qwen2_5_vl::Config shape = shape_of(plan);
  write_model(folder, shape, plan.type);
  const at::Tensor patches = made_up_patches(plan.frames);
  write_patches(folder / "patches.safetensors", patches);
  Vega vega(plan, folder, patches);
  std::optional<Transformers> other;
  if (!plan.python.empty()) other.emplace(plan, folder);
  Part parts[] = {{"tower", [&] { return vega.tower(); }, {}, {}, {}, {}},
                  {"prefill", [&] { return vega.prefill(); }, {}, {}, {}, {}},
                  {"decode", [&] { return vega.decode(); }, {}, {}, {}, {}}};
  for (std::int64_t n = 0; n < plan.repeat; ++n)
    for (Part& part : parts) {
      const Turn ours = part.ours();
      part.vega.push_back(ours.seconds), part.ids = ours.ids;
      if (!other) continue;
      const Turn theirs = other->order(part.name);
      part.other.push_back(theirs.seconds), part.their_ids = theirs.ids;
    }
  fmt::print(
      "{}: {} frames, prompt of {} tokens, {} decoded; tower of {} layers, decoder of {}, "
      "widths of the 3B; {} threads, median of {}\n",
      plan.type == at::kFloat ? "fp32" : "bf16", plan.frames, prompt_of(plan.frames).ids.size(),
      plan.fresh, plan.tower, plan.layers, plan.threads, plan.repeat);
  for (const Part& part : parts) print_part(part);
  if (other) {
    std::size_t equal = 0, all = 0;
    for (const Part& part : parts)
      for (std::size_t i = 0; i < part.ids.size(); ++i, ++all)
        equal += part.ids[i] == part.their_ids.at(i) ? 1 : 0;
    fmt::print("  {} of {} greedy tokens equal\n", equal, all);
  } else {
    fmt::print("  nothing was compared: no --python\n");
  }
}

// Nothing where the usage was asked for.
std::optional<Plan> parse(int argc, char** argv) {
  const Arguments arguments("bench_qwen_vl");
  Plan plan;
  const bool run =
      arguments.each(argc, argv, [&](const std::string& name, const std::string& text) {
        const auto whole = [&](std::int64_t& to, std::int64_t low, std::int64_t high) {
          return arguments.take(name, text, low, high, to);
        };
        if (name == "--python") return plan.python = text, true;
        if (name == "--frames") return whole(plan.frames, 1, 64);
        if (name == "--new") return whole(plan.fresh, 1, 4096);
        if (name == "--tower") return whole(plan.tower, 1, 32);
        if (name == "--layers") return whole(plan.layers, 1, 36);
        if (name == "--repeat") return whole(plan.repeat, 1, 99);
        if (name == "--threads") return whole(plan.threads, 1, 1024);
        if (name != "--dtype") return false;
        if (text != "fp32" && text != "bf16")
          arguments.refuse(name, "'" + text + "'", "fp32 or bf16");
        plan.type = text == "fp32" ? at::kFloat : at::kBFloat16;
        return true;
      });
  if (!run) return std::nullopt;
  if (plan.threads == 0) plan.threads = at::get_num_threads();
  return plan;
}

}  // namespace

int main(int argc, char** argv) {
  return run_in_folder("bench_qwen_vl", [&](const fs::path& folder) {
    const std::optional<Plan> plan = parse(argc, argv);
    if (!plan) return fmt::print("{}", kUsage), 0;
    keep_freed_memory();
    const c10::InferenceMode inference;
    at::set_num_threads(static_cast<int>(plan->threads));
    fmt::print("{}\n", device_name(at::kCPU));
    measure(*plan, folder);
    return 0;
  });
}
