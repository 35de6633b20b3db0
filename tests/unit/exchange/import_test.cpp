#include <cmath>
#include <limits>

#include "base/error.h"
#include "exchange_samples.h"
#include "media/view.h"
#include "support/options.h"
#include "weights/npy.h"
#include "weights/safetensors_writer.h"
#include "weights/torch_writer.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;
namespace fs = std::filesystem;
using exchange::ImportOptions;

namespace {

// Tokens (3, 2, 4, 5): quarters, exact in every type.
std::vector<float> values(std::size_t count = 120) {
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = 0.25F * static_cast<float>(i % 97) - 9.0F;
  return out;
}

void save_npy(const fs::path& path, const std::vector<float>& data, const Shape& shape) {
  NpyWriter writer(path, DType::kF32, shape);
  writer.write(std::as_bytes(std::span(data)));
  writer.publish();
}

template <typename T>
TensorView view_of(DType dtype, const Shape& shape, const std::vector<T>& data) {
  return {dtype, shape, reinterpret_cast<const std::byte*>(data.data())};
}

class Kitchen {
 public:
  Kitchen() {
    write_text(folder_ / "ids.txt", "# frames\n4\n 8 \n\n15 # the last\n");
    write_text(folder_ / "cells.txt", "\xef\xbb\xbf\x32 0 1\n0 3 1.5\n");  // with a byte order mark
    save_npy(folder_ / "kitchen.npy", values(), {3, 2, 4, 5});
  }

  // A call that works.
  ImportOptions options(const std::string& name = "kitchen.npy") const {
    ImportOptions o;
    o.items.inputs = {(folder_ / name).string()};
    set(o, "--layout", "vhwc");
    o.recipe.frames = (folder_ / "ids.txt").string();
    o.recipe.cell_to_px = (folder_ / "cells.txt").string();
    o.output.tag = "dino";
    o.output.out = (folder_ / "out").string();
    return o;
  }
  const TempFolder& folder() const { return folder_; }
  fs::path output() const { return folder_ / "out" / "dino" / "kitchen.h5"; }

 private:
  TempFolder folder_;
};

}  // namespace

TEST_CASE("an array with a list of frames and one matrix becomes a valid feature file") {
  const Kitchen kitchen;
  auto options = kitchen.options();
  options.recipe.block = 11;
  options.recipe.timestep = 300;
  options.recipe.tap = "vit_l11";
  CHECK(run(options) == Lines{{"kitchen", kitchen.output().string()}});
  CHECK(verify(kitchen.output()).empty());
  const FeatureReader file(kitchen.output());
  CHECK(file.frames().id == std::vector<std::int64_t>{4, 8, 15});
  CHECK(std::isnan(file.frames().world_from_cam[1][0]));
  CHECK(file.header().default_tap == "vit_l11");
  const TapInfo& tap = file.taps().at(0);
  CHECK(tap.block == 11);
  CHECK(tap.timestep_asked == 300);
  CHECK(tap.store_dtype == DType::kF32);
  CHECK(tap.pool == "2x4");
  CHECK(tap.cell_to_px[2] == std::array<double, 6>{2, 0, 1, 0, 3, 1.5});
  CHECK(file.read_f32(0, 0, 3) == values());
}

TEST_CASE("equal input is skipped; other input is refused with the difference") {
  const Kitchen kitchen;
  auto options = kitchen.options();
  run(options);
  const auto written = fs::last_write_time(kitchen.output());
  CHECK(run(options).size() == 1);
  CHECK(fs::last_write_time(kitchen.output()) == written);

  const auto refusal = [&](auto change) {
    auto changed = options;
    change(changed);
    return error_of<RefusedError>(changed);
  };
  CHECK_THAT(refusal([](auto& o) { set(o, "--store-dtype", "bf16"); }),
             Contains("store_dtype: file has f32, asked bf16"));
  CHECK_THAT(refusal([](auto& o) { set(o, "--layout", "vchw"); }),
             Contains("grid: file has 2x4, asked 4x5"));
  CHECK_THAT(refusal([](auto& o) { o.recipe.block = 3; }), Contains("block: file has -1, asked 3"));
  write_text(kitchen.folder() / "ids.txt", "4 8 16");
  CHECK_THAT(error_of<RefusedError>(options),
             Contains("input frames: file has fingerprint") && Contains("--overwrite"));
  write_text(kitchen.folder() / "ids.txt", "4 8 15");
  CHECK(run(options).size() == 1);
  auto other = values();
  other[77] += 1;
  save_npy(kitchen.folder() / "kitchen.npy", other, {3, 2, 4, 5});
  CHECK_THAT(error_of<RefusedError>(options), Contains("input frames"));
  options.output.overwrite = true;
  run(options);
  CHECK(FeatureReader(kitchen.output()).read_f32(0, 0, 3) == other);
}

TEST_CASE("equal tokens have one key, whatever container, layout and wider type they came in") {
  const Kitchen kitchen;
  const TempFolder& f = kitchen.folder();
  const auto data = values();
  std::vector<float> turned(data.size());
  std::vector<double> wide(data.begin(), data.end());
  for (std::size_t v = 0; v < 3; ++v)
    for (std::size_t cell = 0; cell < 8; ++cell)
      for (std::size_t c = 0; c < 5; ++c)
        turned[v * 40 + c * 8 + cell] = data[v * 40 + cell * 5 + c];
  fs::create_directory(f / "x");
  write_torch_tensor(f / "x" / "kitchen.pt", view_of(DType::kF32, {3, 5, 2, 4}, turned));
  write_safetensors(f / "x" / "kitchen.safetensors",
                    {{"feats", view_of(DType::kF64, {3, 2, 4, 5}, wide)},
                     {"scale", view_of(DType::kF32, {3}, data)}});
  auto options = kitchen.options();
  run(options);
  options.items.inputs = {(f / "x" / "kitchen.safetensors").string()};
  CHECK(run(options).size() == 1);  // complete already, else refused
  options.items.inputs = {(f / "x" / "kitchen.pt").string()};
  set(options, "--layout", "vchw");
  CHECK(run(options).size() == 1);
}

TEST_CASE("stored types: rounded to nearest, too large is refused with the place") {
  const Kitchen kitchen;
  auto data = values();
  data[50] = 1.0F + 1.0F / 256 + 1.0F / 65536;  // bf16: up, by a hair over the half
  save_npy(kitchen.folder() / "kitchen.npy", data, {3, 2, 4, 5});
  auto options = kitchen.options();
  options.output.overwrite = true;
  for (const auto& [name, dtype] :
       {std::pair{"bf16", DType::kBF16}, std::pair{"fp16", DType::kF16}}) {
    set(options, "--store-dtype", name);
    run(options);
    const FeatureReader file(kitchen.output());
    CHECK(file.taps()[0].store_dtype == dtype);
    CHECK(file.read_f32(0, 1, 1)[10] == (dtype == DType::kBF16 ? 1.0078125F : 1.00390625F));
  }
  data[40 + 3 * 5 + 2] = 70000;  // frame 1, row 0, column 3, channel 2
  save_npy(kitchen.folder() / "kitchen.npy", data, {3, 2, 4, 5});
  CHECK_THAT(error_of<FormatError>(options),
             Contains("frame 1 (from 0), row 0, column 3, channel 2") && Contains("70000") &&
                 Contains("f16") && Contains("--store-dtype"));
}

TEST_CASE("values that are not finite are refused, and nothing is written") {
  const Kitchen kitchen;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    auto data = values();
    data[2 * 40 + 4 * 8 + 6] = bad;  // vchw: frame 2, channel 4, row 1, column 2
    save_npy(kitchen.folder() / "kitchen.npy", data, {3, 5, 2, 4});
    auto options = kitchen.options();
    set(options, "--layout", "vchw");
    CHECK_THAT(error_of<FormatError>(options),
               Contains("frame 2 (from 0), row 1, column 2, channel 4"));
  }
  CHECK_FALSE(fs::exists(kitchen.folder() / "out"));
}

TEST_CASE("arrays of the wrong kind: each says what it is and what is expected") {
  const Kitchen kitchen;
  const TempFolder& f = kitchen.folder();
  const auto data = values();
  const auto message = [&](const std::string& name) {
    return error_of<InputError>(kitchen.options(name));
  };
  save_npy(f / "flat.npy", data, {3, 8, 5});
  CHECK_THAT(message("flat.npy"), Contains("shape [3, 8, 5]") &&
                                      Contains("[frames, rows, columns, channels]") &&
                                      Contains("reshape"));
  save_npy(f / "four.npy", values(160), {4, 2, 4, 5});
  CHECK_THAT(message("four.npy"), Contains("tokens of 4 frames") && Contains("3, as many"));
  save_npy(f / "empty.npy", {}, {3, 2, 0, 5});
  CHECK_THAT(message("empty.npy"), Contains("none empty"));
  const std::vector<std::int64_t> whole(120, 1);
  write_torch_tensor(f / "int.pt", view_of(DType::kI64, {3, 2, 4, 5}, whole));
  CHECK_THAT(message("int.pt"), Contains("element type i64") && Contains(".float()"));
  write_torch_file(f / "two.pt", {{"a", view_of(DType::kF32, {3, 2, 4, 5}, data)},
                                  {"b", view_of(DType::kF32, {3, 2, 4, 5}, data)},
                                  {"c", view_of(DType::kI64, {3}, whole)}});
  CHECK_THAT(message("two.pt"),
             Contains("2 arrays") && Contains("'a' f32 [3, 2, 4, 5]") && Contains("--name"));
  auto named = kitchen.options("two.pt");
  named.recipe.name = "b";
  CHECK(run(named).size() == 1);
  named.recipe.name = "d";
  CHECK_THAT(error_of<InputError>(named), Contains("no such array") && Contains("'c' i64 [3]"));
  write_text(f / "x.mat", "");
  CHECK_THAT(message("x.mat"), Contains(".safetensors"));
  CHECK_THAT(message("absent.npy"), Contains("absent.npy"));
}

TEST_CASE("options that are missing are asked for; those that contradict are refused") {
  const Kitchen kitchen;
  const auto missing = [&](auto change) {
    return message_of<UsageError>([&] {
      auto options = kitchen.options();
      change(options);
      run(options);
    });
  };
  CHECK_THAT(missing([](auto& o) { o.recipe.layout.reset(); }),
             Contains("--layout") && Contains("vhwc or vchw"));
  CHECK_THAT(missing([](auto& o) { o.recipe.frames.clear(); }), Contains("--frames"));
  CHECK_THAT(missing([](auto& o) { o.recipe.cell_to_px.clear(); }),
             Contains("--view NAME --size WxH"));
  CHECK_THAT(missing([](auto& o) { o.output.tag.clear(); }), Contains("--tag"));
  CHECK_THAT(missing([](auto& o) { set(o, "--view", "stretch"), set(o, "--size", "32x32"); }),
             Contains("one of them"));
  CHECK_THAT(missing([](auto& o) { o.recipe.cell_to_px.clear(), set(o, "--view", "stretch"); }),
             Contains("no --size"));
  CHECK_THAT(missing([](auto& o) { set(o, "--size", "32x32"); }), Contains("no --view"));
  CHECK_THAT(missing([](auto& o) { o.output.tag = "../up"; }), Contains("--tag"));
  CHECK_THAT(missing([](auto& o) { set(o, "--store-dtype", "fp8"); }),
             Contains("bf16, fp16, fp32"));
  CHECK_THAT(missing([](auto& o) { set(o, "--timestep", "2000"); }), Contains("-1 to 1000"));
  CHECK_FALSE(fs::exists(kitchen.folder() / "out"));
}

TEST_CASE("--view computes cell_to_px as extraction does; the frames' size must be known") {
  const Kitchen kitchen;
  auto options = kitchen.options();
  options.recipe.cell_to_px.clear();
  set(options, "--view", "native");
  set(options, "--size", "832x480");
  CHECK_THAT(error_of<InputError>(options),
             Contains("frame 4 of unknown size") && Contains("--frame-size"));
  set(options, "--frame-size", "640x480");
  run(options);
  const FeatureReader file(kitchen.output());
  const Affine expected = cell_to_px(View::kNative, {640, 480}, {832, 480}, {}, 4, 2);
  CHECK(file.taps()[0].cell_to_px == std::vector(3, expected));
  CHECK(file.taps()[0].view == "native");
  CHECK(file.taps()[0].width == 832);
  CHECK(file.frames().size_color[2] == std::array<std::int32_t, 2>{480, 640});
}

TEST_CASE("--patch: tokens that do not fill the picture have the cells of the backbone") {
  const Kitchen kitchen;
  save_npy(kitchen.folder() / "kitchen.npy", values(3 * 27 * 27), {3, 27, 27, 1});
  auto options = kitchen.options();
  options.recipe.cell_to_px.clear();
  set(options, "--view", "mllm");
  set(options, "--size", "384x384");
  set(options, "--frame-size", "320x240");
  options.recipe.patch = 15;
  CHECK_THAT(error_of<InputError>(options),
             Contains("405x405 pixels under the tokens") && Contains("384x384"));
  options.recipe.patch = 14;
  run(options);
  // 14 of 384 pixels a cell; the picture's 384 are the frame's 320 and 240.
  const std::array<double, 6> expected{
      14.0 * 320 / 384, 0, 7.0 * 320 / 384 - 0.5, 0, 14.0 * 240 / 384, 7.0 * 240 / 384 - 0.5};
  const FeatureReader file(kitchen.output());
  for (const auto& cells : file.taps()[0].cell_to_px) {
    for (std::size_t i = 0; i < 6; ++i) CHECK(cells[i] == Approx(expected[i]).margin(1e-12));
  }
  options.recipe.view.reset();
  options.recipe.size.reset();
  CHECK_THAT(error_of<UsageError>(options), Contains("--patch 14") && Contains("no --view"));
  CHECK_THROWS_AS(set(options, "--patch", "-1"), UsageError);
}

TEST_CASE("frames of a vega file are taken over with everything they have") {
  const Kitchen kitchen;
  const TempFolder& f = kitchen.folder();
  write_sample(f / "other" / "kitchen.h5");
  auto options = kitchen.options();
  options.recipe.frames = (f / "other").string();  // DIR/KEY.h5
  options.recipe.cell_to_px.clear();
  set(options, "--view", "stretch");
  set(options, "--size", "518x518");
  run(options);
  require_equal_frames(FeatureReader(f / "other" / "kitchen.h5"), FeatureReader(kitchen.output()));
  // Two frame sizes in that file: a matrix for each frame.
  const auto cells = FeatureReader(kitchen.output()).taps()[0].cell_to_px;
  CHECK(cells[0] == cells[1]);
  CHECK(cells[2][0] == cells[0][0] / 2);
  set(options, "--frame-size", "640x480");
  CHECK_THAT(error_of<InputError>(options), Contains("frame 25 of 320x240"));
}

TEST_CASE("matrices come as text, npy, safetensors, for all frames or for each") {
  const Kitchen kitchen;
  const TempFolder& f = kitchen.folder();
  const std::vector<float> six{2, 0, 1, 0, 3, 1.5F};
  std::vector<float> each;
  for (float v = 0; v < 3; ++v)
    for (const float x : six) each.push_back(x + v);
  auto options = kitchen.options();
  options.output.overwrite = true;
  const auto cells = [&](const std::string& file) {
    options.recipe.cell_to_px = (f / file).string();
    run(options);
    return FeatureReader(kitchen.output()).taps()[0].cell_to_px[2];
  };
  save_npy(f / "one.npy", six, {2, 3});
  CHECK(cells("one.npy") == std::array<double, 6>{2, 0, 1, 0, 3, 1.5});
  save_npy(f / "each.npy", each, {3, 2, 3});
  CHECK(cells("each.npy") == std::array<double, 6>{4, 2, 3, 2, 5, 3.5});
  write_safetensors(f / "each.safetensors", {{"cell_to_px", view_of(DType::kF32, {3, 2, 3}, each)},
                                             {"more", view_of(DType::kF32, {3}, each)}});
  CHECK(cells("each.safetensors")[5] == 3.5);
  write_text(f / "each.txt", "[[2, 0, 1], [0, 3, 1]]\n2 0 1 0 3 1\n2e0 0 1 0 3 -1.25\n");
  CHECK(cells("each.txt")[5] == -1.25);

  const auto refused = [&](const std::string& file) {
    options.recipe.cell_to_px = (f / file).string();
    return error_of<InputError>(options);
  };
  save_npy(f / "two.npy", each, {2, 3, 3});
  CHECK_THAT(refused("two.npy"), Contains("[2, 3] or [3, 2, 3]"));
  write_text(f / "seven.txt", "1 2 3 4 5 6 7");
  CHECK_THAT(refused("seven.txt"), Contains("7 numbers"));
  write_text(f / "word.txt", "1 2 3\n4 five 6");
  CHECK_THAT(refused("word.txt"), Contains("line 2") && Contains("'five'"));
  write_text(f / "nan.txt", "1 2 3 4 nan 6");
  CHECK_THAT(refused("nan.txt"), Contains("not finite"));
  write_text(f / "ids.txt", "4\nx8\n15");
  CHECK_THAT(refused("cells.txt"), Contains("ids.txt line 2"));
}

TEST_CASE("what an exported file says of itself is checked, and options do not contradict it") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  write_sample(source);
  exchange::ExportOptions out;
  out.items.inputs = {source.string()};
  set(out, "--format", "safetensors");
  out.output.out = (folder / "export").string();
  const fs::path file = run(out).at(0).second;
  ImportOptions in;
  in.items.inputs = {file.string()};
  in.output.out = (folder / "back").string();
  set(in, "--layout", "vchw");
  CHECK_THAT(error_of<InputError>(in), Contains("as the file says"));
  in.recipe.layout.reset();
  in.recipe.tap = "renamed";
  in.output.tag = "mine";
  in.items.key = "room";
  set(in, "--store-dtype", "fp32");
  const FeatureReader imported(run(in).at(0).second);
  CHECK(imported.header().key == "room");
  CHECK(imported.taps()[0].name == "renamed");
  CHECK(imported.taps()[0].store_dtype == DType::kF32);
  CHECK(imported.taps()[0].timestep_used == 299);

  // Metadata of another program are no card; a broken card is an error.
  const auto data = values();
  const auto tensor = view_of(DType::kF32, {3, 2, 4, 5}, data);
  write_safetensors(folder / "f.safetensors", {{"tokens", tensor}}, {{"format", "pt"}});
  in = {};
  in.items.inputs = {(folder / "f.safetensors").string()};
  CHECK_THAT(error_of<UsageError>(in), Contains("--layout"));
  write_safetensors(folder / "f.safetensors", {{"tokens", tensor}},
                    {{"schema", "vega.export/1"}, {"key", "x"}});
  CHECK_THAT(error_of<FormatError>(in), Contains("metadata 'tag'"));
  write_safetensors(folder / "f.safetensors", {{"tokens", tensor}}, {{"schema", "vega.export/2"}});
  CHECK_THAT(error_of<FormatError>(in), Contains("vega.export/2"));
}

TEST_CASE("files written by torch itself are read, and refused for what they are", "[shared]") {
  const auto data = shared_data();
  if (!data) {
    note_skip("no ../shared/data");
    return;
  }
  ImportOptions in;
  in.items.inputs = {(*data / "video" / "nasa_13013.mp4.stream0.frame000015.pt").string()};
  set(in, "--layout", "vchw");
  CHECK_THAT(error_of<FormatError>(in), Contains("element type u8"));
  in.items.inputs = {(*data / "weights" / "test_with_key.pt").string()};
  CHECK_THAT(error_of<InputError>(in), Contains("test_with_key.pt"));
}
