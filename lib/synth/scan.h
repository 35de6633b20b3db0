// The rest of a ScanNet scan for a synthetic room: mesh, annotation, alignment, label table and
// instance masks. A pure function of the room, the frame and the noise.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/choice.h"
#include "scan/geometry.h"
#include "scan/segments.h"
#include "synth/room.h"

namespace vega {

// A made-up instance mask, as a detector would give it: some vertices of the object are missing,
// some of its neighbours' are in it.
struct RoomMask {
  std::vector<std::int32_t> objects;   // ids that it is made of: one, or two taken for one
  float score = 0;                     // 0..1
  std::vector<std::int32_t> vertices;  // ascending
};

// Whose coordinates the scan has.
enum class ScanFrame {
  kRoom,  // the room's: the alignment is the identity, poses stay as they are
  kOwn    // turned and shifted against the room, as a scanner's is
};

// How good the instance masks are.
enum class MaskNoise {
  kNoisy,  // as a detector's: ragged, one object in ten missed, two taken for one
  kExact   // of every object its own vertices, and none besides
};
std::span<const Choice<MaskNoise>> mask_noises();  // "noisy", "exact"

struct RoomScan {
  // room_from_scan: a turn about z and a shift whose numbers are exact in six decimals.
  scan::Matrix4 axis_align = scan::kIdentity4;
  std::vector<scan::Point3f> vertices;              // P, metres, scan frame
  std::vector<std::array<std::uint8_t, 3>> colors;  // P, sRGB without light
  std::vector<std::array<std::int32_t, 3>> faces;   // triangles
  std::vector<std::int32_t> segments;               // P; a segment lies in one object or in none
  std::vector<scan::SegGroup> groups;               // one a room object, by id
  std::vector<RoomMask> masks;                      // falling score
};

// About 20,000 vertices on the surfaces that the air touches, on a jittered grid; 1 % strays that
// belong to no object. Every object has vertices at its utmost points in all six directions, so
// that boxes over the vertices are those of objects() up to the rounding of the coordinates to
// float32 in the scan frame (under 1e-6 m a coordinate).
RoomScan scan_room(const Room& room, ScanFrame frame = ScanFrame::kOwn,
                   MaskNoise noise = MaskNoise::kNoisy);

// A pose of the room in the scan frame: inverse(axis_align) pose.
Pose scan_pose(const RoomScan& scan, const Pose& room_pose);

// What NAME.txt tells of the stream.
struct ScanCamera {
  RoomIntrinsics camera;  // of colour and depth
  int frames = 0;
};

// Writes into an existing folder NAME_vh_clean_2.ply (binary, with alpha and faces),
// NAME_vh_clean_2.0.010000.segs.json, NAME.aggregation.json, NAME.txt,
// scannetv2-labels.combined.tsv (the columns of ScanNet's table, the room's labels and "case") and
// NAME.mask.npz (SciPy csr of bool, rows by falling score). Throws OutputError.
void write_scan(const RoomScan& scan, const ScanCamera& camera, const std::filesystem::path& folder,
                const std::string& name);

// scannetv2-labels.combined.tsv of these labels and of "case"; counts: objects of a label.
std::string label_table(std::map<std::string, int> counts);

}  // namespace vega
