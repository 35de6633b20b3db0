#include "tasks/picture_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/printable.h"
#include "base/text.h"
#include "tasks/json_list.h"
#include "tasks/picture_marks.h"
#include "tasks/vsi.h"

namespace vega::tasks {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kImage = "<image>", kVideo = "<video>";
constexpr auto kRecords = "a JSON list, or a line each, of {id, conversations, video or images}";
constexpr std::size_t kMostPictures = 4096, kMostTurns = 4096;

[[noreturn]] void refuse_member(const std::string& member, const std::string& got,
                                const std::string& expected, const std::string& remedy = {}) {
  throw FormatError(explain(member, got, expected, remedy));
}

std::string record_id(const Json& id) {
  if (const std::string* text = id.text()) return *text;
  const auto number = id.whole();
  return number ? std::to_string(*number) : std::string();
}

std::string media_path(const Json& json, const std::string& member) {
  const std::string* text = json.text();
  if (text == nullptr || text->empty()) refuse_member(member, shown(json), "a path");
  const fs::path path(*text);
  const bool leaves = std::ranges::any_of(path, [](const fs::path& part) { return part == ".."; });
  if (path.is_absolute() || leaves || text->find('\0') != text->npos)
    refuse_member(member, "'" + printable(*text, 80) + "'", "a path below the folder of media");
  // "walk/" and "./walk" are "walk".
  const fs::path plain = path.lexically_normal();
  return (plain.has_filename() ? plain : plain.parent_path()).string();
}

std::vector<std::string> pictures_in(const Json& record) {
  const char* member = record.contains("images") ? "images" : "image";
  const Json& list = record[member];
  if (!list.is_list() || list.size() == 0 || list.size() > kMostPictures)
    refuse_member(member, shown(list), "a list of paths, where there is no video");
  std::vector<std::string> out;
  for (std::size_t i = 0; i < list.size(); ++i)
    out.push_back(media_path(list[i], fmt::format("{}[{}]", member, i)));
  return out;
}

std::vector<PictureTurn> turns_in(const Json& list) {
  if (!list.is_list() || list.size() == 0 || list.size() > kMostTurns)
    refuse_member("conversations", shown(list), "a list of turns {from, value}");
  std::vector<PictureTurn> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json& turn = list[i];
    const std::string member = fmt::format("conversations[{}]", i);
    const bool roles = turn.contains("role") && turn.contains("content");
    const std::string who = turn[roles ? "role" : "from"].text_or("");
    const std::string* text = turn[roles ? "content" : "value"].text();
    const bool answers = who == "gpt" || who == "assistant";
    if (!answers && who != "human" && who != "user")
      refuse_member(member + (roles ? ".role" : ".from"), shown(turn[roles ? "role" : "from"]),
                    "human or gpt");
    if (text == nullptr)
      refuse_member(member + (roles ? ".content" : ".value"),
                    shown(turn[roles ? "content" : "value"]), "a text");
    out.push_back({answers, *text});
  }
  return out;
}

void replace_all(std::string& text, std::string_view word, const std::string& by) {
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + by.size()))
    text.replace(at, word.size(), by);
}

std::size_t count_of(const std::string& text, std::string_view word) {
  std::size_t out = 0;
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++out;
  return out;
}

// Gives the text of each record and its place.
template <typename Use>
void each_record(std::string_view text, const std::string& name, const Use& use) {
  const std::string_view words = trim(text);
  if (!words.starts_with('{')) {
    each_element(text, name, kRecords, [&](std::size_t index, std::string_view element) {
      use(fmt::format("{}: [{}]", name, index), element);
    });
    return;
  }
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    ++number;
    if (!line.empty()) use(fmt::format("{}, line {}", name, number), line);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
}

}  // namespace

PictureSample picture_sample_of(const Json& record, Task task) {
  if (!record.is_object()) refuse_member("record", shown(record), "a JSON object");
  PictureSample out;
  out.task = task;
  out.id = record_id(record["id"]);
  if (record.contains("video"))
    out.video = media_path(record["video"], "video");
  else
    out.pictures = pictures_in(record);
  out.turns = turns_in(record["conversations"]);
  out.whole = !out.turns.front().answers;
  if (!out.whole) out.turns.erase(out.turns.begin());
  if (std::ranges::none_of(out.turns, &PictureTurn::answers))
    refuse_member("conversations", "no answer", "one of gpt to learn, behind a question");
  const Json& info = record["spar_info"];
  if (info.is_null()) return out;
  if (!out.video.empty()) refuse_member("spar_info", "a record of a video", "one of pictures");
  out.marks = spar_marks(info, out.pictures.size());
  return out;
}

std::vector<PictureTurn> shown_turns(const PictureSample& sample, std::size_t pictures) {
  std::vector<PictureTurn> out = sample.turns;
  std::string none;
  std::string& first = sample.whole ? out.front().text : none;
  if (!sample.video.empty()) {
    std::string all;
    for (std::size_t n = 0; n < pictures; ++n) all += kImage;
    replace_all(first, kVideo, all);
  }
  replace_all(first, fmt::format("{}\n", kImage), std::string(kImage));
  std::size_t places = 0;
  for (const PictureTurn& turn : out)
    if (!turn.answers) places += count_of(turn.text, kImage);
  if (places != pictures)
    refuse_member(
        "conversations", fmt::format("{} <image> in the user's turns", places),
        fmt::format("{}, one for each picture", pictures),
        sample.video.empty() ? "" : "a question about a video has <video> in its first turn");
  return out;
}

PictureFile parse_picture_samples(std::string_view text, const std::string& name, Task task) {
  PictureFile out;
  std::size_t repaired = 0;
  each_record(text, name, [&](const std::string& place, std::string_view element) {
    std::string id;
    try {
      const Json record = parse_element(element, repaired);
      id = printable(record_id(record["id"]), 80);
      out.samples.push_back(picture_sample_of(record, task));
      out.samples.back().place = place;
    } catch (const FormatError& error) {
      out.bad.push_back({place, id, error.what()});
    }
  });
  if (!out.samples.empty()) return out;
  if (out.bad.empty()) throw FormatError(explain(name, "no record", kRecords));
  throw FormatError(
      explain(name, "not one record that can be trained on", kRecords,
              fmt::format("the first: {}: {}", out.bad.front().place, out.bad.front().why)));
}

PictureFile read_picture_samples(const fs::path& path, Task task) {
  const MappedFile file(path);
  return parse_picture_samples(file.text(), path.string(), task);
}

std::vector<std::int64_t> training_frames(std::int64_t total, double frames_per_s) {
  constexpr double kInterval = 2, kLeast = 4, kMost = 8;
  if (total < 1) throw InputError(explain("frames", std::to_string(total), "at least one"));
  if (!(frames_per_s > 0) || !std::isfinite(frames_per_s))
    throw InputError(explain("frames", fmt::format("{} a second", frames_per_s), "a rate above 0"));
  // Halves go to the even number, as Python rounds.
  const double wanted = std::nearbyint(static_cast<double>(total) / frames_per_s / kInterval);
  const auto count = static_cast<std::int64_t>(std::clamp(wanted, kLeast, kMost));
  return vsi_frames(total, count);
}

}  // namespace vega::tasks
