#include "store/noise.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "store/part_store.h"

namespace vega {
namespace {

Shape shape_of(const StoredNoise& noise) {
  return {static_cast<std::int64_t>(noise.id.size()), noise.channels, noise.height, noise.width};
}

bool ids_distinct(const StoredNoise& noise) {
  return std::set<std::int64_t>(noise.id.begin(), noise.id.end()).size() == noise.id.size();
}

}  // namespace

const float* StoredNoise::frame(std::int64_t frame_id) const {
  const auto at = std::find(id.begin(), id.end(), frame_id);
  if (at == id.end()) {
    throw InputError(explain("stored noise", "no entry for frame id " + std::to_string(frame_id),
                             "one for every selected frame",
                             "make the noise file for these frames"));
  }
  return eps.data() + (at - id.begin()) * channels * height * width;
}

void write_noise(const std::filesystem::path& path, const StoredNoise& noise) {
  const Shape shape = shape_of(noise);
  if (noise.id.empty() || noise.eps.empty() || !ids_distinct(noise) ||
      noise.eps.size() != static_cast<std::size_t>(element_count(shape))) {
    throw InputError(explain("stored noise",
                             std::to_string(noise.eps.size()) + " values for " + to_string(shape),
                             "V times channels times h times w, ids distinct"));
  }
  PartStore store(path, kNoiseSchema, noise.header);
  store.file().write_dataset("/id", DType::kI64, {shape[0]}, h5::raw_bytes(noise.id));
  store.file().write_dataset("/eps", DType::kF32, shape, h5::raw_bytes(noise.eps));
  store.finish();
}

StoredNoise read_noise(const std::filesystem::path& path) {
  const h5::File file = h5::File::open(path);
  require_complete(file, kNoiseSchema);
  StoredNoise noise;
  noise.header = read_header(file);
  noise.id = h5::values_of<std::int64_t>(file.read_dataset("/id", DType::kI64, {-1}));
  const auto frames = static_cast<std::int64_t>(noise.id.size());
  noise.eps = h5::values_of<float>(file.read_dataset("/eps", DType::kF32, {frames, -1, -1, -1}));
  const Shape shape = file.info("/eps").shape;
  noise.channels = shape[1];
  noise.height = shape[2];
  noise.width = shape[3];
  if (!ids_distinct(noise)) {
    throw FormatError(explain(path.string() + ": /id", "a frame id twice", "distinct ids"));
  }
  return noise;
}

}  // namespace vega
