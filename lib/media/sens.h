// ScanNet sensor streams (`.sens`, version 4): one file with the JPEG colour frames, 16-bit depth
// maps and camera poses of a scan. Little-endian, read strictly in order:
//   u32 version; u64 name length, name; 4 x 16 f32 (intrinsic colour, extrinsic colour, intrinsic
//   depth, extrinsic depth); i32 colour compression, i32 depth compression; u32 colour width and
//   height, depth width and height; f32 depth shift; u64 frame count
//   a frame: 16 f32 camera to world; u64 colour and depth timestamps; u64 colour and depth bytes;
//   colour payload; depth payload
// What follows the last frame (the IMU section of real scans) is not read.
// Source: ScanNet SensReader.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/image_types.h"
#include "base/publish.h"
#include "geometry/pose.h"

namespace vega {

// Limits on a file, generous for a hand-held scan. With them, opening a file, reading a frame and
// decoding it with decode_jpeg stays under 256 MB, whatever the file says.
inline constexpr std::uint64_t kSensMaxName = 1024;                // bytes
inline constexpr std::uint64_t kSensMaxFrames = 1u << 18;          // 2.4 hours at 30 Hz
inline constexpr std::uint64_t kSensMaxPixels = 4096 * 3072;       // colour, depth
inline constexpr std::uint64_t kSensMaxColorBytes = 16ull << 20;   // JPEG of one frame
inline constexpr std::uint64_t kSensMaxDepthBytes = 64ull << 20;   // zlib stream of one frame
inline constexpr std::uint64_t kSensFrameHeader = 16 * 4 + 4 * 8;  // bytes before the payloads

struct SensHeader {
  std::string sensor_name;  // bytes as stored, not checked to be text
  // 4x4, row-major, as stored; pixels of the colour (depth) image.
  std::array<float, 16> intrinsic_color{}, extrinsic_color{}, intrinsic_depth{}, extrinsic_depth{};
  ImageSize color_size, depth_size;
  float depth_shift = 1000;  // depth values to a metre; the release takes all as millimetres
  std::uint64_t frame_count = 0;
};

struct SensFrame {
  Pose world_from_cam{};                                   // float32 widened; may be -inf or NaN
  std::uint64_t color_timestamp = 0, depth_timestamp = 0;  // as stored (microseconds in ScanNet)
  std::uint64_t color_offset = 0, depth_offset = 0;        // bytes from the start of the file
  std::uint32_t color_bytes = 0, depth_bytes = 0;          // 0: the frame has no such image
};

// An open file and the index of its frames. The payloads are read on demand. All const functions
// may be called from several threads at once.
class SensFile {
 public:
  // Reads the header and the frame headers, seeking over the payloads. Throws InputError (cannot
  // be opened), FormatError naming file, frame, field and byte offset: another version or
  // compression, a size over the limits, anything that ends behind the end of the file.
  explicit SensFile(std::filesystem::path path);
  ~SensFile();
  SensFile(const SensFile&) = delete;
  SensFile& operator=(const SensFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  const SensHeader& header() const { return header_; }
  const std::vector<SensFrame>& frames() const { return frames_; }

  // "FILE, frame I, colour at byte N": for messages about what the payload holds.
  std::string where(std::size_t i, std::string_view field, std::uint64_t offset) const;

  // The JPEG file of frame i as it was recorded. Throws InputError (no such frame), FormatError
  // (none in the frame, no JPEG, or its size is not that of the header).
  std::vector<std::byte> color_jpeg(std::size_t i) const;

  // The depth map of frame i, values as stored: depth_shift of them are a metre. Inflates at most
  // one byte more than the map holds. Throws InputError (no such frame), FormatError (none in the
  // frame, broken stream, more or fewer bytes than pixels; bytes after the stream's end are
  // ignored, as Python's zlib does).
  ImageU16 depth(std::size_t i) const;

  // Bytes behind the last frame that the header states, but for samples of a motion sensor. Opening
  // the file warns of them.
  std::uint64_t unread_bytes() const;

  // Bytes read from the file so far.
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  class Cursor;
  void read_header(Cursor& cursor);
  void read_frame(Cursor& cursor, std::size_t i);
  std::size_t read_at(void* out, std::size_t size, std::uint64_t offset) const;
  const SensFrame& frame(std::size_t i) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  SensHeader header_;
  std::vector<SensFrame> frames_;
  mutable std::atomic<std::uint64_t> bytes_read_{0};
};

// The depth map in millimetres: values times 1000 / shift, rounded to the nearest. 0 stays 0
// (invalid), and what would be more than 65535 mm becomes 0. Throws FormatError naming `where`
// (shift is not a positive number).
ImageU16 to_millimetres(ImageU16 depth, float shift, std::string_view where);

// Writes a file that SensFile reads back; it appears whole or not at all.
class SensWriter {
 public:
  // header.frame_count frames will follow. Throws InputError (sizes, counts over the limits),
  // OutputError.
  SensWriter(const std::filesystem::path& path, const SensHeader& header);

  // jpeg: a JPEG file of header.color_size, kept byte by byte; depth of header.depth_size.
  // Throws InputError (one frame too many, other sizes, no JPEG), OutputError.
  void append(std::span<const float, 16> world_from_cam, std::uint64_t color_timestamp,
              std::uint64_t depth_timestamp, std::span<const std::byte> jpeg,
              const ImageU16& depth);

  // Throws InputError unless all frames were appended; OutputError.
  void publish();

 private:
  void write(std::span<const std::byte> bytes);

  SensHeader header_;
  PartFile part_;
  std::uint64_t appended_ = 0;
};

// Decoded and encoded again with quality 75 and 4:2:0 chroma: what the release's exporter writes
// to posed_images/. Throws FormatError naming `where`.
std::vector<std::byte> reencode_jpeg(std::span<const std::byte> jpeg, std::string_view where);

}  // namespace vega
