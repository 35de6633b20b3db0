// One pass over a video lists its frames, their times and what is damaged. Packets, decoder trials
// and the checks of the end share the state of that pass, and so one file of over 400 lines.
#include "media/video/index.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <unordered_set>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "base/error.h"
#include "base/log.h"
#include "media/video/end.h"
#include "media/video/hole.h"

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

// What came out when the packets of a stream were decoded.
struct Trial {
  std::vector<std::int64_t> times;          // as shown, whole frames alone
  std::unordered_set<std::int64_t> shown;   // pts of frames that came out
  std::unordered_set<std::int64_t> failed;  // pts of packets that failed
  bool exact = true;                        // each frame carried a pts of its own
};

class IndexBuilder {
 public:
  IndexBuilder(const std::filesystem::path& path, int stream, bool skip)
      : path_(path), input_(path, stream), skip_(skip) {
    if (!frame_) throw std::bad_alloc();
  }

  VideoIndex build() {
    if (one_packet_a_frame(input_.stream())) {
      read_packets(false);
      if (link()) {
        show_packets(true);
        check_end();
        return std::move(index_);
      }
      input_ = VideoInput(path_, input_.stream().index);
      index_.coded.clear();
      places_.clear();
    }
    read_packets(true);
    if (link() && trial_.exact) {
      show_packets(false);
    } else {
      show_times();
    }
    check_end();
    return std::move(index_);
  }

 private:
  void read_packets(bool decode) {
    while (const AVPacket* packet = input_.read()) {
      index_.coded.push_back(coded_frame(*packet));
      places_.push_back({packet->pos, packet->size});
      if (decode) give(packet);
    }
    packets_ = index_.coded.size();
    index_.damage = input_.read_error();
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
      const std::int64_t pts = frame_->pts;
      trial_.exact = trial_.exact && pts != AV_NOPTS_VALUE && trial_.shown.insert(pts).second;
      if (is_damaged(*frame_)) note_failure(libav_reason(0));
      if (whole_.pass(*frame_)) trial_.times.push_back(frame_->best_effort_timestamp);
      av_frame_unref(frame_.get());
    }
  }

  // The packet that failed would have shown a frame: it keeps its place.
  void failed(int code) {
    note_failure(libav_reason(code));
    whole_.fail();
    if (!index_.coded.empty()) trial_.failed.insert(index_.coded.back().pts);
  }

  void note_failure(const std::string& reason) {
    if (!first_failure_.empty()) return;
    first_failed_ = trial_.times.empty();
    const bool timed = !trial_.times.empty() && trial_.times.back() != AV_NOPTS_VALUE;
    first_failure_ = fmt::format(
        "frame {}{} cannot be decoded ({})", trial_.times.size(),
        timed ? fmt::format(", after {:.6f} s,", seconds(trial_.times.back())) : "", reason);
  }

  // Ties packets to timestamps. False: some have none, or share one, or decoding cannot start, or
  // the clock starts again: no frame that is decoded before a key frame is shown after it.
  bool link() {
    index_.by_pts.clear();
    bool good = !index_.coded.empty() && index_.coded[0].key;
    std::int64_t latest = AV_NOPTS_VALUE;  // the least number there is
    for (std::size_t i = 0; i < index_.coded.size() && good; ++i) {
      const CodedFrame& coded = index_.coded[i];
      const bool fresh = index_.by_pts.emplace(coded.pts, static_cast<std::int64_t>(i)).second;
      good = coded.pts != AV_NOPTS_VALUE && fresh &&
             (coded.discard || coded.pts >= index_.coded[0].pts) &&
             (!coded.key || coded.pts > latest);
      latest = std::max(latest, coded.pts);
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
      const bool known = trial_.shown.count(coded.pts) + trial_.failed.count(coded.pts) > 0;
      if (!coded.discard && (all || known)) {
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
                                "copy the file again, or leave such frames out: vega-extract ... "
                                "--on-decode-error skip"));
    }
    if (!first_failure_.empty()) {
      index_.lost =
          static_cast<std::int64_t>(packets_) - static_cast<std::int64_t>(trial_.times.size());
      log_warn("{}: {} of {} coded frames left out, first {}", input_.where(), index_.lost,
               packets_, first_failure_);
    }
    std::int64_t ordinal = 0;
    for (const double time : shown_times()) index_.frames.push_back({ordinal++, time});
    index_.coded.clear();
    index_.by_pts.clear();
  }

  // Seconds of the frames that came out, ascending. A frame without a time follows the one before.
  // Where the clock starts again, as in streams put one behind the other, it goes on instead.
  std::vector<double> shown_times() const {
    const double rate = av_q2d(input_.stream().avg_frame_rate);
    double step = 1 / (rate > 0 ? rate : 25.0);  // between the last two frames
    std::vector<double> out;
    double last = -step, offset = -decoder_delay();  // last: as the file has it
    std::string restart;
    for (const std::int64_t time : trial_.times) {
      const double now = time != AV_NOPTS_VALUE ? seconds(time) : last + step;
      if (now <= last) {
        offset += last + step - now;
        if (restart.empty())
          restart =
              fmt::format("frame {} at {:.6f} s follows one at {:.6f} s", out.size(), now, last);
      }
      if (now > last && !out.empty()) step = now - last;
      last = now;
      out.push_back(now + offset);
    }
    if (!restart.empty()) {
      log_warn("{}: the clock starts again ({}): times go on from there, by order", input_.where(),
               restart);
    }
    return out;
  }

  // Containers such as AVI say when packets are decoded, not when they are shown. libav gives a
  // frame the time of the packet that brought it out, which is late by what the decoder held back.
  double decoder_delay() const {
    const bool shown = std::any_of(index_.coded.begin(), index_.coded.end(), [](const auto& coded) {
      return coded.key && coded.pts != AV_NOPTS_VALUE;
    });
    if (shown || trial_.times.empty() || trial_.times[0] == AV_NOPTS_VALUE || first_failed_ ||
        index_.coded[0].dts == AV_NOPTS_VALUE)
      return 0;
    return std::max(0.0, seconds(trial_.times[0] - index_.coded[0].dts));
  }

  // "frame 3 at 0.120000 s", of a packet of the stream.
  std::string frame_of(std::size_t packet) const {
    std::int64_t ordinal = static_cast<std::int64_t>(packet);
    if (index_.linked) ordinal = index_.coded[packet].ordinal;
    const auto last = static_cast<std::int64_t>(index_.frames.size()) - 1;
    ordinal = std::clamp(ordinal, std::int64_t{0}, last);
    return fmt::format("frame {} at {:.6f} s", ordinal,
                       index_.frames[static_cast<std::size_t>(ordinal)].time_s);
  }

  // Where the hole lies among the frames, and how many the header states.
  std::string describe(const VideoHole& hole) const {
    std::optional<std::size_t> before, after;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].begin < 0) continue;
      const bool behind = static_cast<std::uint64_t>(places_[i].begin) >= hole.begin;
      if (!behind) before = i;
      if (behind && !after) after = i;
    }
    std::string text =
        fmt::format("a hole at byte {}, where {} should begin", hole.begin, hole.expected);
    if (before) text += fmt::format("; the last frame before it is {}", frame_of(*before));
    if (after) text += fmt::format("; the first behind it is {}", frame_of(*after));
    if (!after) text += "; no frame follows";
    const double stated = stated_duration(), rate = av_q2d(input_.stream().avg_frame_rate);
    text += fmt::format("; {} frames are there", index_.frames.size());
    if (stated > 0) text += fmt::format(", its header states {:.3f} s", stated);
    if (stated > 0 && rate > 0 && stated * rate > static_cast<double>(index_.frames.size()))
      text += fmt::format(", about {:.0f} frames", stated * rate);
    return text;
  }

  // Seconds, as a header states it, not as packets say; 0: nowhere.
  double stated_duration() const {
    const AVFormatContext& format = input_.format();
    if (format.duration == AV_NOPTS_VALUE ||
        format.duration_estimation_method != AVFMT_DURATION_FROM_STREAM)
      return 0;
    return static_cast<double>(format.duration) / AV_TIME_BASE;
  }

  // Where the container does not state its own size: the header says that the file is longer by
  // more than a second and ten frames. Of several streams it may be another that is so long.
  std::string short_of_header() const {
    const double stated = stated_duration();
    if (index_.frames.empty()) return {};
    const double rate = av_q2d(input_.stream().avg_frame_rate);
    const double enough = stated - (1 + 11 / (rate > 0 ? rate : 25.0));
    if (index_.frames.back().time_s > enough) return {};
    if (input_.format().nb_streams > 1 &&
        VideoInput(path_, input_.stream().index).read_all_streams() > enough)
      return {};
    return fmt::format("its header states {:.3f} s", stated);
  }

  // A file that breaks off is damaged even where every packet that is left decodes.
  void check_end() {
    const AVStream& stream = input_.stream();
    // Of this family the header lists every packet (elsewhere: some of the key frames).
    const bool listed = std::strstr(input_.format().iformat->name, "mov") != nullptr;
    const int expected = listed ? avformat_index_get_entries_count(&stream) : 0;
    if (static_cast<int>(packets_) < expected) {
      index_.damage = fmt::format("{} of {} coded frames are there{}{}", packets_, expected,
                                  index_.damage.empty() ? "" : ": ", index_.damage);
    }
    std::uint64_t pictures_end = 0;
    for (int i = 0; i < expected; ++i) {
      const AVIndexEntry* entry =
          avformat_index_get_entry(const_cast<AVStream*>(&stream), i);  // it only reads
      pictures_end = std::max(pictures_end, static_cast<std::uint64_t>(entry->pos + entry->size));
    }
    const bool alone = input_.format().nb_streams == 1;
    if (!listed && alone && !places_.empty() && places_.back().begin > 0)
      pictures_end = static_cast<std::uint64_t>(places_.back().begin + places_.back().size);
    const VideoEnd end = video_end(path_, pictures_end);
    if (end.whole) index_.damage.clear();
    if (index_.damage.empty()) index_.damage = end.damage;
    const std::optional<VideoHole> hole =
        find_hole(path_, alone ? places_ : std::vector<FramePlace>{});
    if (hole && !index_.frames.empty()) index_.hole = describe(*hole);
    if (index_.damage.empty() && !hole && !end.known && !end.unfinished)
      index_.damage = short_of_header();
    index_.end_known = end.known || !index_.linked;
    if (!listed && !end.unfinished && index_.damage.empty() &&
        stream.nb_frames > static_cast<int>(packets_)) {
      log_warn("{}: the header states {} frames, {} are there", input_.where(), stream.nb_frames,
               packets_);
    }
    if (index_.frames.empty()) {
      const std::string& why = first_failure_.empty() ? index_.damage : first_failure_;
      throw FormatError(explain(fmt::format("{}: stream {}", input_.where(), stream.index),
                                why.empty() ? "no frame" : "no frame (" + why + ")",
                                "at least one frame"));
    }
  }

  std::filesystem::path path_;
  VideoInput input_;
  bool skip_;
  AvPtr<AVFrame> frame_{av_frame_alloc()};
  VideoIndex index_;
  Trial trial_;
  WholeFrames whole_;
  std::string first_failure_;
  bool first_failed_ = false;  // before any frame came out
  std::size_t packets_ = 0;
  std::vector<FramePlace> places_;  // of packets
};

}  // namespace

std::optional<std::int64_t> VideoIndex::position(std::int64_t pts) const {
  const auto found = by_pts.find(pts);
  if (found == by_pts.end()) return std::nullopt;
  return found->second;
}

std::int64_t VideoIndex::key_before(std::int64_t position) const {
  while (position > 0 && !coded[static_cast<std::size_t>(position)].key) --position;
  return position;
}

std::int64_t VideoIndex::next_key(std::int64_t position) const {
  const auto count = static_cast<std::int64_t>(coded.size());
  do {
    ++position;
  } while (position < count && !coded[static_cast<std::size_t>(position)].key);
  return position;
}

std::int64_t VideoIndex::longest_group() const {
  std::int64_t longest = 0;
  const auto count = static_cast<std::int64_t>(coded.size());
  for (std::int64_t at = 0; at < count;) {
    const std::int64_t next = next_key(at);
    longest = std::max(longest, next - at);
    at = next;
  }
  return longest;
}

VideoIndex build_video_index(const std::filesystem::path& path, int stream, bool skip) {
  return IndexBuilder(path, stream, skip).build();
}

bool is_damaged(const AVFrame& frame) {
  return frame.decode_error_flags != 0 || (frame.flags & AV_FRAME_FLAG_CORRUPT) != 0;
}

bool WholeFrames::pass(const AVFrame& frame) {
  if (frame.pict_type == AV_PICTURE_TYPE_I) broken_ = false;
  if (is_damaged(frame)) broken_ = true;
  return !broken_;
}

}  // namespace vega
