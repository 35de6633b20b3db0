#include "models/wan/record.h"

#include <algorithm>

#include "base/error.h"
#include "base/json_fields.h"
#include "models/model_path.h"

namespace vega::wan {
namespace fs = std::filesystem;
namespace {

constexpr auto kWriteAgain = "write the model again with vega-train export";
constexpr std::int64_t kMostBlock = 10000, kMostTimestep = 1000;

ImageSize size_field(const JsonFields& fields) {
  const auto text = fields.text("size");
  if (!text) return {};
  try {
    return parse_size(*text);
  } catch (const UsageError&) {
    fields.refuse("size", "pixels such as \"256x192\"", kWriteAgain);
  }
}

std::optional<View> view_field(const JsonFields& fields) {
  const auto text = fields.text("view");
  if (!text) return std::nullopt;
  try {
    return view_from_name(*text);
  } catch (const UsageError&) {
    fields.refuse("view", listed<View>(kViews, ", "), kWriteAgain);
  }
}

std::vector<std::int64_t> seeds_field(const JsonFields& fields) {
  std::vector<std::int64_t> out;
  const Json* seeds = fields.find("seeds");
  if (seeds == nullptr) return out;
  for (const Json& seed : seeds->elements()) {
    if (!seed.whole()) fields.refuse("seeds", "a list of whole numbers", kWriteAgain);
    out.push_back(*seed.whole());
  }
  if (!seeds->is_list()) fields.refuse("seeds", "a list of whole numbers", kWriteAgain);
  return out;
}

Json object_field(const JsonFields& fields, const char* name) {
  const Json* found = fields.find(name);
  if (found == nullptr) return Json::object();
  if (!found->is_object()) fields.refuse(name, "an object", kWriteAgain);
  return *found;
}

// A name in the model's own folder: a record from elsewhere leads nowhere else.
std::string file_field(const JsonFields& fields, const char* name) {
  const std::string file = fields.text(name).value_or("");
  if (file.find('/') != file.npos || file.starts_with('.'))
    fields.refuse(name, "the name of a file in the folder of the model", kWriteAgain);
  return file;
}

bool has_model(const fs::path& folder) {
  return is_there(folder / "config.json") || is_there(folder / "transformer" / "config.json");
}

}  // namespace

std::optional<ModelRecord> read_model_record(const fs::path& folder) {
  const fs::path path = folder / kRecordFile;
  if (!is_there(path)) return std::nullopt;
  const JsonFields fields(path);
  const std::string schema = fields.text("schema").value_or("nothing");
  if (schema != kRecordSchema)
    throw FormatError(explain(path.string() + ": schema", schema, kRecordSchema, kWriteAgain));
  ModelRecord r;
  r.kind = fields.text("kind").value_or("");
  r.block = fields.whole("block", 0, kMostBlock).value_or(-1);
  r.timestep = fields.whole("timestep", 0, kMostTimestep).value_or(-1);
  r.shift = fields.positive("shift").value_or(0);
  r.size = size_field(fields);
  r.view = view_field(fields);
  r.trained_on = fields.text("trained_on").value_or("");
  r.steps = fields.whole("steps", 0).value_or(0);
  r.seeds = seeds_field(fields);
  r.options = object_field(fields, "options");
  r.parent = fields.text("parent").value_or("");
  r.figures = object_field(fields, "figures");
  r.pixel_map = file_field(fields, "pixel_map");
  return r;
}

std::string record_text(const ModelRecord& r) {
  Json json{{"schema", kRecordSchema}, {"kind", r.kind}};
  const auto say = [&](const char* name, const Json& value, bool said) {
    if (said) json.set(name, value);
  };
  say("block", r.block, r.block >= 0);
  say("timestep", r.timestep, r.timestep >= 0);
  say("shift", r.shift, r.shift > 0);
  say("size", to_string(r.size), !r.size.empty());
  say("view", r.view ? name_of(*r.view) : "", r.view.has_value());
  say("trained_on", r.trained_on, !r.trained_on.empty());
  say("steps", r.steps, r.steps > 0);
  say("seeds", r.seeds, !r.seeds.empty());
  say("options", r.options, r.options.size() > 0);
  say("parent", r.parent, !r.parent.empty());
  say("figures", r.figures, r.figures.size() > 0);
  say("pixel_map", r.pixel_map, !r.pixel_map.empty());
  return json.dump(2) + "\n";
}

fs::path model_folder(const fs::path& given) {
  if (has_model(given) || !is_there(given / "run.json")) return given;
  if (is_there(given / "model" / kRecordFile)) return given / "model";
  throw InputError(
      explain("--model " + given.string(), "the folder of a run without a model",
              "a run of vega-train world that has finished",
              "write the model of a step with: vega-train export " + given.string() + " -o DIR"));
}

}  // namespace vega::wan
