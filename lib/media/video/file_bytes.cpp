#include "media/video/file_bytes.h"

#include <algorithm>

namespace vega {

FileBytes::FileBytes(const std::filesystem::path& path) {
  file_.rdbuf()->pubsetbuf(nullptr, 0);
  file_.open(path, std::ios::binary);
  std::error_code code;
  size_ = std::filesystem::file_size(path, code);
  if (code) size_ = 0;
}

std::string FileBytes::text(FileSize at, std::size_t count) {
  std::string out(count, '\0');
  if (at > size_ || count > size_ - at) return out;
  const auto read = [&](char* to, std::size_t bytes) {
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(at));
    file_.read(to, static_cast<std::streamsize>(bytes));
    return static_cast<std::size_t>(std::max<std::streamsize>(file_.gcount(), 0));
  };
  if (count > window_.size()) {
    read(out.data(), count);
    return out;
  }
  if (at < window_at_ || at + count > window_at_ + window_bytes_) {
    window_at_ = at;
    window_bytes_ = read(window_.data(), window_.size());
    if (count > window_bytes_) return out;
  }
  std::copy_n(window_.data() + (at - window_at_), count, out.data());
  return out;
}

FileSize FileBytes::big(FileSize at, std::size_t count) {
  FileSize value = 0;
  for (const char c : text(at, count)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

FileSize FileBytes::little(FileSize at, std::size_t count) {
  const std::string digits = text(at, count);
  FileSize value = 0;
  for (std::size_t i = count; i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
  return value;
}

EbmlElement ebml_element(FileBytes& file, FileSize at) {
  const auto width = [&](FileSize place) {  // of the number there, by its leading zeros
    const FileSize first = file.big(place, 1);
    int bytes = 1;
    for (FileSize mask = 0x80; mask != 0 && (first & mask) == 0; mask >>= 1) ++bytes;
    return static_cast<FileSize>(bytes);
  };
  const FileSize id_width = width(at), size_at = at + id_width;
  if (id_width > 4 || size_at >= file.size()) return {};
  const FileSize size_width = width(size_at);
  if (size_width > 8 || size_at + size_width > file.size()) return {};
  const FileSize mask = (FileSize{1} << (7 * size_width)) - 1;
  const FileSize size = file.big(size_at, static_cast<std::size_t>(size_width)) & mask;
  EbmlElement element;
  element.id = file.big(at, static_cast<std::size_t>(id_width));
  element.content = size_at + size_width;
  element.end = size == mask ? kUnknownSize : element.content + size;
  return element;
}

}  // namespace vega
