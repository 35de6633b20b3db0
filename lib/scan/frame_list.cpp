#include "scan/frame_list.h"

#include <cmath>
#include <set>
#include <string_view>

#include "scan/detail.h"
#include "scan/scan_text.h"

namespace vega::scan {
namespace {

constexpr std::size_t kMostImages = std::size_t{1} << 18, kMostPath = 1024;
constexpr const char* kItems = "[{\"sample_idx\": ...}, ...]";
constexpr const char* kWriteAgain = "write it again from the EmbodiedScan file";

// A list of four lists of four numbers; of three of three where `small_too`.
std::optional<Matrix4> matrix_of(const Json& value, bool small_too) {
  const std::size_t side = value.is_list() ? value.size() : 0;
  if (side != 4 && !(small_too && side == 3)) return std::nullopt;
  Matrix4 m = kIdentity4;
  for (std::size_t i = 0; i < side; ++i) {
    if (!value[i].is_list() || value[i].size() != side) return std::nullopt;
    for (std::size_t j = 0; j < side; ++j) {
      const auto number = value[i][j].number();
      if (!number || !std::isfinite(*number)) return std::nullopt;
      m[4 * i + j] = *number;
    }
  }
  return m;
}

// The number that ends the stem of a file name: ".../00010.jpg" is 10.
std::optional<std::int64_t> frame_id(std::string_view path) {
  const auto slash = path.find_last_of('/');
  std::string_view stem = slash == path.npos ? path : path.substr(slash + 1);
  stem = stem.substr(0, stem.find_last_of('.'));
  std::size_t digits = 0;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  while (digits < stem.size() && is_digit(stem[stem.size() - 1 - digits])) ++digits;
  if (digits == 0 || digits > 15) return std::nullopt;
  std::int64_t id = 0;
  for (const char c : stem.substr(stem.size() - digits)) id = id * 10 + (c - '0');
  return id;
}

// The item of the wanted scene. where: for messages.
FrameList frame_list_of(const Json& item, const std::string& twice, const std::string& where) {
  const auto refuse = [&](const std::string& got) {
    detail::fail(where, got,
                 "sample_idx, axis_align_matrix (4x4), depth_cam2img (4x4), "
                 "images: [{img_path}]",
                 kWriteAgain);
  };
  if (!twice.empty()) refuse("two " + twice);
  const auto align = matrix_of(item["axis_align_matrix"], false);
  const auto camera = matrix_of(item["depth_cam2img"], true);
  if (!align) refuse("axis_align_matrix " + shown(item["axis_align_matrix"]));
  if (!camera) refuse("depth_cam2img " + shown(item["depth_cam2img"]));
  check_rigid(*align, where + ", axis_align_matrix");
  const Json& images = item["images"];
  if (!images.is_list()) refuse("images " + shown(images));
  if (images.size() > kMostImages) refuse("more than 262144 images");
  FrameList list{.axis_align = *align, .depth_intrinsics = *camera};
  std::set<std::int64_t> ids;
  for (const Json& image : images.elements()) {
    const std::string* path = image.is_object() ? image["img_path"].text() : nullptr;
    if (path == nullptr || path->size() > kMostPath) refuse("image " + shown(image));
    const auto id = frame_id(*path);
    if (!id) refuse("img_path '" + detail::printable(*path) + "', which has no number");
    if (!ids.insert(*id).second) refuse("frame " + std::to_string(*id) + " twice");
    list.ids.push_back(*id);
    list.paths.push_back(*path);
  }
  return list;
}

}  // namespace

std::optional<FrameList> read_frame_list(const std::filesystem::path& path,
                                         const std::string& scene) {
  const std::string key = detail::release_name(scene);
  std::optional<FrameList> found;
  detail::read_list(path, "data_list", kItems, [&](auto index, const Json& item, auto& twice) {
    const std::string where = path.string() + ": data_list, item " + std::to_string(index);
    if (!item.is_object()) detail::fail(where, shown(item), "{\"sample_idx\": ...}", kWriteAgain);
    if (item["sample_idx"].text_or("") != key) return;
    const std::string place = where + " ('" + detail::printable(key) + "')";
    if (found) detail::fail(place, "the scene twice", "each scene once", kWriteAgain);
    found = frame_list_of(item, twice, place);
    found->sample_idx = key;
  });
  return found;
}

}  // namespace vega::scan
