#include "store/inspect.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/json.h"
#include "store/attrs.h"
#include "store/value_statistics.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

// Attributes of one object but for xxh3, which `verify` is for.
Json attributes_of(const h5::File& file, const std::string& object) {
  Json all = Json::object();
  for (const auto& name : file.attributes(object)) {
    if (name == "xxh3") continue;
    const std::string text = file.attribute_as_text(object, name);
    const auto number = file.is_text(object, name) ? std::nullopt : parse_json(text);
    all.add(name, number && number->number() ? *number : Json(text));
  }
  return all;
}

// A damaged dataset is shown with its error: the rest of the file may still be of use.
Json dataset_of(const h5::File& file, const std::string& object) {
  Json entry{{"path", object}};
  try {
    const auto info = file.info(object);
    entry.set("dtype", name_of(info.dtype));
    entry.set("shape", info.shape);
    entry.set("chunk", info.chunk);
    entry.set("bytes", info.bytes());
    entry.set("xxh3", file.has_attribute(object, "xxh3") ? file.read_text(object, "xxh3") : "");
    if (detail::is_floating(info.dtype) && info.bytes() > 0) {
      const auto found = detail::value_statistics(file, object, info);
      entry.set("min", found.min);
      entry.set("mean", found.mean);
      entry.set("max", found.max);
      entry.set("std", found.std);
      entry.set("not_finite", found.not_finite);
    }
  } catch (const Error& error) {
    entry.set("error", error.what());
  }
  return entry;
}

Json groups_of(const h5::File& file, const std::string& group) {
  Json all = Json::object();
  for (const auto& name : file.children(group)) {
    const std::string child = (group == "/" ? "" : group) + "/" + name;
    if (file.is_dataset(child)) continue;
    all.set(child, attributes_of(file, child));
    const Json below = groups_of(file, child);
    for (const auto& [inner, attributes] : below.members()) all.add(inner, attributes);
  }
  return all;
}

Json describe(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  Json all{{"path", path.string()}};
  all.set("schema", file.has_attribute("/", "schema") ? read_schema(file) : "");
  all.set("complete", is_complete(file));
  Json attributes = attributes_of(file, "/");
  attributes.erase("schema");
  attributes.erase("complete");
  if (auto options = parse_json(attributes["options"].text_or("")))
    attributes.set("options", std::move(*options));
  all.set("attributes", std::move(attributes));
  const auto datasets = file.datasets();  // first: it refuses groups that contain themselves
  all.set("groups", groups_of(file, "/"));
  Json& list = all.set("datasets", Json::list());
  for (const auto& object : datasets) list.push(dataset_of(file, object));
  return all;
}

std::string human_bytes(std::uint64_t bytes) {
  const double n = static_cast<double>(bytes);
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  if (bytes < 10'000'000) return fmt::format("{:.1f} kB", n / 1e3);
  if (bytes < 10'000'000'000) return fmt::format("{:.1f} MB", n / 1e6);
  return fmt::format("{:.1f} GB", n / 1e9);
}

std::string shape_text(const Json& shape) {
  Shape extents;
  for (const Json& extent : shape.elements()) extents.push_back(extent.whole().value_or(0));
  return to_string(extents);
}

std::string dataset_line(const Json& entry) {
  const auto number = [&](const char* name) { return entry[name].number().value_or(0); };
  std::string line = fmt::format("  {:<32}", entry["path"].text_or(""));
  if (entry.contains("dtype")) {
    line +=
        fmt::format(" {:<5} {:<22} {:>9}", entry["dtype"].text_or(""), shape_text(entry["shape"]),
                    human_bytes(entry["bytes"].count().value_or(0)));
  }
  if (entry.contains("min")) {
    line += fmt::format("  min {:.5g}  mean {:.5g}  max {:.5g}  std {:.5g}  not finite {}",
                        number("min"), number("mean"), number("max"), number("std"),
                        entry["not_finite"].whole().value_or(0));
  }
  if (entry.contains("error")) line += "  DAMAGED: " + entry["error"].text_or("");
  return line + "\n";
}

}  // namespace

std::string inspect_json(const fs::path& path) { return describe(path).dump(2); }

std::string inspect(const fs::path& path) {
  const Json all = describe(path);
  std::string text = path.string() + "\n";
  text += fmt::format("  {:<18} {}{}\n", "schema", all["schema"].text_or(""),
                      all["complete"].flag().value_or(false) ? "" : "   INCOMPLETE");
  for (const auto& [name, value] : all["attributes"].members()) {
    if (name != "options" || !value.is_object()) {
      text += fmt::format("  {:<18} {}\n", name, value.text_or(value.dump()));
      continue;
    }
    text += "  options\n";
    for (const auto& [option, setting] : value.members()) {
      text += fmt::format("    {:<16} {}\n", option, setting.text_or(setting.dump()));
    }
  }
  for (const auto& [group, attributes] : all["groups"].members()) {
    if (attributes.size() == 0) continue;
    text += "  " + group + "\n";
    for (const auto& [name, value] : attributes.members()) {
      text += fmt::format("    {:<16} {}\n", name, value.text_or(value.dump()));
    }
  }
  for (const auto& entry : all["datasets"].elements()) text += dataset_line(entry);
  return text;
}

}  // namespace vega
