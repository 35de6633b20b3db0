// vega_model.json (schema vega.model/1): what a model says about itself, beside its weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "base/json.h"
#include "media/view.h"

namespace vega::wan {

inline constexpr const char* kRecordFile = "vega_model.json";
inline constexpr const char* kRecordSchema = "vega.model/1";
inline constexpr const char* kPixelFile = "pixels.safetensors";

// Empty, 0 and -1: not said. Nothing of it enters the key of a feature file but for block,
// timestep, shift, size and view, which are options of `vega-extract features` and have their place
// there.
struct ModelRecord {
  std::string kind = "generator";
  // What `vega-extract features` takes where its options leave it open.
  std::int64_t block = -1, timestep = -1;
  double shift = 0;
  ImageSize size;            // of the pictures it was trained on
  std::optional<View> view;  // how frames were brought to that size
  std::string trained_on;    // for people: "328 rooms of vega-synth scene, 10,496 pictures"
  std::int64_t steps = 0;
  std::vector<std::int64_t> seeds;
  Json options = Json::object();  // of the training
  std::string parent;             // the run that it was written from
  Json figures = Json::object();  // name to number: what was measured of it
  std::string pixel_map;          // file name of the map from latents to pixels, such as kPixelFile
};

// Nothing where the folder has no kRecordFile. Throws FormatError (no JSON, another schema, a value
// of another kind).
std::optional<ModelRecord> read_model_record(const std::filesystem::path& folder);

// The bytes of kRecordFile.
std::string record_text(const ModelRecord& record);

// The folder of the model that `given` means: `given` itself, or given/model where `given` is the
// folder of a run that wrote a model with a record there.
std::filesystem::path model_folder(const std::filesystem::path& given);

}  // namespace vega::wan
