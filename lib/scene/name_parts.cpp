#include "scene/name_parts.h"

#include <algorithm>

namespace vega::detail {

Stem cut(const std::string& stem) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  Stem out;
  out.texts.emplace_back();
  for (std::size_t i = 0; i < stem.size(); ++i) {
    const bool digit = is_digit(stem[i]);
    if (digit && (i == 0 || !is_digit(stem[i - 1]))) {
      out.runs.emplace_back();
      out.texts.emplace_back();
    }
    (digit ? out.runs.back() : out.texts.back()) += stem[i];
  }
  return out;
}

bool have_one_form(const std::vector<Stem>& stems) {
  return std::all_of(stems.begin(), stems.end(),
                     [&](const Stem& stem) { return stem.texts == stems[0].texts; });
}

std::string_view significant(std::string_view run) {
  const auto first = run.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view() : run.substr(first);
}

int compare(std::string_view a, std::string_view b) {
  a = significant(a), b = significant(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a < b ? -1 : a == b ? 0 : 1;
}

bool complete_copies(std::vector<Stem>& stems) {
  const auto fewer = [](const Stem& a, const Stem& b) { return a.runs.size() < b.runs.size(); };
  const auto [shorter, longer] = std::minmax_element(stems.begin(), stems.end(), fewer);
  if (shorter == stems.end()) return false;
  const std::size_t last = shorter->runs.size();
  const std::vector<std::string> whole = longer->texts, own = shorter->texts;
  if (longer->runs.size() != last + 1 || !whole[last].starts_with(own[last])) return false;
  if (!std::equal(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(last), whole.begin()))
    return false;
  const bool fit = std::all_of(stems.begin(), stems.end(), [&](const Stem& stem) {
    return stem.texts == (stem.runs.size() == last ? own : whole);
  });
  if (!fit) return false;
  for (Stem& stem : stems) {
    if (stem.runs.size() > last) continue;
    stem.texts = whole;
    stem.runs.emplace_back("0");
  }
  return true;
}

}  // namespace vega::detail
