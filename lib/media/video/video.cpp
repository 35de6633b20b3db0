#include "media/video/video.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/log.h"
#include "media/video/runner.h"

namespace vega {

struct Video::Impl {
  std::filesystem::path path;
  bool skip = false;
  VideoInfo info;
  std::optional<VideoIndex> index;
  std::optional<VideoRunner> runner;
  std::int64_t skipped = 0;

  const VideoIndex& need_index();
  std::string fault_at_end();
  std::string where(std::int64_t ordinal) const;
  void decode(std::span<const std::int64_t> wanted, bool skip_bad, const VideoRunner::Take& take);
};

const VideoIndex& Video::Impl::need_index() {
  if (index) return *index;
  index = build_video_index(path, info.stream, skip);
  const VideoFrameTime last = index->frames.back();
  std::string damage = index->damage;
  if (!index->end_known && damage.empty() && index->hole.empty()) damage = fault_at_end();
  if (!damage.empty() || !index->hole.empty()) {
    const std::string what =
        !index->hole.empty()
            ? index->hole
            : fmt::format("a stream that breaks off after frame {} at {:.6f} s ({})", last.ordinal,
                          last.time_s, damage);
    if (!skip) {
      index.reset();
      runner.reset();
      throw FormatError(explain(path.string(), what, "a complete video",
                                "copy the file again, or skip what cannot be decoded"));
    }
    log_warn("{}: {}", path.string(), what);
  }
  return *index;
}

// Decodes what the last packet shows and the frame that is shown last: of a file that was cut, one
// of them is not whole. Returns what is wrong, or "".
std::string Video::Impl::fault_at_end() {
  const std::int64_t shown = index->frames.back().ordinal;
  std::int64_t coded = shown;
  for (const CodedFrame& frame : index->coded) {
    if (frame.ordinal >= 0) coded = frame.ordinal;
  }
  const std::array both{coded, shown};
  std::span<const std::int64_t> wanted = std::span(both).last(coded == shown ? 1 : 2);
  runner.emplace(path, info, *index);
  while (!wanted.empty()) {
    const VideoStop stop = runner->run(wanted, [](VideoFrame&&) {});
    if (stop.ordinal >= 0) return fmt::format("frame {}: {}", stop.ordinal, stop.reason);
  }
  return {};
}

std::string Video::Impl::where(std::int64_t ordinal) const {
  const double time = index->frames[static_cast<std::size_t>(ordinal)].time_s;
  return fmt::format("{}: frame {} at {:.6f} s", path.string(), ordinal, time);
}

// wanted: ascending, none twice.
void Video::Impl::decode(std::span<const std::int64_t> wanted, bool skip_bad,
                         const VideoRunner::Take& take) {
  const auto count = static_cast<std::int64_t>(need_index().frames.size());
  if (wanted.empty()) return;
  if (wanted.front() < 0 || wanted.back() >= count) {
    const std::int64_t wrong = wanted.front() < 0 ? wanted.front() : wanted.back();
    throw InputError(
        explain(path.string(), fmt::format("frame {}", wrong), fmt::format("0 to {}", count - 1)));
  }
  if (!runner) runner.emplace(path, info, *index);
  const std::size_t asked = wanted.size();
  std::size_t left_out = 0;
  std::string first;
  while (!wanted.empty()) {
    const VideoStop stop = runner->run(wanted, take);
    if (stop.ordinal < 0) continue;
    const std::string text = where(stop.ordinal) + ": " + stop.reason;
    if (!skip_bad || ++left_out == asked) {
      throw FormatError(explain(where(stop.ordinal),
                                "a frame that cannot be decoded (" + stop.reason + ")",
                                "a whole frame",
                                skip_bad ? "no frame that was asked for is whole"
                                         : "copy the file again, or leave such frames out: "
                                           "vega-extract ... --on-decode-error skip"));
    }
    if (first.empty()) first = text;
    log_debug("left out: {}", text);
    ++skipped;
    wanted = wanted.subspan(1);
  }
  if (left_out > 0) log_warn("{} of {} frames left out, first {}", left_out, asked, first);
}

Video::Video(const std::filesystem::path& path, const VideoOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->path = path;
  impl_->skip = options.on_decode_error == OnDecodeError::kSkip;
  impl_->info = video_info(VideoInput(path, options.stream));
}

Video::Video(Video&&) noexcept = default;
Video& Video::operator=(Video&&) noexcept = default;
Video::~Video() = default;

const VideoInfo& Video::info() const { return impl_->info; }

const std::vector<VideoFrameTime>& Video::index() { return impl_->need_index().frames; }

ImageU8 Video::frame(std::int64_t ordinal) {
  ImageU8 image;
  impl_->decode({&ordinal, 1}, false, [&](VideoFrame&& frame) { image = std::move(frame.image); });
  return image;
}

void Video::decode(std::span<const std::int64_t> ordinals,
                   const std::function<void(VideoFrame&&)>& take) {
  std::vector<std::int64_t> wanted(ordinals.begin(), ordinals.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  impl_->decode(wanted, impl_->skip, take);
}

std::int64_t Video::decoded_frames() const {
  return (impl_->index ? impl_->index->decoded : 0) +
         (impl_->runner ? impl_->runner->decoded() : 0);
}

std::int64_t Video::skipped_frames() const {
  return impl_->skipped + (impl_->index ? impl_->index->lost : 0);
}

std::int64_t Video::longest_group() {
  const VideoIndex& index = impl_->need_index();
  return index.linked ? index.longest_group() : 0;
}

}  // namespace vega
