// Tables for LaTeX: a tabular with the rules of booktabs.
#include <fmt/core.h>

#include <set>

#include "text/unicode.h"
#include "viz/table.h"

namespace vega {
namespace {

std::string_view latex_character(char c) {
  switch (c) {
    case '\\': return "\\textbackslash{}";
    case '{': return "\\{";
    case '}': return "\\}";
    case '$': return "\\$";
    case '&': return "\\&";
    case '#': return "\\#";
    case '%': return "\\%";
    case '_': return "\\_";
    case '^': return "\\textasciicircum{}";
    case '~': return "\\textasciitilde{}";
    case '<': return "\\textless{}";
    case '>': return "\\textgreater{}";
    case '|': return "\\textbar{}";
    case '[': return "{[}";  // behind \\ it would begin an option
    case ']': return "{]}";
    case '*': return "{*}";
    case '`': return "{`}";  // ?` and !` are ligatures
    default: return {};
  }
}

// What pdflatex cannot show without more packages: beyond Latin letters and a few signs.
std::set<std::uint32_t> foreign_characters(std::string_view text) {
  std::set<std::uint32_t> out;
  for (const char32_t c : text::decode_utf8(text))
    if (c >= 0x180 && !(c >= 0x2010 && c <= 0x2026)) out.insert(c);
  return out;
}

}  // namespace

std::string latex_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '-' && i > 0 && text[i - 1] == '-') out += "{}";  // two of them are a dash
    const std::string_view escaped = latex_character(c);
    if (!escaped.empty())
      out += escaped;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += ' ';
    else
      out += c;
  }
  return out;
}

std::string Table::latex() const {
  std::string form, headings, rules, titles;
  for (std::size_t k = 0, end = 0; k < columns_.size(); k = end) {
    const std::string& heading = columns_[k].heading;
    end = heading_end(k);
    if (k > 0) headings += " & ";
    if (heading.empty()) continue;
    headings += fmt::format("\\multicolumn{{{}}}{{c}}{{{}}}", end - k, latex_text(heading));
    rules += fmt::format("\\cmidrule(lr){{{}-{}}}", k + 1, end);
  }
  for (std::size_t k = 0; k < columns_.size(); ++k) {
    form += columns_[k].align == Align::kRight ? 'r' : 'l';
    titles += (k > 0 ? " & " : "") + latex_text(columns_[k].title);
  }

  std::string out = "\\begin{tabular}{" + form + "}\n\\toprule\n";
  if (!rules.empty()) out += headings + " \\\\\n" + rules + "\n";
  out += titles + " \\\\\n\\midrule\n";
  bool ruled = true;  // no two rules together
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    if (rows_[r].empty() && !ruled) out += "\\midrule\n";
    ruled = rows_[r].empty();
    if (const auto section = sections_.find(r); section != sections_.end())
      out += fmt::format("\\multicolumn{{{}}}{{l}}{{\\textit{{{}}}}} \\\\\n", columns_.size(),
                         latex_text(section->second));
    if (rows_[r].empty()) continue;
    std::string line;
    for (const std::string& cell : shown_cells(r, TableFormat::kLatex))
      line += (line.empty() ? "" : " & ") + (cell == "-" ? "--" : cell.empty() ? "{}" : cell);
    out += line + " \\\\\n";
  }
  out += "\\bottomrule\n\\end{tabular}\n";
  if (const std::string notes = below(TableFormat::kLatex); !notes.empty())
    out += "\n\\smallskip\n{\\footnotesize\n" + notes + "}\n";

  std::string head = "% \\usepackage{booktabs}\n";
  if (const auto foreign = foreign_characters(out); !foreign.empty()) {
    head += "% compile with xelatex or lualatex and a font that has:";
    for (const std::uint32_t c : foreign) head += fmt::format(" U+{:04X}", c);
    head += '\n';
  }
  return head + out;
}

}  // namespace vega
