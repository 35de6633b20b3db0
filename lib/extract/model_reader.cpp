#include "extract/model_reader.h"

#include <ATen/core/Tensor.h>
#include <fmt/core.h>

#include "base/error.h"
#include "base/json.h"
#include "models/wan/checkpoint.h"
#include "models/wan/linear_vae.h"
#include "models/wan/prompt_file.h"
#include "models/wan/record.h"
#include "weights/model_files.h"

namespace vega::extract {
namespace fs = std::filesystem;
namespace {

bool is_model(const fs::path& folder) {
  for (const fs::path& place : {folder, folder / "transformer"}) {
    std::error_code unreadable;
    if (!fs::is_regular_file(place / "config.json", unreadable)) continue;
    try {
      const Json config = read_json(place / "config.json", "the configuration of a model");
      const std::string name = config["_class_name"].text_or("");
      if (name == "WanModel" || name == "WanTransformer3DModel") return true;
    } catch (const InputError&) {
      continue;  // some other program's config.json
    }
  }
  return false;
}

Json describe_model(const fs::path& folder) {
  const wan::Checkpoint c = wan::open_checkpoint(folder);
  const wan::DitConfig& d = c.dit_config;
  Json dit = describe_tensors(c.dit);
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"blocks", d.layers}, {"width", d.dim},   {"heads", d.heads},
      {"ffn", d.ffn_dim},   {"patch", d.patch}, {"text_width", d.text_dim}};
  for (const auto& [name, size] : sizes) dit.set(name, size);
  Json vae = describe_tensors(c.vae);
  vae.set("base", c.vae_config.base);
  Json all{{"path", folder.string()}, {"network", "Wan2.1 text-to-video"}, {"layout", c.layout}};
  all.set("transformer", std::move(dit));
  all.set("vae", std::move(vae));
  const auto record = wan::read_model_record(folder);  // checks it
  all.set("record", record ? read_json(folder / wan::kRecordFile, "a record") : Json());
  return all;
}

std::string weights_text(const Json& part) {
  std::string types;
  for (const Json& type : part["dtypes"].elements())
    types += (types.empty() ? "" : ", ") + type.text_or("");
  return fmt::format("{:.2f} M values, {}, {:.1f} MB", part["values"].number().value_or(0) / 1e6,
                     types, part["bytes"].number().value_or(0) / 1e6);
}

std::string record_lines(const Json& record) {
  if (!record.is_object())
    return fmt::format("  {:<18} not said: no {}\n", "trained on", wan::kRecordFile);
  std::string out;
  for (const auto& [name, value] : record.members()) {
    if (!value.is_object()) {
      const std::string label = name == "trained_on" ? "trained on" : name;
      out += fmt::format("  {:<18} {}\n", label, value.text_or(value.dump()));
      continue;
    }
    out += "  " + name + "\n";
    for (const auto& [inner, setting] : value.members())
      out += fmt::format("    {:<16} {}\n", inner, setting.text_or(setting.dump()));
  }
  return out;
}

std::string inspect_model(const fs::path& folder) {
  const Json all = describe_model(folder);
  const Json &dit = all["transformer"], &vae = all["vae"];
  const auto whole = [](const Json& part, const char* name) {
    return part[name].whole().value_or(0);
  };
  std::string text = folder.string() + "\n";
  text += fmt::format("  {:<18} {}, {} layout\n", "network", all["network"].text_or(""),
                      all["layout"].text_or(""));
  text += fmt::format("  {:<18} {} blocks, width {}, {} heads, ffn {}, text width {}: {}\n",
                      "transformer", whole(dit, "blocks"), whole(dit, "width"), whole(dit, "heads"),
                      whole(dit, "ffn"), whole(dit, "text_width"), weights_text(dit));
  text += fmt::format("  {:<18} base {}: {}\n", "vae", whole(vae, "base"), weights_text(vae));
  return text + record_lines(all["record"]);
}

void check_model(const fs::path& folder) {
  const wan::Checkpoint c = wan::open_checkpoint(folder);
  for (const TensorSet* set : {&c.dit_set, &c.vae_set}) {
    for (const auto& [name, view] : set->tensors()) {
      set->verify(name);
      check_finite(name, view, set->origin(name));
    }
  }
  for (const char* name : {"prompt.h5", "prompt.pt", "wan_prompt_embedding.pt"}) {
    if (fs::exists(folder / name)) wan::read_prompt_file(folder / name, c.dit_config.text_dim);
  }
  wan::read_linear_vae(folder);  // and the record, and the map to pixels
}

}  // namespace

FileReader model_reader() {
  return reader_of({.kind = "folders of Wan2.1 models",
                    .name = "Wan2.1-T2V-1.3B",
                    .fits = is_model,
                    .describe = describe_model,
                    .print = inspect_model,
                    .check = check_model});
}

}  // namespace vega::extract
