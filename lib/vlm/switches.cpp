#include "vlm/switches.h"

namespace vega::vlm {

Switches switches_of(Compat compat) {
  Switches out;
  if (compat == Compat::kReference) return out;
  out.geometry = GeometryType::kF32;
  out.zero_depth = ZeroDepth::kMask;
  out.align = AlignMode::kPixel;
  out.f32_head = true;
  out.control_words = text::Control::kText;
  out.spatial_instruction = true;
  out.cut_prompts = false;
  return out;
}

Json to_json(const Switches& s) {
  return {{"geometry", name_of(s.geometry)},
          {"zero_depth", name_of(s.zero_depth)},
          {"align", name_in<AlignMode>(kAlignModes, s.align)},
          {"f32_head", s.f32_head},
          {"control_words", s.control_words == text::Control::kTokens ? "ids" : "text"},
          {"spatial_instruction", s.spatial_instruction},
          {"cut_prompts", s.cut_prompts},
          {"fused_objects", s.fused_objects}};
}

}  // namespace vega::vlm
