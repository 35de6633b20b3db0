// A scene as pictures of cases need it: frames that can be drawn on, points of the room, and which
// frames see a box.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/image_types.h"
#include "geometry/transform.h"
#include "store/scene_file.h"
#include "viz/box_view.h"

namespace vega::evaluate {

// A point of the room's surface, axis-aligned, m, with the colour that its picture has there.
struct RoomDot {
  std::array<float, 3> at{};
  std::array<std::uint8_t, 3> rgb{};
};

class ShownScene {
 public:
  // Reads depth and pictures of all frames once. Throws InputError, FormatError.
  explicit ShownScene(const std::filesystem::path& file);

  const std::string& key() const { return reader_.header().key; }
  std::size_t frame_count() const { return frames_.id.size(); }
  std::int64_t frame_id(std::size_t frame) const { return frames_.id[frame]; }
  bool has_pictures() const { return reader_.has_color(); }

  // The picture of a frame, or its depth, near to far as bright to dark.
  ImageU8 picture(std::size_t frame) const;
  // The camera of a frame's picture, at its full size; nothing where pose or intrinsics are not
  // known.
  std::optional<PictureCamera> camera(std::size_t frame) const;

  const std::vector<RoomDot>& dots() const { return dots_; }
  // How many of a frame's dots are within a box, or no more than 2 cm beside it.
  std::int64_t dots_in(std::size_t frame, const Box& box) const;
  // Up to `count` frames that show the most of `boxes`, best first. Frames whose camera is not
  // known, those that show nothing, and those that are there a second time, are left out.
  std::vector<std::size_t> best_frames(std::span<const Box> boxes, std::size_t count) const;
  std::vector<std::size_t> even_frames(std::size_t count) const;

  // Centres of the cameras, in order of the frames; those that are not finite are left out.
  std::vector<Point3> path() const;

  // The box of an object; nothing where no object has this id.
  std::optional<Box> object_box(ObjectKind kind, std::int64_t id) const;
  // Its label; empty where no object has this id, or it has no label.
  std::string object_label(ObjectKind kind, std::int64_t id) const;
  Pose aligned_from_scan() const { return reader_.axis_align(); }

 private:
  void add_dots(std::size_t frame);
  std::size_t first_of_id(std::size_t frame) const;  // a selection may hold a frame twice

  SceneReader reader_;
  SceneFrames frames_;
  std::optional<SceneObjects> gt_, proposals_;
  std::vector<RoomDot> dots_;
  std::vector<std::size_t> first_dot_;  // frame_count() + 1
};

}  // namespace vega::evaluate
