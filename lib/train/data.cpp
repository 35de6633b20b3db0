#include "train/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "metrics/boxes.h"
#include "store/features.h"
#include "train/scene_files.h"
#include "vlm/questions.h"
#include "vlm/train_sequence.h"
#include "vlm/visual.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr double kOverlap = 0.25;  // IoU from which a proposal stands for an annotated box
constexpr std::size_t kNamed = 5;  // scenes and questions that a message names

// Places of what a question means among the objects of its scene; nothing where one is not there.
std::optional<std::vector<std::int64_t>> positives_of(const tasks::Sample& sample,
                                                      const ScenePlace& scene, ObjectKind kind) {
  std::vector<std::int64_t> out;
  if (kind == ObjectKind::kGt) {
    for (const std::string& id : sample.object_ids) {
      const auto number = parse_whole(id);
      const auto found = std::ranges::find_if(
          scene.object_ids, [&](std::int32_t one) { return number && one == *number; });
      if (found == scene.object_ids.end()) return std::nullopt;
      out.push_back(found - scene.object_ids.begin());
    }
    return out;
  }
  for (const tasks::BoxNumbers& box : sample.boxes) {
    double most = kOverlap;
    std::int64_t best = -1;
    for (std::size_t i = 0; i < scene.boxes.size(); ++i) {
      tasks::BoxNumbers other{};
      std::ranges::copy(scene.boxes[i], other.begin());
      const double overlap = metrics::box_iou(box, other);
      if (overlap > most || (best < 0 && overlap == most)) most = overlap, best = std::int64_t(i);
    }
    if (best >= 0) out.push_back(best);
  }
  if (out.empty() && !sample.boxes.empty()) return std::nullopt;
  return out;
}

// Makes samples of questions, entry by entry.
class DataReading {
 public:
  DataReading(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint)
      : recipe_(recipe), checkpoint_(checkpoint) {
    vlm::PromptOptions how;
    how.control_words = recipe.model.switches.control_words;
    how.spatial_instruction = recipe.model.switches.spatial_instruction;
    prompts_.emplace(checkpoint.words(), checkpoint.config.control, how);
  }

  TrainingData read(const std::vector<MixtureEntry>& mixture) {
    std::vector<std::vector<tasks::Sample>> all;
    for (const MixtureEntry& entry : mixture) all.push_back(read_entry(entry));
    find_scenes(all);
    for (std::size_t e = 0; e < all.size(); ++e)
      for (const tasks::Sample& sample : all[e]) add(sample, e);
    check_samples(recipe_, out_, checkpoint_.config.most_tokens);
    out_.digest = digest_.hex();
    return std::move(out_);
  }

 private:
  std::vector<tasks::Sample> read_entry(const MixtureEntry& entry) {
    const std::string name = entry.annotations.string();
    if (tasks::is_conversation(entry.task))
      throw InputError(explain(name, "questions about pictures or videos",
                               "a Qwen2.5-VL, which is shown them, or questions about scans"));
    tasks::SampleFile file =
        tasks::read_samples(entry.annotations, entry.task, {.repeated_ids = true});
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
    for (std::size_t i = 0; i < std::min(kNamed, file.bad.size()); ++i)
      log_warn("{}: {}: left out", file.bad[i].place, file.bad[i].why);
    std::vector<tasks::Sample> out;
    for (const std::size_t i : taken(entry.share, file.samples.size(), recipe_.seed,
                                     entry.annotations.filename().string()))
      out.push_back(std::move(file.samples[i]));
    count.taken = static_cast<std::int64_t>(out.size());
    if (tasks::is_grounding(entry.task) && !checkpoint_.config.ground)
      throw InputError(explain(name, "questions of grounding", "a checkpoint with a grounding head",
                               "--ground-head infonce gives it one"));
    out_.entries.push_back(std::move(count));
    return out;
  }

  // Opens the files of all scenes that are asked about.
  void find_scenes(const std::vector<std::vector<tasks::Sample>>& all) {
    std::map<std::string, bool> keys;                // whether objects are needed
    std::map<std::string, std::int64_t> objects_of;  // up to the last one that is named
    for (const auto& samples : all)
      for (const tasks::Sample& sample : samples) {
        keys[sample.scene] = keys[sample.scene] || tasks::is_grounding(sample.task);
        for (const std::string& id : sample.object_ids)
          objects_of[sample.scene] =
              std::max(objects_of[sample.scene],
                       1 + std::clamp<std::int64_t>(parse_whole(id).value_or(0), 0, 1 << 16));
      }
    std::vector<std::string> missing;
    for (const auto& [key, objects] : keys) {
      check_stop();
      if (recipe_.assumed_frames > 0) {
        scenes_.emplace(key, out_.scenes.size());
        out_.scenes.push_back(assumed_scene(key, objects_of[key]));
        continue;
      }
      ScenePlace place = place_of(key, recipe_, checkpoint_, objects);
      if (const std::string lack = what_is_missing(place); !lack.empty()) {
        missing.push_back(lack);
        continue;
      }
      std::string keys = key;
      for (DataFile& file : read_headers(place, recipe_, checkpoint_, objects)) {
        keys += "\n" + file.key;
        out_.files.push_back(std::move(file));
      }
      digest_.field(keys);
      scenes_.emplace(key, out_.scenes.size());
      out_.scenes.push_back(std::move(place));
    }
    say_missing(recipe_, missing, keys.size(), "make them with vega-extract");
  }

  // Frames as assumed, and so many objects.
  ScenePlace assumed_scene(const std::string& key, std::int64_t objects) const {
    ScenePlace out;
    out.key = key;
    out.frames = recipe_.assumed_frames;
    for (std::int64_t id = 0; id < objects; ++id)
      out.object_ids.push_back(static_cast<std::int32_t>(id));
    out.boxes.resize(out.object_ids.size());
    return out;
  }

  void add(const tasks::Sample& sample, std::size_t entry) {
    EntryCount& count = out_.entries[entry];
    const auto scene = scenes_.find(sample.scene);
    if (scene == scenes_.end()) {
      ++count.no_scene;
      return;
    }
    DataSample out;
    out.scene = scene->second;
    out.entry = entry;
    const ScenePlace& place = out_.scenes[out.scene];
    const bool grounding = tasks::is_grounding(sample.task);
    if (grounding) {
      const bool assumed = recipe_.assumed_frames > 0;
      auto positives =
          positives_of(sample, place, assumed ? ObjectKind::kGt : recipe_.folders.objects);
      if (!positives) {
        ++count.no_object;
        name_left_out(sample, "its object is not among those of the scene file");
        return;
      }
      out.sample.positives = std::move(*positives);
    }
    if (!sample.has_truth || sample.no_proposal) {
      ++count.bad;
      name_left_out(sample, sample.no_proposal ? "its box_input is null, so that it names no place"
                                               : "it has no answer to learn");
      return;
    }
    try {
      vlm::Ask ask = vlm::ask_of(sample);
      out.sample.prompt = prompts_->training(ask.turn, recipe_.masking);
      out.sample.coords = std::move(ask.coords);
    } catch (const InputError& error) {
      ++count.bad;
      name_left_out(sample, error.what());
      return;
    }
    out.sample.id = sample.id_text;
    out.sample.task = sample.task;
    out.words = word_count(sample.user) + word_count(sample.answer);
    if (!measure(out, place, count)) return;
    ++count.samples;
    count.targets += out.targets;
    out_.samples.push_back(std::move(out));
  }

  // Counts tokens and targets; false where the sample is too long.
  bool measure(DataSample& out, const ScenePlace& place, EntryCount& count) const {
    const std::int64_t kept = recipe_.augment.frames;
    const std::int64_t frames = kept > 0 ? std::min(kept, place.frames) : place.frames;
    const std::int64_t visual = vlm::block_length(checkpoint_.config, frames);
    const std::int64_t most = checkpoint_.config.most_tokens;
    const vlm::TrainPrompt prompt = vlm::train_prompt(out.sample, true, checkpoint_.config.control);
    out.tokens = std::min(prompt.length(visual), most);
    out.targets = prompt.target_count(visual, most, checkpoint_.config.control.ground);
    if (prompt.length(visual) <= most) return out.targets > 0;
    const bool kept_cut = recipe_.model.switches.cut_prompts && out.targets > 0;
    ++(kept_cut ? count.cut : count.too_long);
    return kept_cut;
  }

  void name_left_out(const tasks::Sample& sample, const std::string& why) {
    if (++left_out_ <= kNamed) log_warn("{} {}: {}: left out", sample.scene, sample.id_text, why);
  }

  const Recipe& recipe_;
  const vlm::VlmCheckpoint& checkpoint_;
  std::optional<vlm::PromptMaker> prompts_;
  TrainingData out_;
  std::map<std::string, std::size_t> scenes_;
  std::size_t left_out_ = 0;
  Hasher digest_;
};

}  // namespace

std::int64_t word_count(const std::string& text) {
  std::istringstream words(text);
  std::int64_t out = 0;
  for (std::string word; words >> word;) ++out;
  return out;
}

void say_missing(const Recipe& recipe, const std::vector<std::string>& missing, std::size_t scenes,
                 const std::string& remedy) {
  if (missing.empty()) return;
  std::string first;
  for (std::size_t i = 0; i < std::min(kNamed, missing.size()); ++i) first += "\n  " + missing[i];
  const std::string what =
      fmt::format("files of {} of {} are missing", missing.size(), plural(scenes, "scene"));
  if (!recipe.skip_missing || missing.size() == scenes)
    throw InputError(explain(recipe.data.string(), what, "the files of every scene",
                             remedy + ", or leave these scenes out with --skip-missing") +
                     first);
  log_warn("{}; their questions are left out{}", what, first);
}

void check_samples(const Recipe& recipe, const TrainingData& data, std::int64_t most_tokens) {
  std::int64_t long_ones = 0;
  for (const EntryCount& count : data.entries) {
    long_ones += count.too_long;
    if (count.too_long > 0)
      log_warn("{}: {} longer than {} tokens: left out", count.entry.annotations.string(),
               plural(static_cast<std::size_t>(count.too_long), "sample"), most_tokens);
  }
  if (!data.samples.empty()) return;
  if (long_ones > 0)
    throw InputError(
        explain(recipe.data.string(),
                fmt::format("{} that are all longer than {} tokens",
                            plural(static_cast<std::size_t>(long_ones), "sample"), most_tokens),
                "samples within the limit", "raise --max-tokens, or extract fewer frames"));
  throw InputError(
      explain(recipe.data.string(), "no sample that can be trained on", "at least one"));
}

std::vector<SampledItem> TrainingData::items() const {
  std::vector<SampledItem> out;
  out.reserve(samples.size());
  for (const DataSample& one : samples) out.push_back({one.sample.task, one.words, one.scene});
  return out;
}

std::int64_t TrainingData::targets() const {
  std::int64_t out = 0;
  for (const EntryCount& entry : entries) out += entry.targets;
  return out;
}

std::vector<std::string> TrainingData::lines() const {
  std::vector<std::string> out;
  for (const EntryCount& c : entries) {
    std::string& line = out.emplace_back();
    line =
        fmt::format("{} ({}, {}): {} of {} questions train, {} target{}",
                    c.entry.annotations.filename().string(),
                    name_in<tasks::Task>(tasks::kTrainedTasks, c.entry.task), c.entry.share.text(),
                    c.samples, c.read, c.targets, c.targets == 1 ? "" : "s");
    const auto say = [&](std::int64_t count, const char* what) {
      if (count > 0) line += fmt::format("; {} {}", count, what);
    };
    say(c.too_long, "too long");
    say(c.cut, "cut");
    say(c.bad, "broken");
    say(c.no_object, "without their object");
    say(c.no_scene, "without files");
  }
  return out;
}

TrainingData read_data(const Recipe& recipe, const vlm::VlmCheckpoint& checkpoint) {
  return read_data(recipe, recipe.data, checkpoint);
}

TrainingData read_data(const Recipe& recipe, const fs::path& mixture,
                       const vlm::VlmCheckpoint& checkpoint) {
  return DataReading(recipe, checkpoint).read(read_mixture(mixture));
}

}  // namespace vega::train
