#include "run/provenance.h"

#include "base/build_info.h"

namespace vega {

Provenance provenance(Provenance more) {
  more.insert({{"version", version()},
               {"command", command_line()},
               {"host", host_name()},
               {"started", utc_now()}});
  return more;
}

}  // namespace vega
