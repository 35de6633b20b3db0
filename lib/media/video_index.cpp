#include "media/video_index.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "base/error.h"
#include "base/log.h"

namespace vega {

namespace {

CodedFrame coded_frame(const AVPacket& packet) {
  CodedFrame coded;
  coded.pts = packet.pts;
  coded.dts = packet.dts;
  coded.key = (packet.flags & AV_PKT_FLAG_KEY) != 0;
  coded.discard = (packet.flags & AV_PKT_FLAG_DISCARD) != 0;
  coded.disposable = (packet.flags & AV_PKT_FLAG_DISPOSABLE) != 0;
  return coded;
}

// Codecs of which libavformat gives one packet for each shown frame (but for fields).
bool one_packet_a_frame(const AVStream& stream) {
  const AVCodecParameters& par = *stream.codecpar;
  if (par.field_order != AV_FIELD_UNKNOWN && par.field_order != AV_FIELD_PROGRESSIVE) return false;
  switch (par.codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1: return true;
    default: break;
  }
  const AVCodecDescriptor* described = avcodec_descriptor_get(par.codec_id);
  return described != nullptr && (described->props & AV_CODEC_PROP_INTRA_ONLY) != 0;
}

// Times of decoded frames, or of those that failed, while the packets of a stream are decoded.
struct Trial {
  std::vector<std::int64_t> times;     // as shown
  std::unordered_set<std::int64_t> shown;  // pts of frames that came out
  bool exact = true;                   // each frame carries the pts of a packet
};

// Decodes the whole stream to learn what is shown.
class IndexBuilder {
 public:
  IndexBuilder(VideoInput& input, bool skip) : input_(input), skip_(skip) {
    if (!frame_) throw std::bad_alloc();
  }

  VideoIndex build() {
    const bool scan = one_packet_a_frame(input_.stream());
    read_packets(!scan);
    bool linked = link();
    if (scan && !linked) {  // timestamps are missing or twice, or the start is no key frame
      if (!input_.seek(first_time())) input_ = VideoInput(input_.where(), input_.stream().index);
      index_.coded.clear();
      read_packets(true);
      linked = link();
    }
    if (!scan || !linked) linked = linked && trial_.exact;
    if (linked) {
      show_packets(scan && trial_.times.empty());
    } else {
      show_times();
    }
    check_end();
    return std::move(index_);
  }

 private:
  std::int64_t first_time() const {
    return index_.coded.empty() || index_.coded[0].dts == AV_NOPTS_VALUE ? 0 : index_.coded[0].dts;
  }

  void read_packets(bool decode) {
    trial_ = {};
    while (const AVPacket* packet = input_.read()) {
      if ((packet->flags & AV_PKT_FLAG_CORRUPT) != 0) cut_ = true;
      index_.coded.push_back(coded_frame(*packet));
      if (decode) give(packet);
    }
    if (!input_.read_error().empty()) index_.damage = input_.read_error();
    if (decode) give(nullptr);
  }

  void give(const AVPacket* packet) {
    if (packet != nullptr) ++index_.decoded;
    int code = input_.send(packet);
    if (code < 0 && code != AVERROR_EOF) failed(code);
    for (;;) {
      const Decoded got = input_.receive(*frame_, &code);
      if (got == Decoded::kNeedsPacket || got == Decoded::kEnd) return;
      if (got == Decoded::kError) {
        failed(code);
        return;
      }
      if (is_damaged(*frame_)) failed(0);
      const std::int64_t pts = frame_time(*frame_, true);
      trial_.exact = trial_.exact && pts != VideoIndex::kNoTime && trial_.shown.insert(pts).second;
      if (!is_damaged(*frame_)) trial_.times.push_back(frame_time(*frame_, false));
      av_frame_unref(frame_.get());
    }
  }

  // The packet that failed would have shown a frame: it keeps its place.
  void failed(int code) {
    const std::string reason = libav_reason(code);
    if (first_failure_.empty()) {
      first_failure_ = fmt::format("frame {}: {}", trial_.times.size(), reason);
    }
    if (!index_.coded.empty() && index_.coded.back().pts != AV_NOPTS_VALUE) {
      trial_.shown.insert(index_.coded.back().pts);
    }
  }

  // Ties packets to timestamps. False: some have none, or share one, or decoding cannot start.
  bool link() {
    index_.by_pts.clear();
    bool good = !index_.coded.empty() && index_.coded[0].key;
    for (std::size_t i = 0; i < index_.coded.size() && good; ++i) {
      const CodedFrame& coded = index_.coded[i];
      const bool fresh = index_.by_pts.emplace(coded.pts, static_cast<std::int64_t>(i)).second;
      good = coded.pts != AV_NOPTS_VALUE && fresh &&
             (coded.discard || coded.pts >= index_.coded[0].pts);
    }
    return good;
  }

  double seconds(std::int64_t time) const {
    const AVRational base = input_.stream().time_base;
    return static_cast<double>(time) * base.num / base.den;
  }

  // Frames are packets in order of pts, less those that show nothing (all: every packet shows one).
  void show_packets(bool all) {
    index_.linked = true;
    std::vector<std::int64_t> order;
    for (std::size_t i = 0; i < index_.coded.size(); ++i) {
      const CodedFrame& coded = index_.coded[i];
      if (!coded.discard && (all || trial_.shown.count(coded.pts) > 0)) {
        order.push_back(static_cast<std::int64_t>(i));
      }
    }
    const auto pts = [&](std::int64_t i) { return index_.coded[static_cast<std::size_t>(i)].pts; };
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return pts(a) < pts(b); });
    for (const std::int64_t i : order) {
      index_.coded[static_cast<std::size_t>(i)].ordinal =
          static_cast<std::int64_t>(index_.frames.size());
      index_.frames.push_back({static_cast<std::int64_t>(index_.frames.size()), seconds(pts(i))});
      index_.coded_of.push_back(i);
      index_.start_of.push_back(start_for(i));
    }
  }

  // The last key frame, in decoding order, that is shown no later: a frame that is shown before the
  // key frame in front of it builds on the group before.
  std::int64_t start_for(std::int64_t position) const {
    const std::int64_t pts = index_.coded[static_cast<std::size_t>(position)].pts;
    std::int64_t start = position;
    while (start > 0) {
      const CodedFrame& coded = index_.coded[static_cast<std::size_t>(start)];
      if (coded.key && coded.pts <= pts) break;
      --start;
    }
    return start;
  }

  // Frames are what the decoder showed, in its order.
  void show_times() {
    if (!first_failure_.empty() && !skip_) {
      throw FormatError(explain(input_.where(), first_failure_, "frames that can be decoded",
                                "copy the file again, or skip broken frames"));
    }
    index_.coded.clear();
    index_.by_pts.clear();
    const double rate = av_q2d(input_.stream().avg_frame_rate);
    for (const std::int64_t time : trial_.times) {
      const auto ordinal = static_cast<std::int64_t>(index_.frames.size());
      const bool timed = time != VideoIndex::kNoTime;
      const double guess = rate > 0 ? static_cast<double>(ordinal) / rate : 0.0;
      index_.frames.push_back({ordinal, timed ? seconds(time) : guess});
    }
  }

  // A file that breaks off is damage even where every packet that is left decodes.
  void check_end() {
    const AVStream& stream = input_.stream();
    // Of this family the header lists every packet (elsewhere: some of the key frames).
    const bool listed = std::strstr(input_.format().iformat->name, "mov") != nullptr;
    const auto expected = static_cast<std::size_t>(
        listed ? std::max(0, avformat_index_get_entries_count(&stream)) : 0);
    const std::size_t got = packets_;
    if (index_.damage.empty() && got < expected) {
      index_.damage = fmt::format("{} of {} coded frames are there", got, expected);
    }
    if (index_.damage.empty() && cut_) index_.damage = "a packet is cut short";
    if (index_.frames.empty()) {
      throw FormatError(explain(
          fmt::format("{}: stream {}", input_.where(), stream.index),
          "no frame" + (index_.damage.empty() ? "" : " (" + index_.damage + ")"),
          "at least one frame"));
    }
  }

  VideoInput& input_;
  bool skip_;
  AvPtr<AVFrame> frame_{av_frame_alloc()};
  VideoIndex index_;
  Trial trial_;
  std::string first_failure_;
  bool cut_ = false;
};

}  // namespace
