// One pass over the values of a floating dataset: what `inspect` shows and `verify` counts.
#pragma once

#include <cstdint>
#include <string>

#include "store/h5.h"

namespace vega::detail {

struct ValueStatistics {
  std::int64_t count = 0, not_finite = 0;
  double min = 0, max = 0, mean = 0, std = 0;  // of the finite values; 0 where there is none
};

bool is_floating(DType dtype);

// Memory stays bounded. Throws FormatError where a chunk cannot be read.
ValueStatistics value_statistics(const h5::File& file, const std::string& object,
                                 const h5::DatasetInfo& info);

}  // namespace vega::detail
