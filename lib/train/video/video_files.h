// Videos of files, for training.
#pragma once

#include "train/video_access.h"

namespace vega::train {

VideoAccess video_files();

}  // namespace vega::train
