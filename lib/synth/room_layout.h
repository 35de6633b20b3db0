// The plan of a synthetic room and who draws which part of it: the shell (room_shell.cpp), then the
// furniture and decoration (room_layout.cpp) or the study's shapes (room_study.cpp). Private to
// lib/synth.
#pragma once

#include <cstdint>
#include <functional>

#include "synth/room_build.h"

namespace vega::room {

// Wall k in 0..3 (+y, +x, -y, -x): middle of its foot, y pointing into the room.
Frame wall_frame(const Model& m, int k);
double wall_half(const Model& m, int k);  // half its length, m

struct RoomPlan {
  int window, door, sofa, shelf;  // which wall
  double window_at, window_half, door_at, sofa_at;
};

class Layout {
 public:
  Layout(Model& m, std::uint64_t seed) : m_(m), b_(m, seed) {}

  void build() {
    m_.half_x = b_.dice.range(2.45, 2.85), m_.half_y = b_.dice.range(2.15, 2.5);
    m_.height = b_.dice.range(2.5, 2.75);
    choose_plan();
    palette();
    shell();
    window();
    door();
    if (has_plain_shapes(m_.kind)) {
      study();
    } else {
      furniture();
      decoration();
    }
    finish();
  }

 private:
  // All draw from the same dice: their order is part of what a seed means.
  void choose_plan();
  // room_shell.cpp
  void palette();
  void shell();
  int wall_paper(bool accent);
  void wall_piece(int k, double x0, double x1, double z0, double z1, int material);
  void skirting(int k);
  void window();
  void curtains(const Frame& f, double half, double top);
  void door();
  // room_study.cpp
  void study();
  void study_furniture();
  // room_layout.cpp
  void furniture();
  void decoration();
  void finish();
  // Tries places along wall k, the wished one first.
  bool along(int k, double wish, double half, const std::function<void(const Frame&)>& add);
  bool on_floor(Vec3 wish, double spread, const std::function<void(const Frame&)>& add);

  Model& m_;
  Builder b_;
  RoomPlan plan_{};
};

}  // namespace vega::room
