// libjpeg reports errors by longjmp. Each function that calls setjmp therefore holds only plain
// variables; buffers belong to its caller, so that nothing is skipped over.
#include "media/jpeg.h"

#include <fmt/core.h>

#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <jerror.h>
#include <jpeglib.h>

#include "base/error.h"
#include "media/image.h"

namespace vega {

namespace {

// Each scan goes over the whole picture, so that a file of a few kilobytes with thousands of empty
// scans takes minutes. libjpeg's own progression has 10 scans, the search of optimising encoders
// ends below 70.
constexpr int kMaxScans = 100;
// A Huffman-coded file spends at least one bit on each block of 64 samples of each component. The
// fewest blocks are those of two components that are both sampled four times as coarsely, each
// along another axis: one bit for 128 pixels.
constexpr std::int64_t kMaxPixelsAByte = 1024;

struct ErrorState {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  std::jmp_buf jump;
  bool too_many_scans = false;
  char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr info) {
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  info->err->format_message(info, state->text);
  std::longjmp(state->jump, 1);
}

// Every warning means lost picture data (libjpeg would go on with grey or repeated pixels), but for
// those that concern headers or bytes between markers.
bool means_damage(int code) {
  return code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR &&
         code != JWRN_BOGUS_PROGRESSION && code != JWRN_NOT_SEQUENTIAL;
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && means_damage(info->err->msg_code)) leave(info);
}

void on_output(j_common_ptr) {}  // nothing is printed; stderr is the log's

jpeg_error_mgr* start_errors(ErrorState& state) {
  jpeg_std_error(&state.manager);
  state.manager.error_exit = leave;
  state.manager.emit_message = on_message;
  state.manager.output_message = on_output;
  state.text[0] = 0;
  return &state.manager;
}

// libjpeg calls this now and then, at least once a scan.
void on_progress(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
  auto* state = reinterpret_cast<ErrorState*>(info->err);
  state->too_many_scans = true;
  std::longjmp(state->jump, 1);
}

struct Decoder {
  jpeg_decompress_struct info{};
  ErrorState errors;
  jpeg_progress_mgr progress{};
  Decoder() { info.err = start_errors(errors); }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

bool read_header(Decoder& decoder, const unsigned char* data, unsigned long size) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  jpeg_mem_src(&decoder.info, data, size);
  jpeg_read_header(&decoder.info, TRUE);
  return true;
}

bool start_pixels(Decoder& decoder) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  decoder.progress.progress_monitor = on_progress;
  decoder.info.progress = &decoder.progress;
  decoder.info.dct_method = JDCT_ISLOW;
  decoder.info.do_fancy_upsampling = TRUE;
  jpeg_start_decompress(&decoder.info);
  return true;
}

// All rows, then what follows them: a missing end marker is a truncated file, as in Pillow.
bool read_pixels(Decoder& decoder, unsigned char* out, std::size_t row_bytes) {
  if (setjmp(decoder.errors.jump) != 0) return false;
  while (decoder.info.output_scanline < decoder.info.output_height) {
    JSAMPROW row = out + row_bytes * decoder.info.output_scanline;
    jpeg_read_scanlines(&decoder.info, &row, 1);
  }
  jpeg_finish_decompress(&decoder.info);
  return true;
}

[[noreturn]] void refuse(const Decoder& decoder, std::string_view where) {
  if (decoder.errors.too_many_scans) {
    throw FormatError(explain(where, fmt::format("a JPEG with more than {} scans", kMaxScans),
                              "a picture (a progressive JPEG has about 10)",
                              "export the picture again, as a baseline JPEG"));
  }
  throw FormatError(explain(where, fmt::format("a broken JPEG ({})", decoder.errors.text),
                            "a complete JPEG file", "copy or export the file again"));
}

void open(Decoder& decoder, std::span<const std::byte> bytes, std::string_view where) {
  if (bytes.empty()) throw FormatError(explain(where, "an empty file", "a JPEG file"));
  if (!read_header(decoder, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size())) {
    refuse(decoder, where);
  }
  const auto pixels = std::int64_t{decoder.info.image_width} * decoder.info.image_height;
  if (pixels > kMostPixels) {
    throw FormatError(explain(
        where, fmt::format("{}x{} pixels", decoder.info.image_width, decoder.info.image_height),
        "at most 2^28 pixels"));
  }
}

// a * b / 255, rounded as Pillow rounds it.
int mul_div_255(int a, int b) {
  const int t = a * b + 128;
  return (t + (t >> 8)) >> 8;
}

// The samples as they come from libjpeg, components of one pixel together, to RGB.
ImageU8 to_rgb(std::vector<std::uint8_t>&& samples, int components, int w, int h) {
  ImageU8 image;
  image.width = w;
  image.height = h;
  if (components == 3) {
    image.rgb = std::move(samples);
    return image;
  }
  const std::size_t pixels = std::size_t(w) * std::size_t(h);
  image.rgb.resize(3 * pixels);
  for (std::size_t i = 0; i < pixels; ++i) {
    if (components == 1) {
      for (std::size_t c = 0; c < 3; ++c) image.rgb[3 * i + c] = samples[i];
      continue;
    }
    const int white = samples[4 * i + 3];  // stored inverted: 255 - K
    for (std::size_t c = 0; c < 3; ++c) {
      const int ink = 255 - samples[4 * i + c];
      image.rgb[3 * i + c] = static_cast<std::uint8_t>(white - mul_div_255(ink, white));
    }
  }
  return image;
}

struct Encoder {
  jpeg_compress_struct info{};
  ErrorState errors;
  unsigned char* data = nullptr;  // libjpeg's, malloc
  unsigned long size = 0;
  Encoder() { info.err = start_errors(errors); }
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(data);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
};

bool write_all(Encoder& encoder, const ImageU8& image, int quality, bool subsample) {
  if (setjmp(encoder.errors.jump) != 0) return false;
  auto& info = encoder.info;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &encoder.data, &encoder.size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.dct_method = JDCT_ISLOW;
  info.comp_info[0].h_samp_factor = subsample ? 2 : 1;
  info.comp_info[0].v_samp_factor = subsample ? 2 : 1;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(info.next_scanline)));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() >= 3 && bytes[0] == std::byte{0xff} && bytes[1] == std::byte{0xd8} &&
         bytes[2] == std::byte{0xff};
}

ImageU8 decode_jpeg(std::span<const std::byte> bytes, std::string_view where) {
  Decoder decoder;
  open(decoder, bytes, where);
  const auto pixels = std::int64_t{decoder.info.image_width} * decoder.info.image_height;
  if (pixels / kMaxPixelsAByte > static_cast<std::int64_t>(bytes.size())) {
    throw FormatError(
        explain(where,
                fmt::format("a JPEG of {}x{} pixels in {} bytes", decoder.info.image_width,
                            decoder.info.image_height, bytes.size()),
                fmt::format("at least a byte for {} pixels", kMaxPixelsAByte),
                "copy or export the file again"));
  }
  const int components = decoder.info.num_components;
  if (components != 1 && components != 3 && components != 4) {
    throw FormatError(explain(where, fmt::format("a JPEG with {} components", components),
                              "1 (grey), 3 (colour) or 4 (CMYK)"));
  }
  if (components == 1) decoder.info.out_color_space = JCS_GRAYSCALE;
  if (components == 3) decoder.info.out_color_space = JCS_RGB;
  if (components == 4) decoder.info.out_color_space = JCS_CMYK;
  if (!start_pixels(decoder)) refuse(decoder, where);
  const std::size_t row_bytes = std::size_t(decoder.info.output_width) * std::size_t(components);
  std::vector<std::uint8_t> samples(row_bytes * decoder.info.output_height);
  if (!read_pixels(decoder, samples.data(), row_bytes)) refuse(decoder, where);
  return to_rgb(std::move(samples), components, static_cast<int>(decoder.info.output_width),
                static_cast<int>(decoder.info.output_height));
}

ImageSize jpeg_size(std::span<const std::byte> bytes, std::string_view where) {
  Decoder decoder;
  open(decoder, bytes, where);
  return {static_cast<int>(decoder.info.image_width), static_cast<int>(decoder.info.image_height)};
}

std::vector<std::byte> encode_jpeg(const ImageU8& image, int quality, bool subsample) {
  if (image.width < 1 || image.height < 1 || quality < 1 || quality > 100) {
    throw InputError(explain("JPEG",
                             fmt::format("{} pixels, quality {}", to_string(image.size()), quality),
                             "a picture that is not empty, quality 1 to 100"));
  }
  Encoder encoder;
  if (!write_all(encoder, image, quality, subsample)) {
    throw InputError(explain("JPEG", encoder.errors.text, "a picture of at most 65500 a side"));
  }
  const auto* first = reinterpret_cast<const std::byte*>(encoder.data);
  return {first, first + encoder.size};
}

}  // namespace vega
