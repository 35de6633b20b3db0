// What the headers of a video stream say.
#include <fmt/core.h>

#include <limits>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
}

#include "base/error.h"
#include "media/video/input.h"

namespace vega {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The display matrix of the stream; null where there is none.
const std::int32_t* display_matrix(const AVStream& stream) {
#if LIBAVFORMAT_VERSION_MAJOR >= 61
  const AVPacketSideData* data =
      av_packet_side_data_get(stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data,
                              AV_PKT_DATA_DISPLAYMATRIX);
  if (data == nullptr || data->size < 9 * sizeof(std::int32_t)) return nullptr;
  return reinterpret_cast<const std::int32_t*>(data->data);
#else
  std::size_t size = 0;
  const std::uint8_t* data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (size < 9 * sizeof(std::int32_t)) return nullptr;
  return reinterpret_cast<const std::int32_t*>(data);
#endif
}

void add_note(VideoInfo& info, const std::string& text) {
  info.note += (info.note.empty() ? "" : "; ") + text;
}

void read_orientation(VideoInfo& info, const AVStream& stream) {
  const std::int32_t* matrix = display_matrix(stream);
  if (matrix == nullptr) return;
  std::array<std::int32_t, 9> values;
  std::copy_n(matrix, 9, values.begin());
  if (const auto found = orientation_of(values)) {
    info.orientation = *found;
  } else {
    add_note(info, fmt::format("display matrix {} {} {} {} is no turn by 90 degrees and is not "
                               "applied",
                               values[0] / 65536.0, values[1] / 65536.0, values[3] / 65536.0,
                               values[4] / 65536.0));
  }
}

void read_color(VideoInfo& info, const AVCodecParameters& par) {
  const AvPtr<AVFrame> tags(av_frame_alloc());
  if (!tags) throw std::bad_alloc();
  tags->format = par.format;
  tags->height = par.height;
  tags->color_primaries = par.color_primaries;
  tags->color_trc = par.color_trc;
  tags->colorspace = par.color_space;
  tags->color_range = par.color_range;
  tags->chroma_location = par.chroma_location;
  info.color = color_of(*tags);
  if (info.color.hdr) {
    add_note(info, "HDR (" + info.color.transfer + ") is converted without tone mapping");
  }
}

}  // namespace

VideoInfo video_info(const VideoInput& input) {
  const AVStream& stream = input.stream();
  const AVCodecParameters& par = *stream.codecpar;
  VideoInfo info;
  info.container = input.format().iformat->name;
  info.codec = avcodec_get_name(par.codec_id);
  info.stream = stream.index;
  info.coded = info.size = {par.width, par.height};
  read_orientation(info, stream);
  if (swaps_sides(info.orientation)) std::swap(info.size.width, info.size.height);

  const AVRational sar =
      stream.sample_aspect_ratio.num > 0 ? stream.sample_aspect_ratio : par.sample_aspect_ratio;
  if (sar.num > 0 && sar.den > 0) {
    info.sar_num = sar.num;
    info.sar_den = sar.den;
  }
  if (info.sar_num != info.sar_den) {
    add_note(info, fmt::format("pixels are {}:{}, not square, and stay as coded", info.sar_num,
                               info.sar_den));
  }

  const AVPixFmtDescriptor* format = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(par.format));
  info.pixel_format = format != nullptr ? format->name : "unknown";
  if (format != nullptr && format->nb_components > 0) info.bit_depth = format->comp[0].depth;
  read_color(info, par);

  info.duration_s = kNaN;
  if (stream.duration != AV_NOPTS_VALUE && stream.duration > 0) {
    info.duration_s = static_cast<double>(stream.duration) * av_q2d(stream.time_base);
  } else if (input.format().duration != AV_NOPTS_VALUE && input.format().duration > 0) {
    info.duration_s = static_cast<double>(input.format().duration) / AV_TIME_BASE;
  }
  const AVRational rate = stream.avg_frame_rate;
  info.frames_per_s = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : kNaN;
  return info;
}

}  // namespace vega
