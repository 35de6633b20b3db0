#include "synth/dataset/dataset.h"

#include <fmt/core.h>

#include <cstdio>
#include <functional>
#include <map>

#include "base/build_info.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "base/progress.h"
#include "base/publish.h"
#include "base/stop.h"
#include "base/text.h"
#include "media/decode.h"
#include "media/video/write_jpeg.h"
#include "scan/files.h"
#include "scan/mesh.h"
#include "scan/proposals.h"
#include "scan/scan_text.h"
#include "synth/dataset/annotations.h"
#include "synth/dataset/cameras.h"
#include "synth/dataset/dataset_tokenizer.h"
#include "synth/verbs.h"

namespace vega::synth {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSchema = "vega.dataset/1";
constexpr int kPicturesASecond = 2;  // of videos

// What the options mean.
struct Recipe {
  fs::path folder;
  std::int64_t rooms, val, test, texts, vocabulary, vsi, pictures;
  std::uint64_t seed;
  SceneOptions scene;  // of every room, without folder and seed
  ScanReferTexts scanrefer;
  bool overwrite;

  Json json() const {
    Json out = {{"generator", 1},  // of the texts: another number, other texts
                {"seed", seed},
                {"rooms", rooms},
                {"val", val},
                {"test", test},
                {"texts", texts},
                {"vocabulary", vocabulary},
                {"frames", scene.frames},
                {"width", scene.width},
                {"height", scene.height},
                {"quality", scene.quality},
                {"masks", name_in(mask_noises(), scene.masks)},
                {"scanrefer", name_in<ScanReferTexts>(kScanReferTexts, scanrefer)}};
    if (scene.kind == RoomKind::kStacked) out.add("stacked", true);
    if (vsi > 0) out.add("vsi", vsi);
    if (pictures > 0) out.add("pictures", pictures);
    return out;
  }
  std::string name(std::int64_t room) const {
    char text[24];
    std::snprintf(text, sizeof text, "scene%04d_00", static_cast<int>(room));
    return text;
  }
  fs::path scan(std::int64_t room) const { return folder / "scannet" / "scans" / name(room); }
  // The first rooms are for testing, so that a longer list of rooms adds rooms to train with.
  Split split(std::int64_t room) const {
    return room < test ? Split::kTest : room < test + val ? Split::kVal : Split::kTrain;
  }
  SceneOptions options(std::int64_t room) const {
    SceneOptions out = scene;
    out.folder = scan(room);
    const PhiloxCounter words =
        philox4x32({static_cast<std::uint32_t>(room), 0x726f6f6d, 0, 0}, philox_key(seed));
    out.seed = (std::uint64_t{words[0]} << 31) ^ words[1];  // --seed of vega-synth scene takes it
    return out;
  }
};

Recipe resolve(const DatasetOptions& o) {
  if (o.out.empty()) throw UsageError(explain("--out", "nothing", "a folder"));
  Recipe r;
  r.folder = fs::absolute(o.out).lexically_normal();
  if (!r.folder.has_filename()) r.folder = r.folder.parent_path();
  r.rooms = o.rooms, r.texts = o.texts, r.vocabulary = o.vocabulary, r.overwrite = o.overwrite;
  r.vsi = o.vsi, r.pictures = o.pictures;
  r.seed = static_cast<std::uint64_t>(o.seed);
  const std::int64_t fifth = std::max<std::int64_t>(1, o.rooms / 5);
  r.val = o.val.value_or(o.rooms > 1 ? fifth : 0);
  r.test = o.test.value_or(o.rooms > 2 ? fifth : 0);
  if (r.val + r.test > r.rooms)
    throw UsageError(explain("--val and --test", std::to_string(r.val + r.test) + " rooms",
                             "at most " + std::to_string(r.rooms) + ", as --rooms says"));
  r.scanrefer = o.scanrefer;
  r.scene.kind = o.stacked ? RoomKind::kStacked : RoomKind::kStudy;
  r.scene.frames = static_cast<int>(o.frames);
  r.scene.width = o.size.width, r.scene.height = o.size.height;
  r.scene.quality = static_cast<int>(o.quality);
  r.scene.threads = o.run.workers();
  r.scene.scan = true;
  r.scene.masks = o.masks;
  r.scene.overwrite = o.overwrite;
  return r;
}

// The recipe of the data set that is there; null: none that is whole.
Json recipe_there(const Recipe& r) {
  const fs::path path = r.folder / "dataset.json";
  if (!fs::exists(path)) return {};
  const Json root = read_json(path, "a data set's recipe");
  if (root["schema"].text_or("") != kSchema)
    throw RefusedError(explain(path.string(), "a file of another kind", kSchema,
                               "choose another folder, or move this one away"));
  return root["recipe"];
}

// Whether all is there. Throws RefusedError where something else is.
bool dataset_complete(const Recipe& r) {
  const Json had = recipe_there(r).sorted(), wanted = r.json().sorted();
  if (had.is_null() || r.overwrite) return had == wanted;
  if (had == wanted) return true;
  throw RefusedError(explain(r.folder.string(), "a data set made with " + had.dump(), wanted.dump(),
                             "give --overwrite to replace it (rooms that stay the same are "
                             "kept), or choose another folder"));
}

// A room that is as wanted stays, also with --overwrite.
bool room_complete(const SceneOptions& options) {
  SceneOptions asked = options;
  asked.overwrite = false;
  try {
    return scene_complete(asked);
  } catch (const RefusedError&) {
    if (!options.overwrite) throw;
    return false;
  }
}

class RoomWork : public ItemWork {
 public:
  RoomWork(SceneOptions options, Progress& progress)
      : options_(std::move(options)), progress_(progress) {}

  void prepare() override { complete_ = room_complete(options_); }
  bool complete() const override {
    if (complete_) progress_.add(options_.frames);
    return complete_;
  }
  void compute() override {
    write_scene(options_, [&](int, int) { progress_.add(); });
  }
  std::string output() const override { return options_.folder.string(); }
  void describe(ItemReport& report) const override {
    report.outcome = complete_ ? Outcome::kComplete : Outcome::kWritten;
    report.numbers["frames"] = options_.frames;
  }

 private:
  SceneOptions options_;
  Progress& progress_;
  bool complete_ = false;
};

ItemList rooms_of(const Recipe& r) {
  ItemList list;
  for (std::int64_t i = 0; i < r.rooms; ++i) list.items.push_back({r.name(i), r.scan(i)});
  return list;
}

RunResult render_rooms(const Recipe& r, const RunOptions& run, const Context& context) {
  std::map<std::string, std::int64_t> places;
  for (std::int64_t i = 0; i < r.rooms; ++i) places[r.name(i)] = i;
  Progress progress("rendering", "frames", r.rooms * r.scene.frames, context.progress);
  const ItemList list = rooms_of(r);
  return run_items({list, run}, context, [&](const Item& item) {
    return std::make_unique<RoomWork>(r.options(places.at(item.key)), progress);
  });
}

// What a run would do. Throws RefusedError, as a run would.
RunResult say_what_would_be_done(const Recipe& r, const RunOptions& run, const Context& context) {
  const ItemList list = rooms_of(r);
  RunReport report(run.report, list.items, true);
  const bool whole = dataset_complete(r);
  std::int64_t there = 0, counts[3] = {};
  for (std::int64_t i = 0; i < r.rooms; ++i) {
    const bool complete = room_complete(r.options(i));
    ItemReport item{.key = r.name(i), .output = r.scan(i).string()};
    if (complete) item.outcome = Outcome::kComplete;
    report.set(static_cast<std::size_t>(i), item);
    there += complete ? 1 : 0;
    ++counts[static_cast<int>(r.split(i))];
  }
  const std::int64_t left = r.rooms - there;
  // A picture and its depth map, each twice (the stream), and mesh and masks of a room.
  const double pixels = static_cast<double>(r.scene.width) * r.scene.height;
  const double bytes = static_cast<double>(left) * (pixels * r.scene.frames * 1.1 + 0.6e6);
  const bool done = whole && left == 0;
  context.print("Dry run of a data set of " + plural(r.rooms, "room") + " in " + r.folder.string() +
                ": " + std::to_string(counts[0]) + " train, " + std::to_string(counts[1]) +
                " val, " + std::to_string(counts[2]) + " test\n" +
                (done ? "complete already\n"
                      : std::to_string(there) + " rooms are there, " + std::to_string(left) +
                            " would be rendered (" + plural(r.scene.frames, "picture") +
                            " each, about " + bytes_text(bytes) +
                            "), then the texts written; nothing was written\n"));
  report.finish(0);
  return {.done = static_cast<int>(left), .complete = static_cast<int>(there)};
}

std::vector<scan::Box> proposals(const Recipe& r, std::int64_t room) {
  const scan::ScanFiles files = scan::find_scan_files(r.scan(room));
  const auto aligned = scan::align_points_f32(scan::read_ply(files.mesh).vertices,
                                              scan::read_scan_text(files.text).axis_align);
  return scan::mask_boxes(scan::read_masks(files.masks, aligned.size()), aligned,
                          scan::EmptyMask::kSkip)
      .boxes;
}

scan::Box box_of(const Thing& thing) {
  scan::Box box{};
  for (std::size_t a = 0; a < 3; ++a) {
    box[a] = (thing.low[a] + thing.high[a]) / 2;
    box[3 + a] = thing.high[a] - thing.low[a];
  }
  return box;
}

// Boxes of a split by scene, a scene a line.
TextFile box_file(const std::vector<DatasetRoom>& rooms, Split split, const std::string& kind,
                  const std::function<std::vector<scan::Box>(std::size_t)>& boxes) {
  std::string text;
  std::int64_t entries = 0;
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    if (rooms[i].split != split) continue;
    text += (entries++ == 0 ? "\n\"scannet/" : ",\n\"scannet/") + rooms[i].facts.scene +
            "\": " + Json(boxes(i)).dump();
  }
  return {"metadata/scannet_" + std::string(name_of(split)) + "_" + kind + "_box.json",
          "{" + text + "\n}\n", entries};
}

// Files beside the annotations.
std::vector<TextFile> metadata(const Recipe& r, const std::vector<DatasetRoom>& rooms) {
  std::vector<TextFile> out;
  for (const Split split : {Split::kTrain, Split::kVal, Split::kTest}) {
    out.push_back(box_file(rooms, split, "gt", [&](std::size_t i) {
      std::vector<scan::Box> boxes;
      for (const Thing& thing : rooms[i].facts.things) boxes.push_back(box_of(thing));
      return boxes;
    }));
    if (split != Split::kTrain)
      out.push_back(box_file(rooms, split, "pred", [&](std::size_t i) {
        return proposals(r, static_cast<std::int64_t>(i));
      }));
    std::string names;
    std::int64_t count = 0;
    for (const DatasetRoom& room : rooms)
      if (room.split == split) names += room.facts.scene + "\n", ++count;
    out.push_back({"scannetv2_" + std::string(name_of(split)) + ".txt", names, count});
  }
  std::map<std::string, int> labels;
  for (const DatasetRoom& room : rooms)
    for (const Thing& thing : room.facts.things) ++labels[thing.label];
  out.push_back({"scannetv2-labels.combined.tsv", label_table(labels),
                 static_cast<std::int64_t>(labels.size())});
  return out;
}

// The pictures of each room's walk as a video.
void write_videos(const Recipe& r) {
  parallel_for(static_cast<std::size_t>(r.rooms), r.scene.threads, [&](std::size_t i) {
    const auto room = static_cast<std::int64_t>(i);
    std::vector<std::vector<std::byte>> pictures;
    for (int id = 0; id < r.scene.frames; id += r.scene.every) {
      check_stop();
      pictures.push_back(read_file(r.scan(room) / fmt::format("{:05d}.jpg", id)));
    }
    const std::string video =
        jpeg_video(pictures, {r.scene.width, r.scene.height}, kPicturesASecond);
    publish_file(r.folder / "benchmark" / "vsi_bench" / "scannet" / (r.name(room) + ".mp4"),
                 std::string_view(video));
  });
}

void write_texts(const Recipe& r) {
  std::vector<DatasetRoom> rooms(static_cast<std::size_t>(r.rooms));
  parallel_for(rooms.size(), r.scene.threads, [&](std::size_t i) {
    const auto place = static_cast<std::int64_t>(i);
    rooms[i].split = r.split(place);
    rooms[i].facts = read_facts(r.scan(place) / "objects.json", r.name(place));
    rooms[i].texts = texts_of(rooms[i].facts, r.seed, static_cast<std::size_t>(r.texts),
                              r.scanrefer, static_cast<std::size_t>(r.vsi));
    if (r.pictures == 0) return;
    Draw draw(r.seed, rooms[i].facts.scene + " pictures");
    rooms[i].texts.pictures = picture_questions(
        rooms[i].facts, read_cameras(r.scan(place), r.scene.frames, r.scene.every),
        static_cast<std::size_t>(r.pictures), draw);
  });
  std::vector<TextFile> files = annotation_files(rooms);
  for (TextFile& file : metadata(r, rooms)) files.push_back(std::move(file));
  // Without its last file the data set is unfinished.
  std::error_code ignored;
  fs::remove(r.folder / "dataset.json", ignored);
  if (r.vsi > 0) write_videos(r);
  Json entries = Json::object();
  for (const TextFile& file : files) {
    publish_file(r.folder / file.path, std::string_view(file.text));
    entries.add(file.path.string(), file.entries);
  }
  entries.add("tokenizer/tokenizer.json", write_tokenizer(r.folder / "tokenizer", rooms,
                                                          static_cast<std::size_t>(r.vocabulary)));
  const Json root = {{"schema", kSchema},
                     {"version", version()},
                     {"recipe", r.json()},
                     {"entries", std::move(entries)}};
  publish_file(r.folder / "dataset.json", std::string_view(root.dump(1) + "\n"));
}

constexpr auto kHelp =
    R"(Renders rooms of the study's world (vega-synth scene --study) as ScanNet scans and writes referring expressions,
captions and questions about them in the original annotation formats of ScanRefer, Multi3DRefer, Scan2Cap (ScanRefer's
captions), ScanQA, SQA3D and Nr3D, split by rooms. Every sentence is true of the room's geometry with a margin;
meanings.jsonl states what it means and whom, so that a program can check it. A referent has a distractor of its shape
and one of its colour. --vsi adds questions in the form of VSI-Bench, of all its tasks, and videos of the rooms,
--pictures such in the forms of CV-Bench and BLINK-spatial about pictures of the walks.
tokenizer/ is a byte-level BPE learnt from the other texts. Made again, the same options give the same bytes; rooms that
are there are kept.

Examples:
  vega-synth dataset -o data --rooms 20
  vega-synth model --preset vlm-tiny --tokenizer data/tokenizer -o models/vlm-tiny
  vega-synth dataset -o data --rooms 3 --frames 8 --size 96x72 --masks exact | vega-extract scene --list - -o scenes
  vega-synth dataset -o data --rooms 12 --frames 48 --vsi 4

See also: scene, model; vega-extract scene, vega-eval score; docs/dataset.md)";

}  // namespace

void DatasetOptions::visit(OptionVisitor& v) {
  v.text("-o,--out", out, "DIR", "folder of the data set (made); the `data` of Video-3D-LLM");
  v.integer("--rooms", rooms, "N", kDatasetRooms, "rooms in all");
  v.integer("--val", val, "N", {0, kDatasetRooms.most},
            "rooms of the val split; auto: a fifth, at least 1");
  v.integer("--test", test, "N", {0, kDatasetRooms.most},
            "rooms of the test split, which SQA3D alone has; auto: a fifth, at least 1");
  v.integer("--seed", seed, "N", {}, "seed of the rooms and of the texts");
  v.integer("--texts", texts, "N", kDatasetTexts, "texts of a benchmark about one room, at most");
  v.integer(
      "--vocabulary", vocabulary, "N", kVocabulary,
      "tokens of the tokeniser that is learnt from the texts, at most; control words besides");
  v.integer("--frames", frames, "N", kSceneFrames, "pictures of a room, spread over its walk");
  v.parsed("--size", size, "WxH", to_string(size), frame_size,
           "pixels of a picture, each side 16 to 8192");
  v.integer("--quality", quality, "Q", kSceneQuality, "JPEG quality");
  v.flag("--stacked", stacked, "some of the shapes stand on others");
  v.choice("--masks", masks, mask_noises(), "instance masks, of which the proposals are made");
  v.integer("--vsi", vsi, "N", kDatasetVsi,
            "questions of VSI-Bench's kind, at most, a question type and room, and a video of each "
            "room; 0: none");
  v.integer("--pictures", pictures, "N", kDatasetPictures,
            "questions of CV-Bench's and BLINK-spatial's kinds about pictures, at most, a task and "
            "room; 0: none");
  v.choice("--scanrefer", scanrefer, kScanReferTexts, "what ScanRefer's descriptions speak of");
  v.flag("--overwrite", overwrite,
         "replace a data set made with other options; rooms that stay the same are kept");
  run.visit(v, "write nothing; say which rooms are there and what would be made");
}

RunResult run_dataset(const DatasetOptions& options, const Context& context) {
  const Recipe recipe = resolve(options);
  if (options.run.dry_run) return say_what_would_be_done(recipe, options.run, context);
  const bool whole = dataset_complete(recipe);
  RunResult result = render_rooms(recipe, options.run, context);
  if (result.failed > 0) {
    log_error("{}: no texts were written, because {} failed", recipe.folder.string(),
              plural(static_cast<std::size_t>(result.failed), "room"));
    return result;
  }
  if (whole && result.done == 0) {
    log_info("{}: complete already", recipe.folder.string());
    return result;
  }
  write_texts(recipe);
  log_info("{}: texts written", recipe.folder.string());
  return result;
}

Verb dataset_verb() {
  return make_verb("dataset", "make rooms, and texts about them for every benchmark", kHelp,
                   run_dataset);
}

}  // namespace vega::synth
