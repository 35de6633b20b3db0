#include "text/ptb_tokenizer.h"

#include <catch2/catch.hpp>

#include "support/support.h"

using namespace vega;

namespace {

std::string joined(const std::vector<std::string>& tokens) {
  std::string out;
  for (const std::string& token : tokens) out += (out.empty() ? "" : " ") + token;
  return out;
}

std::vector<std::vector<std::string>> rows_of(const std::string& table) {
  std::vector<std::vector<std::string>> out;
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = std::min(table.find('\n', at), table.size());
    auto& row = out.emplace_back();
    for (std::size_t field = at;;) {
      const std::size_t tab = std::min(table.find('\t', field), end);
      row.push_back(table.substr(field, tab - field));
      if (tab == end) break;
      field = tab + 1;
    }
    at = end + 1;
  }
  return out;
}

}  // namespace

TEST_CASE("tokens of 548 lines are those of the Stanford tokeniser") {
  auto rows = rows_of(test::read_text(test::golden("caption_metrics/ptb_vectors.tsv")));
  rows.erase(rows.begin());  // the header
  REQUIRE(rows.size() == 548);
  std::string text;
  std::vector<std::string> captions;
  for (const auto& row : rows) {
    REQUIRE(row.size() == 3);
    text += (text.empty() ? "" : "\n") + row[0];
    captions.push_back(row[0]);
  }
  const auto lines = text::ptb_tokens(text);
  const auto without_punctuation = text::ptb_captions(captions);
  REQUIRE(lines.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO(rows[i][0]);
    CHECK(joined(lines[i]) == rows[i][1]);
    CHECK(without_punctuation[i] == rows[i][2]);
  }
}

TEST_CASE("a tag keeps its brackets") {
  const auto lines = text::ptb_tokens("<img src='!a b' alt=\"c( d\"/>");
  REQUIRE(lines.size() == 1);
  CHECK(joined(lines[0]) == "<img\u00a0src='!a\u00a0b'\u00a0alt=\"c(\u00a0d\"/>");
}

TEST_CASE("a line end inside a caption is a blank and shifts nothing") {
  const std::vector<std::string> captions = {"a chair\nand a table", "two\r\nlamps", "", "a sink"};
  CHECK(text::ptb_captions(captions) ==
        std::vector<std::string>{"a chair and a table", "two lamps", "", "a sink"});
}

TEST_CASE("bytes that are no UTF-8, and long texts, do no harm") {
  CHECK(text::ptb_tokens("\xff\xfe chair \xc3")[0] == std::vector<std::string>{"chair"});
  const std::string much(1 << 16, 'a');
  CHECK(text::ptb_tokens(much)[0] == std::vector<std::string>{much});
  CHECK(text::ptb_tokens(std::string(1 << 14, '.')).size() == 1);
  CHECK(text::ptb_tokens("").size() == 1);
}
