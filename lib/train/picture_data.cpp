#include "train/picture_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "media/decode.h"
#include "media/view.h"
#include "scene/picture_names.h"
#include "train/stored_pictures.h"
#include "vlm/picture_prompt.h"
#include "vlm/train_sequence.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

using qwen2_5_vl::kCell;

constexpr std::size_t kNamedRecords = 5;      // that messages name
constexpr ImageSize kAssumedSize{640, 480};   // of a plan without files
constexpr std::size_t kHeadBytes = 64 << 10;  // in which most pictures say their size

std::string number_hex(const Hasher& hasher) { return hasher.hex().substr(0, 12); }

ImageSize size_of_picture(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::byte> head(kHeadBytes);
  in.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  const bool whole = head.size() < kHeadBytes;
  try {
    return image_size(head, path.string());
  } catch (const FormatError&) {
    if (whole) throw;
  }
  return image_size(read_file(path), path.string());
}

// Files of a folder of frames, by name.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file()) out.push_back(entry.path());
  std::ranges::sort(out, {}, [](const fs::path& path) { return path.filename().native(); });
  if (out.empty())
    throw InputError(explain(folder.string(), "an empty folder", "the frames of a video"));
  return out;
}

// The numbers of the frames of a folder, as vega-extract has them.
std::map<std::string, std::int64_t> ids_of(const std::vector<fs::path>& files) {
  std::vector<std::string> names;
  for (const fs::path& path : files) names.push_back(path.filename().string());
  std::map<std::string, std::int64_t> out;
  for (const NamedPicture& one : order_pictures(std::move(names)).pictures)
    out.emplace(one.name, one.id);
  return out;
}

// Rows and columns of tokens of a picture of this size.
std::array<std::int64_t, 2> grid_of(ImageSize size, const qwen2_5_vl::PixelBounds& bounds) {
  const ImageSize shown = qwen2_5_vl::smart_resize(plan_spatial(size).cut, bounds);
  return {shown.height / kCell, shown.width / kCell};
}

std::string key_of_pictures(const tasks::PictureSample& sample) {
  Hasher digest;
  for (const std::string& picture : sample.pictures) digest.field(picture);
  for (const tasks::PictureMark& mark : sample.marks) {
    digest.field(
        fmt::format("{} {} {} {} {}", mark.kind == tasks::PictureMark::Kind::kDisc, mark.picture,
                    mark.color[0], mark.color[1], mark.color[2]) +
        fmt::format(" {} {} {} {}", mark.place[0], mark.place[1], mark.place[2], mark.place[3]));
    if (mark.style != tasks::PictureMark::Style::kPlain)
      digest.field(fmt::format("{} {}", static_cast<int>(mark.style), mark.label));
  }
  return fmt::format("{}#{}", sample.pictures.front(), number_hex(digest));
}

// A scene's place on its way, with the sizes of the files that it is made of.
struct LookedAt {
  ScenePlace place;
  std::vector<std::uintmax_t> bytes;
  std::vector<DataFile> stored;  // what was made of it
};

class PictureReading {
 public:
  PictureReading(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint,
                 const VideoAccess& videos)
      : recipe_(recipe), checkpoint_(checkpoint), videos_(videos), stored_(recipe, checkpoint) {}

  TrainingData read(const std::vector<MixtureEntry>& mixture) {
    std::vector<std::vector<tasks::PictureSample>> all;
    for (const MixtureEntry& entry : mixture) all.push_back(read_entry(entry));
    find_scenes(mixture, all);
    for (std::size_t e = 0; e < all.size(); ++e)
      for (const tasks::PictureSample& sample : all[e]) add(mixture[e], sample, e);
    if (left_out_ > kNamedRecords)
      log_warn("{} more records are left out", left_out_ - kNamedRecords);
    check_samples(recipe_, out_, checkpoint_.config.most_tokens);
    out_.digest = digest_.hex();
    return std::move(out_);
  }

 private:
  std::vector<tasks::PictureSample> read_entry(const MixtureEntry& entry) {
    if (!tasks::is_conversation(entry.task))
      throw InputError(explain(entry.annotations.string(), "questions about scans",
                               "those about pictures or videos (spar, llava-hound), which a "
                               "Qwen2.5-VL is trained on"));
    tasks::PictureFile file = tasks::read_picture_samples(entry.annotations, entry.task);
    const std::string key =
        xxh3_hex(read_text(entry.annotations, "annotations", std::size_t{8} << 30));
    digest_.field(key);
    out_.files.push_back(
        data_file("annotations", std::to_string(out_.entries.size() + 1), entry.annotations, key));
    digest_.field(entry.share.text());
    digest_.field(std::string(name_in<tasks::Task>(tasks::kTrainedTasks, entry.task)));
    EntryCount count;
    count.entry = entry;
    count.bad = static_cast<std::int64_t>(file.bad.size());
    count.read = static_cast<std::int64_t>(file.samples.size()) + count.bad;
    for (const tasks::BadSample& bad : file.bad) name_left_out(bad.place, bad.why);
    std::vector<tasks::PictureSample> out;
    for (const std::size_t i : taken(entry.share, file.samples.size(), recipe_.seed,
                                     entry.annotations.filename().string()))
      out.push_back(std::move(file.samples[i]));
    count.taken = static_cast<std::int64_t>(out.size());
    out_.entries.push_back(std::move(count));
    return out;
  }

  static std::string key_of(const tasks::PictureSample& sample) {
    return sample.video.empty() ? key_of_pictures(sample) : sample.video;
  }
  // Two files may name one scene below two folders of media.
  static std::string place_key(const MixtureEntry& entry, const tasks::PictureSample& sample) {
    return fmt::format("{}\n{}", entry.media.string(), key_of(sample));
  }

  void find_scenes(const std::vector<MixtureEntry>& mixture,
                   const std::vector<std::vector<tasks::PictureSample>>& all) {
    std::vector<std::string> missing;
    std::set<std::string> broken;
    for (std::size_t e = 0; e < all.size(); ++e)
      for (const tasks::PictureSample& sample : all[e]) {
        check_stop();
        const std::string key = place_key(mixture[e], sample);
        if (scenes_.contains(key) || broken.contains(key)) continue;
        LookedAt found;
        try {
          found = look(mixture[e].media, sample);
          require_stored(found.place);
        } catch (const InputError& error) {
          broken.insert(key);
          missing.push_back(fmt::format("{}: {}", sample.place, error.what()));
          continue;
        }
        take_stored(found);
        // Noise and what was seen go by the key.
        if (!keys_.insert(found.place.key).second) {
          found.place.key += "@" + mixture[e].media.string();
          keys_.insert(found.place.key);
        }
        note_files(found);
        scenes_.emplace(key, out_.scenes.size());
        out_.scenes.push_back(std::move(found.place));
      }
    say_missing(recipe_, missing, scenes_.size() + broken.size(),
                "unpack the data set below its folder of media");
  }

  void require_stored(const ScenePlace& place) const {
    for (const fs::path& file : {place.semantic, place.generative})
      if (!file.empty() && recipe_.assumed_frames == 0 && !fs::is_regular_file(file))
        throw InputError(explain(file.string(), "no such file", "the features of " + place.key,
                                 "vega-extract features makes them"));
  }

  // Features go by a video's own name, without its folders.
  void take_stored(LookedAt& found) {
    const ScenePlace& place = found.place;
    for (const fs::path& file : {place.semantic, place.generative}) {
      if (file.empty()) continue;
      const auto [at, fresh] = features_.emplace(file.native(), place.key);
      if (!fresh)
        throw InputError(explain(file.string(),
                                 "the features of two videos: " + at->second + " and " + place.key,
                                 "a file for each", "give the videos different names"));
    }
    if (recipe_.assumed_frames == 0) found.stored = stored_.look(place);
  }

  void note_files(const LookedAt& found) {
    Hasher digest;
    std::uintmax_t all = 0;
    for (const std::uintmax_t bytes : found.bytes) {
      digest.field(std::to_string(bytes));
      all += bytes;
    }
    const ScenePlace& place = found.place;
    digest_.field(place.key);
    if (found.bytes.empty()) return;  // of a plan
    digest_.field(digest.hex());
    for (const DataFile& file : found.stored) {
      digest_.field(file.kind).field(file.key);
      out_.files.push_back(file);
    }
    const bool video = !place.video.empty();
    out_.files.push_back({video ? "video" : "pictures", place.key,
                          video ? place.video : place.pictures.front(), digest.hex(),
                          static_cast<std::int64_t>(all), 0});
  }

  LookedAt look(const fs::path& media, const tasks::PictureSample& sample) const {
    LookedAt out;
    ScenePlace& place = out.place;
    place.key = key_of(sample);
    place.marks = sample.marks;
    ImageSize size = kAssumedSize;
    if (recipe_.assumed_frames > 0) {
      const std::int64_t count = sample.video.empty()
                                     ? static_cast<std::int64_t>(sample.pictures.size())
                                     : recipe_.assumed_frames;
      for (std::int64_t n = 0; n < count; ++n) place.frame_ids.push_back(n);
    } else if (sample.video.empty()) {
      for (const std::string& name : sample.pictures) place.pictures.push_back(media / name);
      for (std::size_t n = 0; n < place.pictures.size(); ++n)
        place.frame_ids.push_back(static_cast<std::int64_t>(n));
      size = common_size(place.pictures, out.bytes);
    } else if (fs::is_directory(media / sample.video)) {
      const std::vector<fs::path> all = files_in(media / sample.video);
      const auto ids = ids_of(all);
      for (const std::int64_t n : tasks::training_frames(std::ssize(all), 1)) {
        place.pictures.push_back(all[static_cast<std::size_t>(n)]);
        place.frame_ids.push_back(ids.at(place.pictures.back().filename().string()));
      }
      size = common_size(place.pictures, out.bytes);
    } else {
      size = look_at_video(media / sample.video, out);
    }
    place.frames = std::ssize(place.frame_ids);
    place.grid = grid_of(size, checkpoint_.pictures->rule.bounds);
    place.picture_tokens = place.grid[0] * place.grid[1];
    if (!sample.video.empty()) stored_.name_files(media / sample.video, place);
    return out;
  }

  ImageSize look_at_video(const fs::path& path, LookedAt& out) const {
    if (!fs::is_regular_file(path) || fs::file_size(path) == 0)
      throw InputError(explain(path.string(), fs::exists(path) ? "an empty file" : "no such file",
                               "a video, or a folder of its frames"));
    if (!videos_.look)
      throw InputError(explain(path.string(), "a video", "a folder of its frames",
                               "this program is built without videos"));
    const VideoLook seen = videos_.look(path);
    out.place.video = path;
    out.place.frame_ids = tasks::training_frames(seen.frames, seen.frames_per_s);
    out.bytes.push_back(fs::file_size(path));
    return seen.size;
  }

  // All pictures of a record give tokens of one grid: the release stacks them.
  ImageSize common_size(const std::vector<fs::path>& paths,
                        std::vector<std::uintmax_t>& bytes) const {
    const qwen2_5_vl::PixelBounds& bounds = checkpoint_.pictures->rule.bounds;
    std::optional<ImageSize> first;
    for (const fs::path& path : paths) {
      if (!fs::is_regular_file(path))
        throw InputError(explain(path.string(), "no such file", "a picture"));
      bytes.push_back(fs::file_size(path));
      const ImageSize size = size_of_picture(path);
      if (!first) first = size;
      if (grid_of(size, bounds) != grid_of(*first, bounds))
        throw InputError(explain(path.string(), to_string(size),
                                 fmt::format("pictures of one shape, {} as the first of the record",
                                             to_string(*first))));
    }
    return first.value_or(kAssumedSize);
  }

  void add(const MixtureEntry& entry, const tasks::PictureSample& sample, std::size_t number) {
    EntryCount& count = out_.entries[number];
    const auto scene = scenes_.find(place_key(entry, sample));
    if (scene == scenes_.end()) {
      ++count.no_scene;
      return;
    }
    const ScenePlace& place = out_.scenes[scene->second];
    DataSample out;
    out.scene = scene->second;
    out.entry = number;
    out.sample.task = sample.task;
    out.sample.id = sample.id.empty() ? sample.place : sample.id;
    try {
      const auto turns = tasks::shown_turns(sample, place.frame_ids.size());
      for (const tasks::PictureTurn& turn : turns) out.words += word_count(turn.text);
      out.sample.prompt = vlm::picture_prompt(
          checkpoint_.words(), turns, recipe_.model.switches.control_words, recipe_.masking);
    } catch (const InputError& error) {
      ++count.bad;
      name_left_out(sample.place, error.what());
      return;
    }
    if (!measure(out, place, count)) return;
    ++count.samples;
    count.targets += out.targets;
    out_.samples.push_back(std::move(out));
  }

  // Counts tokens and targets; false where the sample is too long. A cut within the pictures
  // leaves no target.
  bool measure(DataSample& out, const ScenePlace& place, EntryCount& count) const {
    const std::int64_t most = checkpoint_.config.most_tokens;
    const vlm::TrainPrompt prompt = vlm::train_prompt(out.sample, true, checkpoint_.config.control);
    const std::int64_t length = prompt.length(place.picture_tokens);
    out.tokens = std::min(length, most);
    out.targets = prompt.target_count(place.picture_tokens, most, {});
    if (length <= most) return out.targets > 0;
    const bool kept_cut = recipe_.model.switches.cut_prompts && out.targets > 0;
    ++(kept_cut ? count.cut : count.too_long);
    return kept_cut;
  }

  void name_left_out(const std::string& place, const std::string& why) {
    if (++left_out_ <= kNamedRecords) log_warn("{}: {}: left out", place, why);
  }

  const Recipe& recipe_;
  const vlm::VlmCheckpoint& checkpoint_;
  const VideoAccess& videos_;
  StoredPictures stored_;
  TrainingData out_;
  std::map<std::string, std::size_t> scenes_;    // by place_key
  std::set<std::string> keys_;                   // of the scenes
  std::map<std::string, std::string> features_;  // files of scenes: whose they are
  std::size_t left_out_ = 0;
  Hasher digest_;
};

}  // namespace

TrainingData read_picture_data(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint,
                               const VideoAccess& videos) {
  return PictureReading(recipe, checkpoint, videos).read(read_mixture(recipe.data));
}

}  // namespace vega::train
