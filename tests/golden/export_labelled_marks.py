"""labelled_marks.json, labelled_marks.png: the marks of SPAR-7M that OpenCV draws, with their labels.

    venv/bin/python export_labelled_marks.py VEGA_3D    # with opencv-python-headless==4.14.0.94 pillow==13.0.0 numpy==2.4.6

VEGA_3D is a checkout of github.com/H-EmbodVis/VEGA-3D, branch spatial-reasoning (commit ca64583b): its own
src/qwen_vl/data/draw_marker.py draws. opencv-python-headless 4.5.5.64, 4.10.0.84 and 4.14.0.94 give the same bytes;
5.0.0.93 writes in another font, and is refused here. The pictures drawn on are those of `ground`. Fields:
  opencv   the version that drew
  marks    spar_info, sizes of the pictures (width, height), and the FNV-1a-64 of the bytes of each after drawing
  shown    index of the record, and of its picture, that labelled_marks.png is
"""

import importlib.util
import json
import os
import sys

import cv2
import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))


def ground(number, width, height):
    """Channel c of pixel (x, y) is 3 x + 5 y + 85 c + 40 number + x y / 32, rounded down, its last eight bits."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((3 * x + 5 * y + 85 * c + 40 * number + (x * y >> 5)) & 255).astype(np.uint8)


def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return "%016x" % h


# Boxes in the middle; at the right and lower border, so that the label moves up; a label that begins left of the
# picture; a box of nothing in the corner; one that reaches beyond the picture.
MIDDLE, CORNER, LEFT, DOT, BEYOND = ([300, 200, 700, 500], [700, 600, 999, 998.5], [0, 100, 60.5, 333.3], [0, 0, 0, 0],
                                     [-50, 400, 1040, 1003])
SMALL, TINY, WIDE, NARROW = (160, 120), (64, 48), (300, 60), (40, 200)


def video(kind, boxes, indices):
    names = ["green_bbox", "blue_bbox", "red_bbox", "yellow_bbox"]
    return {"type": kind, **{name: [box] for name, box in zip(names, boxes)}, "bbox_img_idx": [indices]}


RECORDS = [
    ({"type": "spatial_imagination_map_mv", "bbox_list": [[MIDDLE, CORNER, LEFT]], "bbox_img_idx": [[0, 1, 1]]},
     [(640, 480), (320, 240)]),
    # Labels of two digits; two on one place, the later one on top.
    ({"type": "spatial_imagination_map_mv",
      "bbox_list": [[DOT, MIDDLE, BEYOND, LEFT, CORNER, MIDDLE, DOT, BEYOND, LEFT, CORNER, MIDDLE, CORNER]],
      "bbox_img_idx": [[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 1, 3]]},
     [SMALL, (331, 97), TINY, WIDE, NARROW]),
    ({"type": "distance_infer_center_oo_video", "point_list": [[[100, 100], [500, 300], [33.3, 66.7]]],
      "point_img_idx": [[0, 1, 1]]}, [(480, 360), (640, 480)]),
    ({"type": "distance_infer_center_oo_video",
      "point_list": [[[0, 0], [1000, 1000], [999, 10], [10, 999], [-90, 500], [500, 1090], [640, 480], [200, 800],
                      [900, 300], [100, 500], [400, 150], [50, 50]]],
      "point_img_idx": [[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 1, 5]]},
     [SMALL, (331, 97), TINY, WIDE, NARROW, (4, 7)]),
    (video("spatial_imagination_oo_video", [MIDDLE, CORNER, LEFT, BEYOND], [0, 1, 0, 1]), [(640, 480), (320, 240)]),
    (video("spatial_imagination_oo_video", [CORNER, LEFT, DOT, MIDDLE], [1, 0, 2, 3]), [TINY, NARROW, WIDE, (5, 4)]),
    (video("spatial_imagination_oc_video", [LEFT, MIDDLE, CORNER], [2, 0, 1]), [(331, 240), SMALL, (200, 210)]),
    (video("spatial_imagination_oc_video", [BEYOND, MIDDLE, DOT], [0, 0, 1]), [(281, 190), (260, 100)]),
]
SHOWN = (7, 0)


def main():
    if not cv2.__version__.startswith("4."):
        sys.exit("OpenCV %s writes in another font than 4.x" % cv2.__version__)
    path = os.path.join(sys.argv[1], "src/qwen_vl/data/draw_marker.py")
    spec = importlib.util.spec_from_file_location("draw_marker", path)
    released = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(released)
    lines = []
    for n, (info, sizes) in enumerate(RECORDS):
        text = json.dumps(info)
        images = [Image.fromarray(ground(i, w, h)) for i, (w, h) in enumerate(sizes)]
        before = [image.tobytes() for image in images]
        released.DRAW_FUNCTIONS[info["type"]](images, json.loads(text))
        assert all(image.tobytes() != bytes_ for image, bytes_ in zip(images, before)), "an index is missing"
        lines.append(json.dumps({"spar_info": text, "sizes": sizes, "hashes": [fnv(one.tobytes()) for one in images]}))
        if n == SHOWN[0]:
            images[SHOWN[1]].save(os.path.join(HERE, "labelled_marks.png"), optimize=True)
    with open(os.path.join(HERE, "labelled_marks.json"), "w") as file:
        file.write('{\n"opencv": "%s",\n"shown": %s,\n"marks": [\n  ' % (cv2.__version__, list(SHOWN)))
        file.write(",\n  ".join(lines) + "]\n}\n")


if __name__ == "__main__":
    main()
