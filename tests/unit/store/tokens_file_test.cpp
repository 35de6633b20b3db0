#include "store/tokens_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "store/inspect.h"
#include "store_samples.h"
#include "support/support.h"

using namespace vega;
using namespace vega::test;

namespace {

constexpr std::size_t kCells = 196;
constexpr std::int64_t kWidth = 6;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

FileHeader tokens_header() {
  FileHeader header = sample_header();
  header.default_tap.clear();
  header.cache_key = cache_key(kTokensSchema, header.options_json, "m1", "i1");
  return header;
}

TokensInfo sample_info(DType dtype = DType::kBF16, bool gate = true) {
  TokensInfo info;
  info.width = kWidth;
  info.store_dtype = dtype;
  info.parts = {TokenPart::kSemantic, TokenPart::kGenerative, TokenPart::kFused};
  info.has_gate = gate;
  info.method = "token_gated", info.form = "normed", info.align = "pixel", info.view = "mllm";
  info.fingerprint = "0123abcd", info.compute_dtype = "f32";
  info.trained = true;
  info.generative_key = "g1", info.semantic_key = "s1", info.scene_key = "c1";
  for (std::size_t f = 0; f < kFrames; ++f)
    info.cell_to_px.push_back({45.5, 0, 22.0 + static_cast<double>(f), 0, 34.25, 16.5});
  return info;
}

// Halves, exact in bf16; another series for every part and frame.
std::vector<float> values_of(TokenPart part, std::size_t frame, std::size_t count = 1) {
  std::vector<float> out(count * kCells * kWidth);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t at = i + frame * kCells * kWidth + 37 * static_cast<std::size_t>(part);
    out[i] = 0.5F * static_cast<float>(at % 101) - 25.0F;
  }
  return out;
}

std::vector<float> sample_gate() {
  std::vector<float> out(kFrames * kCells);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i) / 588.0F;
  return out;
}

std::vector<std::uint8_t> sample_covered() {
  std::vector<std::uint8_t> out(kFrames * kCells);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = i % 14 < 9 ? 1 : 0;
  return out;
}

TokenPositions sample_positions() {
  TokenPositions p;
  for (std::size_t i = 0; i < kFrames * kCells * 3; ++i) {
    p.world.push_back(i == 4 ? kNan : 0.125F * static_cast<float>(i));
    p.voxel.push_back(i == 4 ? std::int16_t{-1} : static_cast<std::int16_t>(i));
  }
  return p;
}

ObjectFeatures token_objects(std::size_t count, const std::string& mode = "patch14") {
  ObjectFeatures o;
  o.mode = mode;
  for (std::size_t n = 0; n < count; ++n) {
    o.id.push_back(static_cast<std::int32_t>(5 * n));
    o.box.push_back({1.5F, 0, 2, 1, static_cast<float>(n), 1});
    for (std::int64_t c = 0; c < kWidth; ++c)
      o.feature.push_back(n == 0 ? 0 : 0.1F * static_cast<float>(c));
  }
  return o;
}

void put_parts(TokensWriter& writer) {
  for (const TokenPart part : kTokenParts) {
    writer.put(part, 1, 2, values_of(part, 1, 2));  // any order, any number at a time
    writer.put(part, 0, 1, values_of(part, 0));
  }
}

// A complete file; `gate` by frames.
void write_tokens(const std::filesystem::path& path, DType dtype = DType::kBF16,
                  const std::vector<float>& gate = sample_gate()) {
  TokensWriter writer(path, tokens_header(), sample_frames(), sample_info(dtype));
  put_parts(writer);
  writer.put_gate(0, kFrames, gate);
  writer.put_covered(sample_covered());
  writer.put_positions(sample_positions());
  writer.put_objects(ObjectKind::kGt, token_objects(2));
  writer.put_objects(ObjectKind::kProposal, token_objects(0, "patch27"));
  writer.finish({{"end", "2026-01-01T00:00:00Z"}});
}

std::string faults_of(const std::filesystem::path& path) {
  std::string text;
  for (const Fault& fault : verify(path)) text += fault.where + " | " + fault.what + "\n";
  return text;
}

// NaN equals NaN.
bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

}  // namespace

TEST_CASE("a tokens file gives back what was put in") {
  const DType dtype = GENERATE(DType::kBF16, DType::kF32);
  const TempFolder folder;
  const auto path = folder / "room.h5";
  write_tokens(path, dtype);
  CHECK(faults_of(path).empty());
  const TokensReader r(path);
  CHECK(r.path() == path);
  CHECK(r.header().key == "scene0011_00");
  CHECK(r.header().cache_key == tokens_header().cache_key);
  CHECK(r.header().seed == 7);
  CHECK(r.header().provenance.at("end") == "2026-01-01T00:00:00Z");
  const TokensInfo want = sample_info(dtype);
  const TokensInfo& got = r.info();
  CHECK(got.width == kWidth);
  CHECK(got.store_dtype == dtype);
  CHECK(got.parts == want.parts);
  CHECK(got.has_gate);
  CHECK(got.method == "token_gated");
  CHECK(got.form == "normed");
  CHECK(got.align == "pixel");
  CHECK(got.view == "mllm");
  CHECK(got.fingerprint == "0123abcd");
  CHECK(got.trained);
  CHECK(got.compute_dtype == "f32");
  CHECK(got.generative_key == "g1");
  CHECK(got.semantic_key == "s1");
  CHECK(got.scene_key == "c1");
  CHECK(got.cell_to_px == want.cell_to_px);
  CHECK(r.frame_count() == kFrames);
  const FrameTable frames = r.frames(), put = sample_frames();
  CHECK(frames.id == put.id);
  CHECK(frames.time_s == put.time_s);
  CHECK(frames.world_from_cam == put.world_from_cam);
  CHECK(frames.K_color == put.K_color);
  CHECK(frames.size_color == put.size_color);
  CHECK(r.thumbs() == put.thumb_jpeg);
  for (const TokenPart part : kTokenParts) {
    CHECK(r.read(part, 0, kFrames) == values_of(part, 0, kFrames));
    CHECK(r.read(part, 2, 1) == values_of(part, 2));
    CHECK(r.read(part, 3, 0).empty());
  }
  CHECK(r.gate() == sample_gate());
  CHECK(r.covered() == sample_covered());
  const auto positions = r.positions();
  REQUIRE(positions);
  CHECK(same(positions->world, sample_positions().world));
  CHECK(positions->voxel == sample_positions().voxel);
  const auto gt = r.objects(ObjectKind::kGt), proposals = r.objects(ObjectKind::kProposal);
  REQUIRE(gt);
  REQUIRE(proposals);
  CHECK(gt->id == std::vector<std::int32_t>{0, 5});
  CHECK(gt->box == token_objects(2).box);
  CHECK(gt->feature == token_objects(2).feature);
  CHECK(gt->mode == "patch14");
  CHECK(proposals->id.empty());
  CHECK(proposals->feature.empty());
  CHECK(proposals->mode == "patch27");
  CHECK(inspect(path).find("/fused") != std::string::npos);
}

TEST_CASE("tokens are rounded to bfloat16, nearest and ties to even; f32 keeps them") {
  const DType dtype = GENERATE(DType::kBF16, DType::kF32);
  const TempFolder folder;
  const auto path = folder / "room.h5";
  TokensInfo info = sample_info(dtype, false);
  info.parts = {TokenPart::kFused};
  std::vector<float> values(kFrames * kCells * kWidth, 1.0F);
  values[0] = 1.00390625F;  // halfway between 1 and 1.0078125: even is 1
  values[1] = 1.01171875F;  // halfway between 1.0078125 and 1.015625: even is the latter
  values[2] = 1.0039064F;   // just above halfway
  {
    TokensWriter writer(path, tokens_header(), sample_frames(), info);
    writer.put(TokenPart::kFused, 0, kFrames, values);
    writer.finish();
  }
  const auto got = TokensReader(path).read(TokenPart::kFused, 0, 1);
  const bool bf16 = dtype == DType::kBF16;
  CHECK(got[0] == (bf16 ? 1.0F : values[0]));
  CHECK(got[1] == (bf16 ? 1.015625F : values[1]));
  CHECK(got[2] == (bf16 ? 1.0078125F : values[2]));
  CHECK(got[3] == 1.0F);
}

TEST_CASE("every part is optional") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  TokensInfo info = sample_info(DType::kBF16, false);
  info.parts = {TokenPart::kGenerative};
  info.method = "add", info.form.clear(), info.semantic_key.clear(), info.scene_key.clear();
  info.trained = false;
  {
    TokensWriter writer(path, tokens_header(), sample_frames(false), info);
    writer.put(TokenPart::kGenerative, 0, kFrames, values_of(TokenPart::kGenerative, 0, kFrames));
    CHECK_THROWS_AS(writer.put(TokenPart::kFused, 0, 1, values_of(TokenPart::kFused, 0)),
                    InputError);
    CHECK_THROWS_AS(writer.put_gate(0, kFrames, sample_gate()), InputError);
    writer.finish();
  }
  CHECK(faults_of(path).empty());
  const TokensReader r(path);
  CHECK(r.info().parts == info.parts);
  CHECK(r.info().has(TokenPart::kGenerative));
  CHECK_FALSE(r.info().has(TokenPart::kFused));
  CHECK_FALSE(r.info().has_gate);
  CHECK_FALSE(r.info().trained);
  CHECK(r.info().form.empty());
  CHECK(r.info().semantic_key.empty());
  CHECK(r.thumbs().empty());
  CHECK_FALSE(r.positions());
  CHECK_FALSE(r.objects(ObjectKind::kGt));
  CHECK_FALSE(r.objects(ObjectKind::kProposal));
  const auto missing = message_of<InputError>([&] { r.read(TokenPart::kFused, 0, 1); });
  CHECK(missing.find("no /fused") != std::string::npos);
  CHECK(message_of<InputError>([&] { r.gate(); }).find("no /gate") != std::string::npos);
  CHECK(message_of<InputError>([&] { r.covered(); }).find("no /covered") != std::string::npos);
  // Out of range, without asking for that much memory first.
  CHECK_THROWS_AS(r.read(TokenPart::kGenerative, 2, 2), InputError);
  CHECK_THROWS_AS(r.read(TokenPart::kGenerative, 0, std::size_t{1} << 60), InputError);
}

TEST_CASE("tokens that do not fit are refused, and nothing is left") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  const auto open = [&](const TokensInfo& info, const FrameTable& frames = sample_frames()) {
    TokensWriter writer(path, tokens_header(), frames, info);
  };
  TokensInfo info = sample_info();
  FrameTable frames = sample_frames();
  SECTION("width") {
    info.width = 0;
    CHECK_THROWS_AS(open(info), InputError);
  }
  SECTION("store type") {
    info.store_dtype = DType::kF16;
    CHECK_THROWS_AS(open(info), InputError);
  }
  SECTION("cell_to_px") {
    info.cell_to_px.pop_back();
    CHECK_THROWS_AS(open(info), InputError);
  }
  SECTION("a part named twice") {
    info.parts.push_back(TokenPart::kSemantic);
    CHECK_THROWS_AS(open(info), InputError);
  }
  SECTION("no frames") {
    frames = {};
    info.cell_to_px.clear();
    CHECK_THROWS_AS(open(info, frames), InputError);
  }
  SECTION("frame table") {
    frames.size_color.pop_back();
    CHECK_THROWS_AS(open(info, frames), InputError);
  }
  SECTION("values") {
    TokensWriter w(path, tokens_header(), frames, info);
    auto values = values_of(TokenPart::kFused, 0);
    CHECK_THROWS_AS(w.put(TokenPart::kFused, 0, 2, values), InputError);
    values.pop_back();
    CHECK_THROWS_AS(w.put(TokenPart::kFused, 0, 1, values), InputError);
    values = values_of(TokenPart::kFused, 0, 2);
    CHECK_THROWS_AS(w.put(TokenPart::kFused, 2, 2, values), InputError);
    CHECK_THROWS_AS(w.put(TokenPart::kFused, ~std::size_t{0}, 2, values), InputError);
    CHECK_THROWS_AS(w.put_gate(0, kFrames, std::vector<float>(kCells)), InputError);
    CHECK_THROWS_AS(w.put_covered(std::vector<std::uint8_t>(kCells)), InputError);
    auto positions = sample_positions();
    positions.voxel.pop_back();
    CHECK_THROWS_AS(w.put_positions(positions), InputError);
    auto objects = token_objects(2);
    objects.feature.pop_back();
    CHECK_THROWS_AS(w.put_objects(ObjectKind::kGt, objects), InputError);
    objects = token_objects(2);
    objects.box.pop_back();
    CHECK_THROWS_AS(w.put_objects(ObjectKind::kGt, objects), InputError);
  }
  SECTION("twice") {
    TokensWriter w(path, tokens_header(), frames, info);
    put_parts(w);
    const auto twice = message_of<InputError>(
        [&] { w.put(TokenPart::kSemantic, 1, 1, values_of(TokenPart::kSemantic, 1)); });
    CHECK(twice.find("row 1 twice") != std::string::npos);
    w.put_covered(sample_covered());
    CHECK_THROWS_AS(w.put_covered(sample_covered()), InputError);
    w.put_positions(sample_positions());
    CHECK_THROWS_AS(w.put_positions(sample_positions()), InputError);
    w.put_objects(ObjectKind::kGt, token_objects(1));
    CHECK_THROWS_AS(w.put_objects(ObjectKind::kGt, token_objects(1)), InputError);
  }
  CHECK(entries(folder.path()) == 0);
}

TEST_CASE("only a finished tokens file appears; an older one stays until then") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  write_tokens(path);
  const auto before = read_bytes(path);
  {
    TokensWriter writer(path, tokens_header(), sample_frames(), sample_info());
    put_parts(writer);
    writer.put_gate(0, 1, std::vector<float>(kCells));
    CHECK(entries(folder.path()) == 2);
    SECTION("left alone") {}
    SECTION("frames missing") {
      writer.put_gate(2, 1, std::vector<float>(kCells));
      const auto message = message_of<InputError>([&] { writer.finish(); });
      CHECK(message.find("/gate") != std::string::npos);
      CHECK(message.find("row 1") != std::string::npos);
    }
  }
  CHECK(entries(folder.path()) == 1);
  CHECK(read_bytes(path) == before);
  {
    TokensWriter writer(path, tokens_header(), sample_frames(), sample_info(DType::kF32));
    put_parts(writer);
    writer.put_gate(0, kFrames, sample_gate());
    writer.finish();
  }
  CHECK(entries(folder.path()) == 1);
  CHECK(TokensReader(path).info().store_dtype == DType::kF32);
}

TEST_CASE("a tokens file that is none, of another schema, or cut") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  write_sample(path);
  CHECK(message_of<FormatError>([&] { TokensReader r(path); }).find(kTokensSchema) !=
        std::string::npos);
  write_text(path, "tokens");
  CHECK_THROWS_AS(TokensReader(path), FormatError);
  CHECK_THROWS_AS(TokensReader(folder / "none.h5"), InputError);
  write_tokens(path);
  auto bytes = read_bytes(path);
  const std::size_t whole = bytes.size();
  for (const std::size_t left : {std::size_t{0}, std::size_t{100}, whole / 2, whole - 1}) {
    bytes.resize(left);
    write_bytes(path, bytes);
    CHECK_THROWS_AS(TokensReader(path), FormatError);
    CHECK_FALSE(verify(path).empty());
    write_tokens(path);
    bytes = read_bytes(path);
  }
}

TEST_CASE("an incomplete tokens file, and one whose attributes or shapes disagree") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  write_tokens(path);
  {
    auto file = h5::File::open(path, h5::File::Mode::kChange);
    SECTION("incomplete") { file.write_int("/", "complete", 0); }
    SECTION("another width than the parts have") { file.write_int("/", "width", kWidth + 1); }
    file.close();
  }
  CHECK_THROWS_AS(TokensReader(path), FormatError);
  CHECK_FALSE(verify(path).empty());
}

TEST_CASE("parts of two types do not make one tokens file") {
  const TempFolder folder;
  const auto path = folder / "room.h5", other = folder / "other.h5";
  TokensInfo info = sample_info(DType::kBF16, false);
  info.parts = {TokenPart::kSemantic};
  {
    TokensWriter writer(path, tokens_header(), sample_frames(), info);
    writer.put(TokenPart::kSemantic, 0, kFrames, values_of(TokenPart::kSemantic, 0, kFrames));
    writer.finish();
  }
  write_tokens(other, DType::kF32);
  {
    auto file = h5::File::open(path, h5::File::Mode::kChange);
    file.copy_from(h5::File::open(other), "/fused");
    file.close();
  }
  CHECK(message_of<FormatError>([&] { TokensReader r(path); }).find("/fused") != std::string::npos);
  CHECK(faults_of(path).find("/fused") != std::string::npos);
}

TEST_CASE("a flipped bit in a tokens file is named with its frame") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  write_tokens(path, DType::kF32);
  auto bytes = read_bytes(path);
  const std::vector<float> row = values_of(TokenPart::kFused, 2);
  const auto raw = std::as_bytes(std::span<const float>(row));
  const auto at = std::search(bytes.begin(), bytes.end(), raw.begin(), raw.end());
  REQUIRE(at != bytes.end());
  at[100] ^= std::byte{0x10};
  write_bytes(path, bytes);
  const std::string faults = faults_of(path);
  CHECK(faults.find("/fused") != std::string::npos);
  CHECK(faults.find("rows that cannot be read: 2") != std::string::npos);
  CHECK(faults.find("/semantic") == std::string::npos);
  const TokensReader r(path);
  CHECK(r.read(TokenPart::kFused, 0, 2) == values_of(TokenPart::kFused, 0, 2));
  CHECK_THROWS_AS(r.read(TokenPart::kFused, 2, 1), FormatError);
}

TEST_CASE("verify finds tokens and gates that are not finite") {
  const TempFolder folder;
  const auto path = folder / "room.h5";
  auto gate = sample_gate();
  gate[200] = kNan;
  write_tokens(path, DType::kBF16, gate);
  CHECK(faults_of(path) == "/gate | 1 of 588 values are not finite\n");
  TokensInfo info = sample_info(DType::kBF16, false);
  info.parts = {TokenPart::kFused};
  auto values = values_of(TokenPart::kFused, 0, kFrames);
  values[7] = kNan;
  values[8] = std::numeric_limits<float>::infinity();
  {
    TokensWriter writer(path, tokens_header(), sample_frames(), info);
    writer.put(TokenPart::kFused, 0, kFrames, values);
    writer.finish();
  }
  CHECK(faults_of(path) == "/fused | 2 of 3528 values are not finite\n");
}
