// libpng reports errors by longjmp. Each function that calls setjmp therefore holds only plain
// variables; buffers belong to its caller, and callbacks let no exception through.
#include "media/png.h"

#include <fmt/core.h>
#include <png.h>

#include <cstring>
#include <string>

#include "base/deflate.h"
#include "base/error.h"
#include "base/file_kind.h"
#include "media/image.h"

namespace vega {

namespace {

// What the callbacks share; `text` holds the first error.
struct Stream {
  std::span<const std::byte> in;
  std::size_t at = 0;
  std::vector<std::byte>* out = nullptr;
  char text[160] = {};
};

void on_error(png_structp png, png_const_charp message) {
  auto* stream = static_cast<Stream*>(png_get_error_ptr(png));
  std::strncpy(stream->text, message, sizeof stream->text - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // odd text or colour profiles: not our matter

void on_read(png_structp png, png_bytep data, std::size_t count) {
  auto* stream = static_cast<Stream*>(png_get_io_ptr(png));
  if (stream->in.size() - stream->at < count) png_error(png, "the file ends early");
  std::memcpy(data, stream->in.data() + stream->at, count);
  stream->at += count;
}

void on_write(png_structp png, png_bytep data, std::size_t count) {
  auto* stream = static_cast<Stream*>(png_get_io_ptr(png));
  const auto* first = reinterpret_cast<const std::byte*>(data);
  bool full = false;
  try {
    stream->out->insert(stream->out->end(), first, first + count);
  } catch (...) {
    full = true;
  }
  if (full) png_error(png, "out of memory");
}

void on_flush(png_structp) {}

struct Reader {
  Stream stream;
  png_structp png = nullptr;
  png_infop info = nullptr;
  explicit Reader(std::span<const std::byte> bytes) {
    stream.in = bytes;
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &stream, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

struct PngHeader {
  png_uint_32 width = 0, height = 0;
  int bits = 0, color = 0;
};

bool read_header(Reader& reader, PngHeader& header) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader.stream, on_read);
  png_set_crc_action(reader.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
  // -1: texts, profiles and all else that no pixel depends on. libpng would inflate and keep them,
  // up to 8 MB each and a thousand of them; skipped, their CRC still counts.
  png_set_keep_unknown_chunks(reader.png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reader.png, reader.info);
  png_get_IHDR(reader.png, reader.info, &header.width, &header.height, &header.bits, &header.color,
               nullptr, nullptr, nullptr);
  return true;
}

// RGB of 8 bits: no blending, no gamma.
bool start_rgb(Reader& reader, const PngHeader& header, std::size_t& row_bytes) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  if (header.color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  if (header.color == PNG_COLOR_TYPE_GRAY && header.bits < 8) {
    png_set_expand_gray_1_2_4_to_8(reader.png);
  }
  if (header.bits == 16) png_set_strip_16(reader.png);
  if ((header.color & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  row_bytes = png_get_rowbytes(reader.png, reader.info);
  return true;
}

bool start_gray16(Reader& reader, std::size_t& row_bytes) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  row_bytes = png_get_rowbytes(reader.png, reader.info);
  return true;
}

bool read_rows(Reader& reader, png_bytep* rows) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

[[noreturn]] void refuse(const Reader& reader, std::string_view where) {
  const char* reason = reader.stream.text[0] != 0 ? reader.stream.text : "out of memory";
  throw FormatError(explain(where, fmt::format("a broken PNG ({})", reason), "a complete PNG file",
                            "copy or export the file again"));
}

PngHeader open(Reader& reader, std::span<const std::byte> bytes, std::string_view where) {
  if (!is_png(bytes)) {
    const FileKind kind = file_kind(bytes);
    throw FormatError(explain(where, kind.name, "a PNG file", kind.remedy));
  }
  PngHeader header;
  if (reader.info == nullptr || !read_header(reader, header)) refuse(reader, where);
  if (std::int64_t{header.width} * header.height > kMostPixels) {
    throw FormatError(explain(where, fmt::format("{}x{} pixels", header.width, header.height),
                              "at most 2^28 pixels"));
  }
  return header;
}

// Before memory is taken for the pixels: can so few bytes hold them?
void check_inflation(const Reader& reader, const PngHeader& header, std::string_view where) {
  const std::int64_t bits = header.bits * png_get_channels(reader.png, reader.info);
  const std::int64_t needed = std::int64_t{header.width} * header.height * bits / 8;
  const auto there = static_cast<std::int64_t>(reader.stream.in.size());
  if (needed / std::int64_t{kMostInflation} <= there) return;
  throw FormatError(explain(
      where, fmt::format("a PNG of {}x{} pixels in {} bytes", header.width, header.height, there),
      fmt::format("at least {} bytes", needed / std::int64_t{kMostInflation}),
      "copy or export the file again"));
}

std::string kind_of(const PngHeader& header) {
  const char* color = "grey";
  if (header.color == PNG_COLOR_TYPE_GRAY_ALPHA) color = "grey with alpha";
  if (header.color == PNG_COLOR_TYPE_PALETTE) color = "palette";
  if (header.color == PNG_COLOR_TYPE_RGB) color = "RGB";
  if (header.color == PNG_COLOR_TYPE_RGBA) color = "RGBA";
  return fmt::format("a PNG of {}-bit {}", header.bits, color);
}

void read_into(Reader& reader, unsigned char* data, std::size_t row_bytes, std::size_t height,
               std::string_view where) {
  std::vector<png_bytep> rows(height);
  for (std::size_t y = 0; y < height; ++y) rows[y] = data + y * row_bytes;
  if (!read_rows(reader, rows.data())) refuse(reader, where);
}

struct Writer {
  Stream stream;
  png_structp png = nullptr;
  png_infop info = nullptr;
  explicit Writer(std::vector<std::byte>& out) {
    stream.out = &out;
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &stream, on_error, on_warning);
    if (png != nullptr) info = png_create_info_struct(png);
  }
  ~Writer() { png_destroy_write_struct(&png, &info); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
};

bool write_rows(Writer& writer, ImageSize size, int bits, int color, png_bytep* rows) {
  if (setjmp(png_jmpbuf(writer.png)) != 0) return false;
  png_set_write_fn(writer.png, &writer.stream, on_write, on_flush);
  png_set_IHDR(writer.png, writer.info, static_cast<png_uint_32>(size.width),
               static_cast<png_uint_32>(size.height), bits, color, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(writer.png, writer.info);
  png_write_image(writer.png, rows);
  png_write_end(writer.png, writer.info);
  return true;
}

std::vector<std::byte> encode(ImageSize size, int bits, int color, const unsigned char* data,
                              std::size_t row_bytes) {
  if (size.width < 1 || size.height < 1) {
    throw InputError(explain("PNG", to_string(size) + " pixels", "a picture that is not empty"));
  }
  std::vector<std::byte> out;
  std::vector<png_bytep> rows(static_cast<std::size_t>(size.height));
  for (std::size_t y = 0; y < rows.size(); ++y) {
    rows[y] = const_cast<png_bytep>(data) + y * row_bytes;  // libpng only reads them
  }
  Writer writer(out);
  if (writer.info == nullptr || !write_rows(writer, size, bits, color, rows.data())) {
    throw InputError(explain("PNG", writer.stream.text, "a picture that fits in memory"));
  }
  return out;
}

}  // namespace

bool is_png(std::span<const std::byte> bytes) {
  return bytes.size() >= 8 &&
         png_sig_cmp(reinterpret_cast<png_const_bytep>(bytes.data()), 0, 8) == 0;
}

ImageU8 decode_png(std::span<const std::byte> bytes, std::string_view where) {
  Reader reader(bytes);
  const PngHeader header = open(reader, bytes, where);
  if (header.color == PNG_COLOR_TYPE_GRAY && header.bits == 16) {
    throw FormatError(explain(where, kind_of(header), "a colour picture",
                              "16-bit grey is a depth map; give the colour files"));
  }
  check_inflation(reader, header, where);
  std::size_t row_bytes = 0;
  if (!start_rgb(reader, header, row_bytes)) refuse(reader, where);
  if (row_bytes != 3 * std::size_t(header.width)) refuse(reader, where);
  ImageU8 image(static_cast<int>(header.width), static_cast<int>(header.height));
  read_into(reader, image.rgb.data(), row_bytes, header.height, where);
  return image;
}

ImageU16 decode_png16(std::span<const std::byte> bytes, std::string_view where) {
  Reader reader(bytes);
  const PngHeader header = open(reader, bytes, where);
  if (header.color != PNG_COLOR_TYPE_GRAY || header.bits != 16) {
    throw FormatError(explain(where, kind_of(header), "16-bit grey (depth in millimetres)"));
  }
  check_inflation(reader, header, where);
  std::size_t row_bytes = 0;
  if (!start_gray16(reader, row_bytes)) refuse(reader, where);
  std::vector<unsigned char> raw(row_bytes * header.height);
  read_into(reader, raw.data(), row_bytes, header.height, where);
  ImageU16 image(static_cast<int>(header.width), static_cast<int>(header.height));
  for (std::size_t i = 0; i < image.v.size(); ++i) {
    image.v[i] = static_cast<std::uint16_t>(raw[2 * i] << 8 | raw[2 * i + 1]);  // big-endian
  }
  return image;
}

ImageSize png_size(std::span<const std::byte> bytes, std::string_view where) {
  Reader reader(bytes);
  const PngHeader header = open(reader, bytes, where);
  return {static_cast<int>(header.width), static_cast<int>(header.height)};
}

std::vector<std::byte> encode_png(const ImageU8& image) {
  return encode(image.size(), 8, PNG_COLOR_TYPE_RGB, image.rgb.data(),
                3 * static_cast<std::size_t>(image.width));
}

std::vector<std::byte> encode_png16(const ImageU16& image) {
  std::vector<unsigned char> raw(2 * image.v.size());
  for (std::size_t i = 0; i < image.v.size(); ++i) {
    raw[2 * i] = static_cast<unsigned char>(image.v[i] >> 8);
    raw[2 * i + 1] = static_cast<unsigned char>(image.v[i] & 0xff);
  }
  return encode(image.size(), 16, PNG_COLOR_TYPE_GRAY, raw.data(),
                2 * static_cast<std::size_t>(image.width));
}

}  // namespace vega
