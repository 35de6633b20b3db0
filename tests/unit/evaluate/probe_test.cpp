// vega-eval probe through files: scenes whose truths the test draws, features that hold them or
// not.
#include "evaluate/probe.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/philox.h"
#include "evaluate/probe_recipe.h"
#include "store/features.h"
#include "store/scene_file.h"
#include "support/options.h"
#include "support/square_scene.h"
#include "support/support.h"
#include "support/write_scene.h"

using namespace vega;
using namespace vega::evaluate;

namespace {

constexpr int kCells = 14, kPixels = 4, kProbeSide = kCells * kPixels, kFrames = 3;
constexpr float kHole = 0;  // depth of a cell without depth

// The camera looks along the world's y axis, 1 m above the floor.
constexpr Pose kAhead{1, 0, 0, 0, 0, 0, 1, 0, 0, -1, 0, 1, 0, 0, 0, 1};

// Depth of each cell, m: 1 to 4, in steps of 1 mm; every 17th cell has none.
std::vector<float> drawn_depths(const std::string& key) {
  std::mt19937 random(static_cast<std::uint32_t>(fnv1a64(key)));
  std::vector<float> out;
  for (int i = 0; i < kFrames * kCells * kCells; ++i)
    out.push_back(i % 17 == 3 ? kHole : 1 + float(random() % 3000) / 1000);
  return out;
}

// Near things are "near", far ones "far": two slabs.
SceneFile scene_of(const std::string& key, const std::vector<float>& depths) {
  SceneFile scene = test::square_scene(key, std::vector<Pose>(kFrames, kAhead), kProbeSide, 5, 60);
  for (int v = 0; v < kFrames; ++v)
    for (int y = 0; y < kProbeSide; ++y)
      for (int x = 0; x < kProbeSide; ++x)
        scene.frames.depth.push_back(static_cast<std::uint16_t>(std::lround(
            1000 * depths[std::size_t((v * kCells + y / kPixels) * kCells + x / kPixels)])));
  scene.has_gt = true;
  scene.gt.id = {0, 1};
  scene.gt.label = {"near", "far"};
  scene.gt.nyu40 = {1, 2};
  scene.gt.score = {1, 1};
  scene.gt.box = {{0, 1.25F, 0, 20, 2.5F, 20}, {0, 3.75F, 0, 20, 2.5F, 30}};
  scene.gt.source = "annotation";
  scene.gt.cells.assign(std::size_t(2) * kFrames * kCellGrid * kCellGrid, 0);
  return scene;
}

using Token = std::function<std::vector<float>(float depth, std::size_t cell)>;

void write_tokens(const std::filesystem::path& path, const SceneFile& scene,
                  const std::vector<float>& depths, const Token& token) {
  FrameTable table;
  table.id = scene.frames.id;
  table.world_from_cam = scene.frames.world_from_cam;
  table.size_color = scene.frames.size_color;
  TapInfo tap;
  tap.name = "x";
  tap.cache_key = "1";
  tap.view = "stretch";
  tap.width = tap.height = kProbeSide;
  tap.pool = "14x14";
  tap.compute_dtype = "f32";
  tap.store_dtype = DType::kF32;
  tap.grid_h = tap.grid_w = kCells;
  tap.channels = static_cast<std::int64_t>(token(1, 0).size());
  tap.cell_to_px.assign(kFrames, {kPixels, 0, 1.5, 0, kPixels, 1.5});
  FeatureHeader header;
  header.key = path.stem().string();
  header.cache_key = "2";
  header.default_tap = "x";
  std::filesystem::create_directories(path.parent_path());
  FeatureWriter writer(path, header, table, {tap});
  constexpr std::size_t kFrame = kCells * kCells;
  for (std::size_t v = 0; v < kFrames; ++v) {
    std::vector<float> tokens;
    for (std::size_t c = v * kFrame; c < (v + 1) * kFrame; ++c) {
      const auto values = token(depths[c], c);
      tokens.insert(tokens.end(), values.begin(), values.end());
    }
    writer.put_f32(0, v, tokens);
  }
  writer.finish();
}

std::vector<float> noise(std::size_t cell) {
  std::mt19937 random(static_cast<std::uint32_t>(977 * cell + 13));
  std::normal_distribution<float> gaussian;
  return {gaussian(random), gaussian(random)};
}

// Scenes s0 to s5, features "truth" (depth and near or far among other numbers) and "noise".
struct World {
  test::TempFolder folder;

  World() {
    for (int i = 0; i < 6; ++i) add("s" + std::to_string(i));
  }
  void add(const std::string& key) {
    const auto depths = drawn_depths(key);
    const SceneFile scene = scene_of(key, depths);
    write_scene_file(folder / "scenes" / (key + ".h5"), scene);
    write_tokens(folder / "truth" / (key + ".h5"), scene, depths,
                 [&](float depth, std::size_t cell) {
                   const float other = noise(cell)[0];
                   return std::vector<float>{3 * depth + other, other, depth < 2.5F ? 1.0F : 0.0F};
                 });
    write_tokens(folder / "noise" / (key + ".h5"), scene, depths,
                 [&](float, std::size_t cell) { return noise(cell); });
  }
  // Features of one scene of "truth" again, of other values.
  void replace(const std::string& key, const Token& token) {
    const auto depths = drawn_depths(key);
    write_tokens(folder / "truth" / (key + ".h5"), scene_of(key, depths), depths, token);
  }
  ProbeVerb verb(std::vector<std::string> sets = {"truth", "noise"}) const {
    ProbeVerb out;
    for (const std::string& set : sets) out.inputs.push_back((folder / set).string());
    out.scenes = (folder / "scenes").string();
    return out;
  }
};

Json probed(ProbeVerb verb, int exit_code = 0) {
  test::set(verb, "--format", "json");
  std::string text;
  const Context context{ProgressMode::kOff, {}, [&](const std::string& t) { text += t; }};
  REQUIRE(run_probe(verb, context).exit_code == exit_code);
  return parse_json(text).value();
}

const Json& row_of(const Json& record, const std::string& name) {
  for (const Json& row : record["rows"].elements())
    if (row["name"].text_or("") == name) return row;
  throw std::logic_error("no row " + name);
}

double value_of(const Json& record, const std::string& name, const std::string& measure,
                const char* member = "measures") {
  return row_of(record, name)[member][measure]["value"].number().value();
}

template <typename E>
std::string refusal(const ProbeVerb& verb) {
  try {
    static_cast<void>(resolve_probe_verb(verb));
  } catch (const E& error) {
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("what features hold is found, and place alone finds nothing here", "[probe]") {
  const World world;
  const Json record = probed(world.verb());
  CHECK(record["fit"].size() == 4);  // three quarters
  CHECK(record["scored"].size() == 2);
  // Depth is linear in two channels, up to the ridge (1e-3) and the one-hot class beside.
  CHECK(value_of(record, "truth", "depth_r2") > 0.999);
  CHECK(value_of(record, "truth", "label_mean") > 0.99);
  CHECK(value_of(record, "truth", "label_all") > 0.99);
  // All cells face the camera.
  CHECK(value_of(record, "truth", "normal_deg") < 0.1);
  // Depths are drawn without regard to the place: of 2,200 cells and 28 columns 1 % is chance.
  for (const std::string name : {"place only", "noise"}) {
    CHECK(std::abs(value_of(record, name, "depth_r2")) < 0.05);
    CHECK(value_of(record, name, "label_mean") < 0.6);
  }
  CHECK(value_of(record, "truth", "depth_r2", "difference") ==
        Approx(value_of(record, "truth", "depth_r2") - value_of(record, "place only", "depth_r2")));
  CHECK(row_of(record, "truth")["baseline"].text_or("") == "place only");
  // Cells without depth are left out: every 17th.
  CHECK(row_of(record, "noise")["fit_cells"].whole() == 4 * (3 * 196 - 35));
  CHECK(row_of(record, "noise")["scored_cells"].whole() == 2 * (3 * 196 - 35));
  // Height: 1 m above the floor is the camera's; no floor is annotated.
  CHECK(record["floors"][std::size_t{0}]["annotated"].flag() == false);
}

TEST_CASE("a scene of the fit is never scored, a scored one changes no other", "[probe]") {
  World world;
  ProbeVerb verb = world.verb();
  verb.fit = "3";
  const Json before = probed(verb);
  std::set<std::string> fit, scored;
  for (const Json& key : before["fit"].elements()) fit.insert(key.text_or(""));
  for (const Json& key : before["scored"].elements()) scored.insert(key.text_or(""));
  CHECK(fit == std::set<std::string>{"s0", "s1", "s2"});
  CHECK(scored == std::set<std::string>{"s3", "s4", "s5"});
  // Other features in s4: s3 and s5 keep their sums, bit for bit.
  world.replace("s4", [](float, std::size_t cell) {
    return std::vector<float>{float(cell), 100, -7};
  });
  const Json after = probed(verb);
  const Json &was = row_of(before, "truth")["scenes"], &is = row_of(after, "truth")["scenes"];
  CHECK(was[std::size_t{0}] == is[std::size_t{0}]);
  CHECK_FALSE(was[std::size_t{1}] == is[std::size_t{1}]);
  CHECK(was[std::size_t{2}] == is[std::size_t{2}]);
}

TEST_CASE("a baseline of the user's", "[probe]") {
  const World world;
  ProbeVerb verb = world.verb();
  verb.baseline = "noise";
  const Json record = probed(verb);
  CHECK(row_of(record, "noise")["baseline"].is_null());
  CHECK(value_of(record, "truth", "depth_r2", "difference") ==
        Approx(value_of(record, "truth", "depth_r2") - value_of(record, "noise", "depth_r2")));
  CHECK(row_of(record, "place only")["baseline"].text_or("") == "noise");
}

TEST_CASE("shuffled truths score nothing", "[probe]") {
  const World world;
  ProbeVerb verb = world.verb({"truth"});
  for (const std::int64_t seed : {1, 2}) {
    verb.shuffle = seed;
    const Json record = probed(verb);
    // Of n shuffled cells a column that is the truth still gets a slope of 1 / sqrt(n) by chance,
    // and R2 twice that: three deviations are 6 / sqrt(2212) = 0.13.
    CHECK(value_of(record, "truth", "depth_r2") < 0.13);
    CHECK(value_of(record, "truth", "height_r2") < 0.13);
    CHECK(value_of(record, "truth", "label_mean") < 0.6);
  }
}

TEST_CASE("cells whose features are not finite are left out and counted", "[probe]") {
  World world;
  world.replace("s1", [](float depth, std::size_t cell) {
    const float bad = cell == 40 ? std::numeric_limits<float>::quiet_NaN() : depth;
    return std::vector<float>{bad, 0, 1};
  });
  const Json record = probed(world.verb());
  CHECK(row_of(record, "truth")["not_finite"].whole() == 1);
  CHECK(row_of(record, "noise")["not_finite"].whole() == 0);
  CHECK(row_of(record, "truth")["fit_cells"].whole() == 4 * (3 * 196 - 35) - 1);
  // Their cells differ by one, so each has a control of its own.
  CHECK(value_of(record, "place only (cells of truth)", "depth_r2") < 0.05);
  CHECK(value_of(record, "place only (cells of noise)", "depth_r2") < 0.05);
}

TEST_CASE("a scene that cannot be used is named, the others go on", "[probe]") {
  World world;
  const auto depths = drawn_depths("s2");
  write_tokens(world.folder / "noise" / "s2.h5", scene_of("s2", depths), depths,
               [](float, std::size_t) {
                 return std::vector<float>{1, 2, 3};
               });  // a channel more
  const Json record = probed(world.verb(), 4);
  CHECK(record["fit"].size() == 3);
  CHECK(row_of(record, "truth")["fit_cells"].whole() == 3 * (3 * 196 - 35));
}

TEST_CASE("how scenes are split, and what is refused", "[probe]") {
  const World world;
  ProbeVerb verb = world.verb();
  test::write_text(world.folder / "fit", "s5\n\n# first\ns1\n");
  test::write_text(world.folder / "score", "s0\ns4\n");
  verb.fit = (world.folder / "fit").string();
  verb.score = (world.folder / "score").string();
  const ProbeRecipe recipe = resolve_probe_verb(verb);
  CHECK(recipe.fit == std::set<std::string>{"s1", "s5"});
  std::vector<std::string> order;
  for (const Item& item : recipe.list.items) order.push_back(item.key);
  CHECK(order == std::vector<std::string>{"s1", "s5", "s0", "s4"});
  verb.score = verb.fit;
  CHECK_THAT(refusal<InputError>(verb), Catch::Contains("'s1', which is in the fit"));
  verb = world.verb();
  verb.fit = "6";
  CHECK_THAT(refusal<UsageError>(verb), Catch::Contains("6 scenes in all sets"));
  test::write_text(world.folder / "twice", "s1\ns2\ns1\n");
  verb.fit = (world.folder / "twice").string();
  CHECK_THAT(refusal<InputError>(verb), Catch::Contains(":3: got 's1' a second time"));
  test::write_text(world.folder / "other", "s9\n");
  verb.fit = (world.folder / "other").string();
  CHECK_THAT(refusal<InputError>(verb), Catch::Contains("truth lacks it"));
  verb = world.verb({"truth", "truth"});
  CHECK_THAT(refusal<UsageError>(verb), Catch::Contains("a name a set"));
  verb.inputs[1] = "two=" + verb.inputs[1] + ":x";
  CHECK(resolve_probe_verb(verb).sets[1].name == "two");
  CHECK(resolve_probe_verb(verb).sets[1].tap == "x");
  std::filesystem::remove(world.folder / "noise" / "s3.h5");
  verb = world.verb();
  CHECK(resolve_probe_verb(verb).left_out == std::vector<std::string>{"s3"});
}
