// Scenes out of the files of the stages: what is read, and what does not belong together.
#include "vlm/scene.h"

#include <ATen/ATen.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "core/tensor.h"
#include "geometry/patches.h"
#include "media/decode.h"
#include "media/jpeg.h"
#include "media/view.h"
#include "store/join.h"
#include "support/scene_sample.h"
#include "support/write_scene.h"
#include "tiny_model.h"

using namespace vega;
using namespace vega::vlm;
using Catch::Matchers::Contains;

namespace {

struct Room {
  test::TempFolder folder;
  test::Stream semantic = test::semantic_stream(), generative;
  VlmCheckpoint checkpoint;

  explicit Room(const std::string& preset = "vlm-tiny") {
    checkpoint = open_checkpoint(test::tiny_checkpoint(folder, preset));
    semantic.channels = 144;
    semantic.model_fp = checkpoint.tower->model_fingerprint();
    generative.channels = 256;
  }

  SceneInput read(const Switches& switches, bool with_scene = true, bool allow = false) {
    test::write_features(folder / "semantic.h5", semantic);
    test::write_features(folder / "generative.h5", generative);
    const auto made = test::made_scene(semantic);
    std::filesystem::remove(folder / "scene.h5");
    write_scene_file(folder / "scene.h5", made.file);
    const FeatureReader s(folder / "semantic.h5"), g(folder / "generative.h5");
    const SceneReader scene(folder / "scene.h5");
    SceneFiles files{&s, &g, with_scene ? &scene : nullptr};
    files.objects = ObjectKind::kGt;
    files.allow_mismatch = allow;
    return read_scene(checkpoint, files, switches);
  }
};

// The scene file's own geometry: float32, zero depth kept.
Switches own_geometry() {
  Switches out;
  out.geometry = GeometryType::kF32;
  return out;
}

}  // namespace

TEST_CASE("scene: features, places and objects of the files") {
  Room room;
  const SceneInput in = room.read(own_geometry());
  CHECK(in.key == "room");
  CHECK(at::equal(in.semantic, room.semantic.values.flatten(1, 2)));
  CHECK(at::equal(in.generative, room.generative.values.flatten(1, 2)));
  CHECK_FALSE(in.uncovered.defined());
  const auto made = test::made_scene(room.semantic);
  REQUIRE(in.points.sizes() == at::IntArrayRef({3 * 196, 1, 3}));
  CHECK(in.points.flatten()[30].item<float>() == made.file.patches.world14[30]);
  CHECK(in.points.flatten()[7].isnan().item<bool>());
  CHECK(in.object_ids == std::vector<std::int32_t>{0, 7, 14});
  CHECK(in.object_labels[0] == "chair");
  REQUIRE(in.selected.sizes() == at::IntArrayRef({3, 3 * 729}));
  for (std::int64_t c = 0; c < 3 * 729; ++c) {
    const int count = static_cast<int>((c % 729 * 13 + c / 729 * 5) % 120);
    REQUIRE((in.selected[0][c].item<float>() == 1) == (count >= 98));
  }
  CHECK(in.selected[1].sum().item<float>() == 0);  // 97 pixels everywhere
}

TEST_CASE("scene: what is seen counts as 0 where config.json says so") {
  Room room;
  const SceneInput seen = room.read(own_geometry());
  test::change_config(room.checkpoint.path, {{"vega_zero_visual", true}});
  room.checkpoint = open_checkpoint(room.checkpoint.path);
  const SceneInput in = room.read(own_geometry());
  CHECK(in.semantic.sizes() == seen.semantic.sizes());
  CHECK(in.generative.sizes() == seen.generative.sizes());
  CHECK(seen.semantic.abs().max().item<float>() > 0);
  CHECK(in.semantic.abs().max().item<float>() == 0);
  CHECK(in.generative.abs().max().item<float>() == 0);
  CHECK(at::allclose(in.points, seen.points, 0, 0, true));
  CHECK(at::equal(in.selected, seen.selected));
  CHECK((in.boxes == seen.boxes));
}

TEST_CASE("scene: places in another geometry come from the depth maps") {
  Room room;
  const SceneInput masked = room.read(switches_of(Compat::kFixed));
  const auto made = test::made_scene(room.semantic);
  const SceneFrames& frames = made.file.frames;
  ImageU16 depth(80, 60);
  std::copy_n(frames.depth.begin() + 60 * 80, 60 * 80, depth.v.begin());
  const PointMap map = unproject(depth, frames.K_depth[1], frames.world_from_cam[1],
                                 coordinate_grid(depth.size(), CoordinateView::kResize));
  const auto expected = average_patches(map, kPatch27, GeometryType::kF32, ZeroDepth::kMask).xyz;
  for (std::size_t i = 0; i < expected.size(); ++i)
    REQUIRE(masked.points.flatten()[static_cast<std::int64_t>(588 + i)].item<float>() ==
            expected[i]);
  const auto counts = box_counts(map, made.boxes, kPatch14, GeometryType::kF32, ZeroDepth::kMask);
  for (std::int64_t c = 0; c < 729; ++c)
    REQUIRE((masked.selected[0][729 + c].item<float>() == 1) ==
            (counts[static_cast<std::size_t>(c)] >= kObjectPixels14));
  Switches fused = own_geometry();
  fused.fused_objects = true;
  CHECK(room.read(fused).selected.sizes() == at::IntArrayRef({3, 3 * 196}));
}

TEST_CASE("scene: a crop is mapped to the cells where the semantic stream looks") {
  Room room;
  Switches pixel = own_geometry();
  pixel.align = AlignMode::kPixel;
  const SceneInput in = room.read(pixel);
  REQUIRE(in.uncovered.defined());
  const double share = in.uncovered.to(at::kFloat).mean().item<double>();
  CHECK(share > 0.3);  // 832x480 of a square: 57.7 % of the rows are seen
  CHECK(share < 0.5);
  CHECK(in.generative.sizes() == at::IntArrayRef({3, 196, 256}));
}

// R090 and contracts 2.
TEST_CASE("scene: missing files and files of other kinds are refused with both values") {
  Room room;
  CHECK_THROWS_WITH(room.read(own_geometry(), false), Contains("no scene file") &&
                                                          Contains("vega-extract scene") &&
                                                          Contains("LLaVA-Video"));
  room.generative.block = 15;
  room.generative.timestep = 100;
  room.generative.size = {1280, 720};
  room.generative.view = "stretch";
  room.generative.options = R"({"shift": 3.0})";
  CHECK_THROWS_WITH(room.read(own_geometry()),
                    Contains("block: features have 15, trained on 20") &&
                        Contains("timestep: features have 100, trained on 300") &&
                        Contains("size: features have 1280x720, trained on 832x480") &&
                        Contains("view: features have stretch, trained on mllm") &&
                        Contains("shift: features have 3, trained on 5") &&
                        Contains("--allow-mismatch"));
  CHECK_THAT(room.read(own_geometry(), true, true).mismatch, Contains("block"));
  room.generative = {};
  room.generative.channels = 20;
  CHECK_THROWS_WITH(room.read(own_geometry()), Contains("20 channels") && Contains("256"));
  room.generative.channels = 256;
  room.generative.rows = 10;
  room.generative.values = at::Tensor();
  CHECK_THROWS_WITH(room.read(own_geometry()), Contains("10x14"));
  room.generative.rows = 14;
  room.generative.ids = {3, 10, 26};
  room.generative.values = at::Tensor();
  CHECK_THROWS_AS(room.read(own_geometry()), InputError);  // other frames
}

TEST_CASE("scene: features of another tower than the checkpoint's own are refused") {
  Room room;
  room.semantic.model_fp = "0123";
  CHECK_THROWS_WITH(room.read(own_geometry()),
                    Contains("vision tower: semantic features are of model 0123") &&
                        Contains("--allow-mismatch"));
  CHECK_THAT(room.read(own_geometry(), true, true).mismatch, Contains("vision tower"));
  room.semantic.options = R"({"backbone": "import"})";  // of another program, which does not say
  CHECK(room.read(own_geometry()).mismatch.empty());
}

TEST_CASE("scene: the baseline wants its crop") {
  Room room("vlm-tiny-3d");
  CHECK_THROWS_WITH(room.read(own_geometry()),
                    Contains("semantic features have mllm, trained on center_crop"));
}

TEST_CASE("scene: pictures of the scene file stand in for semantic features") {
  Room room;
  auto made = test::made_scene(room.semantic);
  SceneFrames& frames = made.file.frames;
  for (std::size_t v = 0; v < frames.id.size(); ++v) {
    const auto [height, width] = frames.size_color[v];
    ImageU8 picture(width, height);
    for (std::size_t i = 0; i < picture.rgb.size(); ++i)
      picture.rgb[i] = static_cast<std::uint8_t>((7 * i + 31 * v) % 251);
    frames.color_jpeg.push_back(encode_jpeg(picture));
  }
  write_scene_file(room.folder / "scene.h5", made.file);
  test::write_features(room.folder / "generative.h5", room.generative);
  const SceneReader scene(room.folder / "scene.h5");
  const FeatureReader generative(room.folder / "generative.h5");
  SceneFiles files{nullptr, &generative, &scene};
  files.objects = ObjectKind::kGt;
  files.pixels = true;
  const SceneInput in = read_scene(room.checkpoint, files, own_geometry());
  CHECK(in.key == "room");
  CHECK_FALSE(in.semantic.defined());
  CHECK(in.has_objects());
  REQUIRE(in.pixels.sizes() == at::IntArrayRef({3, 3, 384, 384}));
  const SignedImage view =
      apply_view(decode_image(frames.color_jpeg[1], "picture"), View::kMllm, {384, 384});
  CHECK(at::equal(in.pixels[1], float_tensor(view.chw, {3, 384, 384})));

  made.file.frames.color_jpeg.clear();
  write_scene_file(room.folder / "bare.h5", made.file);
  const SceneReader bare(room.folder / "bare.h5");
  files.scene = &bare;
  CHECK_THROWS_WITH(read_scene(room.checkpoint, files, own_geometry()),
                    Contains("no pictures in its scene file"));
  const VlmCheckpoint other = open_checkpoint(test::tiny_checkpoint(room.folder, "vlm-tiny-3d"));
  files.scene = &scene;
  files.generative = nullptr;
  CHECK_THROWS_WITH(read_scene(other, files, own_geometry()), Contains("one view of the frames"));
}
