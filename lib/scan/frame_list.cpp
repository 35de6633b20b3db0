#include "scan/frame_list.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include "scan/detail.h"
#include "scan/scan_text.h"

namespace vega::scan {
namespace {

constexpr std::size_t kMostImages = std::size_t{1} << 18, kMostPath = 1024;
constexpr std::string_view kPrefix = "scannet/";
constexpr std::string_view kList = "/data_list", kItem = "/data_list/#";

// Nested lists of numbers, at most 4x4; anything else is remembered as broken.
struct Rows {
  std::vector<std::vector<double>> rows;
  bool seen = false, broken = false;

  void open_row() {
    if (rows.size() == 4) broken = true;
    if (!broken) rows.emplace_back();
  }
  void number(double value) {
    if (broken || rows.empty() || rows.back().size() == 4) {
      broken = true;
    } else {
      rows.back().push_back(value);
    }
  }
  std::optional<Matrix4> matrix(bool small_too) const {
    const std::size_t side = rows.size();
    if (broken || !(side == 4 || (small_too && side == 3))) return std::nullopt;
    Matrix4 m = kIdentity4;
    for (std::size_t i = 0; i < side; ++i) {
      if (rows[i].size() != side) return std::nullopt;
      for (std::size_t j = 0; j < side; ++j) m[4 * i + j] = rows[i][j];
    }
    return m;
  }
};

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

// What is known of the item at hand. Its faults count only when it turns out to be the wanted one.
struct Item {
  std::optional<std::string> sample_idx;
  Rows align, camera;
  bool images = false;
  std::vector<std::string> paths;
  std::size_t opened = 0;  // images so far
  std::string fault;

  void note(const std::string& what) {
    if (fault.empty()) fault = what;
  }
};

class ListSink final : public detail::JsonSink {
 public:
  ListSink(const std::string& where, std::string key) : where_(where), key_(std::move(key)) {}

  void open(const std::string& path, bool list) override {
    if (path == kList) {
      if (!list || seen_) refuse("data_list", seen_ ? "the list twice" : "an object");
      seen_ = true;
    } else if (path == kItem) {
      if (list) refuse(place(), "a list");
      item_ = Item{};
    } else if (path.starts_with(kItem) && !foreign()) {
      open_field(std::string_view(path).substr(kItem.size()), list);
    }
  }
  void close(const std::string& path) override {
    if (path == "/data_list/#/images/#" && !foreign()) {
      if (item_.paths.size() != item_.opened) item_.note("an image without img_path");
    } else if (path == kItem) {
      if (item_.sample_idx && *item_.sample_idx == key_) take();
      ++index_;
    }
  }
  void number(const std::string& path, double value, std::optional<std::int64_t>) override {
    if (path == "/data_list/#/axis_align_matrix/#/#") return item_.align.number(value);
    if (path == "/data_list/#/depth_cam2img/#/#") return item_.camera.number(value);
    misplaced(path);
  }
  void text(const std::string& path, const std::string& value) override {
    if (path == "/data_list/#/sample_idx") {
      if (item_.sample_idx) item_.note("two sample_idx");
      item_.sample_idx = value;
    } else if (path == "/data_list/#/images/#/img_path" && !foreign()) {
      if (value.size() > kMostPath) item_.note("an img_path of more than 1024 bytes");
      if (item_.paths.size() >= item_.opened) item_.note("two img_path in one image");
      if (item_.fault.empty()) item_.paths.push_back(value);
    } else {
      misplaced(path);
    }
  }
  void other(const std::string& path) override { misplaced(path); }

  void finish() const {
    if (!seen_) refuse("data_list", "a file without it");
  }

  std::optional<FrameList> found;

 private:
  bool foreign() const { return item_.sample_idx && *item_.sample_idx != key_; }

  void open_field(std::string_view field, bool list) {
    const auto matrix = [&](std::string_view name, Rows& rows) {
      if (!field.starts_with(name)) return;
      const std::string_view rest = field.substr(name.size());
      if (rest.empty()) {
        if (rows.seen) item_.note("a matrix twice");
        rows.seen = true;
      } else if (rest == "/#") {
        rows.open_row();
      } else {
        rows.broken = true;
      }
      rows.broken = rows.broken || !list;
    };
    matrix("/axis_align_matrix", item_.align);
    matrix("/depth_cam2img", item_.camera);
    if (field == "/images") {
      if (item_.images || !list) item_.note("images that are no single list");
      item_.images = true;
    } else if (field == "/images/#") {
      if (list) item_.note("an image that is no object");
      if (item_.opened == kMostImages) item_.note("more than 262144 images");
      if (item_.fault.empty()) ++item_.opened;
    }
  }

  // A plain value where another kind belongs.
  void misplaced(const std::string& path) {
    if (path == kList || path == kItem) refuse(path == kList ? "data_list" : place(), "a value");
    for (const char* known : {"/sample_idx", "/axis_align_matrix", "/axis_align_matrix/#",
                              "/axis_align_matrix/#/#", "/depth_cam2img", "/depth_cam2img/#",
                              "/depth_cam2img/#/#", "/images", "/images/#", "/images/#/img_path"}) {
      if (path.size() > kItem.size() && path.starts_with(kItem) &&
          std::string_view(path).substr(kItem.size()) == known) {
        item_.note(std::string("a value of another kind at ") + (known + 1));
      }
    }
  }

  // The item is the wanted one and complete.
  void take() {
    const std::string where = where_ + ": " + place() + " ('" + detail::printable(key_) + "')";
    const auto fault = [&](const std::string& got) {
      detail::fail(where, got,
                   "sample_idx, axis_align_matrix (4x4), depth_cam2img (4x4), "
                   "images: [{img_path}]",
                   "write it again from the EmbodiedScan file");
    };
    if (found) fault("the scene twice");
    if (!item_.fault.empty()) fault(item_.fault);
    if (!item_.align.seen) fault("no axis_align_matrix");
    if (!item_.camera.seen) fault("no depth_cam2img");
    if (!item_.images) fault("no images");
    const auto align = item_.align.matrix(false), camera = item_.camera.matrix(true);
    if (!align) fault("an axis_align_matrix of another shape");
    if (!camera) fault("a depth_cam2img of another shape");
    check_rigid(*align, where + ", axis_align_matrix");
    if (!std::all_of(camera->begin(), camera->end(), [](double v) { return std::isfinite(v); }))
      fault("a depth_cam2img that is not finite");
    FrameList list{.sample_idx = key_, .axis_align = *align, .depth_intrinsics = *camera};
    std::set<std::int64_t> ids;
    for (std::string& path : item_.paths) {
      const auto id = frame_id(path);
      if (!id) fault("img_path '" + detail::printable(path) + "', which has no number");
      if (!ids.insert(*id).second) fault("frame " + std::to_string(*id) + " twice");
      list.ids.push_back(*id);
    }
    list.paths = std::move(item_.paths);
    found = std::move(list);
  }

  std::string place() const { return "data_list, item " + std::to_string(index_); }
  [[noreturn]] void refuse(const std::string& where, const std::string& got) const {
    detail::fail(where_ + ": " + where, got, "{\"data_list\": [{\"sample_idx\": ...}, ...]}",
                 "write it again from the EmbodiedScan file");
  }

  const std::string& where_;
  std::string key_;
  bool seen_ = false;
  std::size_t index_ = 0;
  Item item_;
};

}  // namespace

std::optional<FrameList> read_frame_list(const std::filesystem::path& path,
                                         const std::string& scene) {
  const std::string where = path.string();
  const std::string key = scene.starts_with(kPrefix) ? scene : std::string(kPrefix) + scene;
  ListSink sink(where, key);
  detail::read_json(path, "JSON with a list data_list", sink);
  sink.finish();
  return std::move(sink.found);
}

}  // namespace vega::scan
