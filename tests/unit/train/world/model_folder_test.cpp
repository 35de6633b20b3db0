// Models of a run: what does not train keeps type and bits; what a command asks for and a model has
// not.
#include "train/world/model_folder.h"

#include <ATen/ATen.h>
#include <catch2/catch.hpp>

#include <cstring>

#include "core/tensor.h"
#include "models/wan/checkpoint.h"
#include "models/wan/prompt_file.h"
#include "models/wan/train_dit_tensors.h"
#include "support/own_memory.h"
#include "support/small_wan.h"
#include "support/support.h"
#include "train/world/world_state.h"

using namespace vega;
using namespace vega::train;
namespace fs = std::filesystem;
using Catch::Contains;

namespace {

// A run of one step that began with a model of float32 and float16, whose text parts speak.
struct RunOfOther {
  test::TempFolder temp;
  test::OwnMemory memory{temp / "memory"};
  fs::path other = temp / "other";
  WorldRecipe recipe;

  RunOfOther() {
    WeightTable dit = test::small_dit();
    dit["blocks.0.cross_attn.o.weight"] = test::normal_draws({24, 24}, 1);
    wan::StoredTypes types = DType::kF32;
    types.others = {{"text_embedding.2.weight", DType::kF16}};
    at::Tensor& half = dit["text_embedding.2.weight"];
    half = half.to(at::kHalf).to(at::kFloat);
    wan::LinearVae vae = test::small_vae();
    vae.weights["encoder.conv1.bias"] = at::full({8}, 0.1);  // no number of bfloat16
    wan::write_wan_model(other, wan::ModelLayout::kOriginal, test::small_dit_config(), dit, vae,
                         test::small_record(), types, test::normal_draws({3, 8}, 7));
    recipe.from = recipe.vae = other;
    recipe.dit = wan::open_checkpoint(other).dit_config;
    recipe.size = {32, 16};
    recipe.view = View::kNative;
    recipe.block = 2, recipe.timestep = 100;
  }

  StepFolder write_run(RunFolder& run) const {
    const Parameters values = starting_values(recipe);
    const at::Tensor prompt = wan::read_prompt_file(wan::find_prompt({}, other), 8);
    write_initial(run, recipe, values, wan::read_linear_vae(other), prompt, "rooms");
    WorldState(recipe, values, prompt).save(run, 1, Json{{"kind", "world"}});
    return *run.newest();
  }
};

bool same_bits(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape && std::memcmp(a.data, b.data, a.bytes()) == 0;
}

// Tensors of a model that are not, type and bits, those of `other`: of what does not train; and
// those that trained and have another type than `trained`.
std::vector<std::string> changed(const fs::path& model, const fs::path& other, DType trained) {
  const wan::Checkpoint a = wan::open_checkpoint(model), b = wan::open_checkpoint(other);
  std::vector<std::string> out;
  for (const auto& [name, view] : a.dit) {
    const bool frozen = wan::dit_role(name) == wan::DitRole::kText;
    if (frozen ? !same_bits(view, b.dit.at(name)) : view.dtype != trained) out.push_back(name);
  }
  for (const auto& [name, view] : a.vae)
    if (!same_bits(view, b.vae.at(name))) out.push_back(name);
  if (!at::equal(wan::read_prompt_file(wan::find_prompt({}, model), 8),
                 wan::read_prompt_file(wan::find_prompt({}, other), 8)))
    out.emplace_back("the prompt");
  return out;
}

}  // namespace

TEST_CASE("what does not train keeps type and bits in every model of a run") {
  const RunOfOther sample;
  RunFolder run(sample.temp / "run", Json{{"a", 1}});
  const StepFolder step = sample.write_run(run);
  const std::vector<std::string> none;
  CHECK(changed(run.path() / kInitialFolder, sample.other, DType::kBF16) == none);
  WorldExport how;
  how.out = sample.temp / "usual";
  write_world_model(step, how);
  CHECK(changed(how.out, sample.other, DType::kBF16) == none);
  how.out = sample.temp / "fine", how.layout = wan::ModelLayout::kOriginal;
  how.dtype = DType::kF32;
  write_world_model(step, how);
  CHECK(changed(how.out, sample.other, DType::kF32) == none);
}

TEST_CASE("how a model differs from what is asked for") {
  const RunOfOther sample;
  RunFolder run(sample.temp / "run", Json{{"a", 1}});
  const StepFolder step = sample.write_run(run);
  WorldExport how;
  how.out = sample.temp / "model";
  CHECK(difference_of(how) == "is not there");
  write_world_model(step, how);
  CHECK(difference_of(how).empty());
  WorldExport other = how;
  other.dtype = DType::kBF16, other.block = 2, other.timestep = 100, other.note = "rooms";
  CHECK(difference_of(other).empty());
  other.dtype = DType::kF32;
  CHECK(difference_of(other) == "has the type bf16, asked is f32");
  other = how, other.layout = wan::ModelLayout::kOriginal, other.note = "flats";
  CHECK(difference_of(other) ==
        "has the layout diffusers, asked is original; has the note rooms, asked is flats");
  other = how, other.block = 1, other.timestep = 300;
  CHECK(difference_of(other) == "has the block 2, asked is 1; has the timestep 100, asked is 300");
  fs::remove(how.out / "transformer" / "config.json");
  CHECK_THAT(difference_of(how), Contains("cannot be read"));
}

TEST_CASE("the view of a run that an earlier vega began stands in its options") {
  const RunOfOther sample;
  RunFolder run(sample.temp / "run", Json{{"a", 1}});
  const StepFolder step = sample.write_run(run);
  const fs::path initial = run.path() / kInitialFolder;
  wan::ModelRecord record = *wan::read_model_record(initial);
  CHECK(record.view == View::kNative);
  record.view.reset();
  test::write_text(initial / wan::kRecordFile, wan::record_text(record));
  WorldExport how;
  how.out = sample.temp / "model";
  write_world_model(step, how);
  CHECK(wan::read_model_record(how.out)->view == View::kNative);
}
