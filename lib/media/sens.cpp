#include "media/sens.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/deflate.h"
#include "base/error.h"
#include "base/log.h"
#include "media/jpeg.h"

namespace vega {

static_assert(std::endian::native == std::endian::little, "fields are copied as they are stored");

namespace {

constexpr std::uint32_t kVersion = 4;
constexpr const char* kCopyAgain = "the file is cut or damaged: download or copy it again";

struct Compression {
  std::int32_t code;
  const char* name;
};
constexpr Compression kColor[] = {{-1, "unknown"}, {0, "raw"}, {1, "png"}, {2, "jpeg"}};
constexpr Compression kDepth[] = {
    {-1, "unknown"}, {0, "raw_ushort"}, {1, "zlib_ushort"}, {2, "occi_ushort"}};

template <std::size_t N>
std::string label(const Compression (&table)[N], std::int32_t code) {
  for (const Compression& entry : table) {
    if (entry.code == code) return fmt::format("{} ({})", code, entry.name);
  }
  return fmt::format("{} (no known compression)", code);
}

// Inflates a stream that is read piece by piece.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit(&stream_) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

// The fields of the file in order, through a buffer that `fill` loads: one read for the header, one
// a frame.
class SensFile::Cursor {
 public:
  explicit Cursor(const SensFile& file) : file_(file) {}

  // Loads the next `count` bytes, or what is left of the file.
  void fill(std::uint64_t offset, std::size_t count) {
    start_ = offset;
    next_ = 0;
    buffer_.resize(count);
    buffer_.resize(file_.read_at(buffer_.data(), count, offset));
  }

  std::uint64_t offset() const { return start_ + next_; }

  std::string where(const char* field, std::uint64_t offset) const {
    if (frame_ < 0) return fmt::format("{}, {} at byte {}", file_.path_.string(), field, offset);
    return file_.where(static_cast<std::size_t>(frame_), field, offset);
  }

  template <typename T>
  T take(const char* field) {
    need(field, sizeof(T));
    T value;
    std::memcpy(&value, buffer_.data() + next_, sizeof(T));
    last_ = offset();
    next_ += sizeof(T);
    return value;
  }

  std::string take_text(const char* field, std::size_t count) {
    need(field, count);
    std::string text(count, 0);
    std::memcpy(text.data(), buffer_.data() + next_, count);
    next_ += count;
    return text;
  }

  // About the field taken last.
  [[noreturn]] void refuse(const char* field, const std::string& got, const std::string& expected,
                           const char* remedy = kCopyAgain) const {
    throw FormatError(explain(where(field, last_), got, expected, remedy));
  }

  void set_frame(std::size_t i) { frame_ = static_cast<std::int64_t>(i); }

 private:
  void need(const char* field, std::size_t count) const {
    if (buffer_.size() - next_ >= count) return;
    throw FormatError(explain(where(field, offset()),
                              fmt::format("the end of the file at byte {}", file_.size_),
                              fmt::format("{} bytes", count), kCopyAgain));
  }

  const SensFile& file_;
  std::vector<std::byte> buffer_;
  std::uint64_t start_ = 0, last_ = 0;
  std::size_t next_ = 0;
  std::int64_t frame_ = -1;  // -1: in the header
};

SensFile::SensFile(std::filesystem::path path) : path_(std::move(path)) {
  // O_NONBLOCK: a pipe of that name is refused instead of waited for.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    throw InputError(explain(path_.string(), std::strerror(errno), "a readable .sens file",
                             "check the path and its permissions"));
  }
  try {
    struct stat info {};
    if (fstat(descriptor_, &info) != 0 || !S_ISREG(info.st_mode)) {
      throw InputError(explain(path_.string(), "no regular file", "a .sens file"));
    }
    size_ = static_cast<std::uint64_t>(info.st_size);
    posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM);  // no reading ahead into payloads
    Cursor cursor(*this);
    read_header(cursor);
    frames_.reserve(header_.frame_count);
    for (std::size_t i = 0; i < header_.frame_count; ++i) {
      try {
        read_frame(cursor, i);
      } catch (const FormatError& error) {
        throw FormatError(fmt::format("{} (the header states {} frames, {} are whole)",
                                      error.what(), header_.frame_count, i));
      }
    }
    if (const std::uint64_t rest = unread_bytes(); rest > 0) {
      log_warn(
          "{}: its header states {} frames; the {} bytes behind them are not read (more "
          "frames, a second scan or junk; give a second scan as a file of its own)",
          path_.string(), frames_.size(), rest);
    }
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

SensFile::~SensFile() { close(descriptor_); }

void SensFile::read_header(Cursor& cursor) {
  cursor.fill(0, 12);
  const auto version = cursor.take<std::uint32_t>("version");
  if (version != kVersion) {
    cursor.refuse("version", std::to_string(version), "4 (a ScanNet .sens file)",
                  "give a ScanNet .sens file, or export the scan to a posed-image folder");
  }
  const auto name_bytes = cursor.take<std::uint64_t>("sensor name length");
  if (name_bytes > kSensMaxName) {
    cursor.refuse("sensor name length", fmt::format("{} bytes", name_bytes),
                  fmt::format("at most {}", kSensMaxName));
  }
  cursor.fill(12, name_bytes + 4 * 64 + 2 * 4 + 4 * 4 + 4 + 8);
  header_.sensor_name = cursor.take_text("sensor name", name_bytes);
  using Matrix = std::array<float, 16>;
  header_.intrinsic_color = cursor.take<Matrix>("intrinsic colour");
  header_.extrinsic_color = cursor.take<Matrix>("extrinsic colour");
  header_.intrinsic_depth = cursor.take<Matrix>("intrinsic depth");
  header_.extrinsic_depth = cursor.take<Matrix>("extrinsic depth");

  constexpr const char* kExport = "export the scan with ScanNet's SensReader instead";
  const auto color = cursor.take<std::int32_t>("colour compression");
  if (color != 2) cursor.refuse("colour compression", label(kColor, color), "2 (jpeg)", kExport);
  const auto depth = cursor.take<std::int32_t>("depth compression");
  if (depth != 1) {
    cursor.refuse("depth compression", label(kDepth, depth), "1 (zlib_ushort)", kExport);
  }

  const auto side = [&](const char* field) {
    const auto value = cursor.take<std::uint32_t>(field);
    if (value < 1 || value > 65536) {
      cursor.refuse(field, std::to_string(value), "1 to 65536 pixels");
    }
    return static_cast<int>(value);
  };
  const auto area = [&](const char* field, ImageSize size) {
    if (std::uint64_t(size.width) * std::uint64_t(size.height) > kSensMaxPixels) {
      cursor.refuse(field, to_string(size) + " pixels", fmt::format("at most {}", kSensMaxPixels));
    }
  };
  header_.color_size.width = side("colour width");
  header_.color_size.height = side("colour height");
  area("colour height", header_.color_size);
  header_.depth_size.width = side("depth width");
  header_.depth_size.height = side("depth height");
  area("depth height", header_.depth_size);
  header_.depth_shift = cursor.take<float>("depth shift");

  header_.frame_count = cursor.take<std::uint64_t>("frame count");
  const std::uint64_t room = (size_ - cursor.offset()) / kSensFrameHeader;
  if (header_.frame_count > room) {
    cursor.refuse("frame count", std::to_string(header_.frame_count),
                  fmt::format("at most {} frames in the {} bytes that follow", room,
                              size_ - cursor.offset()));
  }
  if (header_.frame_count > kSensMaxFrames) {
    cursor.refuse("frame count", std::to_string(header_.frame_count),
                  fmt::format("at most {} frames", kSensMaxFrames), "split the scan");
  }
}

void SensFile::read_frame(Cursor& cursor, std::size_t i) {
  std::uint64_t start = cursor.offset();
  if (i > 0) start = frames_.back().depth_offset + frames_.back().depth_bytes;
  cursor.set_frame(i);
  cursor.fill(start, kSensFrameHeader);
  SensFrame frame;
  const auto pose = cursor.take<std::array<float, 16>>("camera to world");
  std::copy(pose.begin(), pose.end(), frame.world_from_cam.begin());
  frame.color_timestamp = cursor.take<std::uint64_t>("colour timestamp");
  frame.depth_timestamp = cursor.take<std::uint64_t>("depth timestamp");

  const auto color_bytes = cursor.take<std::uint64_t>("colour bytes");
  const auto depth_bytes = cursor.take<std::uint64_t>("depth bytes");

  std::uint64_t left = size_ - start - kSensFrameHeader;
  const auto checked = [&](const char* field, std::uint64_t at, std::uint64_t bytes,
                           std::uint64_t limit) {
    const bool absurd = bytes > limit;
    if (absurd || bytes > left) {
      const std::string expected =
          absurd ? fmt::format("at most {}", limit)
                 : fmt::format("at most the {} that the file still holds", left);
      throw FormatError(explain(where(i, field, start + at), fmt::format("{} bytes", bytes),
                                expected, kCopyAgain));
    }
    left -= bytes;
    return static_cast<std::uint32_t>(bytes);
  };
  frame.color_bytes = checked("colour bytes", 80, color_bytes, kSensMaxColorBytes);
  frame.depth_bytes = checked("depth bytes", 88, depth_bytes, kSensMaxDepthBytes);
  frame.color_offset = start + kSensFrameHeader;
  frame.depth_offset = frame.color_offset + frame.color_bytes;
  frames_.push_back(frame);
}

// Behind the frames lies nothing, or a count (8 bytes) of samples of the motion sensor, 128 bytes
// each.
std::uint64_t SensFile::unread_bytes() const {
  constexpr std::uint64_t kCount = 8, kSample = 128;
  if (frames_.empty()) return 0;
  const std::uint64_t end = frames_.back().depth_offset + frames_.back().depth_bytes;
  const std::uint64_t rest = size_ - end;
  std::uint64_t samples = 0;
  const bool sensor = rest >= kCount && (rest - kCount) % kSample == 0 &&
                      read_at(&samples, kCount, end) == kCount &&
                      samples == (rest - kCount) / kSample;
  return sensor ? 0 : rest;
}

std::size_t SensFile::read_at(void* out, std::size_t size, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(descriptor_, static_cast<char*>(out) + done, size - done,
                            static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      throw InputError(explain(fmt::format("{}, byte {}", path_.string(), offset + done),
                               fmt::format("read failed ({})", std::strerror(errno)), "",
                               "check the disk"));
    }
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes_read_ += done;
  return done;
}

std::string SensFile::where(std::size_t i, std::string_view field, std::uint64_t offset) const {
  return fmt::format("{}, frame {}, {} at byte {}", path_.string(), i, field, offset);
}

const SensFrame& SensFile::frame(std::size_t i) const {
  if (i >= frames_.size()) {
    throw InputError(explain(path_.string(), fmt::format("frame {}", i),
                             fmt::format("one of its {} frames, counted from 0", frames_.size())));
  }
  return frames_[i];
}

std::vector<std::byte> SensFile::color_jpeg(std::size_t i) const {
  const SensFrame& entry = frame(i);
  const std::string place = where(i, "colour", entry.color_offset);
  if (entry.color_bytes == 0) {
    throw FormatError(explain(place, "no colour image", "a JPEG", "leave this frame out"));
  }
  std::vector<std::byte> jpeg(entry.color_bytes);
  if (read_at(jpeg.data(), jpeg.size(), entry.color_offset) != jpeg.size()) {
    throw FormatError(explain(place, "a file that became shorter while it was read",
                              fmt::format("{} bytes", jpeg.size())));
  }
  if (!is_jpeg(jpeg)) {
    throw FormatError(explain(place, "bytes of another kind", "a JPEG", kCopyAgain));
  }
  const ImageSize size = jpeg_size(jpeg, place);
  if (size != header_.color_size) {
    throw FormatError(explain(place, "a JPEG of " + to_string(size),
                              to_string(header_.color_size) + " as the header says", kCopyAgain));
  }
  return jpeg;
}

ImageU16 SensFile::depth(std::size_t i) const {
  const SensFrame& entry = frame(i);
  const std::string place = where(i, "depth", entry.depth_offset);
  const auto refuse = [&](const std::string& got, const std::string& expected) {
    throw FormatError(explain(place, got, expected, kCopyAgain));
  };
  if (entry.depth_bytes == 0) {
    throw FormatError(explain(place, "no depth map", "a zlib stream", "leave this frame out"));
  }
  const ImageSize size = header_.depth_size;
  const std::size_t expected = 2 * std::size_t(size.width) * std::size_t(size.height);
  const std::string whole = fmt::format("{} bytes ({})", expected, to_string(size));
  if (expected / kMostInflation > entry.depth_bytes) {  // before memory is taken
    refuse(fmt::format("a zlib stream of {} bytes", entry.depth_bytes), whole + " inflated");
  }
  Inflater inflater;
  if (!inflater.ready()) throw InputError(explain(place, "zlib cannot start (out of memory)"));
  ImageU16 image(size.width, size.height);
  auto* out = reinterpret_cast<Bytef*>(image.v.data());
  z_stream& stream = inflater.stream();
  std::array<std::byte, 1 << 16> piece;
  Bytef extra = 0;  // where a byte too many goes
  std::size_t inflated = 0, taken = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::size_t count = std::min<std::size_t>(piece.size(), entry.depth_bytes - taken);
      if (count == 0 || read_at(piece.data(), count, entry.depth_offset + taken) != count) {
        refuse(fmt::format("a zlib stream cut after {} bytes, {} inflated", taken, inflated),
               whole);
      }
      stream.next_in = reinterpret_cast<Bytef*>(piece.data());
      stream.avail_in = static_cast<uInt>(count);
      taken += count;
    }
    const bool full = inflated == expected;
    const auto room = static_cast<uInt>(full ? 1 : expected - inflated);
    stream.next_out = full ? &extra : out + inflated;
    stream.avail_out = room;
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = room - stream.avail_out;
    if (full && made > 0) refuse(fmt::format("more than {} bytes inflated", expected), whole);
    inflated += made;
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      refuse(fmt::format("a broken zlib stream ({})", stream.msg ? stream.msg : zError(status)),
             whole);
    }
  }
  if (inflated != expected) refuse(fmt::format("{} bytes inflated", inflated), whole);
  return image;
}

ImageU16 to_millimetres(ImageU16 depth, float shift, std::string_view where) {
  if (!(shift > 0) || !std::isfinite(shift)) {
    throw FormatError(explain(where, fmt::format("depth shift {:g}", shift), "a positive number",
                              "--depth-shift ignore takes depth values as millimetres"));
  }
  for (auto& value : depth.v) {
    const double mm = std::round(value * 1000.0 / double{shift});
    value = mm <= 65535 ? static_cast<std::uint16_t>(mm) : std::uint16_t{0};
  }
  return depth;
}

}  // namespace vega
