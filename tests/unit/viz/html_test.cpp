#include "viz/html.h"

#include <catch2/catch.hpp>
#include <string>

using namespace vega;

namespace {

std::string encoded(const std::string& text) { return base64(std::as_bytes(std::span(text))); }

}  // namespace

TEST_CASE("base64 is RFC 4648's") {
  CHECK(encoded("").empty());
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foobar") == "Zm9vYmFy");
  CHECK(encoded("\xff\xfb") == "//s=");
  CHECK(encoded("\xff\xfb" + std::string(1, '\0')) == "//sA");
  CHECK(data_uri("image/png", {}) == "data:image/png;base64,");
}

TEST_CASE("any text stays text within HTML") {
  CHECK(html_text("<script>alert('1' && \"2\")</script>") ==
        "&lt;script&gt;alert(&#39;1&#39; &amp;&amp; &quot;2&quot;)&lt;/script&gt;");
  CHECK(html_text("a\x1b[31m\r\n\tb") == "a [31m   b");
  CHECK(html_text("\xff") == "\ufffd");
  CHECK(html_text("\u578b \u05d0") == "\u578b \u05d0");
  const std::string cut = html_text("\u00e9\u00e9\u00e9\u00e9", 3);  // within a character
  CHECK(cut == "\u00e9\u2026 (8 bytes)");
}

TEST_CASE("a drawing within a page has a label, its own ids and no address") {
  const auto drawing = [](Canvas& canvas) {
    const Path shape = rect_path(1, 1, 5, 5);
    canvas.hatch({&shape, 1}, {{0, 0, 0}, 1}, 2, 45);
    canvas.text("a <b>", {2, 2}, {});
    canvas.image(blank(2, 2, {1, 2, 3}), {0, 0}, 4, 4);
  };
  const std::string one = html_svg(10, 20, drawing, "bars \"x\"", "p1");
  CHECK(one.starts_with(
      "<svg role=\"img\" aria-label=\"bars &quot;x&quot;\" viewBox=\"0 0 10 20\">"));
  CHECK(one.find("id=\"p1c1\"") != one.npos);
  CHECK(one.find("url(#p1c1)") != one.npos);
  CHECK(one.find("http") == one.npos);
  CHECK(one.find("xlink") == one.npos);
  CHECK(one.find("<?xml") == one.npos);
  CHECK(one.find("a &lt;b&gt;") != one.npos);
  CHECK(one.find("href=\"data:image/png;base64,") != one.npos);
}
