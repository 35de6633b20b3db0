// Root attributes and /provenance, common to every HDF5 file of vega (docs/formats.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "store/h5.h"

namespace vega {

// The root attributes but for `schema` and `complete`. `/provenance` holds text attributes (program
// version, command line, host, times, batch): it is outside the cache key.
struct FileHeader {
  std::string key;                  // of the scene: [A-Za-z0-9._-]+
  std::string cache_key;            // store/cache_key.h
  std::string options_json = "{}";  // resolved options that change numbers: a JSON object
  std::string default_tap;          // feature files only; empty: absent
  std::int64_t seed = 42;
  std::map<std::string, std::string> provenance;
  std::string model_fp, input_fp;  // fingerprints, so that a refusal can say which one differs
};

// Throws InputError where key is not [A-Za-z0-9._-]+ or options_json no JSON object.
void write_header(h5::File& file, const std::string& schema, const FileHeader& header);
void write_provenance(h5::File& file, const std::map<std::string, std::string>& entries);

// `complete` = 1: the last thing written.
void mark_complete(h5::File& file);

// Reads any header. Throws FormatError where an attribute is missing.
FileHeader read_header(const h5::File& file);
std::string read_schema(const h5::File& file);
bool is_complete(const h5::File& file);

// Throws FormatError unless the file has this schema and is complete.
void require_complete(const h5::File& file, const std::string& schema);

}  // namespace vega
