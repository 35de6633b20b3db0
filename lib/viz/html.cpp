#include "viz/html.h"

#include <fmt/core.h>

namespace vega {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

}  // namespace

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? unsigned(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
  }
  return out;
}

std::string data_uri(std::string_view type, std::span<const std::byte> bytes) {
  return fmt::format("data:{};base64,{}", type, base64(bytes));
}

std::string html_text(std::string_view text, std::size_t most) {
  std::string rest;
  if (text.size() > most) {
    rest = fmt::format("\u2026 ({} bytes)", text.size());
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
    text = text.substr(0, most);
  }
  std::string out;
  for (const char c : drawn_text(text) + rest) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c; break;
    }
  }
  return out;
}

std::string html_svg(double width, double height, const Drawing& drawing, const std::string& label,
                     const std::string& id) {
  std::string svg = draw_svg(width, height, drawing);
  svg.erase(0, svg.find('>', svg.find("<svg")) + 1);  // a page names no namespaces
  replace_all(svg, "id=\"c", "id=\"" + id + "c");
  replace_all(svg, "url(#c", "url(#" + id + "c");
  replace_all(svg, "xlink:href", "href");
  return fmt::format("<svg role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\">{}",
                     html_text(label), width, height, svg);
}

}  // namespace vega
