#include "store/attrs.h"

#include "base/error.h"
#include "base/key.h"
#include "store/cache_key.h"

namespace vega {
namespace {

constexpr const char* kProvenance = "/provenance";

std::string text_or_empty(const h5::File& file, const char* name) {
  return file.has_attribute("/", name) ? file.read_text("/", name) : "";
}

}  // namespace

void write_header(h5::File& file, const std::string& schema, const FileHeader& header) {
  if (!is_key(header.key)) {
    throw InputError(
        explain(file.path().string() + ": key", "'" + header.key + "'", "[A-Za-z0-9._-]+"));
  }
  file.write_text("/", "schema", schema);
  file.write_text("/", "key", header.key);
  file.write_text("/", "cache_key", header.cache_key);
  file.write_text("/", "options", canonical_json(header.options_json));
  file.write_int("/", "seed", header.seed);
  if (!header.default_tap.empty()) file.write_text("/", "default_tap", header.default_tap);
  if (!header.model_fp.empty()) file.write_text("/", "model_fingerprint", header.model_fp);
  if (!header.input_fp.empty()) file.write_text("/", "input_fingerprint", header.input_fp);
  write_provenance(file, header.provenance);
}

void write_provenance(h5::File& file, const std::map<std::string, std::string>& entries) {
  file.make_group(kProvenance);
  for (const auto& [name, value] : entries) file.write_text(kProvenance, name, value);
}

void mark_complete(h5::File& file) {
  file.flush();
  file.write_int("/", "complete", 1);
}

FileHeader read_header(const h5::File& file) {
  FileHeader header;
  header.key = file.read_text("/", "key");
  header.cache_key = file.read_text("/", "cache_key");
  header.options_json = file.read_text("/", "options");
  header.seed = file.read_int("/", "seed");
  header.default_tap = text_or_empty(file, "default_tap");
  header.model_fp = text_or_empty(file, "model_fingerprint");
  header.input_fp = text_or_empty(file, "input_fingerprint");
  if (file.exists(kProvenance)) {
    for (const auto& name : file.attributes(kProvenance)) {
      header.provenance[name] = file.attribute_as_text(kProvenance, name);
    }
  }
  return header;
}

std::string read_schema(const h5::File& file) { return file.read_text("/", "schema"); }

bool is_complete(const h5::File& file) {
  return file.has_attribute("/", "complete") && file.read_int("/", "complete") == 1;
}

void require_complete(const h5::File& file, const std::string& schema) {
  const std::string where = file.path().string();
  if (!file.has_attribute("/", "schema")) {
    throw FormatError(explain(where, "an HDF5 file without a schema", schema,
                              "it was not made by vega; check the path"));
  }
  const std::string got = read_schema(file);
  if (got != schema) {
    throw FormatError(explain(where, "schema " + got, schema, "check the path"));
  }
  if (!is_complete(file)) {
    throw FormatError(explain(where, "an incomplete file", "attribute complete = 1",
                              "make it again with --overwrite, or copy it again"));
  }
}

}  // namespace vega
