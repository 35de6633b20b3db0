#include "base/error.h"
#include "exchange_samples.h"
#include "support/options.h"
#include "weights/npy.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

using namespace vega;
using namespace vega::test;
using Catch::Contains;
namespace fs = std::filesystem;
using exchange::ExportOptions;
using exchange::ImportOptions;

TEST_CASE("export and import give equal files for every format, layout and element type") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    write_sample(source, {sample_tap("b20_t300", dtype)});
    const FeatureReader original(source);
    for (const std::string format : {"pt", "safetensors", "npy"}) {
      for (const std::string layout : {"vhwc", "vchw"}) {
        INFO(format << " " << layout << " " << name_of(dtype));
        ExportOptions out;
        out.items.inputs = {source.string()};
        set(out, "--format", format);
        set(out, "--layout", layout);
        out.output.out = (folder / "export").string();
        out.output.overwrite = true;
        const fs::path file = folder / "export" / ("scene0011_00." + format);
        CHECK(run(out) == Lines{{"scene0011_00", file.string()}});

        ImportOptions in;
        in.items.inputs = {file.string()};
        in.output.out = (folder / "back").string();
        in.output.overwrite = true;
        if (format == "npy") {
          set(in, "--layout", layout);
          in.recipe.frames = in.recipe.cell_to_px = source.string();
          in.output.tag = "wan-832x480";
        }
        const fs::path back = folder / "back" / "wan-832x480" / "scene0011_00.h5";
        CHECK(run(in) == Lines{{"scene0011_00", back.string()}});
        const FeatureReader imported(back);
        require_equal_frames(original, imported);
        CHECK(verify(back).empty());
        if (format != "npy") {
          require_equal_taps(original, "b20_t300", imported, "");
          CHECK(imported.header().default_tap == "b20_t300");
          continue;
        }
        // numpy knows no bf16: widened, exactly.
        const TapInfo& tap = imported.taps()[imported.tap_index("imported")];
        CHECK(tap.store_dtype == (dtype == DType::kBF16 ? DType::kF32 : dtype));
        CHECK(tap.cell_to_px == original.taps()[0].cell_to_px);
        CHECK(imported.read_f32(0, 0, kFrames) == original.read_f32(0, 0, kFrames));
      }
    }
  }
}

TEST_CASE("every container holds the tokens where its layout says") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  const TapInfo tap = sample_tap("b20_t300", DType::kF32);
  write_sample(source, {tap});
  const auto v = static_cast<std::int64_t>(kFrames);
  for (const std::string layout : {"vhwc", "vchw"}) {
    ExportOptions out;
    out.items.inputs = {source.string()};
    set(out, "--layout", layout);
    out.output.out = (folder / layout).string();
    const bool last = layout == "vhwc";
    std::vector<float> expected;
    for (std::size_t f = 0; f < kFrames; ++f) {
      const auto tokens = sample_tokens(tap, f);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::size_t cells = 8, channels = 5;
        expected.push_back(last ? tokens[i] : tokens[(i % cells) * channels + i / cells]);
      }
    }
    const Shape shape = last ? Shape{v, 2, 4, 5} : Shape{v, 5, 2, 4};
    for (const std::string format : {"pt", "safetensors"}) {
      set(out, "--format", format);
      const auto path = run(out).at(0).second;
      const TensorSet set = format == "pt" ? read_torch_file(path) : read_safetensors(path);
      CHECK(set.at("tokens").shape == shape);
      CHECK(to_f32(set.at("tokens")) == expected);
      CHECK(set.at("cell_to_px").shape == Shape{v, 2, 3});
      CHECK(set.at("frame_id").dtype == DType::kI64);
      CHECK(set.at("size_color").dtype == DType::kI32);
    }
    set(out, "--format", "npy");
    const NpyFile npy(run(out).at(0).second);
    CHECK(npy.arrays().at(0).header.shape == shape);
    std::vector<float> values(expected.size());
    npy.open(npy.arrays()[0])->read(std::as_writable_bytes(std::span(values)));
    CHECK(values == expected);
  }
}

TEST_CASE("all taps go to a folder of the scene and come back as one file") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  const std::vector<TapInfo> taps{sample_tap("b20_t300", DType::kBF16),
                                  sample_tap("b12_t300", DType::kF16, 7)};
  write_sample(source, taps);
  for (const std::string format : {"pt", "safetensors"}) {
    ExportOptions out;
    out.items.inputs = {source.string()};
    out.all_taps = true;
    set(out, "--format", format);
    set(out, "--layout", "vchw");
    out.output.out = (folder / format).string();
    const fs::path scene = folder / format / "scene0011_00";
    CHECK(run(out) == Lines{{"scene0011_00", scene.string()}});
    CHECK(fs::exists(scene / ("b20_t300." + format)));
    CHECK(fs::exists(scene / ("b12_t300." + format)));
    ImportOptions in;
    in.items.inputs = {scene.string()};
    in.output.out = (folder / ("back-" + format)).string();
    const FeatureReader original(source), imported(run(in).at(0).second);
    REQUIRE(imported.taps().size() == 2);
    require_equal_frames(original, imported);
    for (const auto& tap : taps) require_equal_taps(original, tap.name, imported, tap.name);
    CHECK(imported.taps()[0].cache_key != imported.taps()[1].cache_key);
    in.recipe.tap = "x";
    CHECK_THAT(error_of<UsageError>(in), Contains("2 files"));
  }
}

TEST_CASE("an export that is there and equal is left alone; another one is refused") {
  const TempFolder folder;
  const fs::path source = sample_path(folder);
  write_sample(source);
  for (const std::string format : {"pt", "safetensors", "npy"}) {
    INFO(format);
    ExportOptions out;
    out.items.inputs = {source.string()};
    set(out, "--format", format);
    out.output.out = (folder / "export").string();
    const fs::path file = run(out).at(0).second;
    const auto before = read_bytes(file);
    const auto written = fs::last_write_time(file);
    CHECK(run(out).size() == 1);  // the manifest names it again
    CHECK(fs::last_write_time(file) == written);

    set(out, "--layout", "vchw");
    const std::string text = error_of<RefusedError>(out);
    CHECK_THAT(text,
               Contains("[3, 2, 4, 5]") && Contains("[3, 5, 2, 4]") && Contains("--overwrite"));
    if (format != "npy") CHECK_THAT(text, Contains("layout: file has vhwc, asked vchw"));
    CHECK(read_bytes(file) == before);
    out.output.overwrite = true;
    CHECK(run(out).size() == 1);
    CHECK(read_bytes(file) != before);

    // A value of the second frame was changed by another program.
    set(out, "--layout", "vhwc");
    run(out);
    auto changed = read_bytes(file);
    const std::size_t frame = 2 * 4 * 5 * (format == "npy" ? 4U : 2U);
    const auto tokens =
        format == "npy" ? changed.end() - static_cast<std::ptrdiff_t>(3 * frame) : changed.end();
    if (tokens != changed.end()) {
      *(tokens + static_cast<std::ptrdiff_t>(frame)) ^= std::byte{1};
      write_bytes(file, changed);
      out.output.overwrite = false;
      CHECK_THAT(error_of<RefusedError>(out), Contains("tokens: other values from row 1 on"));
    }
    write_text(file, "rubbish");
    out.output.overwrite = false;
    CHECK_THAT(error_of<FormatError>(out), Contains("--overwrite"));
    out.output.overwrite = true;
    run(out);
    CHECK(read_bytes(file) == before);
    CHECK(entries(file.parent_path()) == 1);
    fs::remove_all(folder / "export");
  }
}

TEST_CASE("a list of files: one failure is its own, the others are exported") {
  const TempFolder folder;
  write_sample(folder / "f" / "a.h5");
  write_text(folder / "f" / "b.h5", "no HDF5");
  write_text(folder / "list.txt", "first\t" + (folder / "f" / "a.h5").string() + "\n" +
                                      (folder / "f" / "b.h5").string() + "\n");
  ExportOptions out;
  out.items.list = (folder / "list.txt").string();
  set(out, "--format", "safetensors");
  out.output.out = (folder / "export").string();
  out.run.report = (folder / "report.json").string();
  Lines lines;
  const auto result = exchange::run_export(out, context_of(lines));
  CHECK(result.exit_code == 4);
  CHECK(result.failed == 1);
  CHECK(lines == Lines{{"first", (folder / "export" / "first.safetensors").string()}});
  CHECK(fs::exists(folder / "report.json"));
}

TEST_CASE("contradictory options of export are found before any work") {
  ExportOptions out;
  out.items.inputs = {"missing.h5"};
  const auto message = [&](auto change) {
    return message_of<UsageError>([&] {
      ExportOptions changed = out;
      change(changed);
      run(changed);
    });
  };
  CHECK_THAT(message([](auto& o) { set(o, "--format", "mat"); }), Contains("pt, safetensors, npy"));
  CHECK_THAT(message([](auto& o) { set(o, "--layout", "hwcv"); }), Contains("vhwc, vchw"));
  CHECK_THAT(message([](auto& o) { o.all_taps = true, o.tap = "x"; }), Contains("one of them"));
  CHECK_THAT(message([](auto& o) { o.allow_mismatch = true; }), Contains("--as"));
  CHECK_THAT(message([](auto& o) { o.as = "svd", set(o, "--format", "npy"); }),
             Contains("torch.load"));
  CHECK_THAT(message([](auto& o) { o.as = "svd", set(o, "--layout", "vhwc"); }), Contains("vchw"));
  CHECK_THAT(message([](auto& o) { o.as = "svd", o.all_taps = true; }), Contains("one tap"));
}
