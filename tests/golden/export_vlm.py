"""Goldens of lib/vlm: the assembly of visual and text tokens, the decoder behind it and the grounding heads.

    venv/bin/python export_vlm.py      # vlm/ (with peft==0.21.2)

The forward pass is vlm_model.py; the decoder is transformers' Qwen2ForCausalLM (eager attention, float32).

Files in vlm/
  weights.GROUP.safetensors  BF16 tensors under the names of a real checkpoint (exact in float32). A checkpoint is
                       the union of the groups that a case names: copy the files and write config.json and an
                       index beside them. No group holds a vision tower: features are given.
  inputs.safetensors   what the stages would have written; a case names the tensors that it takes
    siglip             BF16 [2,27,27,24]      semantic tokens, before mm_projector
    generative         BF16 [2,14,14,20]
    world14, .holes    F32 [2,14,14,3] m      centres of the 14x14 patches; holes: some are NaN (no depth)
    points.NAME        F32 [2,14,14,n,3] m    NAME sample1, sample5, sample9, minmax
    boxes              F32 [5,6] m            centre, extents
    cells14, .reference  U8 [5,2,27,27]       pixels of a 14-pixel cell inside the box (98 or more: the object's).
                                              The fifth box has no cell. reference: counted in bfloat16
    cells27            I16 [5,2,14,14]        the same of 27-pixel cells (182 or more)
    box_input          F32 [1,3] m            the place of the coord token
  cases.safetensors    CASE/NAME:
    ids                I32 [n]     text with one -200 for the visual block
    labels             I32 [n]     of the text, where there are labels
    embeddings.index   I32 [k]     rows of the spliced sequence ...
    embeddings.rows    F32 [k,H]   ... and what stands there
    embeddings.sum     F32 [L]     sum of every row, added in double
    labels.spliced     I16 [L]     where there are labels
    positions          I32 [3,L]   with M-RoPE only; else 0..L-1
    context            F32 [H]     question vector of the instruction gate
    logits.index       I32 [m]     rows of the spliced sequence
    logits             F32 [m,vocab]
    greedy             I32 [8]     what follows the whole of ids, stopping at nothing
    objects            F32 [N,H]   object features, with the embedding of the box centre
    scores             F32 [N] or, infonce, [N+1]
    query              F32 [H]     final-norm hidden state at the ground token
  cases.json           `tolerances` (absolute), `configs` (config.json by name), `cases`:
    name, config, weights (groups), inputs (semantic, generative, world, boxes, cells14, cells27, box_input -> tensor)
    geometry           fixed: float32; reference: coordinates, boxes, every step of the discretisation and the sine
                       embedding rounded to bfloat16, the rest in float32
    objects            absent, released (as object_feature_type says) or fused (14x14 fused tokens, by cells27)
    positives          rows that the grounding loss takes as right
    loss               of the language (labels) or of the grounding (positives)
    length, image      L; first row and number of rows of the visual block
    note               where the description leaves a choice
    adapter            a folder of lora/, laid over the checkpoint; a case of the group `decoder` alone has text only
  lora/NAME/           plain, rslora: made by peft over the decoder (r 4, alpha 8: scaled by 2, by 4);
                       llava: plain, and non_lora_trainables.bin beside it, whose tensors replace or complete the
                       base's (embed_tokens, image_newline, projectors, fusion, heads). adapter_model.safetensors is
                       the same in all three and stands in plain only: copy it
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save

import vlm_model as M
import weights as W

torch.set_num_threads(1)
torch.set_grad_enabled(False)
HERE = Path(__file__).parent
OUT = HERE / "vlm"
V, N, C, CG = 2, 5, 24, 20
NEWLINE, END_OF_TEXT, START, END, GROUND, COORD = 100, 102, 103, 104, 118, 119
VOCAB, NARROW_VOCAB = 320, 120
SYSTEM, USER, ASSISTANT = [1], [8], [9]
TOLERANCES = {
    "embeddings.rows": 3e-5,
    "embeddings.sum": 2e-4,
    "context": 1e-6,
    "objects": 2e-5,
    "logits": 1e-4,
    "query": 1e-4,
    "scores": 1e-4,
    "loss": 1e-4,
}
GREEDY = 8
RANK, ALPHA = 4, 8
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def generator(name):
    return torch.Generator().manual_seed(W.fnv1a64("vlm/" + name) & 0x7FFFFFFFFFFFFFFF)


def numbers(name, *shape, scale=1.0, mean=0.0):
    """Normal values that bfloat16 holds exactly."""
    return (torch.randn(*shape, generator=generator(name)) * scale + mean).bfloat16().float()


# ------------------------------------------------------------------------------------- weights


def linear(key, out, inp):
    return {key + "weight": (out, inp), key + "bias": (out,)}


def norm(key, width):
    return {key + "weight": (width,), key + "bias": (width,)}


def decoder_shapes(h, layers, heads, kv, head, mlp, vocab):
    s = {
        "model.embed_tokens.weight": (vocab, h),
        "lm_head.weight": (vocab, h),
        "model.norm.weight": (h,),
        "model.image_newline": (h,),
    }
    for i in range(layers):
        p = f"model.layers.{i}."
        s[p + "input_layernorm.weight"] = s[p + "post_attention_layernorm.weight"] = (h,)
        for name, rows in (("q", heads * head), ("k", kv * head), ("v", kv * head)):
            s |= linear(p + f"self_attn.{name}_proj.", rows, h)
        s[p + "self_attn.o_proj.weight"] = (h, heads * head)
        s[p + "mlp.gate_proj.weight"] = s[p + "mlp.up_proj.weight"] = (mlp, h)
        s[p + "mlp.down_proj.weight"] = (h, mlp)
    return s


def projector_shapes(prefix, kind, h, inp):
    if kind == "linear":
        return linear(prefix, h, inp)
    depth = int(kind[3])
    s = {}
    for i in range(depth):
        s |= linear(f"{prefix}{2 * i}.", h, h if i else inp)
    if "res" in kind:
        k = 2 * depth - 1
        s |= (
            norm(f"{prefix}{k}.pre_norm.", h)
            | linear(f"{prefix}{k}.proj.0.", h, h)
            | linear(f"{prefix}{k}.proj.2.", h, h)
        )
    return s


def groups():
    h = 64
    fusion = "model.feature_fusion."
    two = norm(fusion + "norm1.", h) | norm(fusion + "norm2.", h)
    block = fusion + "cross_attn_blocks.0."
    cross = {}
    for name in ("norm1_query.", "norm1_key.", "norm1_value.", "norm2."):
        cross |= norm(block + name, h)
    cross |= {block + "cross_attention.in_proj_weight": (3 * h, h), block + "cross_attention.in_proj_bias": (3 * h,)}
    cross |= linear(block + "cross_attention.out_proj.", h, h)
    cross |= linear(block + "mlp.0.", 4 * h, h) | linear(block + "mlp.3.", h, 4 * h)
    pe = "model.world_position_embedding.mlp."

    def head(name, inner, normed, inp=h, out=None):
        return (
            linear(name + ".0.", inner, inp)
            | norm(f"{name}.{normed}.", inner)
            | linear(name + ".3.", out or inner, inner)
        )

    return {
        "decoder": decoder_shapes(h, 2, 4, 2, 16, 96, VOCAB),
        "decoder_three_axes": decoder_shapes(128, 1, 1, 1, 128, 32, NARROW_VOCAB),
        "projector": projector_shapes("model.mm_projector.", "mlp2x_gelu", h, C),
        "projector_linear": projector_shapes("model.mm_projector.", "linear", h, C),
        "projector_mlp3x": projector_shapes("model.mm_projector.", "mlp3x_gelu", h, C),
        "projector_res": projector_shapes("model.mm_projector.", "mlp2x_res1x_gelu", h, C),
        "projector_three_axes": projector_shapes("model.mm_projector.", "linear", 128, C),
        "generative": projector_shapes("model.generative_projector.", "mlp2x_gelu", h, CG),
        "generative_linear": projector_shapes("model.generative_projector.", "linear", h, CG),
        "fusion_weighted": {fusion + "weight_2d": (), fusion + "weight_gen": ()},
        "fusion_concat": two | linear(fusion + "projection.", h, 2 * h),
        "fusion_gated": two | linear(fusion + "gate_projection.0.", h, 2 * h),
        "fusion_token_gated": two | linear(fusion + "gate_projection.0.", 1, 2 * h),
        "fusion_instruction": two
        | norm(fusion + "norm_ctx.", h)
        | linear(fusion + "gate_projection.", 1, 2 * h)
        | linear(fusion + "ctx_projection.0.", h // 2, h)
        | linear(fusion + "ctx_projection.2.", 1, h // 2)
        | {fusion + "context_scale": (), fusion + "gate_bias": ()},
        "fusion_cross_attention": cross,
        "position_mlp": linear(pe + "0.", 32, 3) | norm(pe + "1.", 32) | linear(pe + "3.", h, 32),
        "ground_infonce": head("ground_head_obj", h, 2)
        | head("ground_head_query", h, 2)
        | {"ground_head_zero_target": (h,)},
        "ground_mlp": head("ground_head", h, 2),
        "ground_score": head("ground_head_obj", 32, 1)
        | head("ground_head_query", 32, 1)
        | head("ground_head_score", 32, 1, 32, 1),
    }


def draw(group, name, shape):
    key = f"{group}/{name}"
    if name.endswith("lm_head.weight"):
        return numbers(key, *shape, scale=0.4)
    if name.endswith("embed_tokens.weight") or name.endswith("newline"):
        return numbers(key, *shape, scale=0.7)
    if name.endswith("context_scale"):
        return torch.tensor(1.25)
    if name.endswith("gate_bias"):
        return torch.tensor(-0.375)
    if len(shape) == 0:
        return torch.tensor(0.75 if name.endswith("2d") else 0.375)
    if name.endswith("zero_target"):
        return numbers(key, *shape)
    if "norm" in name or len(shape) == 1 and name.endswith("weight"):  # a norm in a Sequential has a number for a name
        return numbers(key, *shape, scale=0.2, mean=1.0 if name.endswith("weight") else 0.0)
    return numbers(key, *shape, scale=0.15)


# ------------------------------------------------------------------------------------- inputs


def world_map():
    """(V, 384, 384, 3) metres: two bent sheets through a made-up room."""
    i, j = torch.meshgrid(torch.arange(384.0), torch.arange(384.0), indexing="ij")
    out = []
    for v in range(V):
        x = -3.1 + 6.0 * j / 383 + 0.4 * torch.sin(i / 31 + v)
        y = 2.5 * torch.cos(j / 157 + v) + 0.003 * i - 0.7 * v
        z = 0.1 + 2.4 * i / 383 + 0.15 * torch.sin(j / 17)
        out.append(torch.stack([x, y, z], -1))
    return torch.stack(out) + numbers("noise", V, 384, 384, 3, scale=0.01)


def patches(world, side):
    g = 378 // side
    return world[:, :378, :378].reshape(V, g, side, g, side, 3).transpose(2, 3).flatten(3, 4)  # V, g, g, pixels, 3


def counts(world, boxes, side):
    """Without bfloat16 in the inputs: float32. Pixels inside, both borders included."""
    lo, hi = boxes[:, :3] - boxes[:, 3:] / 2, boxes[:, :3] + boxes[:, 3:] / 2
    cells = patches(world, side)
    return torch.stack([((a <= cells) & (cells <= b)).all(-1).sum(-1) for a, b in zip(lo, hi)])


def make_inputs():
    world = world_map()
    nine = patches(world, 27).unflatten(3, (27, 27))[:, :, :, 4::9, 4::9].flatten(3, 4)
    every = patches(world, 27)
    world14 = every.double().mean(3).float()
    holes = world14.clone()
    holes[0, 3:6, 2:9], holes[1, 13] = float("nan"), float("nan")
    places = torch.stack(
        [world[0, 150, 60], world[0, 300, 250], world[1, 100, 300], world[1, 200, 120], torch.full((3,), 14.0)]
    )
    sizes = torch.tensor([[1.2, 1.5, 0.9], [2.0, 3.0, 1.0], [1.4, 0.8, 1.1], [0.9, 1.3, 0.7], [1.0, 1.0, 1.0]])
    boxes = torch.cat([(places * 100).round() / 100, sizes], 1)
    cells14, cells27 = counts(world, boxes, 14), counts(world, boxes, 27)
    reference14 = counts(world.bfloat16(), boxes.bfloat16(), 14)
    for cells, limit in ((cells14, 98), (reference14, 98), (cells27, 182)):  # the limit itself, and one below it
        cells[0, 0, 1, 1], cells[0, 0, 1, 2], cells[1, 1, 5, 5] = limit, limit - 1, limit
    print(
        "cells of each box:",
        [int((c >= 98).sum()) for c in cells14],
        [int((c >= 98).sum()) for c in reference14],
        [int((c >= 182).sum()) for c in cells27],
    )
    assert all(
        (c[:4] >= n).flatten(1).any(1).all() and not (c[4] > 0).any()
        for c, n in ((cells14, 98), (reference14, 98), (cells27, 182))
    )
    assert (cells14 != reference14).any()
    return {
        "siglip": numbers("siglip", V, 27, 27, C),
        "generative": numbers("generative", V, 14, 14, CG),
        "world14": world14,
        "world14.holes": holes,
        "points.sample9": nine,
        "points.sample5": nine[:, :, :, 0::2],
        "points.sample1": nine[:, :, :, 4:5],
        "points.minmax": torch.stack([every.amin(3), every.amax(3)], 3),
        "boxes": boxes,
        "cells14": cells14.to(torch.uint8),
        "cells14.reference": reference14.to(torch.uint8),
        "cells27": cells27.to(torch.int16),
        "box_input": boxes[2:3, :3].clone(),
    }


# ------------------------------------------------------------------------------------- text


def words(name, count, low=20, high=96):
    return torch.randint(low, high, (count,), generator=generator(name)).tolist()


def turn(role, content):
    return [START, *role, NEWLINE, *content, END, NEWLINE]


def chat(question, answer=None, image=True):
    """Ids; without an answer they end after the assistant's header."""
    ids = turn(SYSTEM, [2, 3, 4, 5, 6, 7]) + turn(USER, ([M.IMAGE, NEWLINE] if image else []) + question)
    return ids + (turn(ASSISTANT, answer) if answer is not None else [START, *ASSISTANT, NEWLINE])


def training_labels(ids, answer, always=(NEWLINE, START, END)):
    """The assistant's turn, and every newline and control token anywhere."""
    first = len(ids) - len(answer)
    return [t if i >= first or t in always else M.IGNORED for i, t in enumerate(ids)]


def evaluation_labels(turns, header):
    """Of each turn: its first id, <|im_end|> and the last newline; of the assistant's also the answer."""
    out = []
    for i, ids in enumerate(turns):
        body = ids[header:-2] if i == len(turns) - 1 else [M.IGNORED] * (len(ids) - header - 2)
        out += [ids[0]] + [M.IGNORED] * (header - 1) + body + ids[-2:]
    return out


# ------------------------------------------------------------------------------------- configs

BASE = {
    "architectures": ["LlavaQwenForCausalLM"],
    "model_type": "llava_qwen",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCAB,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": False,
    "attention_dropout": 0.0,
    "use_sliding_window": False,
    "sliding_window": 131072,
    "bos_token_id": END_OF_TEXT,
    "eos_token_id": END,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "mm_vision_tower": "data/models/siglip-so400m-patch14-384",
    "mm_hidden_size": C,
    "mm_projector_type": "mlp2x_gelu",
    "mm_patch_merge_type": "spatial_unpad",
    "mm_newline_position": "grid",
    "mm_spatial_pool_mode": "bilinear",
    "mm_spatial_pool_stride": 2,
    "mm_use_im_start_end": False,
    "mm_use_im_patch_token": False,
    "mm_vision_select_layer": -2,
    "tokenizer_model_max_length": 32768,
    "tokenizer_padding_side": "right",
}
THREE_D = {
    "world_position_embedding_type": "avg-discrete-sin3d",
    "voxel_size": 0.1,
    "min_xyz_range": [-15, -15, -5],
    "max_xyz_range": [15, 15, 5],
    "object_feature_type": "patch14-pe",
    "ground_head_type": "infonce",
    "ground_head_temperature": 0.07,
    "ground_token_ids": [GROUND],
    "coord_token_ids": [COORD],
}
GENERATIVE = {
    "use_generative_feature": True,
    "generative_feature_source": "online",
    "generative_vision_tower_type": "wan_t2v_online",
    "generative_feat_dim": CG,
    "generative_projector_type": "mlp2x_gelu",
    "generative_cache_max_items": -1,
    "use_feat_fusion": True,
    "feature_fusion_method": "token_gated",
    "fusion_attention_heads": 8,
    "fusion_dropout": 0.1,
    "fusion_num_layers": 1,
}
VEGA = BASE | THREE_D | GENERATIVE
BASELINE = BASE | THREE_D
RELATION, TEMPLATE = [30, 31, 40, 41, 53], [50, 51, 52, 53, 54, NEWLINE]


# Questions in which relation and template ids occur; in the second one nothing else does.
MIXED = [50, 51, 30, 77, 78, 31, 52, 79, 30, 80, 81, 53, 54, 82, 83, 84]
TEMPLATE_ONLY = [50, 51, 52, 54, 50]


def make_cases():
    """(name, config, groups, what else). kind: ask (no labels), train (labels), find (grounding, labels as evaluated)."""
    vega = ["decoder", "projector", "generative", "fusion_token_gated", "ground_infonce"]
    base = ["decoder", "projector", "ground_infonce"]
    video = ["decoder", "projector"]
    cases = []

    def case(name, config, groups, kind, **more):
        cases.append({"name": name, "config": config, "weights": groups, "kind": kind, **more})

    for kind in ("ask", "train", "find"):
        case(f"token_gated.{kind}", VEGA, vega, kind)
        case(f"baseline.{kind}", BASELINE, base, kind)
    for method in ("add", "only", "concat", "weighted", "gated", "cross_attention"):
        own = [] if method in ("add", "only") else [f"fusion_{method}"]
        case(
            f"{method}.train",
            VEGA | {"feature_fusion_method": method},
            ["decoder", "projector", "generative", *own, "ground_infonce"],
            "train",
        )
    case(
        "gated.find",
        VEGA | {"feature_fusion_method": "gated"},
        ["decoder", "projector", "generative", "fusion_gated", "ground_infonce"],
        "find",
    )

    gate = VEGA | {
        "feature_fusion_method": "instruction_token_gated",
        "instruction_relation_token_ids": RELATION,
        "instruction_template_token_ids": TEMPLATE,
    }
    gated = ["decoder", "projector", "generative", "fusion_instruction", "ground_infonce"]
    for kind in ("ask", "train", "find"):
        case(f"instruction.{kind}", gate, gated, kind, question=MIXED)
    case(
        "instruction.tail",
        gate | {"instruction_tail_keep_tokens": 4, "feature_fusion_method": "context_gated"},
        gated,
        "train",
        question=MIXED,
    )
    case(
        "instruction.all_kept",
        gate | {"instruction_tail_keep_tokens": 0, "instruction_relation_boost": 1.0},
        gated,
        "train",
        question=MIXED,
    )
    case("instruction.template_only", gate, gated, "train", question=TEMPLATE_ONLY)
    case(
        "instruction.empty_sets",
        gate | {"instruction_relation_token_ids": [], "instruction_template_token_ids": []},
        gated,
        "train",
        question=MIXED,
    )

    apart = VEGA | {"use_feat_fusion": False}
    apart_groups = ["decoder", "projector", "generative", "ground_infonce"]
    for name, kind in (("apart.ask", "ask"), ("apart.find", "find")):
        case(name, apart, apart_groups, kind)
    case("apart.gen", apart | {"world_position_embedding_type": "avg-discrete-sin3d-gen"}, apart_groups, "train")
    case("apart.frame", apart | {"mm_newline_position": "frame"}, apart_groups, "train")

    for form in (
        "avg-sin3d",
        "minmax-discrete-sin3d",
        "sample1-discrete-sin3d",
        "sample5-discrete-sin3d",
        "sample9-discrete-sin3d",
        "sample5-sin3d",
    ):
        points = form.split("-")[0]
        world = "world14" if points == "avg" else f"points.{points}"
        for kind in ("coord", "find"):
            case(f"position.{form}.{kind}", BASELINE | {"world_position_embedding_type": form}, base, kind, world=world)
    for form in ("avg-discrete-mlp", "avg-mlp"):
        for kind in ("coord", "find"):
            case(
                f"position.{form}.{kind}",
                BASELINE | {"world_position_embedding_type": form},
                [*base, "position_mlp"],
                kind,
            )
    case("position.avg-discrete-sin3d.coord", VEGA, vega, "coord")
    case(
        "position.ranges",
        BASELINE | {"voxel_size": 0.25, "min_xyz_range": [-2, -2, 0], "max_xyz_range": [2, 3, 2]},
        base,
        "find",
    )
    case("position.none", BASE, video, "train")
    case(
        "position.no_depth",
        BASELINE,
        base,
        "train",
        world="world14.holes",
        note="chosen here: a token without depth gets no position embedding",
    )
    case("position.reference.coord", VEGA, vega, "coord", geometry="reference")
    case("position.reference.find", VEGA, vega, "find", geometry="reference", cells14="cells14.reference")
    wide = {
        "hidden_size": 128,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "vocab_size": NARROW_VOCAB,
        "mm_projector_type": "linear",
    }
    plain = {k: v for k, v in THREE_D.items() if not k.startswith(("ground", "object"))}
    axes = ["decoder_three_axes", "projector_three_axes"]
    case("position.mrope", BASE | plain | wide | {"world_position_embedding_type": "avg-discrete-mrope"}, axes, "train")
    case(
        "position.mrope.sin3d",
        BASE | plain | wide | {"world_position_embedding_type": "avg-discrete-sin3d-mrope"},
        axes,
        "ask",
    )

    case(
        "position.mrope.no_depth",
        BASE | plain | wide | {"world_position_embedding_type": "avg-discrete-mrope"},
        axes,
        "ask",
        world="world14.holes",
        note="chosen here: a token without depth stands at 0, 0, 0",
    )

    for where in ("frame", "one_token", "no_token"):
        case(f"newline.{where}", VEGA | {"mm_newline_position": where}, vega, "train")
    case(
        "projector.linear",
        VEGA | {"mm_projector_type": "linear", "generative_projector_type": "linear"},
        ["decoder", "projector_linear", "generative_linear", "fusion_token_gated", "ground_infonce"],
        "find",
    )
    case(
        "projector.mlp3x",
        BASELINE | {"mm_projector_type": "mlp3x_gelu"},
        ["decoder", "projector_mlp3x", "ground_infonce"],
        "find",
    )
    case(
        "projector.res",
        BASELINE | {"mm_projector_type": "mlp2x_res1x_gelu"},
        ["decoder", "projector_res", "ground_infonce"],
        "find",
    )

    case("objects.patch27", VEGA | {"object_feature_type": "patch27-pe"}, vega, "find")
    case(
        "objects.fused",
        VEGA,
        vega,
        "find",
        objects="fused",
        note="chosen here: fused features of a patch14 model are the 14x14 fused tokens, by cells27",
    )
    for head in ("mlp", "score"):
        case(f"ground.{head}", VEGA | {"ground_head_type": head}, [*vega[:-1], f"ground_{head}"], "find")
        case(
            f"ground.{head}.none",
            VEGA | {"ground_head_type": head},
            [*vega[:-1], f"ground_{head}"],
            "find",
            positives=[],
        )
    case("ground.none", VEGA, vega, "find", positives=[])
    case("ground.twice", VEGA, vega, "find", positives=[1, 1, 4], note="an id listed twice counts twice")
    case("ground.train", VEGA, vega, "find_train")
    case("text_only", VEGA, vega, "text")
    case(
        "cut",
        VEGA | {"tokenizer_model_max_length": 400},
        vega,
        "train",
        note="the sequence is cut at tokenizer_model_max_length",
    )
    for name in ("plain", "rslora"):
        case(f"lora.{name}", BASE, ["decoder"], "plain", adapter=name)
    for kind in ("train", "find"):
        case(f"lora.llava.{kind}", VEGA, ["decoder"], kind, adapter="llava")
    return cases


# ------------------------------------------------------------------------------------- one case


def texts(case, salt):
    """Ids and labels or None."""
    kind, name = case["kind"], f"{case['name']}/{salt}"
    question = case.get("question") or words(name, 12 + salt % 3)
    if kind == "plain":
        return question, None
    if "question" in case and question != TEMPLATE_ONLY:
        question = question + words(name, 3)
    if kind == "coord":
        question = question[:5] + [COORD] + question[5:]
    if kind in ("find", "find_train"):
        turns = [turn(SYSTEM, [2, 3, 4, 5, 6, 7]), turn(USER, [M.IMAGE, NEWLINE, *question]), turn(ASSISTANT, [GROUND])]
        ids = sum(turns, [])
        return ids, training_labels(ids, turns[2]) if kind == "find_train" else evaluation_labels(turns, 3)
    if kind in ("ask", "text", "coord"):
        return chat(question, image=kind != "text"), None
    answer = turn(ASSISTANT, words(name + "/answer", 4 + salt))
    ids = chat(question)[:-3] + answer
    return ids, training_labels(ids, answer)


def rows_to_keep(spliced):
    length = spliced["embeddings"].shape[0]
    at, many = spliced.get("image_start", 0), spliced.get("image_length", 0)
    wanted = {0, at - 1, at, at + 14, at + many // 2 + 17, at + many - 1, at + many, at + many + 6, length - 1}
    return torch.tensor(sorted(i for i in wanted if 0 <= i < length))


def answer_rows(labels, length):
    """The rows that foretell the last three labels, or the last row."""
    if labels is None:
        return torch.tensor([length - 1])
    right = (labels[1:] != M.IGNORED).nonzero()[:, 0]
    return right[-3:] if len(right) else torch.tensor([length - 1])


def merged(config, weights, slope, keep=None):
    """The weights with an adapter in them, as peft merges it; keep: a folder for the adapter."""
    model = M.decoder(config, weights, torch.float32)
    lora = LoraConfig(
        r=RANK,
        lora_alpha=ALPHA,
        use_rslora=slope,
        lora_dropout=0.05,
        task_type="CAUSAL_LM",
        bias="none",
        base_model_name_or_path="base",
        target_modules=TARGETS,
    )
    model.name_or_path = "base"
    model = get_peft_model(model, lora)
    for name, p in model.named_parameters():
        if "lora_" in name:
            p.data = numbers("lora/" + name, *p.shape, scale=0.12)
    if keep:
        shutil.rmtree(keep, ignore_errors=True)
        model.save_pretrained(keep)
        (keep / "README.md").unlink()
        config = json.loads((keep / "adapter_config.json").read_text())
        config["target_modules"] = sorted(config["target_modules"])
        (keep / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    model = model.merge_and_unload()
    factor = ALPHA / (RANK**0.5 if slope else RANK)
    for name, value in model.state_dict().items():  # the formula, by hand
        if name.split(".")[-2] in TARGETS and name.endswith(".weight"):
            key = "base_model.model." + name.removesuffix(".weight")
            a, b = (
                numbers(f"lora/{key}.lora_{k}.default.weight", *shape, scale=0.12)
                for k, shape in (("A", (RANK, value.shape[1])), ("B", (value.shape[0], RANK)))
            )
            assert (value - weights[name] - factor * b @ a).abs().max() < 1e-6
    return weights | model.state_dict()


def run(case, weights, inputs, ids, labels, dtype):
    config = case["config"]
    ids = torch.tensor(ids)
    labels = None if labels is None else torch.tensor(labels)
    weights = {k: v.to(dtype) for k, v in weights.items()}
    finds = case["kind"].startswith("find")
    s = M.assemble(
        config,
        weights,
        inputs,
        ids,
        labels,
        case.get("geometry", "fixed"),
        case.get("objects", "released") if finds else None,
        dtype,
    )
    model = M.decoder(config, weights, dtype, "mrope" in config.get("world_position_embedding_type", ""))
    hidden = M.hidden_states(model, s["embeddings"], s["positions"])
    out = {"spliced": s}
    if finds:
        place = (s["labels"] == GROUND).nonzero()[0, 0]
        out["query"] = hidden[place]
        out["objects"] = s["objects"]
        out["scores"] = M.ground(config, weights, s["objects"], out["query"])
        out["loss"] = float(M.ground_loss(config, out["scores"], case.get("positives", [1, 3])))
    else:
        logits = model.lm_head(hidden)
        out["logits.index"] = answer_rows(None if labels is None else s["labels"], hidden.shape[0])
        out["logits"] = logits[out["logits.index"]]
        if labels is not None:
            out["loss"] = float(M.language_loss(logits, s["labels"]))
        if case["name"] != "cut":
            out["greedy"], out["leads"] = M.greedy(model, s["embeddings"], s["positions"], GREEDY)
    return out


WORST = {}


def compare(name, result, exact):
    for key in ("logits", "scores", "objects", "query", "loss"):
        if key in result:
            far = float(np.abs(np.asarray(result[key]) - np.asarray(exact[key])).max())
            WORST[key] = max(WORST.get(key, 0), far)
            assert far < TOLERANCES[key] / 4, (name, key, far)
    for key in ("embeddings", "context"):
        if key in result["spliced"]:
            far = float((result["spliced"][key] - exact["spliced"][key]).abs().max())
            WORST[key] = max(WORST.get(key, 0), far)
            assert far < TOLERANCES[key if key == "context" else "embeddings.rows"] / 2, (name, key, far)


def record(case, weights, every_input, tensors):
    """Runs a case, keeps its tensors, gives its entry of cases.json."""
    finds, config = case["kind"].startswith("find"), case["config"]
    used = {} if case["kind"] == "plain" else {"semantic": "siglip"}
    if config.get("use_generative_feature"):
        used["generative"] = "generative"
    if config.get("world_position_embedding_type"):
        used["world"] = case.get("world", "world14")
    if finds:
        used |= {"boxes": "boxes", "cells14": case.get("cells14", "cells14"), "cells27": "cells27"}
    if case["kind"] == "coord":
        used["box_input"] = "box_input"
    inputs = {k: every_input[v] for k, v in used.items()}
    for salt in range(20):
        ids, labels = texts(case, salt)
        result = run(case, weights, inputs, ids, labels, torch.float32)
        leads = result.get("leads", [1.0])
        if min(leads) > 0.01 and not {END, END_OF_TEXT} & set(result.get("greedy", [])):
            break
    else:
        raise AssertionError(f"{case['name']}: greedy choices too close")
    compare(case["name"], result, run(case, weights, inputs, ids, labels, torch.float64))

    s = result["spliced"]
    keep = {
        "ids": ids,
        "labels": labels,
        "embeddings.index": rows_to_keep(s),
        "embeddings.sum": s["embeddings"].double().sum(1).float(),
        "labels.spliced": s["labels"].short() if labels is not None else None,
        "positions": s["positions"] if s["positions"].dim() == 2 else None,
        "context": s.get("context"),
        "logits.index": result.get("logits.index"),
        "logits": result.get("logits"),
        "greedy": result.get("greedy"),
        "objects": result.get("objects"),
        "scores": result.get("scores"),
        "query": result.get("query"),
    }
    keep["embeddings.rows"] = s["embeddings"][keep["embeddings.index"]]
    own = {}
    for key, value in keep.items():
        if value is not None:
            value = torch.as_tensor(value)
            own[key] = (value.int() if value.dtype == torch.int64 else value).contiguous().clone()
    tensors |= {f"{case['name']}/{k}": v for k, v in own.items()}
    entry = {
        "name": case["name"],
        "weights": case["weights"],
        "inputs": used,
        "geometry": case.get("geometry", "fixed"),
        "length": s["embeddings"].shape[0],
    }
    if "image_start" in s:
        entry["image"] = [s["image_start"], s["image_length"]]
    if finds:
        entry |= {"objects": case.get("objects", "released"), "positives": case.get("positives", [1, 3])}
    if "loss" in result:
        entry["loss"] = result["loss"]
    for key in ("adapter", "note"):
        if key in case:
            entry[key] = case[key]
    return entry | {"tensors": sorted(own)}


def write(path, tensors):
    path.write_bytes(save({k: v.contiguous() for k, v in tensors.items()}))


def all_weights():
    return {g: {name: draw(g, name, shape) for name, shape in shapes.items()} for g, shapes in groups().items()}


def non_lora(drawn):
    """What is trained beside an adapter; embed_tokens and image_newline are also in the base, with other values."""
    out = {}
    for group in ("projector", "generative", "fusion_token_gated", "ground_infonce"):
        out |= drawn[group]
    for name in ("model.embed_tokens.weight", "model.image_newline"):
        out[name] = draw("lora", name, groups()["decoder"][name])
    return out


def lines(entries):
    return ",\n".join(json.dumps(e) for e in entries)


def main():
    only = sys.argv[1:]
    OUT.mkdir(exist_ok=True)
    drawn, inputs = all_weights(), make_inputs()
    tensors, entries, configs = {}, [], {}
    for case in make_cases():
        if only and not any(case["name"].startswith(o) for o in only):
            continue
        weights = {k: v for g in case["weights"] for k, v in drawn[g].items()}
        assert len(weights) == sum(len(drawn[g]) for g in case["weights"])
        name = next((k for k, v in configs.items() if v == case["config"]), case["name"])
        configs[name] = case["config"]
        if "adapter" in case:
            folder = OUT / "lora" / case["adapter"]
            if case["adapter"] == "llava":
                weights |= (extra := non_lora(drawn))
            weights = merged(case["config"], weights, case["adapter"] == "rslora", folder)
            if case["adapter"] != "plain":
                same = folder / "adapter_model.safetensors"
                assert same.read_bytes() == (folder.parent / "plain" / same.name).read_bytes()
                same.unlink()
            if case["adapter"] == "llava":
                torch.save(
                    {"base_model.model." + k: v.bfloat16() for k, v in extra.items()},
                    folder / "non_lora_trainables.bin",
                )
        entry = record(case, weights, inputs, tensors)
        entries.append({"name": entry.pop("name"), "config": name} | entry)
        print(case["name"], entry["length"], entry.get("loss"))
    print("float32 against float64, at most:", {k: f"{v:.1e}" for k, v in WORST.items()})

    for group, own in drawn.items():
        write(OUT / f"weights.{group}.safetensors", {k: v.bfloat16() for k, v in own.items()})
    narrow = {"siglip", "generative"}
    write(OUT / "inputs.safetensors", {k: v.bfloat16() if k in narrow else v for k, v in inputs.items()})
    write(OUT / "cases.safetensors", tensors)
    special = {
        "newline": NEWLINE,
        "end_of_text": END_OF_TEXT,
        "start": START,
        "end": END,
        "ground": GROUND,
        "coord": COORD,
    }
    configs = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in configs.items())
    (OUT / "cases.json").write_text(
        f'{{"tolerances": {json.dumps(TOLERANCES)},\n"special": {json.dumps(special)},\n"configs": {{\n{configs}}},\n'
        f'"cases": [\n{lines(entries)}]}}\n'
    )


if __name__ == "__main__":
    main()
