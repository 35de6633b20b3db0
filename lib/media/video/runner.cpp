#include "media/video/runner.h"

#include <fmt/core.h>

#include <algorithm>
#include <new>
#include <utility>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "base/error.h"
#include "base/log.h"

namespace vega {

namespace {
std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
}  // namespace

struct VideoRunner::Pass {
  std::span<const std::int64_t> wanted;
  const Take& take;
};

VideoRunner::VideoRunner(const std::filesystem::path& path, const VideoInfo& info,
                         const VideoIndex& index)
    : path_(path), info_(info), index_(index), frame_(av_frame_alloc()) {
  if (!frame_) throw std::bad_alloc();
  reopen();
}

VideoStop VideoRunner::run(std::span<const std::int64_t>& wanted, const Take& take) {
  Pass pass{wanted, take};
  VideoStop stop;
  if (!index_.linked) {
    stop = run_counting(pass);
  } else {
    stop = run_linked(pass, start_for(wanted.front()));
    stop = run_earlier(std::move(stop), pass);
    if (stop.ordinal >= 0 && !proven_ && start_ > 0) stop = prove(std::move(stop), pass);
  }
  wanted = pass.wanted;
  return stop;
}

// A frame that did not come out, without any error: after a seek to a key frame that is no full
// restart (H.264 recovery points) libav holds the next few back. One group earlier they come.
VideoStop VideoRunner::run_earlier(VideoStop stop, Pass& pass) {
  if (stop.ordinal < 0 || bad_.count(stop.ordinal) > 0) return stop;
  const std::int64_t start = start_for(stop.ordinal);
  if (start == 0) return stop;
  return run_linked(pass, index_.key_before(start - 1));
}

// A frame that failed after a seek is tried once more from the start of the file: if it is there
// then, seeking is not the same as playing in this stream, and is given up.
VideoStop VideoRunner::prove(VideoStop stop, Pass& pass) {
  auto bad = std::exchange(bad_, {});
  seeks_ = false;
  Pass alone{pass.wanted.first(1), pass.take};
  const VideoStop again = run_linked(alone, 0);
  if (again.ordinal < 0) {
    log_debug("{}: seeking loses frames (frame {}: {}); decoding from the start from now on",
              path_.string(), stop.ordinal, stop.reason);
    pass.wanted = pass.wanted.subspan(1);
    return {};
  }
  bad_.merge(bad);
  seeks_ = true;
  proven_ = true;
  return stop;
}

// The last packet of a run: further frames belong to it while their key frame is no later than the
// packet after those that are decoded anyway.
std::int64_t VideoRunner::end_of_run(const Pass& pass) const {
  std::int64_t end = index_.coded_of[at(pass.wanted.front())];
  for (const std::int64_t ordinal : pass.wanted.subspan(1)) {
    if (index_.start_of[at(ordinal)] > end + 1) break;
    end = std::max(end, index_.coded_of[at(ordinal)]);
  }
  return end;
}

std::int64_t VideoRunner::start_for(std::int64_t ordinal) const {
  return seeks_ ? index_.start_of[at(ordinal)] : 0;
}

// start: a key frame, no later than the one of the first wanted frame.
VideoStop VideoRunner::run_linked(Pass& pass, std::int64_t start) {
  start_ = start;
  const auto known = bad_.find(pass.wanted.front());
  if (known != bad_.end()) return {known->first, known->second};
  const std::int64_t end = end_of_run(pass);
  go_to(start);
  for (std::int64_t position = start; position <= end; ++position) {
    const std::string broken = feed(position);
    if (!broken.empty()) mark_bad(position, broken);
    VideoStop stop = collect(pass);
    if (stop.ordinal >= 0 || pass.wanted.empty() || index_.coded_of[at(pass.wanted[0])] > end) {
      return stop;
    }
  }
  input_->send(nullptr);  // what the decoder holds back for order
  VideoStop stop = collect(pass);
  if (stop.ordinal >= 0 || pass.wanted.empty() || index_.coded_of[at(pass.wanted[0])] > end) {
    return stop;
  }
  return missing(pass);
}

// The next packet that is read is the one at `position`, a key frame, and the decoder is empty.
void VideoRunner::go_to(std::int64_t position) {
  input_->flush();
  if (next_ == position || land(position)) return;
  reopen();
  while (next_ < position && input_->read() != nullptr) ++next_;
}

// False: the demuxer cannot, or landed behind. Packets before are read and not decoded.
bool VideoRunner::land(std::int64_t position) {
  next_ = -1;
  if (!input_->seek(index_.coded[at(position)].dts)) return false;
  while (const AVPacket* packet = input_->read()) {
    const auto found = index_.position(packet->pts);
    if (!found || *found > position) return false;
    if (*found < position) continue;
    input_->unread();
    next_ = position;
    return true;
  }
  return false;
}

void VideoRunner::reopen() {
  input_ = std::make_unique<VideoInput>(path_, info_.stream);
  next_ = 0;
  count_ = 0;
  whole_ = {};
}

// Reads the packet at `position` and decodes it. Returns what is wrong with it, or "".
std::string VideoRunner::feed(std::int64_t position) {
  const AVPacket* packet = input_->read();
  next_ = packet == nullptr ? -1 : position + 1;
  if (packet == nullptr) return "the file breaks off";
  if (index_.position(packet->pts) != position) {
    next_ = -1;
    return "its packet is another one than when the file was read first";
  }
  ++decoded_;
  const int code = input_->send(packet);
  if (code < 0) return libav_reason(code);
  return (packet->flags & AV_PKT_FLAG_CORRUPT) != 0 ? "its data are cut short" : "";
}

// Takes what the decoder has ready.
VideoStop VideoRunner::collect(Pass& pass) {
  for (;;) {
    if (pass.wanted.empty()) return {};
    if (bad_.count(pass.wanted.front()) > 0) return missing(pass);
    int code = 0;
    const Decoded got = input_->receive(*frame_, &code);
    if (got == Decoded::kNeedsPacket || got == Decoded::kEnd) return {};
    if (got == Decoded::kError) {
      if (next_ > 0) mark_bad(next_ - 1, libav_reason(code));
      continue;
    }
    const auto position = index_.position(frame_->pts);
    if (!position) continue;
    if (is_damaged(*frame_)) mark_bad(*position, libav_reason(0));
    const std::int64_t ordinal = index_.coded[at(*position)].ordinal;
    if (ordinal < pass.wanted.front()) continue;
    if (ordinal > pass.wanted.front() || bad_.count(ordinal) > 0) return missing(pass);
    give(pass);
  }
}

VideoStop VideoRunner::missing(const Pass& pass) const {
  const auto known = bad_.find(pass.wanted.front());
  return {pass.wanted.front(),
          known == bad_.end() ? "the decoder gives no picture for it" : known->second};
}

// What follows in decoding order, up to the next key frame, may build on the broken frame, and so
// may frames behind that key frame that are shown before it. The latter are broken anyway where
// decoding started at their key frame, which says nothing; and no later frame builds on them.
void VideoRunner::mark_bad(std::int64_t position, const std::string& reason) {
  const CodedFrame& broken = index_.coded[at(position)];
  if (broken.pts < index_.coded[at(start_)].pts) return;
  const bool leads = broken.pts < index_.coded[at(index_.key_before(position))].pts;
  const auto count = static_cast<std::int64_t>(index_.coded.size());
  const std::int64_t key = leads ? index_.key_before(position) : index_.next_key(position);
  const std::int64_t end = key < count ? index_.next_key(key) : count;
  for (std::int64_t i = position; i < (broken.disposable ? position + 1 : end); ++i) {
    const CodedFrame& coded = index_.coded[at(i)];
    if (coded.ordinal < 0 || (i >= key && coded.pts >= index_.coded[at(key)].pts)) continue;
    const std::string name =
        i == position || broken.ordinal < 0
            ? ""
            : fmt::format("it may build on broken frame {} at {:.6f} s: ", broken.ordinal,
                          index_.frames[at(broken.ordinal)].time_s);
    bad_.emplace(coded.ordinal, name + reason);
  }
}

// The frame in hand is the first that is wanted.
void VideoRunner::give(Pass& pass) {
  const VideoFrameTime& time = index_.frames[at(pass.wanted.front())];
  pass.wanted = pass.wanted.subspan(1);
  const std::string where =
      fmt::format("{}: frame {} at {:.6f} s", path_.string(), time.ordinal, time.time_s);
  if (ImageSize{frame_->width, frame_->height} != info_.coded) {
    throw FormatError(explain(where, fmt::format("{}x{} pixels", frame_->width, frame_->height),
                              "the stream's size, " + to_string(info_.coded),
                              "convert the video to one size"));
  }
  ImageU8 image = converter_.convert(*frame_, where);
  if (info_.orientation != Orientation::kUpright) image = orient(image, info_.orientation);
  pass.take({time.ordinal, time.time_s, std::move(image)});
}

// Streams without usable timestamps: frames are counted from the start. Broken ones, which the
// index left out, do not count.
VideoStop VideoRunner::run_counting(Pass& pass) {
  if (count_ > pass.wanted.front()) reopen();
  while (!pass.wanted.empty()) {
    int code = 0;
    const Decoded got = input_->receive(*frame_, &code);
    if (got == Decoded::kEnd) {
      reopen();
      return missing(pass);
    }
    if (got == Decoded::kNeedsPacket) {
      const AVPacket* packet = input_->read();
      if (packet != nullptr) ++decoded_;
      code = input_->send(packet);
      if (code < 0 && code != AVERROR_EOF) whole_.fail();
    } else if (got == Decoded::kError) {
      whole_.fail();
    } else if (whole_.pass(*frame_) && count_++ == pass.wanted.front()) {
      give(pass);
    }
  }
  return {};
}

}  // namespace vega
