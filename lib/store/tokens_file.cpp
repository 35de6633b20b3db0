#include "store/tokens_file.h"

#include <algorithm>

#include "base/error.h"
#include "store/features_detail.h"

namespace vega {
namespace fs = std::filesystem;
namespace {

constexpr const char* kGate = "/gate";
constexpr const char* kCovered = "/covered";

std::string path_of(TokenPart part) { return "/" + std::string(name_of(part)); }

Shape part_shape(const TokensInfo& info, std::size_t frames) {
  return {extent(frames), info.grid_h, info.grid_w, info.width};
}

Shape cell_shape(const TokensInfo& info, std::size_t frames) {
  return {extent(frames), info.grid_h, info.grid_w};
}

std::size_t cells_of(const TokensInfo& info) {
  return static_cast<std::size_t>(info.grid_h * info.grid_w);
}

void check_info(const TokensInfo& info, std::size_t frames) {
  if (info.width < 1)
    throw InputError(explain("tokens: width", std::to_string(info.width), "1 or more"));
  if (info.store_dtype != DType::kBF16 && info.store_dtype != DType::kF32)
    throw InputError(
        explain("tokens: store type", std::string(name_of(info.store_dtype)), "bf16 or f32"));
  check_values("tokens: cell_to_px", info.cell_to_px.size(), frames);
}

TokensInfo read_info(const h5::File& file, std::size_t frames) {
  TokensInfo info;
  TokensInfo::attributes(info, [&](const char* name, auto& value) { file.read("/", name, value); });
  info.trained = file.read_int("/", "trained") != 0;
  info.has_gate = file.exists(kGate);
  for (const TokenPart part : kTokenParts) {
    if (!file.exists(path_of(part))) continue;
    const auto what = file.info(path_of(part));
    if (info.parts.empty() && what.shape.size() == 4 && what.shape[1] > 0 && what.shape[2] > 0) {
      info.grid_h = what.shape[1];
      info.grid_w = what.shape[2];
    }
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
  info.cell_to_px =
      h5::values_of<Affine>(file.read_dataset("/cell_to_px", DType::kF64, {extent(frames), 2, 3}));
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

struct TokensWriter::State {
  PartStore store;
  h5::File& file;
  TokensInfo info;
  std::size_t frames;

  State(const fs::path& path, const FileHeader& header, TokensInfo what, std::size_t count)
      : store(path, kTokensSchema, header),
        file(store.file()),
        info(std::move(what)),
        frames(count) {}

  // What comes as a whole comes once.
  void require_new(const std::string& object) const {
    if (!file.exists(object)) return;
    throw InputError(explain("tokens: " + object, "values twice", "once"));
  }
};

TokensWriter::TokensWriter(const fs::path& path, const FileHeader& header, const FrameTable& frames,
                           TokensInfo info) {
  detail::check_frames(frames);
  check_info(info, frames.id.size());
  state_ = std::make_unique<State>(path, header, std::move(info), frames.id.size());
  State& s = *state_;
  TokensInfo::attributes(s.info,
                         [&](const char* name, auto& value) { s.file.write("/", name, value); });
  s.file.write_int("/", "trained", s.info.trained ? 1 : 0);
  detail::write_frames(s.store, frames);
  s.file.write_dataset("/cell_to_px", DType::kF64, {extent(s.frames), 2, 3},
                       h5::raw_bytes(s.info.cell_to_px));
  for (const TokenPart part : s.info.parts)
    s.store.begin_rows(path_of(part), s.info.store_dtype, part_shape(s.info, s.frames));
  if (s.info.has_gate) s.store.begin_rows(kGate, DType::kF32, cell_shape(s.info, s.frames));
}

TokensWriter::~TokensWriter() = default;

void TokensWriter::put(TokenPart part, std::size_t first, std::size_t count,
                       std::span<const float> values) {
  State& s = *state_;
  const auto put = [&](std::span<const std::byte> bytes) {
    s.store.put_rows(path_of(part), extent(first), extent(count), bytes);
  };
  if (s.info.store_dtype == DType::kF32) return put(std::as_bytes(values));
  std::vector<std::uint16_t> rounded(values.size());
  std::transform(values.begin(), values.end(), rounded.begin(), bf16_from_f32);
  put(h5::raw_bytes(rounded));
}

void TokensWriter::put_gate(std::size_t first, std::size_t count, std::span<const float> values) {
  state_->store.put_rows(kGate, extent(first), extent(count), std::as_bytes(values));
}

void TokensWriter::put_covered(std::span<const std::uint8_t> covered) {
  State& s = *state_;
  check_values("tokens: covered", covered.size(), s.frames * cells_of(s.info));
  s.require_new(kCovered);
  s.file.write_dataset(kCovered, DType::kU8, cell_shape(s.info, s.frames), std::as_bytes(covered));
}

void TokensWriter::put_positions(const TokenPositions& positions) {
  State& s = *state_;
  check_values("tokens: position/world", positions.world.size(), s.frames * kTokenCells * 3);
  check_values("tokens: position/voxel", positions.voxel.size(), s.frames * kTokenCells * 3);
  s.require_new("/position");
  const Shape shape = {extent(s.frames), kTokenGrid, kTokenGrid, 3};
  s.file.make_group("/position");
  s.file.write_dataset("/position/world", DType::kF32, shape, h5::raw_bytes(positions.world));
  s.file.write_dataset("/position/voxel", DType::kI16, shape, h5::raw_bytes(positions.voxel));
}

void TokensWriter::put_objects(ObjectKind kind, const ObjectFeatures& objects) {
  State& s = *state_;
  const std::string group = object_group(kind);
  const std::size_t count = objects.id.size();
  check_columns("tokens: " + group, objects, count);
  check_values("tokens: " + group + "/feature", objects.feature.size(),
               count * static_cast<std::size_t>(s.info.width));
  s.require_new(group);
  s.file.make_group(group);
  s.file.write_text(group, "mode", objects.mode);
  write_columns(s.file, group, objects, count);
  s.file.write_dataset(group + "/feature", DType::kF32, {extent(count), s.info.width},
                       h5::raw_bytes(objects.feature));
}

void TokensWriter::finish(const std::map<std::string, std::string>& provenance) {
  state_->store.finish(provenance);
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
  return read_columns<FrameTable>(state_->file, "/frames", state_->frames);
}
std::vector<std::vector<std::byte>> TokensReader::thumbs() const {
  return detail::read_thumbs(state_->file, state_->frames);
}

void TokensReader::check_square(const std::string& what) const {
  const TokensInfo& info = state_->info;
  if (info.grid_h == kTokenGrid && info.grid_w == kTokenGrid) return;
  throw InputError(explain(path().string(),
                           "cells of " + std::to_string(info.grid_h) + "x" +
                               std::to_string(info.grid_w) + ", tokens of Qwen2.5-VL",
                           "14x14: " + what));
}

std::vector<float> TokensReader::read(TokenPart part, std::size_t first, std::size_t count) const {
  const State& s = *state_;
  const std::string object = path_of(part);
  s.has(object, "fuse again with --parts that name it");
  if (first > s.frames || count > s.frames - first)
    throw InputError(explain(s.file.path().string() + ": " + object,
                             std::to_string(count) + " frames from " + std::to_string(first),
                             "frames within " + std::to_string(s.frames)));
  const std::size_t values = count * cells_of(s.info) * static_cast<std::size_t>(s.info.width);
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
  return h5::values_of<float>(
      state_->file.read_dataset(kGate, DType::kF32, cell_shape(state_->info, state_->frames)));
}

bool TokensReader::has_covered() const { return state_->file.exists(kCovered); }

std::vector<std::uint8_t> TokensReader::covered() const {
  state_->has(kCovered, "it was made without generative features");
  return h5::values_of<std::uint8_t>(
      state_->file.read_dataset(kCovered, DType::kU8, cell_shape(state_->info, state_->frames)));
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
  const std::string group = object_group(kind);
  if (!s.file.exists(group)) return std::nullopt;
  const auto count = static_cast<std::size_t>(s.file.info(group + "/id").row_count());
  auto out = read_columns<ObjectFeatures>(s.file, group, count);
  out.mode = s.file.read_text(group, "mode");
  out.feature = h5::values_of<float>(
      s.file.read_dataset(group + "/feature", DType::kF32, {extent(count), s.info.width}));
  return out;
}

}  // namespace vega
