#include "text/python_json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/unicode.h"

namespace vega::text {
namespace {

void add_unit(std::string& out, unsigned unit) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[unit >> shift & 15];
}

void add_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char32_t c : decode_utf8(text)) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (c >= ' ' && c <= '~') {
          out += static_cast<char>(c);
        } else if (c < 0x10000) {
          add_unit(out, c);
        } else {
          add_unit(out, 0xD800 + ((c - 0x10000) >> 10));
          add_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
        }
    }
  }
  out += '"';
}

void add_value(std::string& out, const Json& value) {
  if (value.is_object()) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : value.members()) {
      if (!first) out += ", ";
      first = false;
      add_text(out, name);
      out += ": ";
      add_value(out, member);
    }
    out += '}';
  } else if (value.is_list()) {
    out += '[';
    bool first = true;
    for (const Json& element : value.elements()) {
      if (!first) out += ", ";
      first = false;
      add_value(out, element);
    }
    out += ']';
  } else if (const std::string* text = value.text()) {
    add_text(out, *text);
  } else if (value.whole() || value.count() || !value.number()) {
    out += value.dump();  // whole numbers, true, false, null
  } else {
    out += python_float(*value.number());
  }
}

// The unit of "\uXXXX" at `at`; -1: none stands there.
int escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int unit = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

bool is_high(int unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(int unit) { return unit >= 0xDC00 && unit < 0xE000; }

}  // namespace

std::string python_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  char digits[40];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific);
  const std::string_view text(digits, static_cast<std::size_t>(end.ptr - digits));
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(text);  // "1e-05", "1.5e+16"
  const auto fixed = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed);
  std::string out(digits, static_cast<std::size_t>(fixed.ptr - digits));
  if (out.find('.') == out.npos) out += ".0";
  return out;
}

std::string python_json(const Json& value) {
  std::string out;
  add_value(out, value);
  return out;
}

std::string with_whole_surrogates(std::string_view json, std::size_t& count) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    if (json[i] != '\\' || i + 1 == json.size()) {
      out += json[i++];
      continue;
    }
    const int unit = escaped_unit(json, i);
    const std::size_t length = unit < 0 ? 2 : 6;
    if (is_high(unit) && is_low(escaped_unit(json, i + 6))) {
      out += json.substr(i, 12);
      i += 12;
      continue;
    }
    if (is_high(unit) || is_low(unit)) {
      out += "\\ufffd";
      ++count;
    } else {
      out += json.substr(i, length);
    }
    i += length;
  }
  return out;
}

std::string_view foreign_number(std::string_view json) {
  if (json.find("NaN") == json.npos && json.find("Infinity") == json.npos) return {};
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '\\' && quoted)
      ++i;
    else if (json[i] == '"')
      quoted = !quoted;
    else if (!quoted) {
      for (const std::string_view name : {"NaN", "-Infinity", "Infinity"})
        if (json.substr(i).starts_with(name)) return json.substr(i, name.size());
    }
  }
  return {};
}

}  // namespace vega::text
