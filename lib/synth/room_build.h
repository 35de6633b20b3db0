// Putting solids together: a frame, a pen for materials and objects, and placement that never lets
// two things stand in one place. Private to lib/synth.
#pragma once

#include <functional>

#include "synth/room_model.h"

namespace vega::room {

// Where a thing stands: x to its right, y to its front, z up.
struct Frame {
  Vec3 origin;
  Mat3 axes;
  Frame moved(Vec3 by, double yaw = 0) const {
    return {origin + axes * by, yaw == 0 ? axes : axes * turn_z(yaw)};
  }
  Frame tilted(Vec3 by, const Mat3& m) const { return {origin + axes * by, axes * m}; }
};

// Colours and materials shared by the furniture of one room.
struct Palette {
  int wood = 0, wood_dark = 0, metal = 0, white = 0, black = 0;
  Vec3 main, second, accent;  // fabrics and small things
};

class Builder {
 public:
  Builder(Model& model, std::uint64_t seed) : m(model), dice(seed) {}

  Model& m;
  Dice dice;
  Palette pal;

  int material(Material material);
  int plain(Vec3 colour, double gloss = 0.1);
  int fabric(Vec3 colour);
  int wood(std::uint32_t light, std::uint32_t dark, double gloss = 0.25);
  Vec3 any_colour(double saturation = 0.6, double value = 0.8);

  // Following solids belong to a new object.
  int object(const std::string& label);

  // Solids with their centre in the frame. Sizes are full lengths for boxes, as in Solid otherwise.
  Solid& box(const Frame& f, Vec3 centre, Vec3 full, int material);
  Solid& cushion(const Frame& f, Vec3 centre, Vec3 full, double round, int material);
  // From `base` up: radii at the bottom and the top.
  Solid& frustum(const Frame& f, Vec3 base, double r0, double r1, double height, int material);
  Solid& ball(const Frame& f, Vec3 centre, double radius, int material);
  Solid& ellipsoid(const Frame& f, Vec3 centre, Vec3 semi, int material);
  Solid& ring(const Frame& f, Vec3 centre, double radius, double tube, int material);

  // Builds a thing and keeps it only if it stays in the room and clear of all kept things;
  // otherwise takes it back.
  bool try_place(const std::function<void()>& build);
  void keep_clear(const Frame& f, Vec3 centre, Vec3 full);

 private:
  Solid& add(Shape shape, const Frame& f, Vec3 centre, Vec3 size, double round, int material);
  std::vector<Box3> taken_;
};

// Furniture, each one or more objects, standing with its back at y = 0 of the frame unless said
// otherwise. room_furniture.cpp, room_decor.cpp.
void add_sofa(Builder& b, const Frame& f, double width);
void add_armchair(Builder& b, const Frame& f);
void add_chair(Builder& b, const Frame& f);                     // middle
void add_coffee_table(Builder& b, const Frame& f, bool round);  // middle
void add_desk(Builder& b, const Frame& f);
void add_bookshelf(Builder& b, const Frame& f, double width, double height);
void add_sideboard(Builder& b, const Frame& f, double width, bool screen);
void add_side_table(Builder& b, const Frame& f);                            // middle
void add_floor_lamp(Builder& b, const Frame& f);                            // middle
void add_pendant(Builder& b, const Frame& f, double ceiling);               // middle
void add_plant(Builder& b, const Frame& f, double height);                  // middle
void add_pouf(Builder& b, const Frame& f);                                  // middle
void add_toy(Builder& b, const Frame& f, int kind);                         // middle; kinds 0..5
void add_picture(Builder& b, const Frame& f, double width, double height);  // centre of the back
void add_clock(Builder& b, const Frame& f);                                 // centre of the back
void add_rug(Builder& b, const Frame& f, double width, double depth);       // middle
void add_radiator(Builder& b, const Frame& f, double width);
void add_vase(Builder& b, const Frame& f);        // middle, on a top
void add_table_lamp(Builder& b, const Frame& f);  // middle, on a top
void add_bowl(Builder& b, const Frame& f);        // middle, on a top
void add_mug(Builder& b, const Frame& f);         // middle, on a top
void add_book_pile(Builder& b, const Frame& f);   // middle, on a top
void add_globe(Builder& b, const Frame& f);       // middle, on a top

}  // namespace vega::room
