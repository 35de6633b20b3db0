// Procedural surfaces of the synthetic room: linear-light albedo as a function of place on the
// surface, with fine detail faded where a pixel covers more than the detail. Private to lib/synth.
#pragma once

#include "synth/room_math.h"

namespace vega::room {

enum class Pattern : std::uint8_t {
  kPaint,     // a; faint roller mottling
  kPlanks,    // floor boards along u: a, b tones; scale = board width
  kWood,      // grain along the longer side (swap: along v): a light, b dark
  kTiles,     // a, b checkered, c grout; scale = tile
  kBrick,     // a, b bricks, c mortar; scale = brick length
  kStripes,   // wallpaper stripes a, b with thin c lines; scale = period
  kDiamonds,  // lattice of diamonds b on a with dots c; scale = period
  kFlowers,   // scattered flowers: a ground, b petals, c hearts; scale = spacing
  kFabric,    // woven cloth a with b threads
  kPlaid,     // tartan a, b, c; scale = period
  kRug,       // border and medallion in a, b, c; size_u, size_v = half extents of the rug
  kPicture,   // a painting, kind by salt; size_u, size_v = half extents
  kBook,      // spine a with bands b
  kBall,      // beach-ball sectors a, b, c around z
  kDots,      // polka dots b on a; scale = spacing
  kMarble,    // a with veins b
  kLeaf,      // a with midrib b
  kClock,     // dial a, marks and hands b
  kDoor,      // panels: a, grooves darker; size_u, size_v = half extents
  kRings,     // stacked bands along v: a, b; scale = period
  kScreen,    // a dark screen with a test picture
};

struct Material {
  Pattern pattern = Pattern::kPaint;
  Vec3 a{0.8, 0.8, 0.8}, b{0.5, 0.5, 0.5}, c{0.3, 0.3, 0.3};  // linear RGB
  double scale = 0.2;
  double size_u = 1, size_v = 1;
  double gloss = 0;  // strength of the highlight, 0..1
  Vec3 glow{};       // shown brightness of a lamp, 1 = white
  std::uint32_t salt = 0;
  bool swap = false;  // u and v exchanged
};

// Albedo at texture coordinates (u, v) in metres; `pixel` = metres on the surface a pixel covers.
Vec3 albedo(const Material& material, double u, double v, double pixel);

// Sky and far hills in world direction d (unit), radiance.
Vec3 outdoors(Vec3 d, std::uint32_t salt);

// sRGB hex colour 0xRRGGBB to linear light.
Vec3 rgb(std::uint32_t hex);

// Hue in turns, saturation and value (sRGB) to linear light.
Vec3 hsv(double h, double s, double v);

}  // namespace vega::room
