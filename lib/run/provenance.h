// The group /provenance of a file: program, command, host, times, device. Not part of the cache
// key.
#pragma once

#include <map>
#include <string>

namespace vega {

using Provenance = std::map<std::string, std::string>;

// version, command, host, started (now, UTC), and what the verb adds.
Provenance provenance(Provenance more = {});

}  // namespace vega
