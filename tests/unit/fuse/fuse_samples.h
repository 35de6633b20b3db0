// A made-up scene with a checkpoint of its own values, and `vega-fuse tokens` on it.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/philox.h"
#include "fuse/options.h"
#include "fuse/tokens.h"
#include "fusion/checkpoint.h"
#include "fusion/fusion.h"
#include "fusion/projector.h"
#include "run/context.h"
#include "store/tokens_file.h"
#include "support/feature_samples.h"
#include "support/options.h"
#include "support/scene_sample.h"
#include "support/support.h"
#include "support/write_scene.h"

namespace vega::test {

// Modules whose every value is its own: no scale is 1, no bias 0.
struct Weights {
  ProjectorConfig semantic{"mlp2x_gelu", kSemanticChannels, kWidth},
      generative{"mlp2x_gelu", kGenerativeChannels, kWidth};
  FusionConfig fusion;
  InitialModules values;

  explicit Weights(const std::string& method = "token_gated", const std::string& form = "",
                   std::int64_t width = kWidth) {
    set_method(fusion, method);
    if (!form.empty()) set_form(fusion, form);
    fusion.width = semantic.out = generative.out = width;
    values = initial_modules(semantic, generative, fusion, 11);
    int index = 0;
    for (Parameters* all : {&values.semantic, &values.generative, &values.fusion}) {
      for (auto& [name, value] : *all) {
        at::Tensor move = at::empty(value.sizes(), at::kFloat);
        uniform_tensor(5, name + std::to_string(index++), 0, 0.2, 0,
                       {move.data_ptr<float>(), static_cast<std::size_t>(move.numel())});
        value = value + move;
      }
    }
    Parameters names;
    const auto add = [&](std::string_view prefix, const Parameters& all) {
      for (const auto& [name, value] : all) names.emplace_back(std::string(prefix) + name, value);
    };
    add(kSemanticPrefix, values.semantic);
    add(kGenerativePrefix, values.generative);
    add(kFusionPrefix, values.fusion);
    values.fingerprint = fingerprint_of(names);
  }
  void write(const fs::path& folder) const {
    fs::create_directories(folder);
    write_fusion_checkpoint(folder, semantic, generative, fusion, values);
  }
};

struct Manifest {
  std::vector<std::pair<std::string, std::string>> lines;
  Context context() {
    Context c;
    c.manifest = [this](const std::string& key, const std::string& path) {
      lines.emplace_back(key, path);
    };
    return c;
  }
};

// A folder with one scene, and options that fuse it.
struct Room {
  TempFolder folder;
  Stream generative, semantic = semantic_stream();
  fuse::TokensOptions options;

  fs::path features() const { return folder / "f" / (generative.key + ".h5"); }
  fs::path semantics() const { return folder / "s" / (generative.key + ".h5"); }
  fs::path scenes() const { return folder / "scenes" / (generative.key + ".h5"); }
  fs::path output() const { return folder / "out" / "t" / (generative.key + ".h5"); }

  void write() {
    write_features(features(), generative);
    write_features(semantics(), semantic);
    options.items.inputs = {features().string()};
    options.semantic = (folder / "s").string();
    options.output.out = (folder / "out").string();
    options.output.tag = "t";
    options.width = kWidth;
    set(options, "--store-dtype", "fp32");
    options.run.threads = 1;
  }
  void write_scene() {
    fs::create_directories(scenes().parent_path());
    write_scene_file(scenes(), made_scene(generative).file);
    options.scenes = (folder / "scenes").string();
  }
  void use(const Weights& weights) {
    weights.write(folder / "ckpt");
    options.checkpoint = (folder / "ckpt").string();
  }
  RunResult run() {
    Manifest manifest;
    return fuse::run_tokens(options, manifest.context());
  }
  // The run's error as E, and that it left nothing; "" where it throws nothing of that kind.
  template <typename E>
  std::string refusal() {
    try {
      run();
    } catch (const E& error) {
      return any_output() ? "something was written" : error.what();
    } catch (const std::exception& error) {
      return std::string("another error: ") + error.what();
    }
    return "";
  }
  bool any_output() const {
    if (!fs::exists(folder / "out")) return false;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "out"))
      if (!entry.is_directory()) return true;
    return false;
  }
};

inline at::Tensor tensor_from(const std::vector<float>& values, std::vector<std::int64_t> shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

inline at::Tensor part_of(const TokensReader& file, TokenPart part) {
  const auto frames = static_cast<std::int64_t>(file.frame_count());
  return tensor_from(file.read(part, 0, file.frame_count()), {frames, 196, file.info().width});
}

inline at::Tensor gate_of(const TokensReader& file) {
  return tensor_from(file.gate(), {static_cast<std::int64_t>(file.frame_count()), 196});
}

// The largest difference, in units of the largest value of b.
inline double apart(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return INFINITY;
  const at::Tensor x = a.to(at::kDouble), y = b.to(at::kDouble);
  return (x - y).abs().max().item<double>() / y.abs().max().item<double>();
}

}  // namespace vega::test
