#include "media/sens.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "base/error.h"
#include "media/jpeg.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;
using Bytes = std::vector<std::byte>;

namespace {

constexpr ImageSize kColor{24, 16}, kDepth{12, 10};
constexpr std::uint64_t kFirst = 12 + 4 + 256 + 8 + 16 + 4 + 8;  // first frame, name "Unit"

ImageU8 picture(int seed) {
  ImageU8 image(kColor.width, kColor.height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>((std::size_t(seed) * 37 + i * i / 7) & 255);
  }
  return image;
}

ImageU16 depth_map(int seed) {
  ImageU16 image(kDepth.width, kDepth.height);
  for (std::size_t i = 0; i < image.v.size(); ++i) {
    image.v[i] = static_cast<std::uint16_t>(std::size_t(seed) * 9973 + i * 541);
  }
  return image;
}

std::array<float, 16> pose(int i) {
  std::array<float, 16> m{};
  for (int k = 0; k < 16; ++k) m[std::size_t(k)] = 0.1f * float(k) + float(i);
  if (i == 1) m.fill(-std::numeric_limits<float>::infinity());
  return m;
}

SensHeader unit_header(std::uint64_t frames) {
  SensHeader h;
  h.sensor_name = "Unit";
  for (std::size_t k = 0; k < 16; ++k) {
    h.intrinsic_color[k] = float(k) + 0.25f;
    h.extrinsic_color[k] = float(k) + 100;
    h.intrinsic_depth[k] = float(k) - 0.5f;
    h.extrinsic_depth[k] = float(k) - 100;
  }
  h.color_size = kColor;
  h.depth_size = kDepth;
  h.depth_shift = 1000;
  h.frame_count = frames;
  return h;
}

void write_sens(const std::filesystem::path& path, int frames) {
  SensWriter writer(path, unit_header(std::uint64_t(frames)));
  for (int i = 0; i < frames; ++i) {
    writer.append(pose(i), 1000u + unsigned(i), 2000u + unsigned(i), encode_jpeg(picture(i)),
                  depth_map(i));
  }
  writer.publish();
}

template <typename T>
void add(Bytes& out, const T& value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), first, first + sizeof(T));
}

// Overwrites the bytes of `value` at `offset`.
template <typename T>
Bytes patched(Bytes bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
  return bytes;
}

// A file of one frame with these payloads; sizes are written as they are.
Bytes one_frame(const Bytes& color, const Bytes& depth, ImageSize depth_size = kDepth) {
  Bytes out;
  add(out, std::uint32_t{4});
  add(out, std::uint64_t{4});
  for (const char c : std::string("Unit")) add(out, c);
  for (int i = 0; i < 64; ++i) add(out, float(i));
  add(out, std::int32_t{2});
  add(out, std::int32_t{1});
  for (const int side : {kColor.width, kColor.height, depth_size.width, depth_size.height}) {
    add(out, std::uint32_t(side));
  }
  add(out, 1000.0f);
  add(out, std::uint64_t{1});
  for (int i = 0; i < 16; ++i) add(out, float(i));
  add(out, std::uint64_t{1});
  add(out, std::uint64_t{2});
  add(out, std::uint64_t{color.size()});
  add(out, std::uint64_t{depth.size()});
  out.insert(out.end(), color.begin(), color.end());
  out.insert(out.end(), depth.begin(), depth.end());
  return out;
}

Bytes deflated(std::size_t zeros) {
  const Bytes raw(zeros);
  uLongf size = compressBound(static_cast<uLong>(zeros));
  Bytes out(size);
  REQUIRE(compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                    reinterpret_cast<const Bytef*>(raw.data()), static_cast<uLong>(zeros),
                    9) == Z_OK);
  out.resize(size);
  return out;
}

// The message with which `call` fails; empty when it does not.
std::string sens_message(const std::function<void()>& call) {
  try {
    call();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "";
}

std::string open_message(const std::filesystem::path& path) {
  return sens_message([&] { SensFile file(path); });
}

// Runs `call` in a child and gives the largest resident size it reached, in MB; -1 if it failed.
// A child, since the largest size of this process is that of its other tests.
double peak_mb(const std::function<bool()>& call) {
  const pid_t child = fork();
  if (child == 0) _exit(call() ? 0 : 1);
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) return -1;
  return double(usage.ru_maxrss) / 1024;
}

}  // namespace

TEST_CASE("A .sens file comes back as it was written") {
  test::TempFolder folder;
  const auto path = folder / "a.sens";
  write_sens(path, 5);
  const SensFile file(path);
  const SensHeader expected = unit_header(5);
  CHECK(file.header().sensor_name == "Unit");
  CHECK(file.header().intrinsic_color == expected.intrinsic_color);
  CHECK(file.header().extrinsic_color == expected.extrinsic_color);
  CHECK(file.header().intrinsic_depth == expected.intrinsic_depth);
  CHECK(file.header().extrinsic_depth == expected.extrinsic_depth);
  CHECK(file.header().color_size == kColor);
  CHECK(file.header().depth_size == kDepth);
  CHECK(file.header().depth_shift == 1000);
  REQUIRE(file.frames().size() == 5);
  CHECK(file.frames()[0].color_offset == kFirst + kSensFrameHeader);
  for (int i = 0; i < 5; ++i) {
    const SensFrame& frame = file.frames()[std::size_t(i)];
    const auto m = pose(i);
    CHECK(std::equal(m.begin(), m.end(), frame.world_from_cam.begin()));
    CHECK(frame.color_timestamp == 1000u + unsigned(i));
    CHECK(frame.depth_timestamp == 2000u + unsigned(i));
    CHECK(file.color_jpeg(std::size_t(i)) == encode_jpeg(picture(i)));
    CHECK(file.depth(std::size_t(i)).v == depth_map(i).v);
  }
  // Invalid poses of real scans stay what they are.
  for (const double value : file.frames()[1].world_from_cam) {
    CHECK(value == -std::numeric_limits<double>::infinity());
  }
  CHECK_THROWS_WITH(file.depth(5), Contains("frame 5") && Contains("5 frames"));
  CHECK_THROWS_AS(file.color_jpeg(5), InputError);
}

TEST_CASE("The layout of .sens is that of the specification") {
  test::TempFolder folder;
  // Built field by field here, without the writer; the IMU section of real scans follows.
  Bytes depth(400);
  uLongf size = depth.size();
  const ImageU16 map = depth_map(3);
  REQUIRE(compress(reinterpret_cast<Bytef*>(depth.data()), &size,
                   reinterpret_cast<const Bytef*>(map.v.data()), 240) == Z_OK);
  depth.resize(size);
  Bytes bytes = one_frame(encode_jpeg(picture(3)), depth);
  const std::size_t frames_end = bytes.size();
  add(bytes, std::uint64_t{1} << 60);
  bytes.resize(bytes.size() + 77, std::byte{0xee});
  test::write_bytes(folder / "imu.sens", bytes);
  const SensFile file(folder / "imu.sens");
  CHECK(file.header().intrinsic_color[1] == 1);
  CHECK(file.header().extrinsic_color[0] == 16);
  CHECK(file.header().intrinsic_depth[0] == 32);
  CHECK(file.header().extrinsic_depth[15] == 63);
  REQUIRE(file.frames().size() == 1);
  const SensFrame& frame = file.frames()[0];
  CHECK(frame.world_from_cam[15] == 15);
  CHECK(frame.color_timestamp == 1);
  CHECK(frame.depth_timestamp == 2);
  CHECK(frame.depth_offset + frame.depth_bytes == frames_end);
  CHECK(file.color_jpeg(0) == encode_jpeg(picture(3)));
  CHECK(file.depth(0).v == map.v);

  // And the writer gives the same bytes as the hand (zlib's default level is 6).
  SensHeader header = file.header();
  SensWriter writer(folder / "again.sens", header);
  std::array<float, 16> m{};
  for (std::size_t i = 0; i < 16; ++i) m[i] = float(i);
  writer.append(m, 1, 2, encode_jpeg(picture(3)), map);
  writer.publish();
  bytes.resize(frames_end);
  CHECK(test::read_bytes(folder / "again.sens") == bytes);
}

TEST_CASE("Bytes behind the frames of .sens are counted, but for samples of a motion sensor") {
  test::TempFolder folder;
  write_sens(folder / "two.sens", 2);
  const Bytes two = test::read_bytes(folder / "two.sens");
  const auto rest_of = [&](const Bytes& bytes) {
    test::write_bytes(folder / "a.sens", bytes);
    return SensFile(folder / "a.sens").unread_bytes();
  };
  const auto with = [&](const Bytes& more) {
    Bytes bytes = two;
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
  };
  CHECK(rest_of(two) == 0);
  CHECK(rest_of(with(Bytes(8))) == 0);  // no sample
  Bytes samples(8 + 3 * 128);
  samples[0] = std::byte{3};
  CHECK(rest_of(with(samples)) == 0);
  CHECK(rest_of(with(two)) == two.size());  // a second scan
  CHECK(rest_of(with(Bytes(36, std::byte{'j'}))) == 36);
  const Bytes fewer = patched(two, kFirst - 8, std::uint64_t{1});
  const SensFrame first = SensFile(folder / "two.sens").frames()[0];
  CHECK(rest_of(fewer) == two.size() - first.depth_offset - first.depth_bytes);
}

TEST_CASE("The index of .sens reads headers only") {
  test::TempFolder folder;
  const auto path = folder / "big.sens";
  constexpr std::uint64_t kFrames = 160, kPayload = 15u << 20;
  Bytes head = one_frame({}, {});
  head.resize(kFirst);
  std::memcpy(head.data() + kFirst - 8, &kFrames, 8);
  test::write_bytes(path, head);
  {
    // Payloads of 15 MiB are holes: 2.3 GiB in all.
    std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
    for (std::uint64_t i = 0; i < kFrames; ++i) {
      Bytes frame;
      for (int k = 0; k < 16; ++k) add(frame, float(i));
      add(frame, i);
      add(frame, i + 1);
      add(frame, kPayload);
      add(frame, std::uint64_t{0});
      out.seekp(std::streamoff(kFirst + i * (kSensFrameHeader + kPayload)));
      out.write(reinterpret_cast<const char*>(frame.data()), std::streamsize(frame.size()));
    }
  }
  std::filesystem::resize_file(path, kFirst + kFrames * (kSensFrameHeader + kPayload));
  const SensFile file(path);
  CHECK(file.frames().size() == kFrames);
  CHECK(file.bytes_read() == kFirst + kFrames * kSensFrameHeader);
  CHECK(file.frames()[159].world_from_cam[7] == 159);
  CHECK_THROWS_WITH(file.color_jpeg(159),
                    Contains("frame 159, colour at byte") && Contains("expected a JPEG"));
  CHECK_THROWS_WITH(file.depth(2), Contains("no depth map"));
  CHECK(file.bytes_read() == kFirst + kFrames * kSensFrameHeader + kPayload);
}

TEST_CASE("A .sens file cut at any byte is refused") {
  test::TempFolder folder;
  write_sens(folder / "whole.sens", 2);
  const Bytes whole = test::read_bytes(folder / "whole.sens");
  const auto path = folder / "cut.sens";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    test::write_bytes(path, std::span(whole).first(size));
    const std::string text = open_message(path);
    INFO(size << ": " << text);
    REQUIRE_THAT(text, Contains("cut.sens") && Contains("at byte"));
    if (size < 4) REQUIRE_THAT(text, Contains("version at byte 0"));
    if (size >= 4 && size < 12) REQUIRE_THAT(text, Contains("sensor name length at byte 4"));
    if (size >= 80 && size < 144) REQUIRE_THAT(text, Contains("extrinsic colour at byte 80"));
    if (size >= kFirst - 8 && size < kFirst) REQUIRE_THAT(text, Contains("frame count at byte"));
    if (size > kFirst + 2 * kSensFrameHeader) REQUIRE_THAT(text, Contains("frame "));
  }
  // Inside the header of the second frame each field is named.
  test::write_bytes(path, whole);
  const SensFrame second = SensFile(path).frames()[1];
  const std::uint64_t start = second.color_offset - kSensFrameHeader;
  const std::pair<std::uint64_t, const char*> fields[] = {{63, "camera to world"},
                                                          {64, "colour timestamp"},
                                                          {79, "depth timestamp"},
                                                          {87, "colour bytes"},
                                                          {95, "depth bytes"}};
  for (const auto& [offset, field] : fields) {
    Bytes cut = whole;
    cut.resize(start + offset);
    test::write_bytes(path, cut);
    // The colour payload of frame 0 keeps the file long enough for two frame headers.
    CHECK_THAT(open_message(path),
               Contains("frame 1, " + std::string(field)) &&
                   Contains("the end of the file at byte " + std::to_string(start + offset)));
  }
  Bytes cut = whole;
  cut.pop_back();
  test::write_bytes(path, cut);
  CHECK_THAT(open_message(path), Contains("frame 1, depth bytes at byte"));
}

TEST_CASE("Hostile fields of a .sens file are refused by name and place") {
  test::TempFolder folder;
  write_sens(folder / "whole.sens", 2);
  const Bytes whole = test::read_bytes(folder / "whole.sens");
  const auto path = folder / "bad.sens";
  const auto refused = [&](const Bytes& bytes, const std::vector<std::string>& parts) {
    test::write_bytes(path, bytes);
    const std::string text = open_message(path);
    CHECK_THAT(text, Contains("bad.sens"));
    for (const std::string& part : parts) CHECK_THAT(text, Contains(part));
  };
  const std::uint64_t huge = ~std::uint64_t{0};
  const std::size_t compression = kFirst - 36, sizes = kFirst - 28;
  refused({}, {"version at byte 0", "end of the file"});
  refused(patched(whole, 0, std::uint32_t{3}), {"version at byte 0", "got 3", "expected 4"});
  refused(patched(whole, 4, huge), {"sensor name length at byte 4", std::to_string(huge)});
  refused(patched(whole, 4, std::uint64_t{1025}), {"got 1025 bytes", "at most 1024"});
  const Bytes head(whole.begin(), whole.begin() + kFirst);
  refused(patched(head, 4, std::uint64_t{1000}), {"sensor name at byte 12", "end of the file"});
  const std::pair<int, std::string> colors[] = {
      {-1, "unknown"}, {0, "raw"}, {1, "png"}, {7, "no known"}};
  for (const auto& [code, name] : colors) {
    refused(patched(whole, compression, std::int32_t(code)),
            {"colour compression at byte 272", name, "2 (jpeg)"});
  }
  const std::pair<int, std::string> depths[] = {
      {-1, "unknown"}, {0, "raw_ushort"}, {2, "occi_ushort"}, {-9, "no known"}};
  for (const auto& [code, name] : depths) {
    refused(patched(whole, compression + 4, std::int32_t(code)),
            {"depth compression at byte 276", name, "1 (zlib_ushort)"});
  }
  const char* names[] = {"colour width", "colour height", "depth width", "depth height"};
  for (std::size_t k = 0; k < 4; ++k) {
    const std::string place = names[k] + std::string(" at byte ") + std::to_string(sizes + 4 * k);
    for (const std::uint32_t value : {0u, 65537u, 0x80000000u, 0xffffffffu}) {
      refused(patched(whole, sizes + 4 * k, value), {place, std::to_string(value), "65536"});
    }
  }
  for (const std::size_t at : {sizes, sizes + 8}) {
    const Bytes wide = patched(whole, at, std::uint32_t{65536});
    refused(patched(wide, at + 4, std::uint32_t{65536}), {"height", "65536x65536 pixels"});
  }
  for (const std::uint64_t count : {huge, std::uint64_t{1} << 32, std::uint64_t{1000}}) {
    refused(patched(whole, kFirst - 8, count),
            {"frame count at byte 300", "got " + std::to_string(count), "at most"});
  }
  const std::size_t second = std::size_t([&] {
    return SensFile(folder / "whole.sens").frames()[1].color_offset - kSensFrameHeader;
  }());
  refused(patched(whole, second + 80, huge),
          {"frame 1, colour bytes at byte " + std::to_string(second + 80), std::to_string(huge)});
  refused(patched(whole, second + 88, huge),
          {"frame 1, depth bytes at byte " + std::to_string(second + 88), std::to_string(huge)});
  refused(patched(whole, second + 80, std::uint64_t{99999}), {"frame 1, colour", "still holds"});
  refused(patched(whole, second + 88, std::uint64_t{99999}), {"frame 1, depth", "still holds"});
  refused(patched(whole, kFirst + 80, std::uint64_t{300} << 20), {"frame 0, colour", "at most"});

  CHECK_THROWS_WITH(SensFile(folder / "none.sens"), Contains("none.sens") && Contains("No such"));
  CHECK_THROWS_WITH(SensFile(folder.path()), Contains("no regular file"));
  REQUIRE(mkfifo((folder / "pipe.sens").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(SensFile(folder / "pipe.sens"), Contains("no regular file"));
}

TEST_CASE("Hostile payloads of a .sens file are refused by frame and place") {
  test::TempFolder folder;
  const auto path = folder / "bad.sens";
  const Bytes jpeg = encode_jpeg(picture(0));
  const std::size_t need = 240;
  const auto depth_message = [&](const Bytes& depth) {
    test::write_bytes(path, one_frame(jpeg, depth));
    const SensFile file(path);
    const std::string text = sens_message([&] { file.depth(0); });
    CHECK_THAT(text, Contains("bad.sens, frame 0, depth at byte " +
                              std::to_string(file.frames()[0].depth_offset)));
    return text;
  };
  CHECK_THAT(depth_message(deflated(need - 1)), Contains("239 bytes inflated"));
  CHECK_THAT(depth_message(deflated(0)), Contains("got 0 bytes inflated"));
  CHECK_THAT(depth_message(deflated(need + 1)), Contains("more than 240 bytes"));
  CHECK_THAT(depth_message(deflated(64 << 20)), Contains("more than 240 bytes"));
  CHECK_THAT(depth_message(Bytes(50, std::byte{0x55})), Contains("a broken zlib stream"));
  CHECK_THAT(depth_message({}), Contains("no depth map"));
  const Bytes good = deflated(need);
  for (std::size_t size = 1; size < good.size(); ++size) {
    REQUIRE_THAT(depth_message(Bytes(good.begin(), good.begin() + std::ptrdiff_t(size))),
                 Contains("a zlib stream cut after " + std::to_string(size)));
  }
  Bytes wrong_sum = good;
  wrong_sum.back() ^= std::byte{1};
  CHECK_THAT(depth_message(wrong_sum), Contains("incorrect data check"));

  const auto color_message = [&](const Bytes& color) {
    test::write_bytes(path, one_frame(color, good));
    const SensFile file(path);
    CHECK(file.depth(0).v == std::vector<std::uint16_t>(120));  // the other payload is still read
    const std::string text = sens_message([&] { file.color_jpeg(0); });
    CHECK_THAT(text, Contains("bad.sens, frame 0, colour at byte 404"));
    return text;
  };
  CHECK_THAT(color_message({}), Contains("no colour image"));
  CHECK_THAT(color_message(good), Contains("expected a JPEG"));
  CHECK_THAT(color_message(Bytes(jpeg.begin(), jpeg.begin() + 20)), Contains("a broken JPEG"));
  CHECK_THAT(color_message(encode_jpeg(ImageU8(8, 9))), Contains("8x9") && Contains("24x16"));
}

TEST_CASE("Hostile .sens files are read in bounded memory") {
  test::TempFolder folder;
  const Bytes jpeg = encode_jpeg(picture(0));
  // A stream of 96 MiB of zeros for the largest map there may be.
  test::write_bytes(folder / "bomb.sens",
                    one_frame(jpeg, deflated(std::size_t{96} << 20), {4096, 3072}));
  // As many frames as there may be, and one more, in a sparse file of the size that they need.
  Bytes head = one_frame({}, {});
  head.resize(kFirst);
  for (const std::uint64_t extra : {0, 1}) {
    const auto path = folder / ("many" + std::to_string(extra) + ".sens");
    test::write_bytes(path, patched(head, kFirst - 8, kSensMaxFrames + extra));
    std::filesystem::resize_file(path, kFirst + (kSensMaxFrames + extra) * kSensFrameHeader);
  }
  CHECK_THAT(open_message(folder / "many1.sens"),
             Contains("frame count at byte 300") && Contains("at most 262144 frames"));
  const double base = peak_mb([] { return true; });
  REQUIRE(base > 0);
  const double bomb = peak_mb([&] {
    const SensFile file(folder / "bomb.sens");
    return sens_message([&] { file.depth(0); }).find("more than 25165824") != std::string::npos;
  });
  const double many =
      peak_mb([&] { return SensFile(folder / "many0.sens").frames().size() == kSensMaxFrames; });
  CAPTURE(base, bomb, many);
  // The map of 24 MiB, the index of 42 MiB; the rest is the test program as it was before.
  CHECK(bomb > 0);
  CHECK(bomb - base < 40);
  CHECK(many > 0);
  CHECK(many - base < 60);
}

TEST_CASE("Frames of one .sens file are read by many threads") {
  test::TempFolder folder;
  write_sens(folder / "a.sens", 8);
  const SensFile file(folder / "a.sens");
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int k = 0; k < 40; ++k) {
        const int i = (t * 3 + k) % 8;
        good += file.color_jpeg(std::size_t(i)) == encode_jpeg(picture(i)) &&
                file.depth(std::size_t(i)).v == depth_map(i).v;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good == 160);
}

TEST_CASE("The .sens writer keeps to its announcement") {
  test::TempFolder folder;
  const auto path = folder / "a.sens";
  const Bytes jpeg = encode_jpeg(picture(0));
  {
    SensWriter writer(path, unit_header(2));
    CHECK_THROWS_WITH(writer.append(pose(0), 0, 0, encode_jpeg(ImageU8(8, 8)), depth_map(0)),
                      Contains("frame 0") && Contains("8x8") && Contains("24x16"));
    CHECK_THROWS_WITH(writer.append(pose(0), 0, 0, jpeg, ImageU16(3, 2)), Contains("3x2"));
    CHECK_THROWS_AS(writer.append(pose(0), 0, 0, Bytes(9), depth_map(0)), InputError);
    writer.append(pose(0), 0, 0, jpeg, depth_map(0));
    CHECK_THROWS_WITH(writer.publish(), Contains("1 frames") && Contains("2 as announced"));
    writer.append(pose(1), 0, 0, jpeg, depth_map(1));
    CHECK_THROWS_WITH(writer.append(pose(2), 0, 0, jpeg, depth_map(2)), Contains("2 frames"));
    CHECK_FALSE(std::filesystem::exists(path));
  }
  CHECK(std::filesystem::is_empty(folder.path()));  // not published: nothing is left
  SensHeader header = unit_header(1);
  header.depth_size = {65536, 65536};
  CHECK_THROWS_WITH(SensWriter(path, header), Contains("65536x65536"));
  header = unit_header(kSensMaxFrames + 1);
  CHECK_THROWS_AS(SensWriter(path, header), InputError);
}

TEST_CASE("A JPEG is encoded again as the exporter does") {
  const Bytes fine = encode_jpeg(picture(4), 95, false);
  const Bytes again = reencode_jpeg(fine, "frame");
  CHECK(again == encode_jpeg(decode_jpeg(fine, "frame"), 75, true));
  CHECK(again.size() < fine.size());
  CHECK_THROWS_WITH(reencode_jpeg(Bytes(5), "frame 7"), Contains("frame 7"));
}

TEST_CASE("depth values become millimetres by the depth shift of the header") {
  ImageU16 depth(4, 1);
  depth.v = {0, 5000, 12, 65535};
  CHECK(to_millimetres(depth, 5000, "a.sens").v == std::vector<std::uint16_t>{0, 1000, 2, 13107});
  CHECK(to_millimetres(depth, 1000, "a.sens").v == depth.v);
  // Centimetres: 655.35 m is no depth that 16 bits of millimetres hold.
  CHECK(to_millimetres(depth, 100, "a.sens").v == std::vector<std::uint16_t>{0, 50000, 120, 0});
  for (const float shift : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN()})
    CHECK_THROWS_WITH(to_millimetres(depth, shift, "a.sens"),
                      Contains("a.sens") && Contains("depth shift"));
}
