#include <fmt/core.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "media/jpeg.h"
#include "media/sens.h"

namespace vega {
namespace {

constexpr int kZlibLevel = 6;

template <typename T>
void put(std::vector<std::byte>& out, const T& value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), first, first + sizeof(T));
}

void check_size(const std::string& where, const char* field, ImageSize size) {
  const bool sides =
      size.width >= 1 && size.height >= 1 && size.width <= 65536 && size.height <= 65536;
  if (sides && std::uint64_t(size.width) * std::uint64_t(size.height) <= kSensMaxPixels) return;
  throw InputError(explain(where, std::string(field) + " of " + to_string(size),
                           fmt::format("1 to {} pixels", kSensMaxPixels)));
}

std::vector<std::byte> deflated(const ImageU16& image, const std::string& where) {
  const auto bytes = static_cast<uLong>(2 * image.v.size());
  uLongf size = compressBound(bytes);
  std::vector<std::byte> out(size);
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size,
                               reinterpret_cast<const Bytef*>(image.v.data()), bytes, kZlibLevel);
  if (status != Z_OK) throw InputError(explain(where, std::string("zlib: ") + zError(status)));
  out.resize(size);
  return out;
}

}  // namespace

SensWriter::SensWriter(const std::filesystem::path& path, const SensHeader& header)
    : header_(header), part_(path) {
  const std::string where = path.string();
  check_size(where, "colour images", header.color_size);
  check_size(where, "depth maps", header.depth_size);
  if (header.sensor_name.size() > kSensMaxName || header.frame_count > kSensMaxFrames) {
    throw InputError(
        explain(where,
                fmt::format("a sensor name of {} bytes and {} frames", header.sensor_name.size(),
                            header.frame_count),
                fmt::format("at most {} bytes and {} frames", kSensMaxName, kSensMaxFrames)));
  }
  std::vector<std::byte> out;
  put(out, std::uint32_t{4});
  put(out, std::uint64_t{header.sensor_name.size()});
  const auto name = std::as_bytes(std::span(header.sensor_name));
  out.insert(out.end(), name.begin(), name.end());
  put(out, header.intrinsic_color);
  put(out, header.extrinsic_color);
  put(out, header.intrinsic_depth);
  put(out, header.extrinsic_depth);
  put(out, std::int32_t{2});  // jpeg
  put(out, std::int32_t{1});  // zlib_ushort
  put(out, static_cast<std::uint32_t>(header.color_size.width));
  put(out, static_cast<std::uint32_t>(header.color_size.height));
  put(out, static_cast<std::uint32_t>(header.depth_size.width));
  put(out, static_cast<std::uint32_t>(header.depth_size.height));
  put(out, header.depth_shift);
  put(out, header.frame_count);
  write(out);
}

void SensWriter::append(std::span<const float, 16> world_from_cam, std::uint64_t color_timestamp,
                        std::uint64_t depth_timestamp, std::span<const std::byte> jpeg,
                        const ImageU16& depth) {
  const std::string where = fmt::format("{}, frame {}", part_.final_path().string(), appended_);
  if (appended_ == header_.frame_count) {
    throw InputError(explain(where, "one frame more",
                             fmt::format("{} frames as announced", header_.frame_count)));
  }
  const ImageSize size = jpeg_size(jpeg, where);
  if (size != header_.color_size || depth.size() != header_.depth_size) {
    throw InputError(explain(
        where, fmt::format("colour {}, depth {}", to_string(size), to_string(depth.size())),
        fmt::format("{}, {}", to_string(header_.color_size), to_string(header_.depth_size))));
  }
  if (jpeg.size() > kSensMaxColorBytes) {
    throw InputError(explain(where, fmt::format("a JPEG of {} bytes", jpeg.size()),
                             fmt::format("at most {}", kSensMaxColorBytes)));
  }
  const std::vector<std::byte> packed = deflated(depth, where);
  std::vector<std::byte> out;
  for (const float value : world_from_cam) put(out, value);
  put(out, color_timestamp);
  put(out, depth_timestamp);
  put(out, std::uint64_t{jpeg.size()});
  put(out, std::uint64_t{packed.size()});
  write(out);
  write(jpeg);
  write(packed);
  ++appended_;
}

void SensWriter::publish() {
  if (appended_ != header_.frame_count) {
    throw InputError(explain(part_.final_path().string(), fmt::format("{} frames", appended_),
                             fmt::format("{} as announced", header_.frame_count)));
  }
  part_.publish();
}

void SensWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(part_.descriptor(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const char* reason = std::strerror(errno);
      throw OutputError(explain(part_.path().string(), fmt::format("write failed ({})", reason), "",
                                "free some space or choose another place, then run again"));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::vector<std::byte> reencode_jpeg(std::span<const std::byte> jpeg, std::string_view where) {
  return encode_jpeg(decode_jpeg(jpeg, where), 75, true);
}

}  // namespace vega
