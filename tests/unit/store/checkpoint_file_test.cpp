// vega.checkpoint/1: files of named tensors.
#include "store/checkpoint_file.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "base/error.h"
#include "store/inspect.h"
#include "store/step_folder.h"
#include "support/support.h"

using namespace vega;
using Catch::Matchers::Contains;

namespace {

constexpr DType kAllTypes[] = {DType::kBool, DType::kU8,  DType::kI8,  DType::kI16, DType::kU16,
                               DType::kI32,  DType::kU32, DType::kI64, DType::kU64, DType::kF16,
                               DType::kBF16, DType::kF32, DType::kF64};

// Tensors of every type and of shapes that chunks do not divide; bytes that count up stand for
// values (of floating types finite ones).
struct SampleTensors {
  std::map<std::string, std::vector<std::byte>> bytes;
  std::map<std::string, TensorView> views;

  void add(const std::string& name, DType dtype, const Shape& shape) {
    const std::size_t size = static_cast<std::size_t>(element_count(shape)) * size_of(dtype);
    auto& own = bytes[name];
    own.resize(size);
    for (std::size_t i = 0; i < size; ++i)
      own[i] =
          static_cast<std::byte>(dtype == DType::kBool ? i % 2 : i * (3 + 2 * name.size()) % 61);
    views[name] = {dtype, shape, own.data()};
  }

  SampleTensors() {
    for (const DType dtype : kAllTypes) add(fmt_name(dtype), dtype, {3, 5});
    add("model.layers.0.self_attn.q_proj.lora_A.weight", DType::kF32, {64, 300});
    add("model.norm.weight", DType::kF32, {777777});  // more than a chunk of 1 MiB
    add("wide", DType::kF32, {3, 400000});            // a row is more than a chunk
    add("scalar", DType::kF64, {});
    add("nothing", DType::kBF16, {0, 4});
  }
  static std::string fmt_name(DType dtype) { return "of." + std::string(name_of(dtype)); }
};

}  // namespace

TEST_CASE("a checkpoint file gives every tensor back, bit by bit, of every type") {
  const test::TempFolder folder;
  const auto path = folder / "model-0-of-1.h5";
  const SampleTensors samples;
  write_checkpoint_file(path, {.content = "model", .step = 12, .run = "ab"}, samples.views);
  const CheckpointFile file(path);
  CHECK(file.info().content == "model");
  CHECK(file.info().step == 12);
  CHECK(file.info().run == "ab");
  const auto read = file.read_all();
  REQUIRE(read.size() == samples.views.size());
  for (const auto& [name, view] : samples.views) {
    INFO(name);
    const TensorView& got = read.at(name).view;
    CHECK(got.dtype == view.dtype);
    CHECK(got.shape == view.shape);
    CHECK(std::memcmp(got.data, view.data, view.bytes()) == 0);
  }
  CHECK(verify(path).empty());
  CHECK_THAT(inspect(path), Contains("vega.checkpoint/1") && Contains("/tensors/wide"));
  CHECK_THROWS_WITH(file.read("other"), Contains("no tensor other"));
}

TEST_CASE("a damaged or foreign checkpoint file is refused and found by verify") {
  const test::TempFolder folder;
  const auto path = folder / "model-0-of-1.h5";
  const SampleTensors samples;
  write_checkpoint_file(path, {.content = "model"}, samples.views);
  auto bytes = test::read_bytes(path);
  const auto& row = samples.bytes.at("wide");
  const auto at = std::search(bytes.begin(), bytes.end(), row.begin(), row.begin() + 4096);
  REQUIRE(at != bytes.end());
  *(at + 1000) ^= std::byte{1};
  test::write_bytes(path, bytes);
  const CheckpointFile file(path);
  CHECK_THROWS_WITH(file.read("wide"), Contains("/tensors/wide"));
  CHECK_NOTHROW(file.read("model.norm.weight"));
  const auto faults = verify(path);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].where == "/tensors/wide");
  CHECK_THROWS_AS(write_checkpoint_file(folder / "x.h5", {}, {{"a/b", {}}}), InputError);
  CHECK_FALSE(std::filesystem::exists(folder / "x.h5"));
}

TEST_CASE("verify names tensors whose values are not finite") {
  const test::TempFolder folder;
  const std::vector<float> values = {1.0F, std::numeric_limits<float>::infinity()};
  const TensorView view{DType::kF32, {2}, std::as_bytes(std::span(values)).data()};
  write_checkpoint_file(folder / "m.h5", {.content = "model"}, {{"w", view}});
  const auto faults = verify(folder / "m.h5");
  REQUIRE(faults.size() == 1);
  CHECK_THAT(faults[0].what, Contains("1 of 2 values are not finite"));
}

TEST_CASE("a step folder is complete when DONE lists its files with their sizes") {
  const test::TempFolder folder;
  const auto step = folder / "step-00000007";
  CHECK(step_name(7) == "step-00000007");
  CHECK_THROWS_WITH(resolve_step(folder.path()), Contains("no folder step-*"));
  std::filesystem::create_directories(step);
  test::write_text(step / "state.json", R"({"schema": "vega.checkpoint/1", "step": 7})");
  CHECK_FALSE(is_complete_step(step));
  CHECK(torn_steps(folder.path()).size() == 1);
  CHECK_THROWS_WITH(resolve_step(folder.path()), Contains("step-00000007 (no file DONE)"));
  CHECK_THROWS_WITH(resolve_step(step), Contains("no file DONE"));
  for (const char* damaged : {"", "42\tstate.json", "43\tstate.json\n", "x\n", "42\tother\n"}) {
    INFO(damaged);
    test::write_text(step / "DONE", damaged);
    CHECK_FALSE(is_complete_step(step));
    CHECK_THROWS_AS(read_step_state(step), FormatError);
  }
  test::write_text(step / "DONE", "42\tstate.json\n");
  CHECK(resolve_step(step).step == 7);
  CHECK(resolve_step(folder.path()).path == step);
  CHECK(is_run_folder(folder.path()));
  CHECK_FALSE(is_run_folder(step));
  CHECK_THROWS_WITH(step_files(step, "optimizer"), Contains("no file optimizer-*.h5"));
}
