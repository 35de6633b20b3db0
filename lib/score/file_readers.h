// Answer files, scores and other JSON for the verbs `inspect` and `verify`.
#pragma once

#include "run/file_verbs.h"

namespace vega::score {

FileReader json_reader();

// HDF5 files in a build that cannot read them: an error that names the build that can.
FileReader h5_absent();

}  // namespace vega::score
