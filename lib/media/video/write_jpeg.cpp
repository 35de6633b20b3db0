#include "media/video/write_jpeg.h"

#include <fmt/core.h>

#include <cstring>
#include <memory>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/error.h>
}

#include "base/error.h"

namespace vega {
namespace {

constexpr int kTicks = 12800;  // of the time base, a second

void check_av(int status, const char* what) {
  if (status >= 0) return;
  char reason[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(status, reason, sizeof reason);
  throw OutputError(
      explain("a video of JPEG pictures", fmt::format("{} failed ({})", what, reason)));
}

struct FreeFormat {
  void operator()(AVFormatContext* format) const {
    if (format->pb != nullptr) {
      std::uint8_t* bytes = nullptr;
      avio_close_dyn_buf(format->pb, &bytes);
      av_free(bytes);
    }
    avformat_free_context(format);
  }
};

struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};

}  // namespace

std::string jpeg_video(std::span<const std::vector<std::byte>> pictures, ImageSize size, int fps) {
  if (pictures.empty() || fps < 1)
    throw InputError(explain("a video of JPEG pictures",
                             fmt::format("{} pictures, {} a second", pictures.size(), fps),
                             "one at least of each"));
  AVFormatContext* made = nullptr;
  check_av(avformat_alloc_output_context2(&made, nullptr, "mp4", nullptr), "making an MP4 file");
  const std::unique_ptr<AVFormatContext, FreeFormat> format(made);
  format->flags |= AVFMT_FLAG_BITEXACT;
  check_av(avio_open_dyn_buf(&format->pb), "making a buffer");
  AVStream* stream = avformat_new_stream(format.get(), nullptr);
  if (stream == nullptr) check_av(AVERROR(ENOMEM), "adding a stream");
  stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
  stream->codecpar->codec_id = AV_CODEC_ID_MJPEG;
  stream->codecpar->width = size.width;
  stream->codecpar->height = size.height;
  stream->time_base = {1, kTicks};
  stream->avg_frame_rate = {fps, 1};
  check_av(avformat_write_header(format.get(), nullptr), "writing the header");
  const std::unique_ptr<AVPacket, FreePacket> packet(av_packet_alloc());
  if (!packet) check_av(AVERROR(ENOMEM), "making a packet");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::vector<std::byte>& bytes = pictures[i];
    check_av(av_new_packet(packet.get(), static_cast<int>(bytes.size())), "making a packet");
    std::memcpy(packet->data, bytes.data(), bytes.size());
    const auto time = static_cast<std::int64_t>(i);
    packet->pts = packet->dts = av_rescale(time, stream->time_base.den, fps);
    packet->duration = av_rescale(time + 1, stream->time_base.den, fps) - packet->pts;
    packet->flags |= AV_PKT_FLAG_KEY;
    packet->stream_index = stream->index;
    check_av(av_write_frame(format.get(), packet.get()), "writing a picture");
    av_packet_unref(packet.get());
  }
  check_av(av_write_trailer(format.get()), "writing the end");
  std::uint8_t* bytes = nullptr;
  const int length = avio_close_dyn_buf(format->pb, &bytes);
  format->pb = nullptr;
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  av_free(bytes);
  return out;
}

}  // namespace vega
