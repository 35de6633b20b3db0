#include "scan/mesh.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "base/mapped_file.h"
#include "scan/detail.h"
#include "scan/ply_header.h"

namespace vega::scan {
namespace {

using detail::PlyElement;
using detail::PlyFormat;
using detail::PlyHeader;
using detail::PlyProperty;

// The values behind the header, one after the other.
class Values {
 public:
  Values(std::string_view data, const PlyHeader& header, const std::string& where)
      : data_(data), header_(header), at_(header.size), where_(where) {}

  double next(DType type) {
    return header_.format == PlyFormat::kAscii ? next_text() : next_binary(type);
  }

  // Steps over `count` values.
  void skip(DType type, std::uint64_t count) {
    if (header_.format == PlyFormat::kAscii) {
      for (; count > 0; --count) next_text();
      return;
    }
    const std::size_t size = size_of(type);
    if (count > (data_.size() - at_) / size) truncated();
    at_ += count * size;
  }

  std::uint64_t list_length(DType type) {
    const double count = next(type);
    if (!(count >= 0 && count <= 4294967295.0 && count == std::floor(count)))
      broken("a list of " + std::to_string(count) + " items");
    return static_cast<std::uint64_t>(count);
  }

  std::size_t left() const { return data_.size() - at_; }
  bool ascii() const { return header_.format == PlyFormat::kAscii; }

  void begin(const PlyElement& element) { element_ = &element, index_ = 0; }
  void advance() { ++index_; }

  [[noreturn]] void truncated() const {
    broken("the end of the file (" + std::to_string(data_.size()) + " bytes)");
  }
  [[noreturn]] void broken(const std::string& got) const {
    const auto line = header_.lines + 1 +
                      std::count(data_.begin() + static_cast<std::ptrdiff_t>(header_.size),
                                 data_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    detail::fail(where_ + ", " + detail::printable(element_->name) + " " + std::to_string(index_) +
                     (ascii() ? ", line " + std::to_string(line) : "") + ", byte " +
                     std::to_string(at_),
                 got, std::to_string(element_->count) + " entries as the header says");
  }

 private:
  double next_binary(DType type) {
    const std::size_t size = size_of(type);
    if (left() < size) truncated();
    std::array<std::byte, sizeof(double)> bytes{};
    std::memcpy(bytes.data(), data_.data() + at_, size);
    if (header_.format == PlyFormat::kBig) std::reverse(bytes.begin(), bytes.begin() + size);
    at_ += size;
    return detail::widen(type, bytes.data());
  }

  double next_text() {
    const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    while (at_ < data_.size() && is_space(data_[at_])) ++at_;
    if (at_ == data_.size()) truncated();
    const char* begin = data_.data() + at_;
    const char* end = data_.data() + data_.size();
    if (*begin == '+') ++begin;
    double value = 0;
    const auto [stop, error] = std::from_chars(begin, end, value);
    if (error == std::errc::result_out_of_range) {
      value = std::strtod(std::string(begin, stop).c_str(), nullptr);  // 0 or infinite
    } else if (error != std::errc()) {
      broken("'" + detail::printable(data_.substr(at_, 16)) + "', no number");
    }
    if (stop != end && !is_space(*stop)) {
      broken("'" + detail::printable(data_.substr(at_, 16)) + "', no number");
    }
    at_ = static_cast<std::size_t>(stop - data_.data());
    return value;
  }

  std::string_view data_;
  const PlyHeader& header_;
  std::size_t at_;
  const std::string& where_;
  const PlyElement* element_ = nullptr;
  std::uint64_t index_ = 0;
};

// Bytes that an entry takes at least.
std::uint64_t least_bytes(const PlyElement& element, bool ascii) {
  std::uint64_t bytes = 0;
  for (const PlyProperty& p : element.properties) {
    bytes += ascii ? 2 : size_of(p.count_type.value_or(p.type));
  }
  return bytes;
}

// A count beyond the file is refused before anything is reserved for it.
void check_count(const PlyElement& element, Values& values) {
  values.begin(element);
  const std::uint64_t least = least_bytes(element, values.ascii());
  const std::uint64_t slack = values.ascii() ? 1 : 0;  // the last number needs no separator
  if (least > 0 && element.count > (values.left() + slack) / least) {
    values.broken(std::to_string(element.count) + " entries of at least " + std::to_string(least) +
                  " bytes in " + std::to_string(values.left()) + " bytes");
  }
}

void skip_element(const PlyElement& element, Values& values) {
  check_count(element, values);
  if (element.properties.empty()) return;
  for (std::uint64_t i = 0; i < element.count; ++i, values.advance()) {
    for (const PlyProperty& p : element.properties) {
      values.skip(p.type, p.count_type ? values.list_length(*p.count_type) : 1);
    }
  }
}

// Where each property of a vertex goes: 0..2 a coordinate, 3..5 a colour, -1 nowhere.
std::vector<int> targets_of(const PlyElement& vertex, const std::string& where) {
  constexpr const char* kNames[] = {"x", "y", "z", "red", "green", "blue"};
  std::vector<int> targets;
  bool found[6] = {};
  for (const PlyProperty& p : vertex.properties) {
    targets.push_back(-1);
    for (int k = 0; k < 6; ++k) {
      if (p.name != kNames[k] || p.count_type || (k >= 3 && p.type != DType::kU8)) continue;
      targets.back() = k, found[k] = true;
    }
  }
  if (!found[0] || !found[1] || !found[2])
    detail::fail(where, "vertices without x, y, z", "a mesh with coordinates");
  if (!found[3] || !found[4] || !found[5]) {
    for (int& target : targets) target = target >= 3 ? -1 : target;
  }
  return targets;
}

void read_vertices(const PlyElement& element, Values& values, const std::string& where,
                   Mesh& mesh) {
  const std::vector<int> targets = targets_of(element, where);
  check_count(element, values);
  const bool coloured = std::any_of(targets.begin(), targets.end(), [](int t) { return t >= 3; });
  mesh.vertices.resize(element.count);
  if (coloured) mesh.colors.resize(element.count);
  for (std::uint64_t i = 0; i < element.count; ++i, values.advance()) {
    for (std::size_t k = 0; k < targets.size(); ++k) {
      const PlyProperty& p = element.properties[k];
      if (p.count_type) {
        values.skip(p.type, values.list_length(*p.count_type));
        continue;
      }
      const double value = values.next(p.type);
      if (targets[k] < 0) continue;
      if (targets[k] < 3) {
        mesh.vertices[i][targets[k]] = static_cast<float>(value);
      } else if (value >= 0 && value <= 255) {
        mesh.colors[i][targets[k] - 3] = static_cast<std::uint8_t>(value);
      } else {
        values.broken("a colour outside 0..255");
      }
    }
  }
}

void check_finite(const Mesh& mesh, const std::string& where) {
  std::size_t first = 0, count = 0;
  for (std::size_t i = mesh.vertices.size(); i-- > 0;) {
    const Point3f& p = mesh.vertices[i];
    if (std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2])) continue;
    first = i, ++count;
  }
  if (count > 0)
    detail::fail(where + ", vertex " + std::to_string(first),
                 "a coordinate that is not finite (" + std::to_string(count) + " such vertices)",
                 "finite coordinates in metres");
}

}  // namespace

Mesh read_ply(const std::filesystem::path& path) {
  const MappedFile file(path);
  const std::string where = path.string();
  const std::string_view data = file.text();
  const PlyHeader header = detail::parse_ply_header(data, where);
  Values values(data, header, where);
  Mesh mesh;
  bool found = false;
  for (const PlyElement& element : header.elements) {
    if (element.name == "vertex") {
      found = true;
      read_vertices(element, values, where, mesh);
    } else {
      skip_element(element, values);
    }
  }
  if (!found || mesh.vertices.empty())
    detail::fail(where, found ? "no vertex" : "no element 'vertex'", "a mesh with vertices");
  check_finite(mesh, where);
  return mesh;
}

}  // namespace vega::scan
