#include "viz/glyphs.h"

#include <array>

namespace vega {
namespace {

// ' ' to '~'. Drawn for this project; digits are 9 wide, so that numbers line up.
constexpr std::array<std::string_view, 95> kAscii = {
    "",                                  // space
    "000b .0g",                          // !
    "0004 4044",                         // "
    "422g 826g 1696 0b8b",               // #
    "~a4a00008a8ag0g0c 505h",            // $
    "@00404606 @7ababg7g a01g",          // %
    "~ag25207075090g8g99",               // &
    "0004",                              // '
    "~40050e4j",                         // (
    "~00454e0j",                         // )
    "424a 0488 8408",                    // *
    "0a8a 464e",                         // +
    "1f0j",                              // ,
    "0a6a",                              // -
    ".0g",                               // .
    "0i80",                              // /
    "@0090989g0g08",                     // 0
    "13505g 1g9g",                       // 1
    "~040090970g 0g9g",                  // 2
    "~0300909747 ~47979g0g0d",           // 3
    "7g700b9b",                          // 4
    "801007 ~0735959g0g0d",              // 5
    "~938000070b @06969g0g",             // 6
    "00903g",                            // 7
    "@10808717 @07979g0g",               // 8
    "@00909a0a ~95999g1g0d",             // 9
    ".07 .0g",                           // :
    ".17 1f0j",                          // ;
    "740a7g",                            // <
    "0888 0c8c",                         // =
    "047a0g",                            // >
    "~03008086474b .4g",                 // ?
    "@45959c4c ~959cdcd0000gcg",         // @
    "0g50ag 2b8b",                       // A
    "000g ~005090975707 ~0757a7ag5g0g",  // B
    "~a4a000080gagac",                   // C
    "000g ~0050a0a8ag5g0g",              // D
    "90000g9g 0878",                     // E
    "90000g 0878",                       // F
    "~a4a000080gaga9 a969",              // G
    "000g a0ag 08a8",                    // H
    "000g",                              // I
    "~707c7g0g0c",                       // J
    "000g 900a 379g",                    // K
    "000g9g",                            // L
    "0g006bc0cg",                        // M
    "0g00aga0",                          // N
    "@00b0b8bg0g08",                     // O
    "000g ~0050a0a95909",                // P
    "@00b0b8bg0g08 7cbh",                // Q
    "000g ~0050a0a95909 59ag",           // R
    "~a4a00008a8ag0g0c",                 // S
    "00a0 505g",                         // T
    "~00090gaga9a0",                     // U
    "005ga0",                            // V
    "003g72bge0",                        // W
    "00ag a00g",                         // X
    "0058a0 585g",                       // Y
    "00a00gag",                          // Z
    "40000j4j",                          // [
    "008i",                              // backslash
    "00404j0j",                          // ]
    "054085",                            // ^
    "0iai",                              // _
    "0034",                              // `
    "~1816868b8g ~8a0a0g5g8d",           // a
    "000g @06868g0g",                    // b
    "~8986060g8g8d",                     // c
    "808g @06868g0g",                    // d
    "0b8b ~8b86060g8g8d",                // e
    "~6020242g 0656",                    // f
    "@06868g0g ~868g8m1m0j",             // g
    "000g ~0a06868a8g",                  // h
    "060g .01",                          // i
    "~363i3m0m .31",                     // j
    "000g 760c 3a8g",                    // k
    "~000d0g3g",                         // l
    "060g ~0a06767a7g ~7a76e6eaeg",      // m
    "060g ~0a06868a8g",                  // n
    "@06969g0g",                         // o
    "060m @06868g0g",                    // p
    "868m @06868g0g",                    // q
    "060g ~0b0656",                      // r
    "~7976060b7b7g0g0d",                 // s
    "~222d2g6g 0666",                    // t
    "~060c0g8g8c 868g",                  // u
    "064g86",                            // v
    "063g679gc6",                        // w
    "068g 860g",                         // x
    "064g 862m",                         // y
    "06860g8g",                          // z
    "~50202909 ~09292j5j",               // {
    "000j",                              // |
    "~00303959 ~59393j0j",               // }
    "~0b276d89",                         // ~
};

constexpr std::string_view kBox = "00808g0g00";

}  // namespace

std::string_view glyph_strokes(std::uint32_t character) {
  switch (character) {
    case 0x00B7:  // middle dot
      return ".0a";
    case 0x00D7:  // times
      return "068e 860e";
    case 0x2013:  // en dash
      return "0a9a";
    case 0x2014:  // em dash
      return "0aga";
    case 0x2192:  // arrow to the right
      return "0aca 86ca8e";
    default: return character >= 0x20 && character <= 0x7E ? kAscii[character - 0x20] : kBox;
  }
}

}  // namespace vega
