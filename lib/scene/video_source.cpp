#include "scene/video_source.h"

#include <fmt/core.h>

#include <array>
#include <cstring>
#include <fstream>
#include <mutex>

#include "base/error.h"
#include "base/hash.h"
#include "media/video/video.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

std::string file_checksum(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Hasher hasher;
  std::vector<char> piece(std::size_t{1} << 20);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    hasher.bytes(std::as_bytes(std::span(piece.data(), static_cast<std::size_t>(in.gcount()))));
  }
  if (in.bad()) throw InputError(explain(path.string(), "a read error", "a readable file"));
  return hasher.hex();
}

// A decoder serves one thread at a time.
class VideoStore final : public FrameStore {
 public:
  VideoStore(const fs::path& path, const VideoOptions& options)
      : path_(path), video_(path, options), checksum_(file_checksum(path)) {}

  const std::vector<VideoFrameTime>& index() { return video_.index(); }
  const VideoInfo& info() const { return video_.info(); }

  std::vector<std::byte> color_bytes(std::size_t place) const override {
    const std::string text =
        fmt::format("video {} stream {} frame {}", checksum_, video_.info().stream, place);
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
  }

  bool ordered() const override { return true; }
  void pictures(std::span<const std::size_t> places,
                const std::function<void(std::size_t, ImageU8&&)>& take) const override {
    const std::lock_guard lock(mutex_);
    const std::vector<std::int64_t> ordinals(places.begin(), places.end());
    video_.decode(ordinals, [&](VideoFrame&& frame) {
      take(static_cast<std::size_t>(frame.ordinal), std::move(frame.image));
    });
  }

  std::int64_t decoded_frames() const override {
    const std::lock_guard lock(mutex_);
    return video_.decoded_frames();
  }

  ImageU16 depth(std::size_t place) const override {
    throw InputError(explain(where(place), "a video frame", "a frame with depth"));
  }
  bool has_depth(std::size_t) const override { return false; }
  ImageSize depth_size() const override { return {}; }
  std::string where(std::size_t place) const override {
    return fmt::format("{}, frame {}", path_.string(), place);
  }

 private:
  fs::path path_;
  mutable std::mutex mutex_;
  mutable Video video_;
  std::string checksum_;
};

void check_picture(const VideoInfo& info, const std::string& where, Findings& findings) {
  if (info.orientation != Orientation::kUpright) {
    findings.add(Severity::kNote, "video", where,
                 fmt::format("stored {}, {} when shown: applied", to_string(info.coded),
                             name_of(info.orientation)));
  }
  if (info.bit_depth > 8) {
    findings.add(Severity::kNote, "video", where,
                 fmt::format("{} bits ({}) are rounded to 8", info.bit_depth, info.pixel_format));
  }
  if (!info.note.empty()) findings.add(Severity::kWarning, "video", where, info.note);
}

}  // namespace

SceneSource open_video(const fs::path& path, const SourceOptions& options, Findings& findings) {
  const OnDecodeError at_error =
      findings.collects() ? OnDecodeError::kSkip : options.on_decode_error;
  const auto store =
      std::make_shared<VideoStore>(path, VideoOptions{static_cast<int>(options.stream), at_error});
  SceneSource source;
  source.dialect = "video";
  source.root = path;
  std::vector<std::int64_t> all;
  for (const VideoFrameTime& frame : store->index()) {
    FrameRef ref;
    ref.id = frame.ordinal;
    ref.place = static_cast<std::size_t>(frame.ordinal);
    ref.time_s = frame.time_s;
    source.frames.push_back(ref);
    all.push_back(frame.ordinal);
  }
  findings.number(std::move(all));
  check_picture(store->info(), path.string(), findings);
  source.found = std::ssize(source.frames);
  source.container = store;
  return source;
}

}  // namespace vega
