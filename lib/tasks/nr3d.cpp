#include "tasks/nr3d.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace vega::tasks {
namespace {

std::optional<std::int64_t> whole(std::string_view text) {
  const auto out = parse_whole(text);
  return out && *out >= 0 ? out : std::nullopt;
}

}  // namespace

std::optional<Nr3dStimulus> nr3d_stimulus(std::string_view text) {
  std::vector<std::string_view> part;
  while (part.size() < 4) {
    const std::size_t end = text.find('-');
    part.push_back(text.substr(0, end));
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
    if (part.size() == 4) part.push_back(text);
  }
  if (part.size() < 4 || part[0].empty() || part[1].empty()) return std::nullopt;
  Nr3dStimulus out;
  out.scan = part[0];
  out.label = part[1];
  std::replace(out.label.begin(), out.label.end(), '_', ' ');
  const auto objects = whole(part[2]), target = whole(part[3]);
  if (!objects || !target || *objects < 1) return std::nullopt;
  out.objects = *objects;
  out.target = *target;
  std::string_view rest = part.size() > 4 ? part[4] : std::string_view{};
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('-'), rest.size());
    const auto id = whole(rest.substr(0, end));
    if (!id) return std::nullopt;
    out.distractors.push_back(*id);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (static_cast<std::int64_t>(out.distractors.size()) != out.objects - 1) return std::nullopt;
  return out;
}

std::optional<std::vector<std::string>> python_words(std::string_view literal) {
  std::size_t i = 0;
  const auto blanks = [&] {
    while (i < literal.size() && (literal[i] == ' ' || literal[i] == '\t')) ++i;
  };
  const auto take = [&](char c) {
    blanks();
    if (i >= literal.size() || literal[i] != c) return false;
    ++i;
    return true;
  };
  if (!take('[')) return std::nullopt;
  std::vector<std::string> out;
  if (take(']')) return out;
  for (;;) {
    blanks();
    if (i >= literal.size() || (literal[i] != '\'' && literal[i] != '"')) return std::nullopt;
    const char mark = literal[i++];
    std::string word;
    while (i < literal.size() && literal[i] != mark) {
      if (literal[i] == '\\' && i + 1 < literal.size()) ++i;
      word += literal[i++];
    }
    if (i == literal.size()) return std::nullopt;
    ++i;
    out.push_back(std::move(word));
    if (take(']')) return out;
    if (!take(',')) return std::nullopt;
    if (take(']')) return out;
  }
}

bool nr3d_view_dependent(const std::vector<std::string>& words) {
  static constexpr std::array<std::string_view, 10> kWords = {
      "front",  "behind",   "back",      "right",   "left",
      "facing", "leftmost", "rightmost", "looking", "across"};
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  });
}

}  // namespace vega::tasks
