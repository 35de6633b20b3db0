// The verbs `inspect` and `verify` over any HDF5 file of vega.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "run/file_verbs.h"

namespace vega {

// A text for people: schema, key, options, provenance; each dataset with element type, shape,
// bytes, and of floating ones min, mean, max, standard deviation and the number of values that are
// not finite. Throws FormatError (not HDF5, truncated). An incomplete file is shown, and said to be
// so.
std::string inspect(const std::filesystem::path& path);

// The same as one JSON object: {path, schema, complete, attributes, groups, datasets}.
std::string inspect_json(const std::filesystem::path& path);

// Reads everything again: `complete`, known schema, its datasets with their types and shapes,
// fletcher32 of every chunk, `xxh3` of every dataset, values of tokens that are not finite.
// Empty: sound. Never throws for a bad file.
std::vector<Fault> verify(const std::filesystem::path& path);

}  // namespace vega
