// Pieces of HTML pages that stand alone: text that stays text, pictures as data.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "viz/canvas.h"

namespace vega {

std::string base64(std::span<const std::byte> bytes);
// "data:image/jpeg;base64,..."
std::string data_uri(std::string_view type, std::span<const std::byte> bytes);

// Any text as content of an element or as the value of an attribute in quotes: it is shown as it
// is, never read as HTML. Broken bytes become U+FFFD, control characters blanks. A text of more
// than `most` bytes ends in an ellipsis and its length.
std::string html_text(std::string_view text, std::size_t most = 6000);

// A drawing as an element <svg>, to stand within a page: scales with its width. label: what it
// shows, for those who do not see it. id: of its parts, another one for each on a page.
std::string html_svg(double width, double height, const Drawing& drawing, const std::string& label,
                     const std::string& id);

}  // namespace vega
