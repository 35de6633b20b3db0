#include "base/text.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"

namespace vega {

std::string_view strip_bom(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::optional<double> parse_double(std::string_view word) {
  if (word.starts_with('+')) word.remove_prefix(1);
  double value = 0;
  const auto [at, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (word.empty() || word.starts_with('+') || code != std::errc{} ||
      at != word.data() + word.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> parse_whole(std::string_view word) {
  std::int64_t value = 0;
  const auto [at, code] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (code != std::errc{} || at != word.data() + word.size()) return std::nullopt;
  return value;
}

std::string plural(std::size_t count, std::string_view noun) {
  const bool hiss = noun.ends_with('s') || noun.ends_with("ch") || noun.ends_with("sh");
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : hiss ? "es" : "s");
}

std::string bytes_text(double bytes) {
  if (!std::isfinite(bytes)) return "?";
  for (const auto& [unit, name] : {std::pair{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}}) {
    if (bytes >= unit)
      return fmt::format("{:.{}f} {}", bytes / unit, bytes < 99.5 * unit ? 1 : 0, name);
  }
  return fmt::format("{:.0f} kB", std::ceil(bytes / 1e3));
}

std::string read_text(const std::filesystem::path& path, std::string_view expected,
                      std::size_t most) {
  std::error_code code;
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path, code)) {
    throw InputError(
        explain(path.string(), file ? "a folder" : "a file that cannot be read", expected));
  }
  std::string text;
  char piece[4096];
  while (text.size() <= most && (file.read(piece, sizeof piece) || file.gcount() > 0))
    text.append(piece, static_cast<std::size_t>(file.gcount()));
  if (text.size() > most) {
    throw FormatError(explain(path.string(), "more than " + std::to_string(most) + " bytes",
                              expected, "check the path"));
  }
  require_text(path.string(), text, expected);
  return std::string(strip_bom(text));
}

}  // namespace vega
