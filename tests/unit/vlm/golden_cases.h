// The cases of tests/golden/vlm: checkpoints put together out of groups of weights, inputs,
// results.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/tensor.h"
#include "support/support.h"
#include "vlm/vlm.h"
#include "weights/safetensors.h"

namespace vega::test {

inline const Json& vlm_json() {
  static const Json json = *parse_json(read_text(golden("vlm/cases.json")));
  return json;
}

inline std::vector<std::int64_t> whole_numbers(const at::Tensor& tensor) {
  const at::Tensor t = tensor.to(at::kLong).contiguous();
  return {t.const_data_ptr<std::int64_t>(), t.const_data_ptr<std::int64_t>() + t.numel()};
}

class GoldenCase {
 public:
  explicit GoldenCase(const Json& json) : json_(json) {}

  std::string name() const { return json_["name"].text_or(""); }
  const Json& json() const { return json_; }
  bool has(const std::string& tensor) const { return set().find(name() + "/" + tensor) != nullptr; }
  at::Tensor tensor(const std::string& tensor) const {
    return tensor_from(set().at(name() + "/" + tensor)).clone();
  }
  std::vector<std::int64_t> ids(const std::string& which) const {
    return whole_numbers(tensor(which));
  }

  // The input tensor that stands for `what`; undefined: the case has none.
  at::Tensor input(const char* what) const {
    const std::string* which = json_["inputs"][what].text();
    if (which == nullptr) return {};
    static const TensorSet inputs = read_safetensors(golden("vlm/inputs.safetensors"));
    return tensor_from(inputs.at(*which)).to(at::kFloat);
  }

  // Writes the checkpoint; the folder to open.
  std::filesystem::path write(const TempFolder& folder) const {
    namespace fs = std::filesystem;
    const fs::path base = folder / "base";
    fs::create_directories(base);
    bool projector = false;
    const auto copy = [&](const std::string& group) {
      fs::copy_file(golden("vlm/weights." + group + ".safetensors"),
                    base / ("model." + group + ".safetensors"));
      projector |= group.starts_with("projector");
    };
    for (const Json& group : json_["weights"].elements()) copy(*group.text());
    const std::string* adapter = json_["adapter"].text();
    if (adapter == nullptr) {
      write_text(base / "config.json", config().dump());
      return base;
    }
    if (!projector && *adapter != "llava") copy("projector");  // for strict reading
    const fs::path own = folder / "run7";
    fs::copy(golden("vlm/lora/" + *adapter), own);
    fs::copy_file(golden("vlm/lora/plain/adapter_model.safetensors"),
                  own / "adapter_model.safetensors", fs::copy_options::overwrite_existing);
    write_text((*adapter == "llava" ? own : base) / "config.json", config().dump());
    return own;
  }

  Json config() const { return vlm_json()["configs"][*json_["config"].text()]; }

  vlm::Switches switches() const {
    const bool reference = json_["geometry"] == Json("reference");
    vlm::Switches out = vlm::switches_of(reference ? Compat::kReference : Compat::kFixed);
    out.align = AlignMode::kReference;
    out.fused_objects = json_["objects"] == Json("fused");
    return out;
  }

  vlm::SceneInput scene(const vlm::VlmConfig& config) const {
    vlm::SceneInput out;
    out.key = name();
    if (const auto t = input("semantic"); t.defined()) out.semantic = t.flatten(1, 2);
    if (const auto t = input("generative"); t.defined()) out.generative = t.flatten(1, 2);
    if (const auto t = input("world"); t.defined())
      out.points = t.reshape({t.size(0) * 196, -1, 3});
    const at::Tensor boxes = input("boxes");
    if (!boxes.defined()) return out;
    for (std::int64_t n = 0; n < boxes.size(0); ++n) {
      Box box{};
      for (std::int64_t k = 0; k < 6; ++k)
        box[static_cast<std::size_t>(k)] = boxes[n][k].item<float>();
      out.boxes.push_back(box);
    }
    const bool fine = object_mode(config, switches()) == ObjectMode::kPatch14;
    const at::Tensor counts = input(fine ? "cells14" : "cells27");
    out.selected = (counts >= (fine ? kObjectPixels14 : kObjectPixels27)).flatten(1).to(at::kFloat);
    return out;
  }

  std::vector<std::array<float, 3>> coords() const {
    const at::Tensor box = input("box_input");
    if (!box.defined()) return {};
    return {{box[0][0].item<float>(), box[0][1].item<float>(), box[0][2].item<float>()}};
  }

 private:
  static const TensorSet& set() {
    static const TensorSet cases = read_safetensors(golden("vlm/cases.safetensors"));
    return cases;
  }
  const Json& json_;
};

}  // namespace vega::test
