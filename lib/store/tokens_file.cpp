#include "store/tokens_file.h"

#include <algorithm>

#include "base/error.h"
#include "base/hash.h"
#include "base/publish.h"
#include "store/features_detail.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr const char* kGate = "/gate";
constexpr const char* kCovered = "/covered";
constexpr std::size_t kCells = kTokenGrid * kTokenGrid;

std::int64_t extent(std::size_t n) { return static_cast<std::int64_t>(n); }

std::string path_of(TokenPart part) { return "/" + std::string(name_of(part)); }

std::string group_of(ObjectKind kind) {
  return kind == ObjectKind::kGt ? "/objects/gt" : "/objects/proposal";
}

Shape part_shape(const TokensInfo& info, std::size_t frames) {
  return {extent(frames), kTokenGrid, kTokenGrid, info.width};
}

void require(const std::string& where, std::size_t got, std::size_t expected) {
  if (got == expected) return;
  throw InputError(
      explain("tokens: " + where, std::to_string(got) + " values", std::to_string(expected)));
}

void check_info(const TokensInfo& info, std::size_t frames) {
  if (info.width < 1)
    throw InputError(explain("tokens: width", std::to_string(info.width), "1 or more"));
  if (info.store_dtype != DType::kBF16 && info.store_dtype != DType::kF32)
    throw InputError(
        explain("tokens: store type", std::string(name_of(info.store_dtype)), "bf16 or f32"));
  require("cell_to_px", info.cell_to_px.size(), frames);
}

void write_info(h5::File& file, const TokensInfo& info) {
  file.write_text("/", "method", info.method);
  file.write_text("/", "form", info.form);
  file.write_text("/", "align", info.align);
  file.write_text("/", "view", info.view);
  file.write_text("/", "projector_fingerprint", info.fingerprint);
  file.write_int("/", "trained", info.trained ? 1 : 0);
  file.write_text("/", "compute_dtype", info.compute_dtype);
  file.write_text("/", "generative_key", info.generative_key);
  file.write_text("/", "semantic_key", info.semantic_key);
  file.write_text("/", "scene_key", info.scene_key);
  file.write_int("/", "width", info.width);
}

TokensInfo read_info(const h5::File& file, std::size_t frames) {
  TokensInfo info;
  info.method = file.read_text("/", "method");
  info.form = file.read_text("/", "form");
  info.align = file.read_text("/", "align");
  info.view = file.read_text("/", "view");
  info.fingerprint = file.read_text("/", "projector_fingerprint");
  info.trained = file.read_int("/", "trained") != 0;
  info.compute_dtype = file.read_text("/", "compute_dtype");
  info.generative_key = file.read_text("/", "generative_key");
  info.semantic_key = file.read_text("/", "semantic_key");
  info.scene_key = file.read_text("/", "scene_key");
  info.width = file.read_int("/", "width");
  info.has_gate = file.exists(kGate);
  for (const TokenPart part : kTokenParts) {
    if (!file.exists(path_of(part))) continue;
    const auto what = file.info(path_of(part));
    const bool known = what.dtype == DType::kBF16 || what.dtype == DType::kF32;
    if (!known || what.shape != part_shape(info, frames))
      throw FormatError(explain(file.path().string() + ": " + path_of(part),
                                std::string(name_of(what.dtype)) + " " + to_string(what.shape),
                                "bf16 or f32 " + to_string(part_shape(info, frames))));
    if (!info.parts.empty() && what.dtype != info.store_dtype)
      throw FormatError(explain(file.path().string() + ": " + path_of(part),
                                std::string(name_of(what.dtype)),
                                std::string(name_of(info.store_dtype)) + " as the parts before"));
    info.store_dtype = what.dtype;
    info.parts.push_back(part);
  }
  info.cell_to_px = h5::values_of<std::array<double, 6>>(
      file.read_dataset("/cell_to_px", DType::kF64, {extent(frames), 2, 3}));
  return info;
}

}  // namespace

std::string_view name_of(TokenPart part) {
  switch (part) {
    case TokenPart::kSemantic: return "semantic";
    case TokenPart::kGenerative: return "generative";
    case TokenPart::kFused: break;
  }
  return "fused";
}

bool TokensInfo::has(TokenPart part) const {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

// Datasets whose frames come in runs get their checksum at the end.
struct TokensWriter::State {
  PartFile part;  // outlives `file`: it removes what was not published
  h5::File file;
  TokensInfo info;
  std::size_t frames;
  // By dataset: the checksum of each frame as it was put; "" not yet.
  std::map<std::string, std::vector<std::string>> put;

  State(const fs::path& path, TokensInfo what, std::size_t count)
      : part(path), file(h5::File::create(part.path())), info(std::move(what)), frames(count) {}

  // What comes as a whole comes once.
  void require_new(const std::string& object) const {
    if (!file.exists(object)) return;
    throw InputError(explain("tokens: " + object, "values twice", "once"));
  }

  void make(const std::string& object, DType dtype, const Shape& shape) {
    require_new(object);
    file.create_dataset(object, dtype, shape);
    put[object].resize(frames);
  }

  void rows(const std::string& object, std::size_t first, std::size_t count,
            std::span<const std::byte> raw) {
    const auto at = put.find(object);
    if (at == put.end())
      throw InputError(explain("tokens: " + object, "values", "a part that was announced"));
    if (first > frames || count > frames - first)
      throw InputError(explain("tokens: " + object,
                               std::to_string(count) + " frames from " + std::to_string(first),
                               "frames within " + std::to_string(frames)));
    const std::size_t bytes = raw.size() / std::max<std::size_t>(1, count);
    for (std::size_t f = first; f < first + count; ++f) {
      if (!at->second[f].empty())
        throw InputError(explain("tokens: " + object, "frame " + std::to_string(f) + " twice",
                                 "each frame once"));
      at->second[f] = xxh3_hex(raw.subspan((f - first) * bytes, bytes));
    }
    file.write_rows(object, extent(first), extent(count), raw);
  }

  // What the file gives back is what was put.
  void seal(const std::string& object, const std::vector<std::string>& hashes) {
    std::vector<std::byte> frame(file.info(object).row_bytes());
    Hasher whole;
    for (std::size_t f = 0; f < frames; ++f) {
      file.read_rows(object, extent(f), 1, frame);
      if (xxh3_hex(frame) != hashes[f])
        throw OutputError(
            explain(part.path().string() + ": " + object + " frame " + std::to_string(f),
                    "other bytes read back than were written", "the same",
                    "the disk may be faulty: run again"));
      whole.bytes(frame);
    }
    file.write_text(object, "xxh3", whole.hex());
  }
};

TokensWriter::TokensWriter(const fs::path& path, const FileHeader& header, const FrameTable& frames,
                           TokensInfo info) {
  detail::check_frames(frames);
  check_info(info, frames.id.size());
  state_ = std::make_unique<State>(path, std::move(info), frames.id.size());
  State& s = *state_;
  write_header(s.file, kTokensSchema, header);
  write_info(s.file, s.info);
  detail::write_frames(s.file, frames);
  s.file.write_dataset("/cell_to_px", DType::kF64, {extent(s.frames), 2, 3},
                       h5::raw_bytes(s.info.cell_to_px));
  for (const TokenPart part : s.info.parts)
    s.make(path_of(part), s.info.store_dtype, part_shape(s.info, s.frames));
  if (s.info.has_gate) s.make(kGate, DType::kF32, {extent(s.frames), kTokenGrid, kTokenGrid});
}

TokensWriter::~TokensWriter() = default;

void TokensWriter::put(TokenPart part, std::size_t first, std::size_t count,
                       std::span<const float> values) {
  State& s = *state_;
  require(std::string(name_of(part)), values.size(),
          count * kCells * static_cast<std::size_t>(s.info.width));
  if (s.info.store_dtype == DType::kF32)
    return s.rows(path_of(part), first, count, std::as_bytes(values));
  std::vector<std::uint16_t> rounded(values.size());
  std::transform(values.begin(), values.end(), rounded.begin(), bf16_from_f32);
  s.rows(path_of(part), first, count, h5::raw_bytes(rounded));
}

void TokensWriter::put_gate(std::size_t first, std::size_t count, std::span<const float> values) {
  require("gate", values.size(), count * kCells);
  state_->rows(kGate, first, count, std::as_bytes(values));
}

void TokensWriter::put_covered(std::span<const std::uint8_t> covered) {
  State& s = *state_;
  require("covered", covered.size(), s.frames * kCells);
  s.require_new(kCovered);
  s.file.write_dataset(kCovered, DType::kU8, {extent(s.frames), kTokenGrid, kTokenGrid},
                       std::as_bytes(covered));
}

void TokensWriter::put_positions(const TokenPositions& positions) {
  State& s = *state_;
  require("position/world", positions.world.size(), s.frames * kCells * 3);
  require("position/voxel", positions.voxel.size(), s.frames * kCells * 3);
  s.require_new("/position");
  const Shape shape = {extent(s.frames), kTokenGrid, kTokenGrid, 3};
  s.file.make_group("/position");
  s.file.write_dataset("/position/world", DType::kF32, shape, h5::raw_bytes(positions.world));
  s.file.write_dataset("/position/voxel", DType::kI16, shape, h5::raw_bytes(positions.voxel));
}

void TokensWriter::put_objects(ObjectKind kind, const ObjectFeatures& objects) {
  State& s = *state_;
  const std::string group = group_of(kind);
  const std::size_t count = objects.id.size();
  require(group + "/box", objects.box.size(), count);
  require(group + "/feature", objects.feature.size(),
          count * static_cast<std::size_t>(s.info.width));
  s.require_new(group);
  s.file.make_group(group);
  s.file.write_text(group, "mode", objects.mode);
  s.file.write_dataset(group + "/id", DType::kI32, {extent(count)}, h5::raw_bytes(objects.id));
  s.file.write_dataset(group + "/box", DType::kF32, {extent(count), 6}, h5::raw_bytes(objects.box));
  s.file.write_dataset(group + "/feature", DType::kF32, {extent(count), s.info.width},
                       h5::raw_bytes(objects.feature));
}

void TokensWriter::finish(const std::map<std::string, std::string>& provenance) {
  State& s = *state_;
  for (const auto& [object, frames] : s.put) {
    const auto missing = std::find(frames.begin(), frames.end(), "");
    if (missing == frames.end()) continue;
    throw InputError(explain(s.part.final_path().string() + ": " + object,
                             "no values of frame " + std::to_string(missing - frames.begin()),
                             "all " + std::to_string(s.frames) + " frames"));
  }
  write_provenance(s.file, provenance);
  s.file.close();
  s.file = h5::File::open(s.part.path(), h5::File::Mode::kChange);
  for (const auto& [object, hashes] : s.put) s.seal(object, hashes);
  finish_file(s.file, s.part);
}

struct TokensReader::State {
  h5::File file;
  FileHeader header;
  std::size_t frames = 0;
  TokensInfo info;

  explicit State(const fs::path& path) : file(h5::File::open(path)) {
    require_complete(file, kTokensSchema);
    header = read_header(file);
    const auto shape = file.info("/frames/id").shape;
    if (shape.size() != 1 || shape[0] < 1)
      throw FormatError(explain(path.string() + ": /frames/id", to_string(shape), "[frames]"));
    frames = static_cast<std::size_t>(shape[0]);
    info = read_info(file, frames);
  }

  void has(const std::string& object, const char* remedy) const {
    if (file.exists(object)) return;
    throw InputError(explain(file.path().string(), "no " + object, "a file that has it", remedy));
  }
};

TokensReader::TokensReader(const fs::path& path) : state_(std::make_unique<State>(path)) {}
TokensReader::~TokensReader() = default;
TokensReader::TokensReader(TokensReader&&) noexcept = default;

const fs::path& TokensReader::path() const { return state_->file.path(); }
const FileHeader& TokensReader::header() const { return state_->header; }
const TokensInfo& TokensReader::info() const { return state_->info; }
std::size_t TokensReader::frame_count() const { return state_->frames; }
FrameTable TokensReader::frames() const {
  return detail::read_frames(state_->file, state_->frames);
}
std::vector<std::vector<std::byte>> TokensReader::thumbs() const {
  return detail::read_thumbs(state_->file, state_->frames);
}

std::vector<float> TokensReader::read(TokenPart part, std::size_t first, std::size_t count) const {
  const State& s = *state_;
  const std::string object = path_of(part);
  s.has(object, "fuse again with --parts that name it");
  if (first > s.frames || count > s.frames - first)
    throw InputError(explain(s.file.path().string() + ": " + object,
                             std::to_string(count) + " frames from " + std::to_string(first),
                             "frames within " + std::to_string(s.frames)));
  const std::size_t values = count * kCells * static_cast<std::size_t>(s.info.width);
  std::vector<std::byte> raw(values * size_of(s.info.store_dtype));
  s.file.read_rows(object, extent(first), extent(count), raw);
  if (s.info.store_dtype == DType::kF32) return h5::values_of<float>(raw);
  const auto bits = h5::values_of<std::uint16_t>(raw);
  std::vector<float> out(values);
  std::transform(bits.begin(), bits.end(), out.begin(), f32_from_bf16);
  return out;
}

std::vector<float> TokensReader::gate() const {
  state_->has(kGate, "its method has no gate");
  return h5::values_of<float>(state_->file.read_dataset(
      kGate, DType::kF32, {extent(state_->frames), kTokenGrid, kTokenGrid}));
}

bool TokensReader::has_covered() const { return state_->file.exists(kCovered); }

std::vector<std::uint8_t> TokensReader::covered() const {
  state_->has(kCovered, "it was made without generative features");
  return h5::values_of<std::uint8_t>(state_->file.read_dataset(
      kCovered, DType::kU8, {extent(state_->frames), kTokenGrid, kTokenGrid}));
}

std::optional<TokenPositions> TokensReader::positions() const {
  const State& s = *state_;
  if (!s.file.exists("/position")) return std::nullopt;
  const Shape shape = {extent(s.frames), kTokenGrid, kTokenGrid, 3};
  return TokenPositions{
      h5::values_of<float>(s.file.read_dataset("/position/world", DType::kF32, shape)),
      h5::values_of<std::int16_t>(s.file.read_dataset("/position/voxel", DType::kI16, shape))};
}

std::optional<ObjectFeatures> TokensReader::objects(ObjectKind kind) const {
  const State& s = *state_;
  const std::string group = group_of(kind);
  if (!s.file.exists(group)) return std::nullopt;
  ObjectFeatures out;
  out.mode = s.file.read_text(group, "mode");
  out.id = h5::values_of<std::int32_t>(s.file.read_dataset(group + "/id", DType::kI32, {-1}));
  const std::int64_t count = extent(out.id.size());
  out.box = h5::values_of<std::array<float, 6>>(
      s.file.read_dataset(group + "/box", DType::kF32, {count, 6}));
  out.feature = h5::values_of<float>(
      s.file.read_dataset(group + "/feature", DType::kF32, {count, s.info.width}));
  return out;
}

}  // namespace vega
