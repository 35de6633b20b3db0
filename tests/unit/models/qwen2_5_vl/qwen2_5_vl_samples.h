// The tiny models and pictures of tests/golden/export_qwen2_5_vl.py, drawn again.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "base/json.h"
#include "base/philox.h"
#include "core/tensor.h"
#include "models/qwen2_5_vl/names.h"
#include "support/support.h"
#include "support/tiny_weights.h"
#include "synth/model.h"
#include "synth/model_qwen_vl.h"
#include "weights/safetensors.h"

namespace vega::test {

inline const Json& qwen_vl_notes() {
  static const Json notes = read_json(golden("qwen2_5_vl.json"), "the notes of the exporter");
  return notes;
}

inline at::Tensor qwen_vl_golden(const std::string& name) {
  static const TensorSet set = read_safetensors(golden("qwen2_5_vl.safetensors"));
  return float_tensor_from(set.at(name));
}

inline qwen2_5_vl::VisionConfig tiny_vision_config() {
  return synth::qwen_vl_preset("qwen2.5-vl-tiny", 270).vision;
}

inline OwnedTensors tiny_vision_weights() {
  OwnedTensors out;
  for (const auto& spec : qwen2_5_vl::tower_tensors(tiny_vision_config()))
    out.add(spec.canonical, spec.shape,
            weight_values("qwen2_5_vl.visual." + spec.canonical, spec.shape));
  return out;
}

// The words of a stream of weights.py.
inline std::vector<std::uint32_t> qwen_vl_words(const std::string& name, std::size_t count) {
  const std::uint64_t hash = fnv1a64("golden.qwen2_5_vl." + name);
  std::vector<std::uint32_t> out;
  for (std::uint32_t block = 0; out.size() < count; ++block)
    for (const std::uint32_t word : philox4x32(
             {block, 0, static_cast<std::uint32_t>(hash), static_cast<std::uint32_t>(hash >> 32)},
             philox_key(42)))
      out.push_back(word);
  out.resize(count);
  return out;
}

// `picture` of the exporter.
inline ImageU8 qwen_vl_picture(const std::string& name, int width, int height) {
  const int rough_w = width / 16 + 2, rough_h = height / 16 + 2;
  const auto rough = qwen_vl_words(name, static_cast<std::size_t>(rough_w * rough_h * 3));
  ImageU8 out(width, height);
  const auto fine = qwen_vl_words("fine." + name, out.rgb.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < 3 * width; ++x) {
      const auto cell = static_cast<std::size_t>(3 * (y / 16 * rough_w + x / 3 / 16) + x % 3);
      const auto at = static_cast<std::size_t>(3 * width * y + x);
      const int value = static_cast<int>(rough[cell] >> 24) + static_cast<int>(fine[at] % 64) - 32;
      out.rgb[at] = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
    }
  }
  return out;
}

// The model in both layouts: the folders.
inline std::vector<std::filesystem::path> write_tiny_qwen_vl(const std::filesystem::path& folder,
                                                             bool tied = true) {
  synth::ModelOptions options;
  options.folder = folder;
  options.preset = tied ? "qwen2.5-vl-tiny" : "qwen2.5-vl-tiny-7b";
  options.layout = "both";
  options.progress = ProgressMode::kOff;
  return synth::write_model(options);
}

}  // namespace vega::test
