// Trainings that were saved, without training: every trained tensor has drawn values.
#pragma once

#include <ATen/ATen.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "support/support.h"
#include "synth/model.h"
#include "train/run_folder.h"
#include "vlm/saved_step.h"
#include "vlm/train_model.h"

namespace vega::test {

inline std::filesystem::path made_base(const std::filesystem::path& folder,
                                       const std::string& preset = "vlm-tiny") {
  synth::ModelOptions options;
  options.folder = folder / preset;
  options.preset = preset;
  options.progress = ProgressMode::kOff;
  return synth::write_model(options).front();
}

// A model whose trained tensors have drawn values, as if it had been trained.
inline vlm::TrainModel drawn_model(const std::filesystem::path& base,
                                   const vlm::TrainModelOptions& options) {
  vlm::TrainModel model(vlm::open_checkpoint(base), options);
  at::manual_seed(11);
  for (const vlm::Trained& t : model.trained())
    model.restore(t.name, at::randn(t.tensor.sizes()) * 0.05);
  return model;
}

inline StepFolder save_model(const vlm::TrainModel& model, const std::filesystem::path& out,
                             std::int64_t step = 3) {
  train::RunFolder run(out, Json{{"options", Json::object()}}, {});
  train::StepContent content;
  std::vector<at::Tensor> kept;
  for (const auto* list : {&model.trained(), &model.added()})
    for (const vlm::Trained& t : *list) kept.push_back(t.tensor.detach().contiguous());
  std::size_t next = 0;
  for (const auto* list : {&model.trained(), &model.added()})
    for (const vlm::Trained& t : *list) content.model[t.name] = view_of(kept[next++]);
  content.config = model.config().dump(2);
  content.copies = {model.checkpoint().config_folder / "tokenizer.json"};
  std::optional<vlm::SavedLora> lora;
  if (const auto& l = model.options().lora)
    lora = vlm::SavedLora{l->rank, l->alpha, l->dropout, l->rank_stabilised};
  const vlm::VlmCheckpoint base = vlm::open_checkpoint(model.checkpoint().path);
  vlm::describe_saved(content.state, &base, out, lora,
                      vlm::new_token_ids(model.checkpoint().config));
  return run.save(step, content);
}

inline void check_equal(const TensorSet& got, const TensorSet& expected) {
  CHECK(got.names() == expected.names());
  for (const auto& [name, view] : expected.tensors()) {
    INFO(name);
    REQUIRE(got.find(name) != nullptr);
    CHECK(at::equal(float_tensor_from(got.at(name)), float_tensor_from(view)));
  }
}

}  // namespace vega::test
