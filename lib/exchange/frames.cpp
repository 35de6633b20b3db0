#include "exchange/frames.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "store/attrs.h"
#include "store/h5.h"
#include "store/part_store.h"

namespace vega::exchange {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostText = std::size_t{64} << 20;

// Words of a text, without comments, and the line each stands in.
struct Word {
  std::string text;
  int line;
};

std::vector<Word> words_of(const fs::path& path) {
  std::istringstream file(read_text(path, "numbers as text", kMostText));
  std::vector<Word> words;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    line.resize(std::min(line.size(), line.find('#')));
    for (std::size_t at = 0; at < line.size();) {
      const auto first = line.find_first_not_of(" \t\r,;[]", at);
      if (first == line.npos) break;
      at = std::min(line.size(), line.find_first_of(" \t\r,;[]", first));
      words.push_back({line.substr(first, at - first), number});
    }
  }
  return words;
}

template <typename T>
T number_of(const fs::path& path, const Word& word, const char* expected) {
  T value{};
  const char* end = word.text.data() + word.text.size();
  const auto [at, code] = std::from_chars(word.text.data(), end, value);
  if (code == std::errc() && at == end) return value;
  throw FormatError(explain(path.string() + " line " + std::to_string(word.line),
                            "'" + word.text.substr(0, 40) + "'", expected));
}

// "640x480" of the options of a file that was extracted with center_crop.
ImageSize depth_of(const FeatureHeader& header) {
  const auto options = parse_json(header.options_json);
  const std::string* size = options ? (*options)["depth_size"].text() : nullptr;
  try {
    return size != nullptr ? parse_size(*size) : ImageSize{};
  } catch (const UsageError&) {
    return {};
  }
}

Frames frames_of_h5(const fs::path& path) {
  const h5::File file = h5::File::open(path);
  const std::string schema = read_schema(file);
  if (schema == kFeaturesSchema) {
    const FeatureReader reader(path);
    Frames frames{reader.frames(), depth_of(reader.header())};
    frames.table.thumb_jpeg = reader.thumbs();
    return frames;
  }
  if (!is_complete(file))
    throw FormatError(explain(path.string(), "an incomplete file", "attribute complete = 1"));
  if (!file.exists("/frames/id"))
    throw FormatError(explain(path.string(), "a " + schema + " file without /frames/id",
                              "a file of features or of a scene"));
  Frames frames;
  FrameTable& table = frames.table;
  table.id = h5::values_of<std::int64_t>(file.read_dataset("/frames/id", DType::kI64, {-1}));
  const auto take = [&]<typename Rows>(const std::string& name, DType dtype, const Shape& row,
                                       Rows& rows) {
    const std::string object = "/frames/" + name;
    if (name != "world_from_cam" && file.exists(object))
      rows = h5::values_of<typename Rows::value_type>(
          file.read_dataset(object, dtype, rows_of(table.id.size(), row)));
  };
  FrameTable::columns(table, take);
  std::vector<std::array<std::int32_t, 2>> depth;
  take("size_depth", DType::kI32, {2}, depth);
  if (!depth.empty()) frames.depth = {depth[0][1], depth[0][0]};
  if (file.exists("/frames/world_from_cam"))
    log_warn(
        "{}: its poses are axis-aligned and were left out; take --frames of a feature file for "
        "poses as in the source",
        path.string());
  return frames;
}

}  // namespace

Frames read_frames(const fs::path& path) {
  Frames frames;
  if (path.extension() == ".h5") {
    frames = frames_of_h5(path);
  } else {
    for (const Word& word : words_of(path))
      frames.table.id.push_back(number_of<std::int64_t>(path, word, "one frame id a line"));
  }
  if (frames.table.id.empty())
    throw InputError(explain(path.string(), "no frame id", "one frame id a line, or a vega file"));
  return frames;
}

Frames frames_of(const Foreign& file) {
  Frames frames;
  FrameTable& table = frames.table;
  const auto take = [&]<typename Rows>(const std::string& name, DType dtype, const Shape& shape,
                                       Rows& rows) {
    if (const auto* entry = file.find(name))
      rows = h5::values_of<typename Rows::value_type>(file.read(*entry, dtype, shape));
  };
  take("frame_id", DType::kI64, {-1}, table.id);
  const std::size_t v = table.id.size();
  if (v == 0)
    throw FormatError(explain(file.path().string(), "no array frame_id", "ids of the frames",
                              "pass --frames FILE"));
  FrameTable::columns(table,
                      [&](const std::string& name, DType dtype, const Shape& row, auto& rows) {
                        if (name != "id") take(name, dtype, rows_of(v, row), rows);
                      });
  std::vector<std::byte> flat;
  std::vector<std::int64_t> offset;
  take("thumb_jpeg", DType::kU8, {-1}, flat);
  take("thumb_jpeg_offset", DType::kI64, rows_of(v + 1, {}), offset);
  if (offset.empty()) return frames;
  table.thumb_jpeg = split_flat(flat, offset, file.path().string() + ": array 'thumb_jpeg_offset'");
  return frames;
}

namespace {

// 6 numbers for all frames, or 6 a frame.
CellToPx spread(const std::vector<double>& values, std::size_t frames, const std::string& where) {
  if (values.size() != 6 && values.size() != 6 * frames)
    throw FormatError(explain(where, std::to_string(values.size()) + " numbers",
                              "6, or 6 for each of the " + std::to_string(frames) + " frames"));
  CellToPx out(frames);
  for (std::size_t i = 0; i < 6 * frames; ++i) {
    const double value = values[i % values.size()];
    if (!std::isfinite(value))
      throw FormatError(explain(where + ", frame " + std::to_string(i / 6),
                                "a number that is not finite", "pixels"));
    out[i / 6][i % 6] = value;
  }
  return out;
}

}  // namespace

CellToPx cell_to_px_of(const Foreign& file, const Foreign::Entry& entry, std::size_t frames) {
  if (!entry.problem.empty()) throw FormatError(entry.problem);
  const auto v = static_cast<std::int64_t>(frames);
  const bool single = entry.dtype == DType::kF32;
  const bool fits = entry.shape == Shape{2, 3} || entry.shape == Shape{v, 2, 3};
  if (!fits || (!single && entry.dtype != DType::kF64))
    throw FormatError(explain(
        file.where(entry), std::string(vega::name_of(entry.dtype)) + " " + to_string(entry.shape),
        "f64 or f32 [2, 3] or [" + std::to_string(v) + ", 2, 3], a matrix a frame"));
  const auto raw = file.read(entry, entry.dtype, entry.shape);
  if (!single) return spread(h5::values_of<double>(raw), frames, file.where(entry));
  const auto narrow = h5::values_of<float>(raw);
  return spread({narrow.begin(), narrow.end()}, frames, file.where(entry));
}

CellToPx read_cell_to_px(const fs::path& path, std::size_t frames) {
  if (path.extension() == ".h5") {
    const FeatureReader reader(path);
    if (reader.frame_count() != frames)
      throw FormatError(explain(path.string(), std::to_string(reader.frame_count()) + " frames",
                                std::to_string(frames)));
    return reader.taps()[reader.tap_index("")].cell_to_px;
  }
  if (Foreign::is_known(path)) {
    const Foreign file(path);
    const auto* entry = file.find("cell_to_px");
    if (entry == nullptr && file.entries().size() == 1) entry = &file.entries().front();
    if (entry == nullptr)
      throw FormatError(
          explain(path.string(),
                  std::to_string(file.entries().size()) + " arrays, none of them 'cell_to_px'",
                  "one array, or that name"));
    return cell_to_px_of(file, *entry, frames);
  }
  std::vector<double> values;
  for (const Word& word : words_of(path))
    values.push_back(number_of<double>(path, word, "a number"));
  return spread(values, frames, path.string());
}

}  // namespace vega::exchange
