#include "train/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "train/order.h"

namespace vega::train {
namespace fs = std::filesystem;
namespace {

constexpr auto kYamlForm =
    "datasets:, and below it  - json_path: FILE  and  sampling_strategy: all";
constexpr auto kShareForm = "all, first:N, end:N or random:N; N may be 10%";

// A name in a mixture: as it is, or seen from the mixture's folder.
fs::path found(const fs::path& mixture, const std::string& name, const std::string& where) {
  const fs::path beside = mixture.parent_path() / name;
  for (const fs::path& path : {beside, fs::path(name)})
    if (fs::is_regular_file(path)) return path;
  throw InputError(explain(where, "no such file: '" + name + "'",
                           "annotations, looked for as " + beside.string(),
                           "vega-eval prepare or vega-synth dataset makes them"));
}

// The task that the questions of a file name: metadata.dataset of the first one.
tasks::Task named_task(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string head(std::size_t{1} << 20, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  std::string_view rest = head;
  const auto key = rest.find("\"dataset\"");
  rest = key == rest.npos ? std::string_view() : rest.substr(key + 9);
  const auto open = rest.find('"');
  const auto close = open == rest.npos ? open : rest.find('"', open + 1);
  const std::string_view name =
      close == rest.npos ? std::string_view() : rest.substr(open + 1, close - open - 1);
  for (const auto& one : tasks::kScanTasks)
    if (tasks::dataset_name(one.value) == name || one.name == name) return one.value;
  throw FormatError(explain(
      path.string(), name.empty() ? "no metadata.dataset" : "dataset '" + std::string(name) + "'",
      listed<tasks::Task>(tasks::kScanTasks, ", "),
      "write the mixture as JSON: [{\"annotations\": FILE, \"task\": TASK}]"));
}

Share share_of(const Json& count, const std::string& where) {
  if (count.is_null()) return {};
  if (const std::string* text = count.text()) return parse_share(*text, where);
  const auto whole = count.whole();
  if (!whole || *whole < 1)
    throw FormatError(explain(where, shown(count), std::string("a number from 1, ") + kShareForm));
  return {Share::Kind::kFirst, *whole, false};
}

// The folder of pictures and videos, as it is or seen from the mixture's folder.
fs::path media_of(const fs::path& mixture, const Json& media, const MixtureEntry& entry,
                  const std::string& where) {
  const std::string* name = media.text();
  const bool shows = tasks::is_conversation(entry.task);
  if (!shows && !media.is_null())
    throw FormatError(explain(where, shown(media), "no media, for questions about scans"));
  if (!shows) return {};
  if (media.is_null()) return entry.annotations.parent_path();
  const fs::path beside = mixture.parent_path() / (name == nullptr ? "" : *name);
  for (const fs::path& path : {beside, fs::path(name == nullptr ? "" : *name)})
    if (name != nullptr && fs::is_directory(path)) return path;
  throw InputError(explain(where,
                           name == nullptr ? shown(media) : "no such folder: '" + *name + "'",
                           "the folder of pictures and videos, looked for as " + beside.string()));
}

std::vector<MixtureEntry> read_json_form(const fs::path& path, const std::string& text) {
  const Json list = parse_json(text, {path.string(), "a mixture"});
  if (!list.is_list())
    throw FormatError(explain(path.string(), shown(list),
                              "a list [{\"annotations\": FILE, \"task\": TASK, \"count\": N}]"));
  std::vector<MixtureEntry> out;
  for (std::size_t i = 0; i < list.elements().size(); ++i) {
    const Json& entry = list.elements()[i];
    const std::string where = fmt::format("{}: [{}]", path.string(), i);
    for (const JsonMember& member : entry.members())
      if (member.name != "annotations" && member.name != "task" && member.name != "count" &&
          member.name != "media")
        throw FormatError(
            explain(where, "'" + member.name + "'", "annotations, task, count and media alone"));
    const std::string* file = entry["annotations"].text();
    if (file == nullptr)
      throw FormatError(explain(where + ".annotations", shown(entry["annotations"]), "a file"));
    MixtureEntry one;
    one.annotations = found(path, *file, where + ".annotations");
    one.share = share_of(entry["count"], where + ".count");
    const auto task = find_choice<tasks::Task>(tasks::kTrainedTasks, entry["task"].text_or(""));
    if (!task && !entry["task"].is_null())
      throw FormatError(explain(where + ".task", shown(entry["task"]),
                                listed<tasks::Task>(tasks::kTrainedTasks, ", ")));
    one.task = task ? *task : named_task(one.annotations);
    one.media = media_of(path, entry["media"], one, where + ".media");
    out.push_back(std::move(one));
  }
  return out;
}

// A line of the YAML form without its comment.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (i == 0 || line[i - 1] == ' ')) return line.substr(0, i);
  return line;
}

std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.back() == value.front())
    value = value.substr(1, value.size() - 2);
  return std::string(value);
}

class YamlForm {
 public:
  YamlForm(const fs::path& path, const std::string& text) : path_(path), text_(text) {}

  std::vector<MixtureEntry> read() {
    std::string_view rest = text_;
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      ++number_;
      take(rest.substr(0, end));
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    finish_entry();
    return std::move(out_);
  }

 private:
  std::string where() const { return fmt::format("{}, line {}", path_.string(), number_); }
  [[noreturn]] void refuse(std::string_view got) const {
    throw FormatError(explain(where(), "'" + std::string(got) + "'", kYamlForm,
                              "vega reads this form of YAML alone; a mixture may also be JSON"));
  }

  void take(std::string_view line) {
    line = without_comment(line);
    std::string_view words = trim(line);
    if (words.empty() || words == "---") return;
    if (!begun_) {
      if (line.front() == ' ' || words != "datasets:") refuse(words);
      begun_ = true;
      return;
    }
    if (words == "-" || words.starts_with("- ")) {
      finish_entry();
      open_ = true;
      words = trim(words.substr(1));
      if (words.empty()) return;
    } else if (!open_ || line.front() != ' ') {
      refuse(words);
    }
    const auto colon = words.find(':');
    if (colon == words.npos) refuse(words);
    const std::string_view key = words.substr(0, colon);
    const std::string value = unquoted(trim(words.substr(colon + 1)));
    if (value.empty()) refuse(words);
    if (key == "json_path" && !file_)
      file_ = value, file_place_ = where();
    else if (key == "sampling_strategy" && !share_)
      share_ = parse_share(value, where());
    else
      refuse(words);
  }

  void finish_entry() {
    if (!open_) return;
    if (!file_) throw FormatError(explain(where(), "an entry without json_path", kYamlForm));
    MixtureEntry one;
    one.annotations = found(path_, *file_, file_place_);
    one.task = named_task(one.annotations);
    one.share = share_.value_or(Share{});
    out_.push_back(std::move(one));
    file_.reset();
    share_.reset();
    open_ = false;
  }

  const fs::path& path_;
  const std::string& text_;
  std::vector<MixtureEntry> out_;
  std::optional<std::string> file_;
  std::optional<Share> share_;
  std::string file_place_;
  int number_ = 0;
  bool begun_ = false, open_ = false;
};

}  // namespace

std::string Share::text() const {
  const char* word = kind == Kind::kFirst ? "first" : kind == Kind::kEnd ? "end" : "random";
  return kind == Kind::kAll ? "all" : fmt::format("{}:{}{}", word, count, percent ? "%" : "");
}

Share parse_share(const std::string& text, const std::string& where) {
  if (text == "all") return {};
  const auto colon = text.find(':');
  const std::string word = text.substr(0, colon);
  Share out;
  out.kind = word == "first" ? Share::Kind::kFirst
             : word == "end" ? Share::Kind::kEnd
                             : Share::Kind::kRandom;
  const bool known = word == "first" || word == "end" || word == "random";
  std::string number = colon == text.npos ? "" : text.substr(colon + 1);
  out.percent = number.ends_with('%');
  if (out.percent) number.pop_back();
  const auto count = parse_whole(number);
  if (!known || !count || *count < 1 || (out.percent && *count > 100))
    throw FormatError(explain(where, "'" + text + "'", kShareForm));
  out.count = *count;
  return out;
}

std::vector<std::size_t> taken(const Share& share, std::size_t count, std::uint64_t seed,
                               const std::string& name) {
  std::vector<std::size_t> all(count);
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (share.kind == Share::Kind::kAll) return all;
  auto most = static_cast<std::size_t>(share.count);
  if (share.percent) most = (count * most + 99) / 100;
  most = std::min(most, count);
  if (share.kind == Share::Kind::kRandom) shuffle(all, seed, 0, "train/mixture/" + name);
  const auto size = static_cast<std::ptrdiff_t>(most);
  if (share.kind == Share::Kind::kEnd)
    all.erase(all.begin(), all.end() - size);
  else
    all.resize(most);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<MixtureEntry> read_mixture(const fs::path& path) {
  const std::string text = read_text(path, "a mixture of annotations");
  const std::string_view words = trim(text);
  std::vector<MixtureEntry> out = words.starts_with('[') || words.starts_with('{')
                                      ? read_json_form(path, text)
                                      : YamlForm(path, text).read();
  if (out.empty())
    throw FormatError(explain(path.string(), "no annotations", "at least one entry", kYamlForm));
  return out;
}

}  // namespace vega::train
