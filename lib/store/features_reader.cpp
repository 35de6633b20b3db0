#include "base/error.h"
#include "store/features_detail.h"

namespace vega {
namespace fs = std::filesystem;

struct FeatureReader::State {
  h5::File file;
  FeatureHeader header;
  std::size_t frames = 0;
  std::vector<TapInfo> taps;

  const TapInfo& tap(std::size_t index) const {
    if (index < taps.size()) return taps[index];
    throw InputError(explain(file.path().string(), "tap " + std::to_string(index),
                             "one of " + std::to_string(taps.size())));
  }
};

FeatureReader::FeatureReader(const fs::path& path)
    : state_(std::make_unique<State>(State{h5::File::open(path), {}, 0, {}})) {
  const h5::File& file = state_->file;
  require_complete(file, kFeaturesSchema);
  state_->header = read_header(file);
  const Shape frames = file.info("/frames/id").shape;
  if (frames.size() != 1) {
    throw FormatError(explain(path.string() + ": /frames/id", to_string(frames), "[V]"));
  }
  state_->frames = static_cast<std::size_t>(frames[0]);
  for (const auto& name : file.children("/taps")) {
    state_->taps.push_back(detail::read_tap(file, name, state_->frames));
  }
}

FeatureReader::~FeatureReader() = default;
FeatureReader::FeatureReader(FeatureReader&&) noexcept = default;

const fs::path& FeatureReader::path() const { return state_->file.path(); }
const FeatureHeader& FeatureReader::header() const { return state_->header; }
const std::vector<TapInfo>& FeatureReader::taps() const { return state_->taps; }
std::size_t FeatureReader::frame_count() const { return state_->frames; }

std::size_t FeatureReader::tap_index(const std::string& name) const {
  std::string wanted = name.empty() ? state_->header.default_tap : name;
  const auto& taps = state_->taps;
  if (wanted.empty() && !taps.empty()) wanted = taps.front().name;
  std::string known;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    if (taps[i].name == wanted) return i;
    known += (i ? ", " : "") + taps[i].name;
  }
  throw InputError(explain(path().string(), "tap '" + wanted + "'", "one of " + known));
}

FrameTable FeatureReader::frames() const {
  return read_columns<FrameTable>(state_->file, "/frames", state_->frames);
}

std::vector<std::vector<std::byte>> FeatureReader::thumbs() const {
  return detail::read_thumbs(state_->file, state_->frames);
}

std::vector<std::byte> FeatureReader::read_tokens(std::size_t tap, std::size_t first,
                                                  std::size_t count) const {
  const TapInfo& info = state_->tap(tap);
  if (first > state_->frames || count > state_->frames - first) {
    throw InputError(explain(path().string() + ": " + detail::tokens_path(info.name),
                             std::to_string(count) + " frames from " + std::to_string(first),
                             "frames within " + std::to_string(state_->frames)));
  }
  std::vector<std::byte> raw(count * info.frame_bytes());
  state_->file.read_rows(detail::tokens_path(info.name), static_cast<std::int64_t>(first),
                         static_cast<std::int64_t>(count), raw);
  return raw;
}

std::vector<float> FeatureReader::read_f32(std::size_t tap, std::size_t first,
                                           std::size_t count) const {
  const auto raw = read_tokens(tap, first, count);
  const TapInfo& info = state_->tap(tap);
  return to_f32({info.store_dtype,
                 {static_cast<std::int64_t>(count), info.grid_h, info.grid_w, info.channels},
                 raw.data()});
}

}  // namespace vega
