// Features of a scene as projectors and fusion take them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fusion/checkpoint.h"
#include "store/features.h"

namespace vega {

// Frames [first, first + count) of a tap as float32. Throws InputError (file, frame, cell, channel)
// where a value is not finite.
std::vector<float> read_finite(const FeatureReader& file, std::size_t tap, std::size_t first,
                               std::size_t count);

// How a tap of generative features differs from what a checkpoint was trained on: a line with both
// values of everything that does; empty: nothing does.
std::string differences_from(const TrainedOn& trained, const FeatureReader& file, std::size_t tap);

}  // namespace vega
