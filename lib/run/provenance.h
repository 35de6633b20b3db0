// Who made an output, with what and when: the group /provenance of a file. Outside the cache key.
#pragma once

#include <map>
#include <string>

namespace vega {

using Provenance = std::map<std::string, std::string>;

// version, command, host, started (now, UTC), and what the verb adds.
Provenance provenance(Provenance more = {});

}  // namespace vega
