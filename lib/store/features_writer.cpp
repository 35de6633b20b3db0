#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file_lock.h"
#include "store/features_detail.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

// Whether every dataset of a group is what its checksum says.
bool is_sound(const h5::File& file, const std::string& group) {
  try {
    for (const auto& object : file.datasets(group)) file.check_dataset(object);
    return true;
  } catch (const FormatError&) {
    return false;
  }
}

}  // namespace

std::size_t TapInfo::frame_bytes() const {
  return static_cast<std::size_t>(element_count(frame_shape())) * size_of(store_dtype);
}

struct FeatureWriter::State {
  PartStore store;
  std::vector<TapInfo> taps;
  OtherTaps others = OtherTaps::kKeep;
  std::string cache_key;

  State(const fs::path& path, const FeatureHeader& header, std::vector<TapInfo> new_taps)
      : store(path, kFeaturesSchema, header),
        taps(std::move(new_taps)),
        cache_key(header.cache_key) {}

  void take_over();
};

// Copies the taps that another process has published under the final name since this file was
// begun. A file that cannot be read, or has another key, has nothing to keep.
void FeatureWriter::State::take_over() {
  if (others == OtherTaps::kReplace) return;
  std::optional<h5::File> source;
  try {
    source.emplace(h5::File::open(store.final_path()));
    require_complete(*source, kFeaturesSchema);
    if (read_header(*source).cache_key != cache_key) return;
  } catch (const FormatError&) {
    return;
  }
  h5::File file = h5::File::open(store.part_path(), h5::File::Mode::kChange);
  for (const auto& tap : source->children("/taps")) {
    const std::string group = detail::tap_group(tap);
    if (file.exists(group) || !is_sound(*source, group)) continue;
    file.copy_from(*source, group);
    for (const auto& object : file.datasets(group)) file.check_dataset(object);
  }
  file.close();
}

FeatureWriter::FeatureWriter(fs::path final_path, FeatureHeader header, FrameTable frames,
                             std::vector<TapInfo> taps, OtherTaps others) {
  detail::check_frames(frames);
  detail::check_taps(taps, frames.id.size());
  state_ = std::make_unique<State>(final_path, header, std::move(taps));
  state_->others = others;
  detail::write_frames(state_->store, frames);
  for (const auto& tap : state_->taps) detail::write_tap(state_->store, tap, frames.id.size());
}

FeatureWriter::FeatureWriter(fs::path existing, std::map<std::string, std::string> provenance,
                             std::vector<TapInfo> new_taps) {
  const FeatureReader reader(existing);
  const h5::File source = h5::File::open(existing);
  // H5Ocopy copies chunks without reading them. A damaged source is found here: later it would look
  // like a fault of the disk that is written.
  for (const auto& object : source.datasets()) source.check_dataset(object);
  for (const auto& tap : new_taps) {
    if (!source.exists(detail::tap_group(tap.name))) continue;
    throw InputError(explain(existing.string() + ": tap '" + tap.name + "'",
                             "one that is in the file already", "a new name"));
  }
  detail::check_taps(new_taps, reader.frame_count());
  FeatureHeader header = reader.header();
  header.provenance = std::move(provenance);
  state_ = std::make_unique<State>(existing, header, std::move(new_taps));
  h5::File& file = state_->store.file();
  file.copy_from(source, "/provenance", "/provenance/earlier");
  file.copy_from(source, "/frames");
  for (const auto& tap : reader.taps()) file.copy_from(source, detail::tap_group(tap.name));
  for (const auto& tap : state_->taps) detail::write_tap(state_->store, tap, reader.frame_count());
}

FeatureWriter::~FeatureWriter() = default;

void FeatureWriter::put(std::size_t tap, std::size_t frame, std::span<const std::byte> tokens) {
  State& s = *state_;
  if (tap >= s.taps.size())
    throw InputError(explain(s.store.final_path().string(), "tap " + std::to_string(tap),
                             "one of " + std::to_string(s.taps.size())));
  s.store.put_rows(detail::tokens_path(s.taps[tap].name), static_cast<std::int64_t>(frame), 1,
                   tokens);
}

void FeatureWriter::put_f32(std::size_t tap, std::size_t frame, std::span<const float> tokens) {
  const DType dtype = tap < state_->taps.size() ? state_->taps[tap].store_dtype : DType::kF32;
  if (dtype == DType::kF32) return put(tap, frame, std::as_bytes(tokens));
  std::vector<std::uint16_t> rounded(tokens.size());
  std::transform(tokens.begin(), tokens.end(), rounded.begin(),
                 dtype == DType::kBF16 ? bf16_from_f32 : f16_from_f32);
  put(tap, frame, h5::raw_bytes(rounded));
}

void FeatureWriter::finish(const std::map<std::string, std::string>& provenance) {
  State& s = *state_;
  s.store.seal(provenance);
  const FolderLock lock(s.store.final_path().parent_path());
  s.take_over();
  s.store.publish();
}

}  // namespace vega
