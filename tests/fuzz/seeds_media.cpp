// Seeds of pictures and scans.

#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>  // needs stdio first
#include <zlib.h>

#include "fuzz/hostile.h"
#include "fuzz/seeds.h"
#include "media/jpeg.h"
#include "media/png.h"
#include "media/sens.h"

namespace vega::fuzz {
namespace {

using Bytes = std::vector<std::byte>;

std::string text(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

ImageU8 picture(int w, int h) {
  ImageU8 image(w, h);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>(i * 37 + i / 24 * 11);
  }
  return image;
}

ImageU16 depth_map(int w, int h) {
  ImageU16 map(w, h);
  for (std::size_t i = 0; i < map.v.size(); ++i) map.v[i] = static_cast<std::uint16_t>(i * 13);
  return map;
}

struct JpegKind {
  J_COLOR_SPACE stored = JCS_YCbCr;
  bool progressive = false, arithmetic = false, one_component_a_scan = false;
  unsigned restart = 0;
};

// Kinds of JPEG that vega reads and never writes.
std::string jpeg_of(int w, int h, const JpegKind& kind) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &data, &size);
  info.image_width = static_cast<JDIMENSION>(w);
  info.image_height = static_cast<JDIMENSION>(h);
  const bool cmyk = kind.stored == JCS_CMYK || kind.stored == JCS_YCCK;
  const bool grey = kind.stored == JCS_GRAYSCALE;
  info.input_components = cmyk ? 4 : grey ? 1 : 3;
  info.in_color_space = cmyk ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, kind.stored);
  if (kind.progressive) jpeg_simple_progression(&info);
  info.arith_code = kind.arithmetic ? TRUE : FALSE;
  info.restart_interval = kind.restart;
  jpeg_scan_info scans[4];
  if (kind.one_component_a_scan) {
    for (int c = 0; c < info.num_components; ++c) scans[c] = {1, {c, 0, 0, 0}, 0, 63, 0, 0};
    info.scan_info = scans;
    info.num_scans = info.num_components;
  }
  jpeg_start_compress(&info, TRUE);
  std::vector<unsigned char> row(static_cast<std::size_t>(w * info.input_components));
  while (info.next_scanline < info.image_height) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = static_cast<unsigned char>(i * 29 + info.next_scanline * 17);
    }
    JSAMPROW first = row.data();
    jpeg_write_scanlines(&info, &first, 1);
  }
  jpeg_finish_compress(&info);
  std::string out(reinterpret_cast<const char*>(data), size);
  jpeg_destroy_compress(&info);
  std::free(data);
  return out;
}

std::string with(std::string text, std::size_t at, const std::string& piece) {
  return text.replace(at, piece.size(), piece);
}

constexpr std::size_t kAfterHeader = 8 + 25;  // signature, IHDR

// `chunks` between the header and the data.
std::string with_chunks(const std::string& png, const std::string& chunks) {
  return png.substr(0, kAfterHeader) + chunks + png.substr(kAfterHeader);
}

std::string png_of(std::uint32_t w, std::uint32_t h, int bits, int color, bool interlaced,
                   const std::string& rows, const std::string& before = {}) {
  return "\x89PNG\r\n\x1a\n" +
         png_chunk("IHDR", big(w, 4) + big(h, 4) + static_cast<char>(bits) +
                               static_cast<char>(color) + std::string(2, 0) +
                               static_cast<char>(interlaced)) +
         before + png_chunk("IDAT", deflated(rows)) + png_chunk("IEND", "");
}

std::string rows_of(std::size_t count, std::size_t bytes) {
  std::string out;
  for (std::size_t y = 0; y < count; ++y) {
    out += static_cast<char>(y % 5);  // every filter
    for (std::size_t x = 0; x < bytes; ++x) out += static_cast<char>(x * 31 + y * 7);
  }
  return out;
}

struct SensSpec {
  ImageSize color{16, 8}, depth{6, 4};
  std::uint64_t name_bytes = 4, frames = 1;
  std::int32_t color_kind = 2, depth_kind = 1;
  std::uint32_t version = 4;
};

std::string sens_front(const SensSpec& s) {
  std::string out = little(s.version, 4) + little(s.name_bytes, 8) + "Seed";
  for (int m = 0; m < 4; ++m) {
    for (int i = 0; i < 16; ++i) out += little(i % 5 == 0 ? 0x3f800000 : 0, 4);  // identity
  }
  out += little(std::uint32_t(s.color_kind), 4) + little(std::uint32_t(s.depth_kind), 4);
  out += little(std::uint64_t(s.color.width), 4) + little(std::uint64_t(s.color.height), 4);
  out += little(std::uint64_t(s.depth.width), 4) + little(std::uint64_t(s.depth.height), 4);
  return out + little(0x447a0000, 4) + little(s.frames, 8);  // shift 1000
}

std::string sens_frame(const std::string& color, const std::string& depth) {
  return std::string(64, 0) + little(1, 8) + little(2, 8) + little(color.size(), 8) +
         little(depth.size(), 8) + color + depth;
}

}  // namespace

void add_jpeg_seeds(const SeedFolder& seeds) {
  const std::string plain = text(encode_jpeg(picture(24, 16)));
  const auto add = [&](const char* name, const std::string& file) {
    seeds.add("jpeg", name, file);
  };
  add("ok-420.jpg", plain);
  add("ok-444.jpg", text(encode_jpeg(picture(17, 9), 90, false)));
  add("ok-grey.jpg", jpeg_of(9, 7, {.stored = JCS_GRAYSCALE}));
  add("ok-cmyk.jpg", jpeg_of(8, 8, {.stored = JCS_CMYK}));
  add("ok-ycck.jpg", jpeg_of(8, 8, {.stored = JCS_YCCK}));
  add("ok-progressive.jpg", jpeg_of(24, 16, {.progressive = true, .restart = 1}));
  add("ok-arithmetic.jpg", jpeg_of(16, 16, {.arithmetic = true}));
  add("ok-three-scans.jpg", jpeg_of(16, 16, {.one_component_a_scan = true}));
  add("ok-90-scans.jpg", many_scans_jpeg(16, 16, 89));
  add("bad-300-scans.jpg", many_scans_jpeg(8, 8, 300));
  add("bad-cut-header.jpg", plain.substr(0, 30));
  add("bad-cut-data.jpg", plain.substr(0, plain.size() - 20));
  add("bad-no-end.jpg", plain.substr(0, plain.size() - 2));
  add("bad-start-only.jpg", "\xff\xd8\xff");
  add("bad-giant.jpg", many_scans_jpeg(65500, 65500, 0).substr(0, 300));
  add("bad-large-of-little.jpg", many_scans_jpeg(16000, 16000, 0).substr(0, 300));
  add("bad-empty.jpg", "");
  const std::size_t frame = plain.find("\xff\xc0");
  add("bad-no-size.jpg", with(plain, frame + 5, std::string(4, 0)));
  add("bad-12-bits.jpg", with(plain, frame + 4, "\x0c"));
  add("bad-five-components.jpg", with(plain, frame + 9, "\x05"));
}

void add_png_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& file) { seeds.add("png", name, file); };
  const std::string plain = text(encode_png(picture(12, 7)));
  add("ok-rgb.png", plain);
  add("ok-depth.png", text(encode_png16(depth_map(9, 5))));
  add("ok-grey1.png", png_of(9, 4, 1, 0, false, rows_of(4, 2)));
  add("ok-grey-alpha.png", png_of(5, 5, 8, 4, false, rows_of(5, 10)));
  add("ok-rgba16.png", png_of(3, 5, 16, 6, false, rows_of(5, 24)));
  const std::string colors =
      png_chunk("PLTE", std::string("\xff\0\0\0\xff\0\0\0\xff\x40\x40\x40", 12));
  add("ok-palette.png",
      png_of(4, 5, 2, 3, false, rows_of(5, 1), colors + png_chunk("tRNS", "\x10")));
  // Adam7 of 5x5: passes of 1x1, 1x1, 2x1, 1x2, 3x1, 2x3, 5x2.
  std::string passes;
  for (const auto& [w, h] : {std::pair{1, 1}, {1, 1}, {2, 1}, {1, 2}, {3, 1}, {2, 3}, {5, 2}}) {
    passes += rows_of(std::size_t(h), std::size_t(3 * w));
  }
  add("ok-interlaced.png", png_of(5, 5, 8, 2, true, passes));
  add("ok-interlaced-depth.png", png_of(1, 1, 16, 0, true, rows_of(1, 2)));
  // Text and profiles that would fill memory if anybody inflated them.
  const std::string bomb = deflated(std::string(7'900'000, 'A'));
  add("ok-ztxt-bomb.png", with_chunks(plain, png_chunk("zTXt", std::string("k\0\0", 3) + bomb)));
  add("ok-itxt-bomb.png",
      with_chunks(plain, png_chunk("iTXt", std::string("k\0\1\0\0\0", 6) + bomb)));
  add("ok-iccp-bomb.png", with_chunks(plain, png_chunk("iCCP", std::string("p\0\0", 3) + bomb)));
  const std::string small = deflated(std::string(7'000'000, 'B')).substr(0, 900);
  std::string many;
  for (int i = 0; i < 2; ++i) many += png_chunk("zTXt", std::string("k\0\0", 3) + bomb);
  add("ok-many-ztxt-bombs.png", with_chunks(plain, many));
  add("ok-broken-profile.png",
      with_chunks(plain, png_chunk("iCCP", std::string("p\0\0", 3) + small)));
  add("bad-giant.png", png_of(2'000'000'000, 2'000'000'000, 8, 2, false, "\0"));
  add("bad-wide.png", png_of(999'999, 268, 8, 2, false, rows_of(1, 30)));
  add("bad-large-of-little.png", png_of(16000, 16000, 8, 2, false, rows_of(3, 30)));
  add("bad-large-depth.png", png_of(16000, 16000, 16, 0, false, rows_of(3, 30)));
  add("bad-no-size.png", png_of(0, 7, 8, 2, false, rows_of(1, 30)));
  add("bad-bits.png", png_of(4, 4, 3, 2, false, rows_of(4, 30)));
  add("bad-no-palette.png", png_of(4, 5, 2, 3, false, rows_of(5, 1)));
  add("bad-few-rows.png", png_of(12, 7, 8, 2, false, rows_of(3, 36)));
  add("bad-cut.png", plain.substr(0, plain.size() - 20));
  add("bad-crc.png", with(plain, plain.size() - 14, "????"));
  add("bad-crc-of-text.png", with_chunks(plain, with(png_chunk("tEXt", "k\0v"), 11, "????")));
  add("bad-signature.png", "\x89PNG\r\n\x1a\n");
  add("bad-empty.png", "");
}

void add_sens_seeds(const SeedFolder& seeds) {
  const auto add = [&](const char* name, const std::string& f) { seeds.add("sens", name, f); };
  const SensSpec spec;
  SensHeader header;
  header.sensor_name = "Unit";
  header.color_size = spec.color;
  header.depth_size = spec.depth;
  header.frame_count = 2;
  const auto path = seeds.root() / "sens" / "ok-two-frames.sens";
  const std::array<float, 16> pose{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  std::filesystem::create_directories(path.parent_path());
  SensWriter writer(path, header);
  const std::string jpeg = text(encode_jpeg(picture(16, 8), 60));
  for (std::uint64_t i = 0; i < 2; ++i) writer.append(pose, i, i, bytes(jpeg), depth_map(6, 4));
  writer.publish();
  const std::string good = text_of(path);
  const std::string depth = deflated(std::string(48, '\3'));

  const auto scan = [&](const SensSpec& s, const std::string& frame) {
    return sens_front(s) + frame;
  };
  add("ok-trailing.sens", good + "imu");
  add("ok-no-frames.sens", scan({.frames = 0}, ""));
  add("ok-by-hand.sens", scan(spec, sens_frame(jpeg, depth)));
  for (const std::size_t cut : {0, 3, 11, 14, 200, 291, 304, 370, 399, 700}) {
    add(("bad-cut-" + std::to_string(cut) + ".sens").c_str(), good.substr(0, cut));
  }
  add("bad-version.sens", scan({.version = 3}, sens_frame(jpeg, depth)));
  add("bad-name.sens", scan({.name_bytes = ~std::uint64_t{0}}, sens_frame(jpeg, depth)));
  add("bad-frame-count.sens", scan({.frames = ~std::uint64_t{0} / 96}, sens_frame(jpeg, depth)));
  add("bad-color-kind.sens", scan({.color_kind = 1}, sens_frame(jpeg, depth)));
  add("bad-depth-kind.sens", scan({.depth_kind = -1}, sens_frame(jpeg, depth)));
  add("bad-color-size.sens", scan({.color = {65536, 65536}}, sens_frame(jpeg, depth)));
  add("bad-depth-size.sens", scan({.depth = {4096, 3072}}, sens_frame(jpeg, depth)));
  add("bad-no-size.sens", scan({.depth = {0, 4}}, sens_frame(jpeg, depth)));
  std::string absurd = sens_frame(jpeg, depth);
  add("bad-color-bytes.sens", scan(spec, with(absurd, 80, little(~std::uint64_t{0}, 8))));
  add("bad-depth-bytes.sens", scan(spec, with(absurd, 88, little(std::uint64_t{1} << 63, 8))));
  add("bad-color-other-size.sens", scan({.color = {8, 16}}, sens_frame(jpeg, depth)));
  add("bad-color-png.sens", scan(spec, sens_frame(text(encode_png(picture(16, 8))), depth)));
  add("bad-no-payload.sens", scan(spec, sens_frame("", "")));
  add("bad-depth-bomb.sens", scan(spec, sens_frame(jpeg, deflated(std::string(4'000'000, 0)))));
  add("bad-depth-short.sens", scan(spec, sens_frame(jpeg, deflated(std::string(46, 0)))));
  add("bad-depth-cut.sens", scan(spec, sens_frame(jpeg, depth.substr(0, depth.size() - 5))));
  add("bad-depth-dictionary.sens", scan(spec, sens_frame(jpeg, "\x78\xbb" + std::string(9, 1))));
  const std::string scans = many_scans_jpeg(16, 8, 150);
  add("bad-color-scans.sens", scan(spec, sens_frame(scans, depth)));
  const SensSpec large{.color = {4096, 3072}, .depth = {4096, 3072}, .frames = 40};
  const std::string little_jpeg = many_scans_jpeg(4096, 3072, 0).substr(0, 240);
  add("bad-large-of-little.sens", scan(large, repeat(sens_frame(little_jpeg, depth), 40)));
}

}  // namespace vega::fuzz
