// Features joined with scene files, on a made-up wall whose geometry is known exactly.
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <sstream>

#include "base/error.h"
#include "evaluate/correspondence.h"
#include "evaluate/scene_tokens.h"
#include "store/features.h"
#include "store/scene_file.h"
#include "support/options.h"
#include "support/square_scene.h"
#include "support/support.h"
#include "support/write_scene.h"

using namespace vega;
using namespace vega::evaluate;

namespace {

constexpr int kSide = 56, kGrid = 14, kViews = 4;
constexpr double kShift = 0.2;  // m between cameras: exactly two cells

Pose pose_of(int v) { return {1, 0, 0, kShift * v, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}; }

// A wall at z = 2 m; a pixel is 0.025 m, a cell of 4x4 pixels 0.1 m.
// Camera v sees x from -0.65 + 0.2 v.
SceneFile wall() {
  std::vector<Pose> poses;
  for (int v = 0; v < kViews; ++v) poses.push_back(pose_of(v));
  SceneFile scene = test::square_scene("wall", poses, kSide, 10, 80);
  scene.frames.depth.assign(std::size_t(kViews) * kSide * kSide, 2000);
  return scene;
}

FrameTable table_of(const SceneFile& scene) {
  FrameTable table;
  table.id = scene.frames.id;
  table.world_from_cam = scene.frames.world_from_cam;
  table.size_color = scene.frames.size_color;
  return table;
}

// Column of the wall that cell (row, column) of view v shows.
int place(int v, int column) { return column + 2 * v; }

using Fill = std::function<float(int v, int row, int column, int channel)>;

void write_features(const std::filesystem::path& path, const FrameTable& table, int channels,
                    const Fill& fill, const std::string& view = "stretch") {
  TapInfo tap;
  tap.name = "x";
  tap.cache_key = "1";
  tap.view = view;
  tap.width = tap.height = kSide;
  tap.pool = "14x14";
  tap.compute_dtype = "f32";
  tap.store_dtype = DType::kF32;
  tap.grid_h = tap.grid_w = kGrid;
  tap.channels = channels;
  tap.cell_to_px.assign(table.id.size(), {4, 0, 1.5, 0, 4, 1.5});
  FeatureHeader header;
  header.key = path.stem().string();
  header.cache_key = "2";
  header.default_tap = "x";
  std::filesystem::create_directories(path.parent_path());
  FeatureWriter writer(path, header, table, {tap});
  for (std::size_t v = 0; v < table.id.size(); ++v) {
    std::vector<float> tokens;
    for (int row = 0; row < kGrid; ++row)
      for (int column = 0; column < kGrid; ++column)
        for (int c = 0; c < channels; ++c)
          tokens.push_back(fill(static_cast<int>(v), row, column, c));
    writer.put_f32(0, v, tokens);
  }
  writer.finish();
}

float gaussian(std::uint32_t seed) {
  std::mt19937 engine(seed);
  return std::normal_distribution<float>()(engine);
}
// A random code of each place of the wall.
float code(int v, int row, int column, int channel) {
  return gaussian(static_cast<std::uint32_t>((place(v, column) * 100 + row) * 1000 + channel));
}
float wall_noise(int v, int row, int column, int channel) {
  return gaussian(static_cast<std::uint32_t>(((v * 14 + row) * 14 + column) * 1000 + channel));
}

struct WallWorld {
  test::TempFolder folder;
  SceneFile scene = wall();
  WallWorld() { write_scene_file(folder / "scenes" / "wall.h5", scene); }
};

// The verb, its answer as CSV: name to value of the one scene.
std::map<std::string, double> run_verb(CorrespondenceVerb options, int expected_exit = 0) {
  test::set(options, "--format", "csv");
  std::string text;
  const Context context{ProgressMode::kOff, {}, [&](const std::string& t) { text += t; }};
  const RunResult result = run_correspondence(options, context);
  REQUIRE(result.exit_code == expected_exit);
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  REQUIRE(lines.size() >= 2);
  std::map<std::string, double> out;
  std::istringstream names(lines[0]), numbers(lines[1]);
  for (std::string name, number;
       std::getline(names, name, ',') && std::getline(numbers, number, ',');)
    if (name != "scene" && name != "features")
      out[name] = number == "-" ? std::nan("") : std::stod(number);
  return out;
}

template <typename E>
std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("cells are placed where the wall is, by either rule") {
  const WallWorld world;
  for (const std::string view : {"stretch", "native"}) {
    write_features(
        world.folder / view / "wall.h5", table_of(world.scene), 2,
        [](int, int, int, int) { return 1.0F; }, view);
    const FeatureReader features(world.folder / view / "wall.h5");
    const SceneReader scene(world.folder / "scenes" / "wall.h5");
    const LoadedTokens loaded = load_tokens(features, 0, scene, {}, 2);
    REQUIRE(loaded.row.size() == kViews);
    for (int v = 0; v < kViews; ++v) {
      for (int row = 0; row < kGrid; ++row) {
        for (int column = 0; column < kGrid; ++column) {
          const auto at = static_cast<std::size_t>((v * kGrid + row) * kGrid + column);
          CHECK(loaded.world[3 * at] == Approx(-0.65 + 0.1 * place(v, column)).margin(1e-5));
          CHECK(loaded.world[3 * at + 1] == Approx(-0.65 + 0.1 * row).margin(1e-5));
          CHECK(loaded.world[3 * at + 2] == Approx(2.0));
          CHECK(loaded.valid[at] == 1);
        }
      }
    }
  }
}

TEST_CASE("scores of constant, perfect and random features through files") {
  const WallWorld world;
  const FrameTable table = table_of(world.scene);
  CorrespondenceVerb options;
  options.scenes = (world.folder / "scenes").string();
  options.voxel = 0.0937;  // a voxel a cell, no cell on an edge

  write_features(world.folder / "constant" / "wall.h5", table, 8,
                 [](int, int, int, int c) { return 1.0F + static_cast<float>(c); });
  options.items.inputs = {(world.folder / "constant").string()};
  auto got = run_verb(options);
  CHECK(got["views"] == kViews);
  CHECK(got["tokens"] == kViews * 196);
  CHECK(got["multi_view"] == Approx(1).margin(1e-6));
  CHECK(got["adjacent"] == Approx(1).margin(1e-6));
  CHECK(got["multi_view_margin"] == Approx(0).margin(1e-6));
  CHECK(got["auc"] == 0.5);  // every pair is a tie
  CHECK(got["multi_view@mean"] == Approx(0).margin(1e-6));

  write_features(world.folder / "perfect" / "wall.h5", table, 64, code);
  options.items.inputs = {(world.folder / "perfect" / "wall.h5").string()};
  got = run_verb(options);
  CHECK(got["multi_view"] == Approx(1).margin(1e-6));
  CHECK(got["multi_view_margin"] == Approx(1).margin(0.02));
  CHECK(got["auc"] == 1);
  CHECK(got["match_distance_m"] == Approx(0).margin(1e-5));
  CHECK(got["match_0.1m"] == 1);
  const auto perfect = got["auc@mean"];
  CHECK(perfect == 1);

  write_features(world.folder / "random" / "wall.h5", table, 64, wall_noise);
  options.items.inputs = {(world.folder / "random").string()};
  got = run_verb(options);
  // Of some 500 voxel pairs of cosines with deviation 1/8.
  CHECK(std::abs(got["multi_view"]) < 4 * 0.125 / std::sqrt(400.0));
  CHECK(got["auc"] == Approx(0.5).margin(0.03));

  // The null test: perfect features at other frames' poses are no better than chance.
  options.items.inputs = {(world.folder / "perfect").string(), (world.folder / "random").string()};
  options.compare = options.permuted_poses = true;
  options.output.out = (world.folder / "out").string();
  options.pictures = false;
  run_verb(options);
  const std::string csv = test::read_text(world.folder / "out" / "comparison.csv");
  CHECK(csv.find("\n1,perfect,1,1,") != std::string::npos);
  // Codes of other places: cosines of mean 0 and deviation 1/8, as of random features.
  std::istringstream lines(csv);
  double permuted = std::nan("");
  for (std::string line; std::getline(lines, line);)
    if (line.find("perfect (poses permuted)") != std::string::npos)
      permuted = std::stod(line.substr(line.find("permuted),1,") + 12));
  CHECK(std::abs(permuted) < 4 * 0.125 / std::sqrt(400.0));
  const std::string json = test::read_text(world.folder / "out" / "perfect__poses_permuted_.json");
  CHECK(json.find("\"poses_permuted\": true") != std::string::npos);
  for (const char* name :
       {"comparison.json", "perfect.json", "perfect-scenes.csv", "perfect-pairs.csv", "report.md"})
    CHECK(std::filesystem::exists(world.folder / "out" / name));
}

TEST_CASE("Probe3D through files: perfect features find their places") {
  const WallWorld world;
  write_features(world.folder / "perfect" / "wall.h5", table_of(world.scene), 64, code);
  CorrespondenceVerb options;
  options.scenes = (world.folder / "scenes").string();
  options.items.inputs = {(world.folder / "perfect").string()};
  test::set(options, "--metrics", "probe3d");
  options.points = 0;
  test::write_text(world.folder / "pairs.txt", "# key a b\nwall 0 10\nwall 10 30\n");
  options.pairs = (world.folder / "pairs.txt").string();
  const auto got = run_verb(options);
  // The working picture has a pixel a cell: matches fall on the same place or are of cells that the
  // other view does not show.
  CHECK(got.at("probe3d_0.05m") > 0.7);
  CHECK(got.at("probe3d_0.05m") <= got.at("probe3d_0.5m"));
  CHECK_FALSE(got.contains("multi_view"));

  test::write_text(world.folder / "pairs.txt", "wall 0 11\n");
  CHECK(message_of<InputError>([&] { run_verb(options); }).find("no frame 11") !=
        std::string::npos);
  test::write_text(world.folder / "pairs.txt", "wall 0\n");
  CHECK(message_of<InputError>([&] { run_verb(options); }).find("pairs.txt:1") !=
        std::string::npos);
}

TEST_CASE("files that do not belong together are refused by name") {
  const WallWorld world;
  const auto constant = [](int, int, int, int) { return 1.0F; };
  CorrespondenceVerb options;
  options.scenes = (world.folder / "scenes").string();
  options.items.inputs = {(world.folder / "f" / "wall.h5").string()};

  FrameTable table = table_of(world.scene);
  table.id[2] = 21;
  write_features(world.folder / "f" / "wall.h5", table, 2, constant);
  auto message = message_of<InputError>([&] { run_verb(options); });
  CHECK(message.find("frame 21") != std::string::npos);
  CHECK(message.find("--select frames:") != std::string::npos);

  table = table_of(world.scene);
  table.world_from_cam[1][3] += 0.5;
  write_features(world.folder / "f" / "wall.h5", table, 2, constant);
  CHECK(message_of<InputError>([&] { run_verb(options); }).find("two poses of frame 10") !=
        std::string::npos);

  write_features(world.folder / "f" / "elsewhere.h5", table_of(world.scene), 2, constant);
  options.items.inputs = {(world.folder / "f" / "elsewhere.h5").string()};
  CHECK(message_of<InputError>([&] { run_verb(options); }).find("vega-extract scene") !=
        std::string::npos);

  const auto refused = [&](auto change) {
    return message_of<UsageError>([&] {
      CorrespondenceVerb changed = options;
      change(changed);
      run_verb(changed);
    });
  };
  CHECK(refused([](auto& o) { test::set(o, "--metrics", "x"); }).find("voxel, probe3d, all") !=
        std::string::npos);
  CHECK(refused([](auto& o) { test::set(o, "--center", "mean,mean"); }).find("each at most once") !=
        std::string::npos);
  CHECK(refused([](auto& o) { o.compare = true; }).find("two and more") != std::string::npos);
  CHECK(refused([](auto& o) { test::set(o, "--voxel", "0"); }).find("--voxel") !=
        std::string::npos);
  CHECK(refused([](auto& o) { test::set(o, "--min-valid", "-0.5"); }).find("--min-valid") !=
        std::string::npos);
  CHECK(refused([](auto& o) { o.pictures = true; }).find("-o DIR") != std::string::npos);
  CHECK(refused([](auto& o) { o.scenes = "/nowhere"; }).find("/nowhere") != std::string::npos);
  CHECK(refused([](auto& o) {
          test::set(o, "--min-valid", "1.5");
        }).find("got '1.5', expected a number, -1 to 1") != std::string::npos);
  CHECK(refused([](auto& o) { o.tap = "x,x"; }).find("--tap: got x twice") != std::string::npos);
  CHECK(refused([](auto& o) { o.rank_by = "auc@zscore"; }).find("auc@mean") != std::string::npos);
  CHECK(refused([](auto& o) {
          o.pictures = true;
          test::set(o, "--metrics", "probe3d");
          o.output.out = "/nowhere";
        }).find("probe3d, which has none") != std::string::npos);
  CorrespondenceVerb absent = options;
  absent.items.inputs = {(world.folder / "f" / "absent.h5").string()};
  CHECK(message_of<InputError>([&] { run_verb(absent); }).find("absent.h5: got no such file") !=
        std::string::npos);
  test::write_text(world.folder / "pairs.txt", "another 0 10\n");
  absent.items.inputs = {(world.folder / "f" / "wall.h5").string()};
  absent.pairs = (world.folder / "pairs.txt").string();
  test::set(absent, "--metrics", "probe3d");
  CHECK(message_of<InputError>([&] { run_verb(absent); }).find("pairs of another") !=
        std::string::npos);
}

TEST_CASE("sets have names of their own, and a folder that cannot be written stops the run first") {
  const WallWorld world;
  for (const char* name : {"a.b", "a b", "a_b", "comparison"})
    write_features(world.folder / name / "wall.h5", table_of(world.scene), 64, code);
  const auto folder = [&](const char* name) { return (world.folder / name).string(); };
  CorrespondenceVerb options;
  options.scenes = folder("scenes");
  options.compare = true;
  options.items.inputs = {folder("a b"), folder("a_b")};
  CHECK(message_of<UsageError>([&] { run_verb(options); }).find("a_b, whose files are named") !=
        std::string::npos);
  options.items.inputs = {folder("a.b"), folder("comparison")};
  CHECK(message_of<UsageError>([&] { run_verb(options); }).find("the comparison of all sets") !=
        std::string::npos);
  options.compare = false;
  options.items.inputs = {folder("comparison")};
  options.voxel = 0.0937;
  CHECK(run_verb(options).at("multi_view") == Approx(1).margin(1e-6));

  test::write_text(world.folder / "file", "x");
  options.output.out = folder("file");
  options.run.report = folder("report.json");
  CHECK_THROWS_AS(run_verb(options), OutputError);
  CHECK_FALSE(std::filesystem::exists(options.run.report));  // no scene was begun
}

TEST_CASE("pairs are named by frame ids, and rank by what is there") {
  const WallWorld world;
  write_features(world.folder / "f" / "wall.h5", table_of(world.scene), 64, code);
  write_features(world.folder / "g" / "wall.h5", table_of(world.scene), 64, wall_noise);
  CorrespondenceVerb options;
  options.scenes = (world.folder / "scenes").string();
  options.items.inputs = {(world.folder / "f").string(), (world.folder / "g").string()};
  options.compare = true;
  test::set(options, "--center", "zscore");
  test::set(options, "--metrics", "all");
  options.output.out = (world.folder / "out").string();
  CHECK(run_verb(options).contains("multi_view@zscore"));
  const std::string pairs = test::read_text(world.folder / "out" / "f-pairs.csv");
  CHECK(pairs.find("\nwall,zscore,20,30,") != std::string::npos);
  const std::string json = test::read_text(world.folder / "out" / "f.json");
  CHECK(json.find("\"frame_ids\"") != std::string::npos);
  CHECK(json.find("\"probe3d_pairs\"") != std::string::npos);
  CHECK(json.find("\"tap\": \"x\"") != std::string::npos);
}

TEST_CASE("frames that a selection holds twice are kept as released, or dropped") {
  const WallWorld world;
  FrameTable table = table_of(world.scene);
  table.id = {0, 0, 10, 20};
  for (std::size_t v = 0; v < 4; ++v) table.world_from_cam[v] = pose_of(int(table.id[v]) / 10);
  write_features(world.folder / "f" / "wall.h5", table, 2, [](int, int, int, int) { return 1.0F; });
  const FeatureReader features(world.folder / "f" / "wall.h5");
  const SceneReader scene(world.folder / "scenes" / "wall.h5");
  GeometryRule rule;
  CHECK(load_tokens(features, 0, scene, rule, 1).id == std::vector<std::int64_t>{0, 0, 10, 20});
  rule.drop_repeats = true;
  CHECK(load_tokens(features, 0, scene, rule, 1).id == std::vector<std::int64_t>{0, 10, 20});
  rule.permuted_poses = true;
  const LoadedTokens permuted = load_tokens(features, 0, scene, rule, 1);
  for (std::size_t v = 0; v < 3; ++v) CHECK(permuted.pose[v] != pose_of(int(permuted.id[v]) / 10));
}
