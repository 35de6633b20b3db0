#include "store/inspect.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "store/attrs.h"
#include "store/cache_key.h"
#include "store/value_statistics.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

// Attributes of one object but for xxh3, which `verify` is for.
ordered_json attributes_of(const h5::File& file, const std::string& object) {
  ordered_json all = ordered_json::object();
  for (const auto& name : file.attributes(object)) {
    if (name == "xxh3") continue;
    const std::string text = file.attribute_as_text(object, name);
    const auto number = ordered_json::parse(is_shallow_json(text) ? text : "", nullptr, false);
    all[name] = file.is_text(object, name) || !number.is_number() ? ordered_json(text) : number;
  }
  return all;
}

// A damaged dataset is shown with its error: the rest of the file may still be of use.
ordered_json dataset_of(const h5::File& file, const std::string& object) {
  ordered_json entry{{"path", object}};
  try {
    const auto info = file.info(object);
    entry["dtype"] = name_of(info.dtype);
    entry["shape"] = info.shape;
    entry["chunk"] = info.chunk;
    entry["bytes"] = info.bytes();
    entry["xxh3"] = file.has_attribute(object, "xxh3") ? file.read_text(object, "xxh3") : "";
    if (detail::is_floating(info.dtype) && info.bytes() > 0) {
      const auto found = detail::value_statistics(file, object, info);
      entry["min"] = found.min;
      entry["mean"] = found.mean;
      entry["max"] = found.max;
      entry["std"] = found.std;
      entry["not_finite"] = found.not_finite;
    }
  } catch (const Error& error) {
    entry["error"] = error.what();
  }
  return entry;
}

ordered_json groups_of(const h5::File& file, const std::string& group) {
  ordered_json all = ordered_json::object();
  for (const auto& name : file.children(group)) {
    const std::string child = (group == "/" ? "" : group) + "/" + name;
    if (file.is_dataset(child)) continue;
    all[child] = attributes_of(file, child);
    all.update(groups_of(file, child));
  }
  return all;
}

ordered_json describe(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  ordered_json all{{"path", path.string()}};
  all["schema"] = file.has_attribute("/", "schema") ? read_schema(file) : "";
  all["complete"] = is_complete(file);
  ordered_json attributes = attributes_of(file, "/");
  attributes.erase("schema");
  attributes.erase("complete");
  if (attributes.contains("options")) {
    const auto text = attributes["options"].get<std::string>();
    auto options = ordered_json::parse(is_shallow_json(text) ? text : "", nullptr, false);
    if (!options.is_discarded()) attributes["options"] = std::move(options);
  }
  all["attributes"] = std::move(attributes);
  const auto datasets = file.datasets();  // first: it refuses groups that contain themselves
  all["groups"] = groups_of(file, "/");
  all["datasets"] = ordered_json::array();
  for (const auto& object : datasets) all["datasets"].push_back(dataset_of(file, object));
  return all;
}

std::string shown(const ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string human_bytes(std::uint64_t bytes) {
  const double n = static_cast<double>(bytes);
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.1f} kB", n / 1e3);
  if (bytes < 10'000'000'000) return fmt::format("{:.1f} MB", n / 1e6);
  return fmt::format("{:.1f} GB", n / 1e9);
}

std::string dataset_line(const ordered_json& entry) {
  std::string line = fmt::format("  {:<32}", entry["path"].get<std::string>());
  if (entry.contains("dtype")) {
    line += fmt::format(" {:<5} {:<22} {:>9}", entry["dtype"].get<std::string>(),
                        to_string(entry["shape"].get<Shape>()),
                        human_bytes(entry["bytes"].get<std::uint64_t>()));
  }
  if (entry.contains("min")) {
    line += fmt::format("  min {:.5g}  mean {:.5g}  max {:.5g}  std {:.5g}  not finite {}",
                        entry["min"].get<double>(), entry["mean"].get<double>(),
                        entry["max"].get<double>(), entry["std"].get<double>(),
                        entry["not_finite"].get<std::int64_t>());
  }
  if (entry.contains("error")) line += "  DAMAGED: " + entry["error"].get<std::string>();
  return line + "\n";
}

}  // namespace

std::string inspect_json(const fs::path& path) {
  return describe(path).dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

std::string inspect(const fs::path& path) {
  const ordered_json all = describe(path);
  std::string text = path.string() + "\n";
  text += fmt::format("  {:<18} {}{}\n", "schema", shown(all["schema"]),
                      all["complete"].get<bool>() ? "" : "   INCOMPLETE");
  for (const auto& [name, value] : all["attributes"].items()) {
    if (name != "options" || !value.is_object()) {
      text += fmt::format("  {:<18} {}\n", name, shown(value));
      continue;
    }
    text += "  options\n";
    for (const auto& [option, setting] : value.items()) {
      text += fmt::format("    {:<16} {}\n", option, shown(setting));
    }
  }
  for (const auto& [group, attributes] : all["groups"].items()) {
    if (attributes.empty()) continue;
    text += "  " + group + "\n";
    for (const auto& [name, value] : attributes.items()) {
      text += fmt::format("    {:<16} {}\n", name, shown(value));
    }
  }
  for (const auto& entry : all["datasets"]) text += dataset_line(entry);
  return text;
}

}  // namespace vega
