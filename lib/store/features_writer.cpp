#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/hash.h"
#include "base/publish.h"
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
  PartFile part;  // outlives `file`: it removes what was not published
  h5::File file;
  std::vector<TapInfo> taps;
  std::vector<std::int64_t> frame_id;
  std::mutex mutex;
  std::vector<std::vector<std::string>> hash;  // (tap, frame) of the bytes put; "" not yet
  bool finished = false;
  OtherTaps others = OtherTaps::kKeep;
  std::string cache_key;

  State(fs::path final_path, std::vector<TapInfo> new_taps, std::vector<std::int64_t> ids)
      : part(std::move(final_path)),
        file(h5::File::create(part.path())),
        taps(std::move(new_taps)),
        frame_id(std::move(ids)),
        hash(taps.size(), std::vector<std::string>(frame_id.size())) {}

  void make_taps() {
    for (const auto& tap : taps) detail::write_tap(file, tap, frame_id.size());
  }
  void require_all_put() const;
  void verify_tokens(std::size_t tap);
  void take_over();
};

void FeatureWriter::State::require_all_put() const {
  for (std::size_t t = 0; t < taps.size(); ++t) {
    for (std::size_t f = 0; f < frame_id.size(); ++f) {
      if (!hash[t][f].empty()) continue;
      throw InputError(explain(
          part.final_path().string() + ": tap " + taps[t].name,
          "no tokens of frame " + std::to_string(f) + " (id " + std::to_string(frame_id[f]) + ")",
          "all " + std::to_string(frame_id.size()) + " frames"));
    }
  }
}

// What the file gives back is what was put; the hash of the whole is known only now, because
// frames come in any order.
void FeatureWriter::State::verify_tokens(std::size_t t) {
  const std::string object = detail::tokens_path(taps[t].name);
  std::vector<std::byte> frame(taps[t].frame_bytes());
  Hasher whole;
  for (std::size_t f = 0; f < frame_id.size(); ++f) {
    file.read_rows(object, static_cast<std::int64_t>(f), 1, frame);
    const std::string got = xxh3_hex(frame);
    if (got != hash[t][f]) {
      throw OutputError(
          explain(part.path().string() + ": " + object + " frame " + std::to_string(f),
                  "xxh3 " + got + " read back", hash[t][f], "the disk may be faulty: run again"));
    }
    whole.bytes(frame);
  }
  file.write_text(object, "xxh3", whole.hex());
}

// What another process has published under the final name since this file was begun. What cannot be
// read, or was made otherwise, is nothing to keep.
void FeatureWriter::State::take_over() {
  if (others == OtherTaps::kReplace) return;
  std::optional<h5::File> source;
  try {
    source.emplace(h5::File::open(part.final_path()));
    require_complete(*source, kFeaturesSchema);
    if (read_header(*source).cache_key != cache_key) return;
  } catch (const FormatError&) {
    return;
  }
  file = h5::File::open(part.path(), h5::File::Mode::kChange);
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
  state_ = std::make_unique<State>(std::move(final_path), std::move(taps), frames.id);
  state_->others = others;
  state_->cache_key = header.cache_key;
  write_header(state_->file, kFeaturesSchema, header);
  detail::write_frames(state_->file, frames);
  state_->make_taps();
}

FeatureWriter::FeatureWriter(fs::path existing, std::map<std::string, std::string> provenance,
                             std::vector<TapInfo> new_taps) {
  const FeatureReader reader(existing);
  const h5::File source = h5::File::open(existing);
  // H5Ocopy moves chunks as they lie: a damaged source must be found here, not blamed on our disk.
  for (const auto& object : source.datasets()) source.check_dataset(object);
  for (const auto& tap : new_taps) {
    if (!source.exists(detail::tap_group(tap.name))) continue;
    throw InputError(explain(existing.string() + ": tap '" + tap.name + "'",
                             "one that is in the file already", "a new name"));
  }
  detail::check_taps(new_taps, reader.frame_count());
  state_ = std::make_unique<State>(existing, std::move(new_taps), reader.frames().id);
  FeatureHeader header = reader.header();
  state_->cache_key = header.cache_key;
  header.provenance = std::move(provenance);
  write_header(state_->file, kFeaturesSchema, header);
  state_->file.copy_from(source, "/provenance", "/provenance/earlier");
  state_->file.copy_from(source, "/frames");
  for (const auto& tap : reader.taps()) {
    state_->file.copy_from(source, detail::tap_group(tap.name));
  }
  state_->make_taps();
}

FeatureWriter::~FeatureWriter() = default;

void FeatureWriter::put(std::size_t tap, std::size_t frame, std::span<const std::byte> tokens) {
  State& s = *state_;
  if (tap >= s.taps.size() || frame >= s.frame_id.size()) {
    throw InputError(explain(s.part.final_path().string(),
                             "tap " + std::to_string(tap) + ", frame " + std::to_string(frame),
                             std::to_string(s.taps.size()) + " taps of " +
                                 std::to_string(s.frame_id.size()) + " frames"));
  }
  const TapInfo& info = s.taps[tap];
  const std::string object = detail::tokens_path(info.name);
  if (tokens.size() != info.frame_bytes()) {
    throw InputError(explain(s.part.final_path().string() + ": " + object,
                             std::to_string(tokens.size()) + " bytes a frame",
                             std::to_string(info.frame_bytes())));
  }
  std::string hash = xxh3_hex(tokens);
  {
    const std::lock_guard held(s.mutex);
    if (s.finished || !s.hash[tap][frame].empty()) {
      throw InputError(explain(s.part.final_path().string() + ": " + object,
                               "frame " + std::to_string(frame) + " twice, or after the end",
                               "each frame once"));
    }
    s.hash[tap][frame] = std::move(hash);
  }
  s.file.write_rows(object, static_cast<std::int64_t>(frame), 1, tokens);
}

void FeatureWriter::put_f32(std::size_t tap, std::size_t frame, std::span<const float> tokens) {
  const DType dtype = tap < state_->taps.size() ? state_->taps[tap].store_dtype : DType::kF32;
  if (dtype == DType::kF32) return put(tap, frame, std::as_bytes(tokens));
  std::vector<std::uint16_t> rounded(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    rounded[i] = dtype == DType::kBF16 ? bf16_from_f32(tokens[i]) : f16_from_f32(tokens[i]);
  }
  put(tap, frame, h5::raw_bytes(rounded));
}

void FeatureWriter::finish(const std::map<std::string, std::string>& provenance) {
  State& s = *state_;
  {
    const std::lock_guard held(s.mutex);
    if (s.finished) {
      throw InputError(explain(s.part.final_path().string(), "finish twice", "once"));
    }
    s.require_all_put();
    s.finished = true;
  }
  s.file.close();
  s.file = h5::File::open(s.part.path(), h5::File::Mode::kChange);
  for (std::size_t t = 0; t < s.taps.size(); ++t) s.verify_tokens(t);
  for (const auto& object : s.file.datasets()) {
    bool is_new = false;
    for (const auto& tap : s.taps) is_new |= object == detail::tokens_path(tap.name);
    if (!is_new) s.file.check_dataset(object);
  }
  write_provenance(s.file, provenance);
  mark_complete(s.file);
  s.file.close();
  s.part.sync();
  const FolderLock lock(s.part.final_path().parent_path());
  s.take_over();
  s.part.publish();
}

}  // namespace vega
