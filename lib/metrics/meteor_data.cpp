#include "metrics/meteor_data.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "text/unicode.h"

namespace vega::metrics {
namespace {

template <typename Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line);
  }
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == line.npos) return out;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find(' '), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

template <typename Number = std::int32_t>
Number number(std::string_view text, int base = 10) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (error != std::errc{} || end != text.data() + text.size())
    throw FormatError(explain("METEOR's word lists", "'" + std::string(text.substr(0, 40)) + "'",
                              "a whole number", "fetch the file again"));
  return out;
}

// Lines in pairs.
template <typename Use>
void each_pair(std::string_view text, Use use) {
  std::string_view first;
  bool have_first = false;
  each_line(text, [&](std::string_view line) {
    if (have_first) use(first, line);
    first = line;
    have_first = !have_first;
  });
}

void add_base_form(MeteorData& data, std::string_view form, std::string_view base) {
  data.exceptions[std::string(form)].emplace_back(base);
}

}  // namespace

MeteorData meteor_data(const MeteorJarText& text) {
  MeteorData out;
  each_line(text.function_words, [&](std::string_view line) {
    if (!line.empty()) out.function_words.insert(text::decode_utf8(line));
  });
  each_line(text.prefixes, [&](std::string_view line) {
    if (line.empty() || line.front() == '#') return;
    const auto words = words_of(line);
    auto& prefixes = line.find("#NUMERIC_ONLY#") == line.npos ? out.prefixes.always
                                                              : out.prefixes.before_numbers;
    prefixes.insert(text::decode_utf8(words.front()));
  });
  each_pair(text.synsets, [&](std::string_view word, std::string_view ids) {
    const std::uint32_t sets = out.synonym_sets.list(word);
    for (const std::string_view id : words_of(ids)) out.synonym_sets.add(sets, number(id));
  });
  each_pair(text.exceptions, [&](std::string_view base, std::string_view forms) {
    for (const std::string_view form : words_of(forms)) add_base_form(out, form, base);
  });
  return out;
}

void add_wordnet(const WordNetText& text, MeteorData& data) {
  const auto add = [&](const WordNetText::Part& part, auto shift) {
    each_line(part.data, [&](std::string_view line) {
      if (line.empty() || line.front() == ' ') return;  // the licence
      const auto words = words_of(line);
      if (words.size() < 4) return;
      const std::int32_t id = shift(number(words[0]));
      const auto count = static_cast<std::size_t>(number(words[3], 16));
      for (std::size_t w = 0; w < count && 4 + 2 * w < words.size(); ++w) {
        std::string lemma = text::lower(words[4 + 2 * w]);
        for (const std::string_view mark : {"(a)", "(p)", "(ip)"}) {
          if (lemma.ends_with(mark)) lemma.resize(lemma.size() - mark.size());
        }
        data.synonym_sets.add(data.synonym_sets.list(lemma), id);
      }
    });
    each_line(part.exceptions, [&](std::string_view line) {
      const auto words = words_of(line);
      for (std::size_t b = 1; b < words.size(); ++b) add_base_form(data, words[0], words[b]);
    });
  };
  const auto as_is = [](std::int32_t offset) { return offset; };
  add(text.noun, as_is);
  add(text.verb, [](std::int32_t offset) {
    return offset >= 613036 && offset < 2422967 ? offset - 18 : offset;
  });
  add(text.adjective, [](std::int32_t offset) { return offset >= 1681478 ? offset - 1 : offset; });
  add(text.adverb, as_is);
}

}  // namespace vega::metrics
