// Referring expressions of a room: which things a description means, and that the description needs
// what is seen.
#pragma once

#include <string>
#include <vector>

#include "synth/dataset/draw.h"
#include "synth/dataset/words.h"

namespace vega::synth {

// The groups of Multi3DRefer: no, one or several referents, with or without other things of the
// label in the room.
enum class ReferKind { kNoneAlone, kNoneAmongOthers, kOneAlone, kOneAmongOthers, kSeveral };
std::string_view eval_type(ReferKind kind);  // "zt_wo_d", "zt_w_d", "st_wo_d", "st_w_d", "mt"

struct Reference {
  Description description;
  std::vector<int> ids;  // what is meant, ascending
  ReferKind kind{};
  std::string text;
  bool on_floor = true;  // all of them stand on the floor
};

// Everything that can be said of the room, in a fixed order, without text. Things that are spoken
// of are seen (kSeen). Referents are plain shapes, each with a distractor of its shape and one of
// its colour, and what is said of their place holds of other shapes too; or, as kOneAlone, pieces
// of furniture of which there is one. kNoneAmongOthers: the room has the shape and the colour.
std::vector<Reference> references(const RoomFacts& room);

// At most `most` for each benchmark, each thing about equally often, and with different relations.
//   ScanRefer   one referent, in two sentences
//   Nr3D        one plain shape, short
//   Multi3DRefer  all kinds, short
std::vector<Reference> scanrefer_texts(const std::vector<Reference>& all, std::size_t most,
                                       Draw& draw);
std::vector<Reference> nr3d_texts(const std::vector<Reference>& all, std::size_t most, Draw& draw);
std::vector<Reference> multi3drefer_texts(const std::vector<Reference>& all, std::size_t most,
                                          Draw& draw);

// ScanRefer's descriptions by label and colour alone, of every thing that they single out: one
// wording of all things, then the next; at most `most`.
std::vector<Reference> plain_scanrefer_texts(const std::vector<Reference>& all, std::size_t most);

// Furniture that can be pointed at; things that a viewer can face.
const std::vector<std::string>& anchor_labels();

// ScanRefer's descriptions by place: nearest, farthest, between, left, right, in front of, behind,
// on, highest. The head names a shape, or a shape and a colour, that several things have, so that
// the place alone tells the referent from these. Short; at most `most`, each thing about equally
// often, and with different relations.
std::vector<Reference> space_scanrefer_texts(const std::vector<Reference>& all, std::size_t most,
                                             Draw& draw);

// "red cone", "sofa": kinds of which the room has one thing, and it is seen.
std::vector<Kind> single_kinds(const RoomFacts& room, bool shapes, bool furniture);

// Labels and colours of the room's plain shapes, in the order of their names.
std::vector<std::string> shapes_of(const RoomFacts& room);
std::vector<std::string> colours_of(const RoomFacts& room);

}  // namespace vega::synth
