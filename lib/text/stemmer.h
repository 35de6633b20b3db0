// The Snowball stemmer "english" (Porter 2).
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct sb_stemmer;

namespace vega::text {

// Not for several threads at once: each has its own.
class EnglishStemmer {
 public:
  EnglishStemmer();
  // The stem of a lower-case word in UTF-8; other texts come back as they are.
  std::string operator()(std::string_view word) const;

 private:
  struct Close {
    void operator()(sb_stemmer* stemmer) const;
  };
  std::unique_ptr<sb_stemmer, Close> stemmer_;
};

}  // namespace vega::text
