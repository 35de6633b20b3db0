#include "media/video/color.h"

#include <fmt/core.h>

#include <cstring>
#include <new>
#include <vector>

extern "C" {
#include <libavutil/frame.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include "base/error.h"

namespace vega {

namespace {

// swscale's number of a matrix.
int table_of(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::kBt709: return SWS_CS_ITU709;
    case ColorMatrix::kBt2020: return SWS_CS_BT2020;
    case ColorMatrix::kFcc: return SWS_CS_FCC;
    case ColorMatrix::kSmpte240m: return SWS_CS_SMPTE240M;
    case ColorMatrix::kBt601:
    case ColorMatrix::kRgb: break;
  }
  return SWS_CS_ITU601;
}

ColorMatrix matrix_of(const AVFrame& frame, bool rgb) {
  if (rgb) return ColorMatrix::kRgb;
  switch (frame.colorspace) {
    case AVCOL_SPC_BT709: return ColorMatrix::kBt709;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M: return ColorMatrix::kBt601;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL: return ColorMatrix::kBt2020;
    case AVCOL_SPC_FCC: return ColorMatrix::kFcc;
    case AVCOL_SPC_SMPTE240M: return ColorMatrix::kSmpte240m;
    default: break;
  }
  return frame.height < 720 ? ColorMatrix::kBt601 : ColorMatrix::kBt709;
}

// The plain name of a "yuvj" format, which says full range in the format itself.
AVPixelFormat plain_format(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ411P: return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
    default: return format;
  }
}

std::string text_of(const char* name) {
  return name == nullptr || std::strcmp(name, "unspecified") == 0 ? "unknown" : name;
}

}  // namespace

std::string_view name_of(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::kBt601: return "bt601";
    case ColorMatrix::kBt709: return "bt709";
    case ColorMatrix::kBt2020: return "bt2020";
    case ColorMatrix::kFcc: return "fcc";
    case ColorMatrix::kSmpte240m: return "smpte240m";
    case ColorMatrix::kRgb: break;
  }
  return "rgb";
}

VideoColor color_of(const AVFrame& frame) {
  VideoColor color;
  color.primaries = text_of(av_color_primaries_name(frame.color_primaries));
  color.transfer = text_of(av_color_transfer_name(frame.color_trc));
  color.matrix = text_of(av_color_space_name(frame.colorspace));
  color.range = text_of(av_color_range_name(frame.color_range));
  color.chroma_location = text_of(av_chroma_location_name(frame.chroma_location));
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor* described = av_pix_fmt_desc_get(format);
  const bool rgb = described != nullptr && (described->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  color.used_matrix = matrix_of(frame, rgb);
  color.full_range = rgb || frame.color_range == AVCOL_RANGE_JPEG || plain_format(format) != format;
  color.hdr = frame.color_trc == AVCOL_TRC_SMPTE2084 || frame.color_trc == AVCOL_TRC_ARIB_STD_B67;
  return color;
}

struct RgbConverter::Impl {
  // What the context was made for.
  int width = 0, height = 0, format = -1;
  ColorMatrix matrix = ColorMatrix::kRgb;
  bool full = false;
  SwsContext* context = nullptr;
  std::vector<std::uint8_t> rows;  // padded: swscale may write behind a row's end

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { sws_freeContext(context); }

  bool fits(const AVFrame& frame, const VideoColor& color) const {
    return context != nullptr && width == frame.width && height == frame.height &&
           format == frame.format && matrix == color.used_matrix && full == color.full_range;
  }
  void prepare(const AVFrame& frame, const VideoColor& color, const std::string& where);
};

void RgbConverter::Impl::prepare(const AVFrame& frame, const VideoColor& color,
                                 const std::string& where) {
  sws_freeContext(context);
  context = sws_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  width = frame.width;
  height = frame.height;
  format = frame.format;
  matrix = color.used_matrix;
  full = color.full_range;
  const AVPixelFormat source = plain_format(static_cast<AVPixelFormat>(format));
  const AVPixFmtDescriptor* described = av_pix_fmt_desc_get(source);
  const auto set = [&](const char* name, std::int64_t value) {
    av_opt_set_int(context, name, value, 0);
  };
  set("srcw", width);
  set("srch", height);
  set("src_format", source);
  set("dstw", width);
  set("dsth", height);
  set("dst_format", AV_PIX_FMT_RGB24);
  set("sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT);
  set("src_range", full ? 1 : 0);
  set("dst_range", 1);
  // 4:2:0 without more: chroma midway between two rows, as ffmpeg's scale filter has it.
  if (described != nullptr && described->log2_chroma_w == 1 && described->log2_chroma_h == 1) {
    set("src_v_chr_pos", 128);
  }
  const int* table = sws_getCoefficients(table_of(matrix));
  const bool ready =
      sws_isSupportedInput(source) > 0 && sws_init_context(context, nullptr, nullptr) >= 0;
  if (!ready) {
    throw FormatError(explain(
        where, fmt::format("pixel format {}", described != nullptr ? described->name : "unknown"),
        "one that swscale converts to RGB"));
  }
  // Refuses RGB sources, which need none.
  sws_setColorspaceDetails(context, table, full ? 1 : 0, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0,
                           1 << 16, 1 << 16);
}

RgbConverter::RgbConverter() : impl_(std::make_unique<Impl>()) {}
RgbConverter::~RgbConverter() = default;
RgbConverter::RgbConverter(RgbConverter&&) noexcept = default;
RgbConverter& RgbConverter::operator=(RgbConverter&&) noexcept = default;

ImageU8 RgbConverter::convert(const AVFrame& frame, const std::string& where) {
  const VideoColor color = color_of(frame);
  if (!impl_->fits(frame, color)) impl_->prepare(frame, color, where);
  const std::size_t row_bytes = 3 * static_cast<std::size_t>(frame.width);
  const std::size_t stride = (row_bytes + 127) / 64 * 64;
  impl_->rows.resize(stride * static_cast<std::size_t>(frame.height) + 64);
  std::uint8_t* const to[4] = {impl_->rows.data(), nullptr, nullptr, nullptr};
  const int strides[4] = {static_cast<int>(stride), 0, 0, 0};
  const int rows =
      sws_scale(impl_->context, frame.data, frame.linesize, 0, frame.height, to, strides);
  if (rows != frame.height) {
    throw FormatError(explain(where, "a frame that swscale does not convert", "a whole frame"));
  }
  ImageU8 image(frame.width, frame.height);
  for (int y = 0; y < frame.height; ++y) {
    std::memcpy(image.row(y), impl_->rows.data() + stride * static_cast<std::size_t>(y), row_bytes);
  }
  return image;
}

}  // namespace vega
