#include "metrics/meteor_data.h"

#include <charconv>

#include "base/error.h"
#include "text/lines.h"
#include "text/unicode.h"

namespace vega::metrics {
namespace {

template <typename Number = std::int32_t>
Number number(std::string_view digits, int base = 10) {
  Number out = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), out, base);
  if (error != std::errc{} || end != digits.data() + digits.size())
    throw FormatError(explain("METEOR's word lists", "'" + std::string(digits.substr(0, 40)) + "'",
                              "a whole number", "fetch the file again"));
  return out;
}

// Lines in pairs.
template <typename Use>
void each_pair(std::string_view lines, Use use) {
  std::string_view first;
  bool have_first = false;
  text::each_line(lines, [&](std::string_view line, std::size_t) {
    if (have_first) use(first, line);
    first = line;
    have_first = !have_first;
  });
}

void add_base_form(MeteorData& data, std::string_view form, std::string_view base) {
  data.exceptions[std::string(form)].emplace_back(base);
}

}  // namespace

MeteorData meteor_data(const MeteorJarText& jar) {
  MeteorData out;
  text::each_line(jar.function_words, [&](std::string_view line, std::size_t) {
    if (!line.empty()) out.function_words.insert(text::decode_utf8(line));
  });
  text::each_line(jar.prefixes, [&](std::string_view line, std::size_t) {
    if (line.empty() || line.front() == '#') return;
    const auto words = text::blank_words(line);
    auto& prefixes = line.find("#NUMERIC_ONLY#") == line.npos ? out.prefixes.always
                                                              : out.prefixes.before_numbers;
    prefixes.insert(text::decode_utf8(words.front()));
  });
  each_pair(jar.synsets, [&](std::string_view word, std::string_view ids) {
    const std::uint32_t sets = out.synonym_sets.list(word);
    for (const std::string_view id : text::blank_words(ids)) out.synonym_sets.add(sets, number(id));
  });
  each_pair(jar.exceptions, [&](std::string_view base, std::string_view forms) {
    for (const std::string_view form : text::blank_words(forms)) add_base_form(out, form, base);
  });
  return out;
}

void add_wordnet(const WordNetText& wordnet, MeteorData& data) {
  const auto add = [&](const WordNetText::Part& part, auto shift) {
    text::each_line(part.data, [&](std::string_view line, std::size_t) {
      if (line.empty() || line.front() == ' ') return;  // the licence
      const auto words = text::blank_words(line);
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
    text::each_line(part.exceptions, [&](std::string_view line, std::size_t) {
      const auto words = text::blank_words(line);
      for (std::size_t b = 1; b < words.size(); ++b) add_base_form(data, words[0], words[b]);
    });
  };
  const auto as_is = [](std::int32_t offset) { return offset; };
  add(wordnet.noun, as_is);
  add(wordnet.verb, [](std::int32_t offset) {
    return offset >= 613036 && offset < 2422967 ? offset - 18 : offset;
  });
  add(wordnet.adjective,
      [](std::int32_t offset) { return offset >= 1681478 ? offset - 1 : offset; });
  add(wordnet.adverb, as_is);
}

}  // namespace vega::metrics
