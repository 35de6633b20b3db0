// Real videos: size after rotation, number of frames, first and last timestamp, orientation, and
// the mean colour of the first frame's quarters, for every file of the data folder.
//
// Expected values are from Debian 12's ffmpeg 5.1.9. For FILE, stream S, matrix M and range R (by
// the tags; untagged: bt601 below 720 rows, else bt709; limited, but for yuvj formats):
//   size      ffprobe -v error -select_streams S -show_entries stream=width,height FILE, with the
//             sides swapped where ffmpeg's output is
//   frames    ffprobe -v quiet -select_streams S -show_entries frame=pts_time -of json FILE
//             (number, first, last)
//   turns     ffprobe -v error -select_streams S -show_entries stream_side_data=displaymatrix FILE
//   colours   ffmpeg -v error -i FILE -map 0:S -vf "scale=flags=bicubic+accurate_rnd+bitexact:
//             in_color_matrix=M:in_range=R" -frames:v 1 -pix_fmt rgb24 -f rawvideo -
//             then means over columns [0, ceil(w/2)) and [floor(w/2), w), and rows likewise
// ffmpeg turns a picture before it converts it, this project after: with a quarter turn single
// pixels differ (chroma is interpolated along the columns), the means do not.
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "media/video/video.h"
#include "support/support.h"
#include "weights/torch_file.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

using enum Orientation;
using Color = std::array<double, 3>;

struct Row {
  const char* file;
  int stream;
  ImageSize size;
  std::size_t frames;
  double first_s, last_s;
  Orientation orientation;
  std::array<Color, 4> quarters;  // upper left, upper right, lower left, lower right
};

// clang-format off
const std::vector<Row> kRows = {
    {"Wan2.1_1.3B_t2v.mp4", 0, {832, 480}, 33, 0.000000, 1.333333, kUpright, {{{146.44, 116.69, 79.10}, {205.41, 186.98, 144.49}, {162.85, 127.68, 87.64}, {147.70, 114.14, 78.13}}}},
    {"Wan2.1_1.3B_vace_v2v.mp4", 0, {480, 832}, 33, 0.000000, 2.000000, kUpright, {{{252.14, 252.68, 251.79}, {235.78, 231.85, 226.79}, {220.59, 228.90, 218.59}, {208.64, 218.81, 202.18}}}},
    {"Wan2.1_14B_i2v.mp4", 0, {480, 832}, 33, 0.000000, 2.000000, kUpright, {{{197.63, 183.99, 177.48}, {201.47, 189.09, 183.16}, {185.80, 167.92, 155.68}, {198.03, 180.57, 168.94}}}},
    {"edit_list_positive_shift.mp4", 0, {1920, 1080}, 270, 1.000000, 9.966667, kUpright, {{{0.00, 0.00, 0.00}, {0.00, 0.00, 0.00}, {0.00, 0.00, 0.00}, {0.00, 0.00, 0.00}}}},
    {"h264_10bits.mp4", 0, {200, 200}, 30, 0.000000, 0.966667, kUpright, {{{121.57, 127.10, 9.49}, {85.81, 86.90, 247.50}, {168.40, 165.96, 1.76}, {82.69, 88.80, 240.89}}}},
    {"hlg10-color-test.mp4", 1, {1920, 1080}, 9, 0.000000, 0.266756, kUpright, {{{144.92, 133.11, 129.98}, {153.93, 152.51, 133.03}, {158.84, 154.62, 152.93}, {146.94, 145.77, 142.36}}}},
    {"minimal.mp4", 0, {320, 240}, 1, 0.000000, 0.000000, kUpright, {{{65.00, 65.00, 65.00}, {65.00, 65.00, 65.00}, {65.00, 65.00, 65.00}, {65.00, 65.00, 65.00}}}},
    {"nasa_13013.mp4", 0, {320, 180}, 325, 0.000000, 12.960000, kUpright, {{{4.08, 4.88, 12.35}, {16.97, 15.30, 19.29}, {3.88, 4.00, 9.93}, {7.89, 7.44, 12.16}}}},
    {"nasa_13013.mp4", 3, {480, 270}, 390, 0.000000, 12.979633, kUpright, {{{4.03, 4.95, 12.39}, {16.98, 15.32, 19.20}, {3.94, 3.94, 10.07}, {7.92, 7.43, 12.15}}}},
    {"sample_android_slow_motion.mp4", 0, {1280, 720}, 7, 0.000000, 0.492011, kUpright, {{{163.25, 177.99, 158.68}, {93.12, 113.94, 102.09}, {61.70, 68.19, 50.02}, {29.92, 32.78, 17.48}}}},
    {"sample_empty_track.mp4", 0, {1080, 720}, 30, 0.000000, 0.967622, kUpright, {{{172.28, 172.05, 173.06}, {200.14, 195.51, 193.40}, {158.19, 159.15, 162.94}, {150.36, 145.24, 144.57}}}},
    {"sample_mdat_too_long.mp4", 0, {1080, 720}, 30, 0.000000, 0.967633, kUpright, {{{160.14, 160.05, 161.56}, {215.15, 206.44, 199.92}, {125.23, 128.17, 136.19}, {102.78, 88.65, 86.44}}}},
    {"sample_rotate_and_reflect.mp4", 0, {720, 1080}, 30, 0.000000, 0.967633, kMirrorTurn270, {{{160.14, 160.05, 161.56}, {125.23, 128.17, 136.19}, {215.15, 206.44, 199.92}, {102.78, 88.65, 86.44}}}},
    {"test_video.mp4", 0, {1, 1}, 5, 0.000000, 4.000000, kUpright, {{{254.00, 0.00, 0.00}, {254.00, 0.00, 0.00}, {254.00, 0.00, 0.00}, {254.00, 0.00, 0.00}}}},
    {"av1_video.mkv", 0, {640, 360}, 125, 0.000000, 4.960000, kUpright, {{{77.73, 51.81, 176.42}, {164.57, 202.39, 76.28}, {93.06, 91.93, 138.42}, {141.83, 169.00, 117.17}}}},
    {"bear-vp9-odd-dimensions.webm", 0, {161, 121}, 30, 0.000000, 0.968000, kUpright, {{{144.90, 148.49, 146.61}, {115.15, 124.91, 131.85}, {189.16, 193.14, 185.51}, {125.45, 129.58, 128.65}}}},
    {"no_duration.webm", 0, {1280, 720}, 74, 0.000000, 4.872000, kUpright, {{{0.29, 3.65, 2.34}, {0.08, 2.45, 1.75}, {0.68, 5.11, 2.93}, {0.44, 4.38, 3.21}}}},
    {"unordered.mov", 0, {50, 50}, 4, 0.000000, 0.093750, kUpright, {{{253.00, 253.00, 253.00}, {253.00, 253.00, 253.00}, {253.00, 253.00, 253.00}, {253.00, 253.00, 253.00}}}},
    {"video_180.mov", 0, {568, 320}, 3, 0.000000, 0.066667, kTurn180, {{{126.22, 117.88, 106.62}, {139.57, 121.20, 109.49}, {104.53, 95.31, 86.19}, {115.66, 103.90, 94.95}}}},
    {"video_90.mov", 0, {320, 568}, 3, 0.000000, 0.066667, kTurn90, {{{114.78, 105.91, 96.15}, {116.83, 107.36, 97.72}, {83.39, 73.82, 65.66}, {98.06, 87.15, 79.25}}}},
};
// clang-format on

// What the names promise besides.
struct Extra {
  const char* file;
  const char* codec;
  const char* pixel_format;
  int bit_depth;
  bool full_range, hdr;
  ColorMatrix matrix;
};
const std::vector<Extra> kExtras = {
    {"Wan2.1_1.3B_t2v.mp4", "h264", "yuvj420p", 8, true, false, ColorMatrix::kBt601},
    {"h264_10bits.mp4", "h264", "yuv420p10le", 10, false, false, ColorMatrix::kBt601},
    {"hlg10-color-test.mp4", "hevc", "yuv420p10le", 10, false, true, ColorMatrix::kBt2020},
    {"nasa_13013.mp4", "h264", "yuv420p", 8, false, false, ColorMatrix::kBt709},
    {"av1_video.mkv", "av1", "yuv420p", 8, false, false, ColorMatrix::kBt709},
    {"bear-vp9-odd-dimensions.webm", "vp9", "yuv420p", 8, false, false, ColorMatrix::kBt601},
    {"sample_mdat_too_long.mp4", "h264", "yuv420p", 8, false, false, ColorMatrix::kBt709},
};

Color mean_color(const ImageU8& image, int quarter) {
  const int w = image.width, h = image.height;
  const int x0 = quarter % 2 == 0 ? 0 : w / 2, x1 = quarter % 2 == 0 ? (w + 1) / 2 : w;
  const int y0 = quarter / 2 == 0 ? 0 : h / 2, y1 = quarter / 2 == 0 ? (h + 1) / 2 : h;
  Color sum{};
  for (int y = y0; y < y1; ++y) {
    for (int x = x0; x < x1; ++x) {
      for (std::size_t c = 0; c < 3; ++c) sum[c] += image.row(y)[3 * x + int(c)];
    }
  }
  for (double& s : sum) s /= double(x1 - x0) * (y1 - y0);
  return sum;
}

// At most 12 ordinals over the whole stream, the first and the last among them.
std::vector<std::int64_t> spread(std::size_t frames) {
  std::vector<std::int64_t> chosen;
  const std::size_t count = std::min<std::size_t>(frames, 12);
  for (std::size_t i = 0; i < count; ++i) {
    chosen.push_back(std::int64_t(count == 1 ? 0 : i * (frames - 1) / (count - 1)));
  }
  return chosen;
}

void check_row(const std::filesystem::path& folder, const Row& row) {
  INFO(row.file << " stream " << row.stream);
  Video video(folder / row.file, {.stream = row.stream});
  CHECK(video.info().size == row.size);
  CHECK(video.info().orientation == row.orientation);
  const auto index = video.index();
  REQUIRE(index.size() == row.frames);
  CHECK(std::abs(index.front().time_s - row.first_s) < 1e-6);  // ffprobe prints six digits
  CHECK(std::abs(index.back().time_s - row.last_s) < 1e-6);

  std::vector<VideoFrame> frames;
  const auto chosen = spread(row.frames);
  video.decode(chosen, [&](VideoFrame&& frame) { frames.push_back(std::move(frame)); });
  REQUIRE(frames.size() == chosen.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    CHECK(frames[i].ordinal == chosen[i]);
    CHECK(frames[i].time_s == index[std::size_t(chosen[i])].time_s);
    CHECK(frames[i].image.size() == row.size);
  }
  for (int quarter = 0; quarter < 4; ++quarter) {
    const Color mean = mean_color(frames[0].image, quarter);
    for (std::size_t c = 0; c < 3; ++c) {
      INFO("quarter " << quarter << " channel " << c);
      CHECK(std::abs(mean[c] - row.quarters[std::size_t(quarter)][c]) <= 0.01);  // two digits
    }
  }
  // By seeking: the same pixels, and at most one group of coded frames for each.
  for (const std::size_t i : {frames.size() - 1, frames.size() / 2}) {
    const std::int64_t before = video.decoded_frames();
    CHECK((video.frame(frames[i].ordinal).rgb == frames[i].image.rgb));
    CHECK(video.decoded_frames() - before <= video.longest_group());
  }
}

std::optional<std::filesystem::path> videos() {
  const auto data = test::shared_data();
  if (!data) test::note_skip("no real data beside the project");
  return data ? std::optional(*data / "video") : std::nullopt;
}

}  // namespace

TEST_CASE("Every real video: size, frames, times, orientation, colours", "[shared]") {
  const auto folder = videos();
  if (!folder) return;
  for (const Row& row : kRows) check_row(*folder, row);
  for (const Extra& extra : kExtras) {
    INFO(extra.file);
    const Video video(*folder / extra.file);
    const VideoInfo& info = video.info();
    CHECK(info.codec == extra.codec);
    CHECK(info.pixel_format == extra.pixel_format);
    CHECK(info.bit_depth == extra.bit_depth);
    CHECK(info.color.full_range == extra.full_range);
    CHECK(info.color.hdr == extra.hdr);
    CHECK(info.color.used_matrix == extra.matrix);
  }
}

TEST_CASE("The first video stream is the default; durations as far as the file says", "[shared]") {
  const auto folder = videos();
  if (!folder) return;
  CHECK(Video(*folder / "nasa_13013.mp4").info().stream == 0);
  CHECK(Video(*folder / "hlg10-color-test.mp4").info().stream == 1);  // stream 0 is sound
  CHECK(Video(*folder / "nasa_13013.mp4").info().duration_s == Approx(13.0));
  CHECK(std::isnan(Video(*folder / "no_duration.webm").info().duration_s));
}

TEST_CASE("Slow motion keeps its own times", "[shared]") {
  const auto folder = videos();
  if (!folder) return;
  // ffprobe -select_streams 0 -show_entries packet=pts sample_android_slow_motion.mp4; 1/90000 s
  const std::vector<int> pts = {0, 29281, 32281, 35281, 38281, 41281, 44281};
  Video video(*folder / "sample_android_slow_motion.mp4");
  REQUIRE(video.index().size() == pts.size());
  for (std::size_t i = 0; i < pts.size(); ++i) {
    CHECK(video.index()[i].time_s == Approx(pts[i] / 90000.0).epsilon(1e-12));
  }
}

TEST_CASE("NASA: all timestamps, and the reference frames", "[shared]") {
  const auto folder = videos();
  if (!folder) return;
  const std::string name = "nasa_13013.mp4";
  Video video(*folder / name);
  std::ifstream text(*folder / (name + ".stream0.all_frames_info.json"));
  const auto listed = nlohmann::json::parse(text);
  REQUIRE(video.index().size() == listed.size());
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const double pts = std::stod(listed[i].at("pts_time").get<std::string>());
    CHECK(std::abs(video.index()[i].time_s - pts) < 1e-6);
  }
  // The references were converted by swscale's fast path, which repeats chroma samples and rounds
  // table entries; here chroma is interpolated along the columns. So a channel may differ at
  // colour edges (by 25 at most in these frames), while luma, of which both have the same sample,
  // moves by rounding only: up to 1.5 in each of the two conversions. Clipped pixels tell nothing.
  for (const int k : {0, 15, 35}) {
    INFO("frame " << k);
    const auto file =
        name + ".stream0.frame" + (k == 0 ? "000000" : "0000" + std::to_string(k)) + ".pt";
    const TensorSet set = read_torch_file(*folder / file);
    const TensorView& want = set.at("");
    REQUIRE(want.shape == Shape{180, 320, 3});
    const auto* reference = reinterpret_cast<const std::uint8_t*>(want.data);
    const auto distance = [&](const ImageU8& image, int* worst, double* luma) {
      double sum = 0;
      for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
        const double weights[3] = {0.2126, 0.7152, 0.0722};
        double moved = 0;
        bool clipped = false;
        for (std::size_t c = 0; c < 3; ++c) {
          const int a = image.rgb[i + c], b = reference[i + c];
          *worst = std::max(*worst, std::abs(a - b));
          sum += std::abs(a - b);
          moved += weights[c] * (a - b);
          clipped = clipped || a == 0 || a == 255 || b == 0 || b == 255;
        }
        if (!clipped) *luma = std::max(*luma, std::abs(moved));
      }
      return sum / double(image.rgb.size());
    };
    int worst = 0, ignored = 0;
    double luma = 0, unused = 0;
    const double own = distance(video.frame(k), &worst, &luma);
    CHECK(worst <= 25);
    CHECK(luma <= 3);
    CHECK(own < 0.7);
    CHECK(distance(video.frame(k + 1), &ignored, &unused) > own);  // it is this frame, no other
    if (k > 0) CHECK(distance(video.frame(k - 1), &ignored, &unused) > own);
  }
}

TEST_CASE("Broken videos say what is wrong and where", "[shared]") {
  const auto folder = videos();
  if (!folder) return;
  CHECK_THROWS_WITH(Video(*folder / "result.webm"), Contains("result.webm: got an empty file"));
  CHECK_THROWS_WITH(Video(*folder / "sample_audio_only.mp4"), Contains("no video stream"));
  CHECK_THROWS_AS(Video(*folder / "sample_audio_only.mp4"), FormatError);
  CHECK_THROWS_WITH(Video(*folder / "nasa_13013.mp4", {.stream = 1}), Contains("0, 3"));
  // The second track of this file has no sample.
  Video empty(*folder / "sample_empty_track.mp4", {.stream = 1});
  CHECK_THROWS_WITH(empty.index(), Contains("stream 1: got no frame"));

  // Of 50 coded frames ffmpeg cannot decode number 30 and shows 49. What is decoded after it may
  // build on it: frame 29, which is shown before it, and all that follow.
  Video strict(*folder / "corrupted.mp4");
  REQUIRE(strict.index().size() == 50);
  const std::vector<std::int64_t> some = {0, 28, 30, 40};
  std::vector<std::int64_t> got;
  const auto take = [&](VideoFrame&& frame) { got.push_back(frame.ordinal); };
  CHECK_THROWS_WITH(strict.decode(some, take), Contains("corrupted.mp4: frame 30 at 3.000000 s"));
  CHECK(got == std::vector<std::int64_t>{0, 28});
  Video lenient(*folder / "corrupted.mp4", {.on_decode_error = OnDecodeError::kSkip});
  got.clear();
  lenient.decode(some, take);
  CHECK(got == std::vector<std::int64_t>{0, 28});
  CHECK(lenient.skipped_frames() == 2);

  // Its header is whole (and its display matrix all zero), its pictures are not.
  Video noise(*folder / "no_timescale.mp4");
  CHECK(noise.info().size == ImageSize{320, 240});
  CHECK_THAT(noise.info().note, Contains("display matrix"));
  CHECK(noise.index().front().time_s == Approx(0.0664));
  CHECK_THROWS_WITH(noise.frame(0), Contains("no_timescale.mp4: frame 0 at 0.066400 s"));
}

TEST_CASE("The table names every video of the folder", "[shared]") {
  const auto folder = videos();
  if (!folder) return;
  std::vector<std::string> known = {"result.webm", "sample_audio_only.mp4", "corrupted.mp4",
                                    "no_timescale.mp4"};
  for (const Row& row : kRows) known.push_back(row.file);
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".stream0.") != name.npos) continue;  // reference frames and times
    INFO(name);
    CHECK(std::find(known.begin(), known.end(), name) != known.end());
  }
}
