// tokens/TAG/KEY.h5, schema vega.tokens/1: projected and fused tokens of a scene, before position
// embedding and newlines. Layout: docs/formats.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "store/features.h"
#include "store/scene_file.h"

namespace vega {

inline constexpr const char* kTokensSchema = "vega.tokens/1";

// Streams of tokens, (V, gh, gw, H) each, in the store dtype; gh x gw is 14 x 14 but for tokens of
// Qwen2.5-VL.
enum class TokenPart { kSemantic, kGenerative, kFused };
inline constexpr std::array<TokenPart, 3> kTokenParts = {TokenPart::kSemantic,
                                                         TokenPart::kGenerative, TokenPart::kFused};
std::string_view name_of(TokenPart part);  // "semantic", "generative", "fused"

// What a file holds and how it was made.
struct TokensInfo {
  std::int64_t width = 0;  // H
  std::int64_t grid_h = kTokenGrid, grid_w = kTokenGrid;
  DType store_dtype = DType::kBF16;  // bf16, f32
  std::vector<TokenPart> parts;
  bool has_gate = false;
  std::string method, form;   // names of fusion/fusion.h; form empty where it does not apply
  std::string align;          // reference, pixel
  std::string view;           // of the grid: that of the semantic features
  std::string fingerprint;    // of projectors and fusion
  bool trained = false;       // false: seeded initial values
  std::string compute_dtype;  // f32, bf16
  std::string generative_key, semantic_key;  // cache keys of the taps; empty: not used
  std::string scene_key;                     // of the scene file; empty: none
  std::vector<Affine> cell_to_px;            // V: of the cells, as TapInfo::cell_to_px

  bool has(TokenPart part) const;

  template <typename Info, typename Visit>
  static void attributes(Info& t, Visit visit) {  // but for `trained`
    visit("method", t.method);
    visit("form", t.form);
    visit("align", t.align);
    visit("view", t.view);
    visit("projector_fingerprint", t.fingerprint);
    visit("compute_dtype", t.compute_dtype);
    visit("generative_key", t.generative_key);
    visit("semantic_key", t.semantic_key);
    visit("scene_key", t.scene_key);
    visit("width", t.width);
  }
};

// World points of the cells, for the position embedding.
struct TokenPositions {
  std::vector<float> world;         // (V, 14, 14, 3) m
  std::vector<std::int16_t> voxel;  // (V, 14, 14, 3); -1: unknown
};

// One feature an object: before the box embedding.
struct ObjectFeatures {
  std::vector<std::int32_t> id;
  std::vector<Box> box;        // cx cy cz dx dy dz, m, axis-aligned
  std::vector<float> feature;  // (N, H); zeros where no cell belongs to the object
  std::string mode;            // patch14, patch27

  template <typename Table, typename Visit>
  static void columns(Table& t, Visit visit) {
    visit("id", DType::kI32, Shape{}, t.id);
    visit("box", DType::kF32, Shape{6}, t.box);
  }
};

// Writes one file, frame by frame in any order, through a PartStore. For one thread.
// Errors: InputError (sizes that disagree, frames that are missing at the end), OutputError (disk).
class TokensWriter {
 public:
  TokensWriter(const std::filesystem::path& path, const FileHeader& header,
               const FrameTable& frames, TokensInfo info);
  ~TokensWriter();
  TokensWriter(const TokensWriter&) = delete;
  TokensWriter& operator=(const TokensWriter&) = delete;

  // Frames [first, first + count) of a part: count * gh * gw * H values, rounded to the store dtype
  // (nearest, ties to even).
  void put(TokenPart part, std::size_t first, std::size_t count, std::span<const float> values);
  void put_gate(std::size_t first, std::size_t count, std::span<const float> values);
  // 1 where the generative view covers the cell; (V, gh, gw).
  void put_covered(std::span<const std::uint8_t> covered);
  void put_positions(const TokenPositions& positions);
  void put_objects(ObjectKind kind, const ObjectFeatures& objects);

  void finish(const std::map<std::string, std::string>& provenance = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads one complete file; safe from several threads. Throws FormatError: not HDF5, other schema,
// incomplete, shapes that disagree, a chunk whose checksum fails.
class TokensReader {
 public:
  explicit TokensReader(const std::filesystem::path& path);
  ~TokensReader();
  TokensReader(TokensReader&&) noexcept;

  const std::filesystem::path& path() const;
  const FileHeader& header() const;
  const TokensInfo& info() const;
  std::size_t frame_count() const;
  FrameTable frames() const;                           // without thumbnails
  std::vector<std::vector<std::byte>> thumbs() const;  // empty where the file has none
  // Throws InputError unless the grid is 14 x 14, as all but tokens of Qwen2.5-VL have it. what:
  // who needs that.
  void check_square(const std::string& what) const;
  // Frames [first, first + count) as float32. InputError where the file lacks the part.
  std::vector<float> read(TokenPart part, std::size_t first, std::size_t count) const;
  std::vector<float> gate() const;  // (V, gh, gw); InputError where the method has none
  bool has_covered() const;
  std::vector<std::uint8_t> covered() const;  // (V, gh, gw); InputError where there is none
  std::optional<TokenPositions> positions() const;
  std::optional<ObjectFeatures> objects(ObjectKind kind) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vega
