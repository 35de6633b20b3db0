// Videos made here with libavcodec's own encoders, of which every frame is known: order, times,
// seeking, orientation, colours, damage.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
}

#include "base/error.h"
#include "media/video/end.h"
#include "media/video/video.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

struct Free {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
  void operator()(AVFrame* p) const { av_frame_free(&p); }
  void operator()(AVPacket* p) const { av_packet_free(&p); }
  void operator()(AVFormatContext* p) const {
    if (p->pb != nullptr) avio_closep(&p->pb);
    avformat_free_context(p);
  }
};
template <typename T>
using Own = std::unique_ptr<T, Free>;

// What is encoded: component values (Y, U, V) of frame k at a pixel, at the format's depth.
using Paint = std::function<std::array<int, 3>(int k, int x, int y)>;

struct Sample {
  AVCodecID codec = AV_CODEC_ID_MPEG4;
  AVPixelFormat format = AV_PIX_FMT_YUV420P;
  int width = 64, height = 48, group = 6, b_frames = 0, streams = 1;
  std::vector<std::int64_t> times_ms;
  AVColorSpace matrix = AVCOL_SPC_UNSPECIFIED;
  AVColorRange range = AVCOL_RANGE_UNSPECIFIED;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_UNSPECIFIED;
  AVRational sar = {1, 1};
  std::optional<std::array<std::int32_t, 9>> display;
  const char* x264 = nullptr;  // libx264's own options
  const char* movflags = "faststart";
  bool piped = false;  // the writer cannot go back to fill in sizes
  Paint paint;
};

// Flat grey, a step of 8 for each frame: a frame is known by its brightness.
int luma_of(int k) { return 32 + 8 * (k % 24); }
std::array<int, 3> grey(int k, int, int) { return {luma_of(k), 128, 128}; }

// The ordinal that a grey frame shows: Y back from limited range.
int shown(const ImageU8& image) {
  const int middle = image.row(image.height / 2)[3 * (image.width / 2) + 1];
  return static_cast<int>(std::lround((middle * 219.0 / 255.0 + 16 - 32) / 8));
}

std::vector<std::int64_t> even_times(int count, int step_ms = 40) {
  std::vector<std::int64_t> times;
  for (int k = 0; k < count; ++k) times.push_back(std::int64_t{k} * step_ms);
  return times;
}

// Grey pictures of Motion JPEG.
Sample mjpeg_sample(int frames) {
  Sample sample;
  sample.codec = AV_CODEC_ID_MJPEG;
  sample.format = AV_PIX_FMT_YUVJ420P;
  sample.paint = grey;
  sample.times_ms = even_times(frames);
  return sample;
}

void fill(AVFrame& frame, const Sample& sample, int k) {
  const AVPixFmtDescriptor* described = av_pix_fmt_desc_get(sample.format);
  for (int c = 0; c < 3; ++c) {
    const int shift_x = c > 0 ? described->log2_chroma_w : 0;
    const int shift_y = c > 0 ? described->log2_chroma_h : 0;
    for (int y = 0; y < AV_CEIL_RSHIFT(sample.height, shift_y); ++y) {
      std::uint8_t* row = frame.data[c] + std::ptrdiff_t{y} * frame.linesize[c];
      for (int x = 0; x < AV_CEIL_RSHIFT(sample.width, shift_x); ++x) {
        const int v = sample.paint(k, x << shift_x, y << shift_y)[static_cast<std::size_t>(c)];
        if (described->comp[c].depth > 8) {
          reinterpret_cast<std::uint16_t*>(row)[x] = static_cast<std::uint16_t>(v);
        } else {
          row[x] = static_cast<std::uint8_t>(v);
        }
      }
    }
  }
}

Own<AVCodecContext> encoder_for(const Sample& sample, bool global_header) {
  const AVCodec* codec = avcodec_find_encoder(sample.codec);
  REQUIRE(codec != nullptr);
  Own<AVCodecContext> encoder(avcodec_alloc_context3(codec));
  encoder->width = sample.width;
  encoder->height = sample.height;
  encoder->pix_fmt = sample.format;
  const bool mpeg =
      sample.codec == AV_CODEC_ID_MPEG1VIDEO || sample.codec == AV_CODEC_ID_MPEG2VIDEO;
  encoder->time_base = {1, mpeg ? 25 : 1000};  // MPEG-1 and -2 know few frame rates
  encoder->framerate = {25, 1};
  encoder->gop_size = sample.group;
  encoder->max_b_frames = sample.b_frames;
  encoder->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
  encoder->global_quality = 2 * FF_QP2LAMBDA;
  encoder->colorspace = sample.matrix;
  encoder->color_range = sample.range;
  encoder->color_trc = sample.transfer;
  encoder->sample_aspect_ratio = sample.sar;
  encoder->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  if (global_header) encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  av_opt_set(encoder->priv_data, "sc_threshold", "1000000000", 0);  // key frames where told only
  if (sample.x264 != nullptr) av_opt_set(encoder->priv_data, "x264-params", sample.x264, 0);
  REQUIRE(avcodec_open2(encoder.get(), codec, nullptr) >= 0);
  return encoder;
}

void drain(AVCodecContext& encoder, AVFormatContext& out, int stream) {
  const Own<AVPacket> packet(av_packet_alloc());
  while (avcodec_receive_packet(&encoder, packet.get()) >= 0) {
    av_packet_rescale_ts(packet.get(), encoder.time_base, out.streams[stream]->time_base);
    packet->stream_index = stream;
    if (packet->duration == 0) packet->duration = 40;
    REQUIRE(av_interleaved_write_frame(&out, packet.get()) >= 0);
  }
}

void encode(AVCodecContext& encoder, AVFormatContext& out, int stream, const Sample& sample) {
  for (std::size_t k = 0; k < sample.times_ms.size(); ++k) {
    const Own<AVFrame> frame(av_frame_alloc());
    frame->format = sample.format;
    frame->width = sample.width;
    frame->height = sample.height;
    frame->quality = encoder.global_quality;
    REQUIRE(av_frame_get_buffer(frame.get(), 0) >= 0);
    fill(*frame, sample, static_cast<int>(k) + 5 * stream);
    frame->pts = av_rescale_q(sample.times_ms[k], {1, 1000}, encoder.time_base);
    REQUIRE(avcodec_send_frame(&encoder, frame.get()) >= 0);
    drain(encoder, out, stream);
  }
  avcodec_send_frame(&encoder, nullptr);
  drain(encoder, out, stream);
}

// Writes the sample; the container follows from the name's ending.
void write_video(const std::filesystem::path& path, const Sample& sample) {
  AVFormatContext* made = nullptr;
  REQUIRE(avformat_alloc_output_context2(&made, nullptr, nullptr, path.c_str()) >= 0);
  const Own<AVFormatContext> out(made);
  out->flags |= AVFMT_FLAG_BITEXACT;
  std::vector<Own<AVCodecContext>> encoders;
  for (int s = 0; s < sample.streams; ++s) {
    encoders.push_back(encoder_for(sample, (out->oformat->flags & AVFMT_GLOBALHEADER) != 0));
    AVStream* stream = avformat_new_stream(out.get(), nullptr);
    REQUIRE(avcodec_parameters_from_context(stream->codecpar, encoders.back().get()) >= 0);
    stream->time_base = {1, 1000};
    stream->sample_aspect_ratio = sample.sar;
    if (sample.display) {
      auto* to = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 36);
      std::memcpy(to, sample.display->data(), 36);
    }
  }
  REQUIRE(avio_open(&out->pb, path.c_str(), AVIO_FLAG_WRITE) >= 0);
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", sample.movflags, 0);
  if (sample.piped) out->pb->seekable = 0;
  av_dict_set(&options, "video_track_timescale", "1000", 0);
  const int status = avformat_write_header(out.get(), &options);
  av_dict_free(&options);
  REQUIRE(status >= 0);
  for (int s = 0; s < sample.streams; ++s) {
    encode(*encoders[static_cast<std::size_t>(s)], *out, s, sample);
  }
  REQUIRE(av_write_trailer(out.get()) >= 0);
}

std::vector<VideoFrame> play(Video& video) {
  std::vector<std::int64_t> all;
  for (const auto& time : video.index()) all.push_back(time.ordinal);
  std::vector<VideoFrame> frames;
  video.decode(all, [&](VideoFrame&& frame) { frames.push_back(std::move(frame)); });
  return frames;
}

}  // namespace

TEST_CASE("Frames and times of a variable-rate video with B frames, played and by seeking") {
  const test::TempFolder folder;
  Sample sample;
  sample.b_frames = 2;
  sample.paint = grey;
  for (int k = 0; k < 22; ++k) sample.times_ms.push_back(40 * k + 7 * (k % 3) + (k > 9 ? 500 : 0));
  for (const char* name : {"v.mkv", "v.mov"}) {
    INFO(name);
    write_video(folder / name, sample);
    Video video(folder / name);
    CHECK(video.info().codec == "mpeg4");
    CHECK(video.info().size == ImageSize{64, 48});
    CHECK(video.info().note.empty());
    const auto& index = video.index();
    REQUIRE(index.size() == sample.times_ms.size());
    for (std::size_t k = 0; k < index.size(); ++k) {
      CHECK(index[k].ordinal == static_cast<std::int64_t>(k));
      CHECK(index[k].time_s == Approx(double(sample.times_ms[k]) / 1000).margin(1e-9));
    }
    const auto frames = play(video);
    REQUIRE(frames.size() == index.size());
    CHECK(video.longest_group() >= 2);
    CHECK(video.longest_group() <= 6 + 2);
    for (const int k : {21, 0, 11, 12, 5, 6, 7, 20, 1}) {
      INFO("frame " << k);
      CHECK(shown(frames[std::size_t(k)].image) == k);
      CHECK(frames[std::size_t(k)].time_s == index[std::size_t(k)].time_s);
      const std::int64_t before = video.decoded_frames();
      CHECK((video.frame(k).rgb == frames[std::size_t(k)].image.rgb));
      // A B frame in front of a key frame leans on it: that one, and the other B frame, come too.
      CHECK(video.decoded_frames() - before <= video.longest_group() + 1 + sample.b_frames);
    }
  }
}

TEST_CASE("H.264 with open groups: each frame by seeking is the one that playing shows") {
  if (avcodec_find_encoder_by_name("libx264") == nullptr) {
    test::note_skip("libavcodec has no H.264 encoder");
    return;
  }
  const test::TempFolder folder;
  Sample sample;
  sample.codec = AV_CODEC_ID_H264;
  sample.group = 8;
  sample.b_frames = 2;
  sample.times_ms = even_times(40);
  sample.paint = grey;
  for (const char* params : {"open-gop=1:scenecut=0:log-level=none", "scenecut=0:log-level=none"}) {
    sample.x264 = params;
    for (const char* name : {"v.mkv", "v.ts"}) {
      INFO(name << " " << params);
      write_video(folder / name, sample);
      Video video(folder / name);
      const auto frames = play(video);
      REQUIRE(frames.size() == 40);
      const bool open = std::strstr(params, "open-gop") != nullptr;
      const std::int64_t bound = (open ? 3 : 1) * video.longest_group();
      CHECK(video.longest_group() <= 8 + sample.b_frames);
      for (std::int64_t k = 39; k >= 0; --k) {
        INFO("frame " << k);
        const std::int64_t before = video.decoded_frames();
        CHECK((video.frame(k).rgb == frames[std::size_t(k)].image.rgb));
        CHECK(video.decoded_frames() - before <= bound);
      }
    }
  }
}

TEST_CASE("Chosen frames share their groups and come once, ascending") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = even_times(24);
  write_video(folder / "v.mov", sample);
  Video video(folder / "v.mov");
  video.index();
  const std::int64_t before = video.decoded_frames();
  std::vector<std::int64_t> got;
  const std::vector<std::int64_t> wanted = {20, 2, 4, 2, 19};
  video.decode(wanted, [&](VideoFrame&& frame) {
    got.push_back(frame.ordinal);
    CHECK(shown(frame.image) == frame.ordinal);
  });
  CHECK(got == std::vector<std::int64_t>{2, 4, 19, 20});
  CHECK(video.decoded_frames() - before == 5 + 3);  // 0..4, then key frame 18 to 20
  CHECK_THROWS_AS(video.frame(24), InputError);
  CHECK_THROWS_AS(video.frame(-1), InputError);
  struct Mine {};
  CHECK_THROWS_AS(video.decode(wanted, [](VideoFrame&&) { throw Mine(); }), Mine);
  CHECK(shown(video.frame(7)) == 7);  // usable after an exception
}

TEST_CASE("A container without timestamps is counted from its start") {
  const test::TempFolder folder;
  Sample sample;
  sample.b_frames = 2;
  sample.paint = grey;
  sample.times_ms = even_times(13);
  write_video(folder / "v.avi", sample);
  Video video(folder / "v.avi");
  REQUIRE(video.index().size() == 13);
  CHECK(video.longest_group() == 0);
  const auto frames = play(video);
  REQUIRE(frames.size() == 13);
  for (const int k : {0, 12, 3, 7, 8}) {
    CHECK(shown(frames[std::size_t(k)].image) == k);
    CHECK((video.frame(k).rgb == frames[std::size_t(k)].image.rgb));
  }
}

TEST_CASE("The stream that is asked for") {
  const test::TempFolder folder;
  Sample sample;
  sample.streams = 2;
  sample.paint = grey;
  sample.times_ms = even_times(4);
  write_video(folder / "v.mkv", sample);
  Video first(folder / "v.mkv");
  CHECK(first.info().stream == 0);
  CHECK(shown(first.frame(1)) == 1);
  Video second(folder / "v.mkv", {.stream = 1});
  CHECK(second.info().stream == 1);
  CHECK(shown(second.frame(1)) == 6);  // the second stream's frames are 5 steps brighter
  CHECK_THROWS_WITH(Video(folder / "v.mkv", {.stream = 2}), Contains("0, 1"));
}

TEST_CASE("Every orientation of a small picture") {
  // a b c    stored, three wide and two high; one letter a pixel
  // d e f
  const auto letters = [](const ImageU8& image) {
    std::string text;
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) text += static_cast<char>(image.row(y)[3 * x]);
      text += '/';
    }
    return text;
  };
  ImageU8 image(3, 2);
  for (int i = 0; i < 6; ++i) {
    for (int c = 0; c < 3; ++c) image.rgb[std::size_t(3 * i + c)] = std::uint8_t('a' + i);
  }
  CHECK(letters(orient(image, Orientation::kUpright)) == "abc/def/");
  CHECK(letters(orient(image, Orientation::kTurn90)) == "da/eb/fc/");
  CHECK(letters(orient(image, Orientation::kTurn180)) == "fed/cba/");
  CHECK(letters(orient(image, Orientation::kTurn270)) == "cf/be/ad/");
  CHECK(letters(orient(image, Orientation::kMirror)) == "cba/fed/");
  CHECK(letters(orient(image, Orientation::kMirrorTurn90)) == "fc/eb/da/");
  CHECK(letters(orient(image, Orientation::kMirrorTurn180)) == "def/abc/");
  CHECK(letters(orient(image, Orientation::kMirrorTurn270)) == "ad/be/cf/");
  const std::int32_t one = 1 << 16, w = 1 << 30;
  CHECK(orientation_of({one, 0, 0, 0, one, 0, 0, 0, w}) == Orientation::kUpright);
  CHECK(orientation_of({0, one, 0, -one, 0, 0, 0, 0, w}) == Orientation::kTurn90);
  CHECK(orientation_of({-one, 0, 0, 0, -one, 0, 0, 0, w}) == Orientation::kTurn180);
  CHECK(orientation_of({0, -one, 0, one, 0, 0, 0, 0, w}) == Orientation::kTurn270);
  CHECK(orientation_of({-one, 0, 0, 0, one, 0, 0, 0, w}) == Orientation::kMirror);
  CHECK(orientation_of({0, one, 0, one, 0, 0, 0, 0, w}) == Orientation::kMirrorTurn270);
  CHECK_FALSE(orientation_of({one, one, 0, -one, one, 0, 0, 0, w}).has_value());
  CHECK_FALSE(orientation_of({0, 0, 0, 0, 0, 0, 0, 0, 0}).has_value());
}

TEST_CASE("The display matrix of a file is applied; pixel shape is noted") {
  const test::TempFolder folder;
  Sample sample;
  sample.sar = {4, 3};
  // The upper left quarter is bright.
  sample.paint = [](int, int x, int y) {
    return std::array<int, 3>{x < 32 && y < 24 ? 200 : 40, 128, 128};
  };
  sample.times_ms = even_times(2);
  const std::int32_t one = 1 << 16, w = 1 << 30;
  sample.display = std::array<std::int32_t, 9>{0, one, 0, -one, 0, 0, 0, 0, w};
  write_video(folder / "v.mov", sample);
  Video turned(folder / "v.mov");
  CHECK(turned.info().coded == ImageSize{64, 48});
  CHECK(turned.info().size == ImageSize{48, 64});
  CHECK(turned.info().orientation == Orientation::kTurn90);
  CHECK_THAT(turned.info().note, Contains("not square"));
  const ImageU8 image = turned.frame(0);
  REQUIRE(image.size() == ImageSize{48, 64});
  CHECK(image.row(4)[3 * 44] > 180);  // now upper right
  CHECK(image.row(4)[3 * 4] < 60);
  CHECK(image.row(60)[3 * 44] < 60);

  sample.display = std::array<std::int32_t, 9>{one, one / 2, 0, -one / 2, one, 0, 0, 0, w};
  write_video(folder / "w.mov", sample);
  Video skewed(folder / "w.mov");
  CHECK(skewed.info().orientation == Orientation::kUpright);
  CHECK_THAT(skewed.info().note, Contains("display matrix"));
}

namespace {

// ITU-R BT.601/709/2020: RGB from the luma weights of red and blue, in double.
std::array<double, 3> rgb_of(double kr, double kb, bool full, int depth, std::array<int, 3> yuv) {
  const double top = std::pow(2.0, depth) - 1, unit = std::pow(2.0, depth - 8);
  const double y = full ? yuv[0] / top : (yuv[0] / unit - 16) / 219;
  const double scale = full ? top : 224 * unit;
  const double cb = (yuv[1] - 128 * unit) / scale, cr = (yuv[2] - 128 * unit) / scale;
  const double r = y + 2 * (1 - kr) * cr, b = y + 2 * (1 - kb) * cb;
  const double g = (y - kr * r - kb * b) / (1 - kr - kb);
  return {255 * r, 255 * g, 255 * b};
}

}  // namespace

TEST_CASE("Matrix, range and depth by tag; untagged by height") {
  struct Row {
    AVColorSpace matrix;
    AVColorRange range;
    AVPixelFormat format;
    int height;
    double kr, kb;
    bool full;
  };
  const auto none = AVCOL_RANGE_UNSPECIFIED, tv = AVCOL_RANGE_MPEG, pc = AVCOL_RANGE_JPEG;
  const auto p8 = AV_PIX_FMT_YUV420P, p10 = AV_PIX_FMT_YUV420P10LE;
  const std::vector<Row> rows = {
      {AVCOL_SPC_SMPTE170M, tv, p8, 48, 0.299, 0.114, false},
      {AVCOL_SPC_BT709, tv, p8, 48, 0.2126, 0.0722, false},
      {AVCOL_SPC_BT709, pc, p8, 48, 0.2126, 0.0722, true},
      {AVCOL_SPC_BT2020_NCL, tv, p10, 48, 0.2627, 0.0593, false},
      {AVCOL_SPC_BT709, tv, p10, 48, 0.2126, 0.0722, false},
      {AVCOL_SPC_UNSPECIFIED, none, p8, 718, 0.299, 0.114, false},
      {AVCOL_SPC_UNSPECIFIED, none, p8, 720, 0.2126, 0.0722, false},
      {AVCOL_SPC_UNSPECIFIED, none, AV_PIX_FMT_YUV444P, 17, 0.299, 0.114, false},
  };
  const test::TempFolder folder;
  for (const Row& row : rows) {
    const int depth = row.format == p10 ? 10 : 8, unit = depth == 10 ? 4 : 1;
    const std::array<int, 3> yuv = {110 * unit, 104 * unit, 150 * unit};
    INFO("matrix " << row.matrix << " range " << row.range << " depth " << depth << " height "
                   << row.height);
    Sample sample;
    sample.codec = AV_CODEC_ID_FFV1;
    sample.format = row.format;
    sample.width = 33;
    sample.height = row.height;
    sample.matrix = row.matrix;
    sample.range = row.range;
    sample.times_ms = {0};
    sample.paint = [&](int, int, int) { return yuv; };
    write_video(folder / "v.mkv", sample);
    Video video(folder / "v.mkv");
    CHECK(video.info().bit_depth == depth);
    CHECK(video.info().color.full_range == row.full);
    CHECK_FALSE(video.info().color.hdr);
    const ImageU8 image = video.frame(0);
    REQUIRE(image.size() == ImageSize{33, row.height});
    const auto expected = rgb_of(row.kr, row.kb, row.full, depth, yuv);
    for (const int at : {0, 33 * row.height - 1}) {
      for (std::size_t c = 0; c < 3; ++c) {
        // Fixed point in swscale and rounding to a byte: one step.
        CHECK(std::abs(image.rgb[3 * std::size_t(at) + c] - expected[c]) <= 1.0);
      }
    }
  }
}

TEST_CASE("PQ and HLG are flagged") {
  const test::TempFolder folder;
  Sample sample;
  sample.codec = AV_CODEC_ID_FFV1;
  sample.format = AV_PIX_FMT_YUV420P10LE;
  sample.times_ms = {0};
  sample.matrix = AVCOL_SPC_BT2020_NCL;
  sample.paint = [](int, int, int) { return std::array<int, 3>{400, 512, 512}; };
  for (const auto transfer : {AVCOL_TRC_SMPTE2084, AVCOL_TRC_ARIB_STD_B67, AVCOL_TRC_BT709}) {
    sample.transfer = transfer;
    write_video(folder / "v.mkv", sample);
    const Video video(folder / "v.mkv");
    CHECK(video.info().color.hdr == (transfer != AVCOL_TRC_BT709));
    CHECK(video.info().note.empty() == (transfer == AVCOL_TRC_BT709));
  }
}

TEST_CASE("A broken frame: named, or left out and counted; the others stay as they are") {
  const test::TempFolder folder;
  const Sample sample = mjpeg_sample(8);
  write_video(folder / "v.mov", sample);
  Video whole(folder / "v.mov");
  const auto good = play(whole);
  REQUIRE(good.size() == 8);
  auto bytes = test::read_bytes(folder / "v.mov");
  int at = -1;  // the start marker (FF D8 FF) of the picture with ordinal 5
  for (std::size_t i = 0, seen = 0; i + 2 < bytes.size(); ++i) {
    const bool start = bytes[i] == std::byte{0xff} && bytes[i + 1] == std::byte{0xd8} &&
                       bytes[i + 2] == std::byte{0xff};
    if (start && seen++ == 5) at = static_cast<int>(i);
  }
  REQUIRE(at > 0);
  std::fill_n(bytes.begin() + at, 200, std::byte{0});
  test::write_bytes(folder / "broken.mov", bytes);

  Video strict(folder / "broken.mov");
  REQUIRE(strict.index().size() == 8);
  CHECK_THROWS_WITH(play(strict), Contains("broken.mov") && Contains("frame 5 at 0.200000 s"));
  CHECK_THROWS_AS(strict.frame(5), FormatError);
  CHECK((strict.frame(6).rgb == good[6].image.rgb));

  Video lenient(folder / "broken.mov", {.on_decode_error = OnDecodeError::kSkip});
  const auto rest = play(lenient);
  REQUIRE(rest.size() == 7);
  CHECK(lenient.skipped_frames() == 1);
  for (const auto& frame : rest) {
    CHECK(frame.ordinal != 5);
    CHECK((frame.image.rgb == good[std::size_t(frame.ordinal)].image.rgb));
  }
  const std::vector<std::int64_t> only = {5};
  CHECK_THROWS_AS(lenient.decode(only, [](VideoFrame&&) {}), FormatError);
}

namespace {

// Texture, so that every coded picture is worth many bytes.
std::array<int, 3> texture(int k, int x, int y) {
  return {60 + (x * 7 + y * 13 + k * 31) % 120, 128, 128};
}

// Destroys the inside of the `number`-th MPEG-4 picture (start code 00 00 01 B6) of a file.
void damage_picture(const std::filesystem::path& from, const std::filesystem::path& to,
                    int number) {
  auto bytes = test::read_bytes(from);
  const std::array<std::byte, 4> code = {std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0xb6}};
  auto at = bytes.begin();
  for (int seen = 0; seen <= number; ++seen) {
    at = std::search(at + (seen > 0 ? 4 : 0), bytes.end(), code.begin(), code.end());
    REQUIRE(at != bytes.end());
  }
  std::fill_n(at + 12, 60, std::byte{0xff});
  test::write_bytes(to, bytes);
}

}  // namespace

TEST_CASE("A broken frame takes along what builds on it, up to the next key frame") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = texture;
  sample.times_ms = even_times(18);
  write_video(folder / "v.mov", sample);
  Video whole(folder / "v.mov");
  const auto good = play(whole);
  damage_picture(folder / "v.mov", folder / "broken.mov", 8);
  Video lenient(folder / "broken.mov", {.on_decode_error = OnDecodeError::kSkip});
  const auto rest = play(lenient);
  std::vector<std::int64_t> kept;
  for (const auto& frame : rest) {
    kept.push_back(frame.ordinal);
    CHECK((frame.image.rgb == good[std::size_t(frame.ordinal)].image.rgb));
  }
  CHECK(kept == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 17});
  CHECK(lenient.skipped_frames() == 4);
  // Seeking stays trusted: the good frames of the last group cost that group alone.
  const std::int64_t before = lenient.decoded_frames();
  CHECK((lenient.frame(14).rgb == good[14].image.rgb));
  CHECK(lenient.decoded_frames() - before == 3);
}

TEST_CASE("Damage where frames are counted: refused, or what is whole is counted anew") {
  const test::TempFolder folder;
  Sample sample;
  sample.b_frames = 2;
  sample.paint = texture;
  sample.times_ms = even_times(18);
  write_video(folder / "v.avi", sample);
  Video whole(folder / "v.avi");
  const auto good = play(whole);
  REQUIRE(good.size() == 18);
  damage_picture(folder / "v.avi", folder / "broken.avi", 8);
  Video strict(folder / "broken.avi");
  CHECK_THROWS_WITH(strict.index(), Contains("broken.avi") && Contains("cannot be decoded"));
  Video lenient(folder / "broken.avi", {.on_decode_error = OnDecodeError::kSkip});
  const std::size_t left = lenient.index().size();
  CHECK(left >= 9);
  CHECK(left < 18);
  const auto rest = play(lenient);
  REQUIRE(rest.size() == left);
  CHECK(lenient.skipped_frames() == 18 - std::int64_t(left));
  for (const auto& frame : rest) {  // each is one of the good ones
    CHECK(std::any_of(good.begin(), good.end(),
                      [&](const auto& other) { return other.image.rgb == frame.image.rgb; }));
  }
}

TEST_CASE("A file that breaks off") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.codec = AV_CODEC_ID_MJPEG;
  sample.format = AV_PIX_FMT_YUVJ420P;
  sample.times_ms = even_times(10);
  write_video(folder / "v.mov", sample);
  auto bytes = test::read_bytes(folder / "v.mov");
  bytes.resize(bytes.size() * 3 / 4);
  test::write_bytes(folder / "cut.mov", bytes);
  Video strict(folder / "cut.mov");
  CHECK_THROWS_WITH(strict.index(), Contains("cut.mov") && Contains("breaks off after frame") &&
                                        Contains("of 10 coded frames"));
  Video lenient(folder / "cut.mov", {.on_decode_error = OnDecodeError::kSkip});
  const std::size_t left = lenient.index().size();
  CHECK(left >= 3);
  CHECK(left < 10);
  for (const auto& frame : play(lenient)) CHECK(frame.ordinal < static_cast<std::int64_t>(left));
  bytes.resize(200);  // inside the header
  test::write_bytes(folder / "head.mov", bytes);
  CHECK_THROWS_AS(Video(folder / "head.mov"), FormatError);
}

TEST_CASE("Files that are no videos") {
  const test::TempFolder folder;
  CHECK_THROWS_AS(Video(folder / "absent.mp4"), InputError);
  CHECK_THROWS_AS(Video(folder.path()), InputError);
  test::write_text(folder / "empty.mp4", "");
  CHECK_THROWS_WITH(Video(folder / "empty.mp4"), Contains("an empty file"));
  test::write_text(folder / "note.txt", std::string(3000, 'x'));
  CHECK_THROWS_WITH(Video(folder / "note.txt"), Contains("a text file"));
  test::write_text(folder / "pointer.mp4", "version https://git-lfs.github.com/spec/v1\noid x\n");
  CHECK_THROWS_WITH(Video(folder / "pointer.mp4"), Contains("Git LFS pointer"));
  // A WAV file: 8 kHz, one channel, 16 bits, 100 samples of silence.
  std::string wav(
      "RIFF\xec\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0"
      "data\xc8\0\0\0",
      44);
  test::write_text(folder / "sound.wav", wav + std::string(200, '\0'));
  CHECK_THROWS_WITH(Video(folder / "sound.wav"), Contains("no video stream"));
}

TEST_CASE("An MP4 whose mdat counts too many bytes is whole where every picture is there") {
  const test::TempFolder folder;
  std::string file(
      "\0\0\0\x10"
      "ftypisom\0\0\0\0"
      "\0\0\0\x6c"
      "mdat",
      24);
  file += std::string(92, 'x');  // 108 - 8 = 100 bytes are stated
  test::write_text(folder / "v.mp4", file);
  REQUIRE(file.size() == 116);
  CHECK(video_end(folder / "v.mp4", 116).damage == "");
  CHECK(video_end(folder / "v.mp4", 100).damage == "");
  for (const std::uint64_t end : {0, 117, 124}) {
    CAPTURE(end);
    CHECK_THAT(video_end(folder / "v.mp4", end).damage,
               Contains("116 bytes") && Contains("states 124"));
  }
}

// So rich that no group of frames fits in a few bytes.
std::array<int, 3> rich(int k, int x, int y) {
  return {16 + (x * 37 + y * 91 + k * 53 + x * y * 7) % 220, 128, 128};
}

TEST_CASE("A file that ends early is refused, whatever its container") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = rich;
  sample.times_ms = even_times(40);
  sample.group = 5;
  for (const std::string end : {"mkv", "avi", "ts", "flv", "nut"}) {
    sample.codec = end == "flv" ? AV_CODEC_ID_FLV1 : AV_CODEC_ID_MPEG4;
    write_video(folder / ("whole." + end), sample);
    const std::size_t frames = Video(folder / ("whole." + end)).index().size();
    CHECK(frames == 40);
    const auto bytes = test::read_bytes(folder / ("whole." + end));
    for (const double part : {0.3, 0.5, 0.66, 0.8}) {
      CAPTURE(end, part);
      const auto count = static_cast<std::size_t>(part * double(bytes.size()));
      const auto path = folder / ("cut." + end);
      test::write_bytes(path, std::span(bytes).first(count));
      CHECK_THROWS_AS(Video(path).index(), FormatError);
      Video lenient(path, {.on_decode_error = OnDecodeError::kSkip});
      CHECK(lenient.index().size() < frames);
    }
  }
}

TEST_CASE("A Matroska file that ends early, at any place before its index") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = even_times(12);
  write_video(folder / "whole.mkv", sample);
  auto bytes = test::read_bytes(folder / "whole.mkv");
  const std::string cues("\x1c\x53\xbb\x6b", 4);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t index = text.rfind(cues);
  REQUIRE(index != text.npos);
  const auto path = folder / "cut.mkv";
  for (std::size_t count = index / 2; count < index; count += 97) {
    CAPTURE(count);
    test::write_bytes(path, std::span(bytes).first(count));
    CHECK_THROWS_AS(Video(path).index(), FormatError);
  }
  test::write_bytes(path, std::span(bytes).first(index + 6));  // within the index: no frame is lost
  CHECK(Video(path).index().size() == 12);

  // A recording that was never finished states no size (all ones): cut within a cluster.
  const std::size_t segment = text.find("\x18\x53\x80\x67");
  REQUIRE(segment != text.npos);
  bytes[segment + 4] = std::byte{0x01};
  for (std::size_t i = 5; i < 12; ++i) bytes[segment + i] = std::byte{0xff};
  test::write_bytes(path, std::span(bytes).first(index));
  CHECK(Video(path).index().size() == 12);
  test::write_bytes(path, std::span(bytes).first(index - 20));
  CHECK_THROWS_WITH(Video(path).index(), Contains("breaks off") && Contains("header states"));
}

TEST_CASE("A hole in a video is refused with its frames, or skipped with counts") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = rich;
  sample.times_ms = even_times(60);
  sample.group = 5;
  struct Case {
    std::string name;
    AVCodecID codec = AV_CODEC_ID_MPEG4;
    int streams = 1;
    bool piped = false;
    const char* movflags = "faststart";
  };
  const std::vector<Case> cases{
      {.name = "v.mkv"},
      {.name = "two.mkv", .streams = 2},
      {.name = "live.mkv", .piped = true},
      {.name = "v.ts"},
      {.name = "v.nut"},
      {.name = "v.mpg", .codec = AV_CODEC_ID_MPEG1VIDEO},
      {.name = "v.vob", .codec = AV_CODEC_ID_MPEG2VIDEO},
      {.name = "v.flv", .codec = AV_CODEC_ID_FLV1},
      {.name = "v.wmv", .codec = AV_CODEC_ID_WMV2},
      {.name = "live.wmv", .codec = AV_CODEC_ID_WMV2, .piped = true},
      {.name = "live.avi", .piped = true},
      {.name = "v.mp4", .movflags = "frag_keyframe+empty_moov"},
  };
  for (const Case& one : cases) {
    sample.codec = one.codec;
    sample.streams = one.streams;
    sample.piped = one.piped;
    sample.movflags = one.movflags;
    CAPTURE(one.name);
    const auto path = folder / one.name;
    write_video(path, sample);
    const auto whole = test::read_bytes(path);
    REQUIRE(Video(path).index().size() == 60);
    const auto at = [&](double part) {
      return static_cast<std::ptrdiff_t>(part * double(whole.size()));
    };
    for (const std::string kind : {"zeros", "junk", "tail"}) {
      CAPTURE(kind);
      auto bytes = whole;
      std::uint32_t state = 12345;
      const auto end = kind == "tail" ? bytes.end() : bytes.begin() + at(0.6);
      for (auto byte = bytes.begin() + at(0.4); byte != end; ++byte) {
        state = state * 1664525 + 1013904223;
        *byte = kind == "junk" ? static_cast<std::byte>(state >> 24) : std::byte{0};
      }
      test::write_bytes(path, bytes);
      if (one.name != "v.nut" || kind != "tail") {  // that one ends with an error of libav
        CHECK_THROWS_WITH(Video(path).index(), Contains("a hole at byte") &&
                                                   Contains("last frame before it is frame") &&
                                                   Contains("frames are there"));
      }
      CHECK_THROWS_AS(Video(path).index(), FormatError);
      Video lenient(path, {.on_decode_error = OnDecodeError::kSkip});
      CHECK(lenient.index().size() >= 15);
      CHECK(lenient.index().size() < 60);
    }
  }
}

TEST_CASE("A pause of a recording is no hole") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = {0, 40, 80, 60000, 60040, 300000};
  for (const std::string name : {"v.mkv", "v.flv", "v.wmv", "v.mp4"}) {
    CAPTURE(name);
    sample.codec = name == "v.flv" ? AV_CODEC_ID_FLV1 : AV_CODEC_ID_MPEG4;
    if (name == "v.wmv") sample.codec = AV_CODEC_ID_WMV2;
    write_video(folder / name, sample);
    CHECK(Video(folder / name).index().size() == 6);
  }
}

TEST_CASE("An AVI from a pipe is whole although its header was never filled in") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = rich;
  sample.times_ms = even_times(20);
  sample.piped = true;
  write_video(folder / "v.avi", sample);
  const auto bytes = test::read_bytes(folder / "v.avi");
  REQUIRE(bytes[4] == std::byte{0xff});  // the size of the file
  CHECK(video_end(folder / "v.avi").unfinished);
  CHECK(Video(folder / "v.avi").index().size() == 20);
}

TEST_CASE("Multipart JPEG may end with its boundary") {
  const test::TempFolder folder;
  const Sample sample = mjpeg_sample(1);
  write_video(folder / "one.mjpeg", sample);
  const auto bytes = test::read_bytes(folder / "one.mjpeg");
  const std::string jpeg(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string text = "--frame\r\n";
  for (int i = 0; i < 5; ++i) {
    text += "Content-type: image/jpeg\r\nContent-length: " + std::to_string(jpeg.size()) +
            "\r\n\r\n" + jpeg + "\r\n--frame\r\n";
  }
  test::write_text(folder / "v.mjpeg", text);
  CHECK(Video(folder / "v.mjpeg").index().size() == 5);
  test::write_text(folder / "cut.mjpeg", text.substr(0, text.size() - jpeg.size() / 2));
  CHECK_THROWS_WITH(Video(folder / "cut.mjpeg").index(), Contains("breaks off after frame 4"));
}

TEST_CASE("Y4M and NUT: a last frame that is not whole") {
  const test::TempFolder folder;
  std::string text = "YUV4MPEG2 W4 H4 F25:1 Ip C420jpeg\n";
  for (int i = 0; i < 6; ++i) text += "FRAME\n" + std::string(24, static_cast<char>(40 + i));
  test::write_text(folder / "v.y4m", text);
  CHECK(Video(folder / "v.y4m").index().size() == 6);
  test::write_text(folder / "v.y4m", text.substr(0, text.size() - 1));
  CHECK_THROWS_WITH(Video(folder / "v.y4m").index(),
                    Contains("after frame 4") && Contains("29 bytes behind the last frame"));
  Video lenient(folder / "v.y4m", {.on_decode_error = OnDecodeError::kSkip});
  CHECK(lenient.index().size() == 5);

  Sample sample;
  sample.codec = AV_CODEC_ID_FFV1;
  sample.paint = rich;
  sample.times_ms = even_times(20);
  write_video(folder / "v.nut", sample);
  auto bytes = test::read_bytes(folder / "v.nut");
  CHECK(Video(folder / "v.nut").index().size() == 20);
  bytes.resize(bytes.size() * 2 / 3);
  test::write_bytes(folder / "v.nut", bytes);
  CHECK_THROWS_WITH(Video(folder / "v.nut").index(), Contains("no index of NUT"));
}

TEST_CASE("GIF and APNG end with their marks and hold the pictures that they state") {
  const test::TempFolder folder;
  const auto path = folder / "v";
  std::string gif("GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff", 19);  // one pixel, two colours
  for (int i = 0; i < 3; ++i) {
    gif += std::string("\x21\xf9\4\0\x0a\0\0\0", 8);
    gif += std::string("\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0", 15);
  }
  test::write_text(path, gif + ";");
  CHECK(video_end(path).damage == "");
  CHECK(Video(path).index().size() == 3);
  for (const std::size_t less : {0, 3, 15}) {
    CAPTURE(less);
    test::write_text(path, gif.substr(0, gif.size() - less));
    CHECK_THAT(video_end(path).damage, Contains("without the end mark of GIF"));
  }

  const std::string head("\x89PNG\r\n\x1a\n", 8), sum(4, 's');
  const std::string pictures_2 = std::string(
                                     "\0\0\0\x08"
                                     "acTL\0\0\0\2\0\0\0\0",
                                     16) +
                                 sum;
  const std::string picture = std::string(
                                  "\0\0\0\x01"
                                  "fcTLx",
                                  9) +
                              sum;
  const std::string end = std::string("\0\0\0\0IEND", 8) + sum;
  test::write_text(path, head + pictures_2 + picture + picture + end);
  CHECK(video_end(path).damage == "");
  test::write_text(path, head + pictures_2 + picture + end);
  CHECK(video_end(path).damage == "1 of 2 pictures are there");
  const std::string one = head + pictures_2 + picture + picture + end;
  test::write_text(path, one + one);
  CHECK_THAT(video_end(path).damage, Contains("a second PNG begins at byte 66"));
}

TEST_CASE("A clock that starts again goes on, with every frame in its order") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = even_times(8);
  for (const std::string end : {"ts", "mkv"}) {
    INFO(end);
    write_video(folder / ("one." + end), sample);
    auto bytes = test::read_bytes(folder / ("one." + end));
    const auto again = bytes;
    bytes.insert(bytes.end(), again.begin(), again.end());
    test::write_bytes(folder / ("two." + end), bytes);
    Video video(folder / ("two." + end));
    const auto frames = play(video);
    REQUIRE(frames.size() == 16);
    for (std::size_t k = 0; k < 16; ++k) {
      CAPTURE(k);
      CHECK(shown(frames[k].image) == static_cast<int>(k % 8));
      CHECK(frames[k].time_s - frames[0].time_s == Approx(0.04 * double(k)).margin(1e-3));
    }
  }
}

TEST_CASE("A clock that starts again a little later does not mix the two parts") {
  // The second part's times lie between those of the first: sorted by time, frames would alternate.
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = even_times(6);
  write_video(folder / "one.ts", sample);
  for (auto& time : sample.times_ms) time += 20;
  sample.paint = [](int k, int x, int y) { return grey(k + 6, x, y); };
  write_video(folder / "two.ts", sample);
  auto bytes = test::read_bytes(folder / "one.ts");
  const auto second = test::read_bytes(folder / "two.ts");
  bytes.insert(bytes.end(), second.begin(), second.end());
  test::write_bytes(folder / "both.ts", bytes);
  Video video(folder / "both.ts");
  const auto frames = play(video);
  REQUIRE(frames.size() == 12);
  for (std::size_t k = 0; k < 12; ++k) CHECK(shown(frames[k].image) == static_cast<int>(k));
}

TEST_CASE("AVI with B frames: the first frame is at 0, not later by what the decoder holds back") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = even_times(14);
  sample.b_frames = 2;
  write_video(folder / "v.avi", sample);
  Video video(folder / "v.avi");
  const auto frames = play(video);
  REQUIRE(frames.size() == 14);
  for (std::size_t k = 0; k < 14; ++k) {
    CAPTURE(k);
    CHECK(shown(frames[k].image) == static_cast<int>(k));
    CHECK(frames[k].time_s == Approx(0.04 * double(k)).margin(1e-9));
  }
}

TEST_CASE("A second movie behind the first is not lost in silence") {
  const test::TempFolder folder;
  Sample sample;
  sample.paint = grey;
  sample.times_ms = even_times(4);
  for (const std::string end : {"mov", "flv", "asf"}) {
    CAPTURE(end);
    sample.codec = end == "flv" ? AV_CODEC_ID_FLV1 : AV_CODEC_ID_MPEG4;
    write_video(folder / ("one." + end), sample);
    Video one(folder / ("one." + end));
    CHECK(play(one).size() == 4);
    auto bytes = test::read_bytes(folder / ("one." + end));
    const auto again = bytes;
    bytes.insert(bytes.end(), again.begin(), again.end());
    test::write_bytes(folder / ("two." + end), bytes);
    CHECK_THROWS_WITH(Video(folder / ("two." + end)).index(),
                      Contains("a second movie begins at byte"));
  }
}
