"""The forward pass of the vision-language model in PyTorch, written from its description and not from
any released code: the second source that lib/vlm is compared with. The decoder is transformers' own.

Shapes: V frames, H width of the decoder, N boxes, L length of the sequence. One sample at a time.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import Qwen2Config, Qwen2ForCausalLM

IMAGE, IGNORED = -200, -100
SIDE = 14


# ------------------------------------------------------------------------------------- parts


def projector(weights, prefix, kind, x):
    """linear, mlpNx_gelu or mlpNx_resMx_gelu."""

    def linear(key, x):
        return F.linear(x, weights[prefix + key + "weight"], weights[prefix + key + "bias"])

    if kind == "linear":
        return linear("", x)
    depth = int(kind[3 : kind.index("x")])
    for i in range(depth):
        x = linear(f"{2 * i}.", F.gelu(x) if i else x)
    blocks = int(kind.split("_res")[1].split("x")[0]) if "_res" in kind else 0
    for k in range(2 * depth - 1, 2 * depth - 1 + blocks):
        y = F.layer_norm(
            x, x.shape[-1:], weights[f"{prefix}{k}.pre_norm.weight"], weights[f"{prefix}{k}.pre_norm.bias"]
        )
        x = y + linear(f"{k}.proj.2.", F.gelu(linear(f"{k}.proj.0.", y)))
    return x


def pool(encoded):
    """(V, 729, H) to (V, 196, H): bilinear between cell centres."""
    v, _, h = encoded.shape
    grid = encoded.transpose(1, 2).reshape(v, h, 27, 27)
    return F.interpolate(grid, (SIDE, SIDE), mode="bilinear", align_corners=False).flatten(2).transpose(1, 2)


def grid_positions(width, dtype):
    """(196, width): rows in the first half of the channels, columns in the second; sines, then cosines."""
    quarter = width // 4
    omega = 10000.0 ** (-torch.arange(quarter, dtype=torch.float32) / quarter)
    angle = torch.arange(SIDE, dtype=torch.float32)[:, None] * omega
    line = torch.cat([angle.sin(), angle.cos()], 1)
    row = line[:, None].expand(SIDE, SIDE, -1)
    return torch.cat([row, row.transpose(0, 1)], 2).reshape(SIDE * SIDE, width).to(dtype)


def fuse(weights, config, s, g, context):
    """s, g (V, 196, H); context (H) or None."""
    p = "model.feature_fusion."
    method = config["feature_fusion_method"]
    width = s.shape[-1]

    def norm(key, x):
        return F.layer_norm(x, (width,), weights[p + key + ".weight"], weights[p + key + ".bias"], 1e-5)

    def linear(key, x):
        return F.linear(x, weights[p + key + ".weight"], weights[p + key + ".bias"])

    if method == "add":
        return s + g
    if method == "only":
        return g
    if method == "weighted":
        a, b = weights[p + "weight_2d"], weights[p + "weight_gen"]
        return (a * s + b * g) / (a + b)
    if method == "cross_attention":
        position = grid_positions(width, s.dtype)
        for i in range(config.get("fusion_num_layers", 1)):
            b = f"cross_attn_blocks.{i}."
            heads = config.get("fusion_attention_heads", 8)
            packed = weights[p + b + "cross_attention.in_proj_weight"].chunk(3)
            shift = weights[p + b + "cross_attention.in_proj_bias"].chunk(3)
            q, k, v = (
                F.linear(x, w, c).unflatten(-1, (heads, -1)).transpose(1, 2)
                for x, w, c in zip(
                    (
                        norm(b + "norm1_query", s) + position,
                        norm(b + "norm1_key", g) + position,
                        norm(b + "norm1_value", g),
                    ),
                    packed,
                    shift,
                )
            )
            share = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1)
            s = s + linear(b + "cross_attention.out_proj", (share @ v).transpose(1, 2).flatten(2))
            s = s + linear(b + "mlp.3", F.gelu(linear(b + "mlp.0", norm(b + "norm2", s))))
        return s
    n1, n2 = norm("norm1", s), norm("norm2", g)
    both = torch.cat([n1, n2], -1)
    if method == "concat":
        return linear("projection", both)
    if method in ("gated", "token_gated"):
        gate = torch.sigmoid(linear("gate_projection.0", both))
    else:
        assert method in ("instruction_token_gated", "context_gated")
        logit = linear("gate_projection", both) + weights[p + "gate_bias"]
        if context is not None:
            c = linear("ctx_projection.2", F.silu(linear("ctx_projection.0", norm("norm_ctx", context))))
            logit = logit + weights[p + "context_scale"] * c
        gate = torch.sigmoid(logit)
    return gate * n1 + (1 - gate) * n2


def instruction(weights, config, ids, labels):
    """The question vector (H) of the instruction gate."""
    ids = ids.tolist()
    start = ids.index(IMAGE) + 1 if IMAGE in ids else 0
    every = [t for t in ids if t >= 0]
    human = [
        t for i, t in enumerate(ids) if i >= start and t >= 0 and (labels is None or labels[i] == IGNORED)
    ] or every
    relation = set(config["instruction_relation_token_ids"])
    template = set(config["instruction_template_token_ids"]) - relation
    human = [t for t in human if t not in template] or every
    keep = config.get("instruction_tail_keep_tokens", 96)
    chosen = human[-keep:] if keep > 0 else human
    related = [t for t in human if t in relation]
    if related:
        chosen = list(dict.fromkeys(chosen + related))
    rows = weights["model.embed_tokens.weight"][chosen]
    boost = config.get("instruction_relation_boost", 2.0)
    weight = torch.tensor([boost if boost > 1 and t in relation else 1.0 for t in chosen], dtype=rows.dtype)
    mean = (rows * weight[:, None]).sum(0) / weight.sum()
    return F.normalize(mean, dim=0, eps=1e-6)


# ------------------------------------------------------------------------------------- positions


def discretise(config, xyz):
    """Voxel indices in the type of xyz. The ranges are integers: bfloat16 stays bfloat16."""
    lo, hi = torch.tensor(config["min_xyz_range"]), torch.tensor(config["max_xyz_range"])
    assert lo.dtype == torch.int64
    return ((xyz.maximum(lo).minimum(hi) - lo) / config["voxel_size"]).round()


def sin3d(xyz, width):
    """(..., points, 3) to (..., width), in the type of xyz; angles are float32."""
    points = xyz.shape[-2]
    count = width // (3 * points)
    j = torch.arange(count)
    period = 10000.0 ** (2 * (j // 2).float() / count)
    angle = xyz.float()[..., None] / period
    value = torch.where(j % 2 == 0, angle.sin(), angle.cos()).flatten(-3)
    return F.pad(value, (0, width - value.shape[-1])).to(xyz.dtype)


class Positions:
    """world_position_embedding_type: one of avg, sample1, ..., with discrete, sin3d or mlp, mrope, gen."""

    def __init__(self, config, weights, geometry, dtype):
        self.kind = config.get("world_position_embedding_type") or ""
        self.config, self.weights, self.dtype = config, weights, dtype
        self.type = torch.bfloat16 if geometry == "reference" else torch.float32
        self.discrete, self.mrope = "discrete" in self.kind, "mrope" in self.kind
        self.embeds = "sin3d" in self.kind or "mlp" in self.kind
        self.points = next(
            (
                n
                for key, n in (("avg", 1), ("sample9", 9), ("sample5", 5), ("sample1", 1), ("minmax", 2))
                if key in self.kind
            ),
            1,
        )

    def coordinates(self, xyz):
        """Metres to what is embedded: (..., 3) of self.type."""
        xyz = xyz.to(self.type)
        return discretise(self.config, xyz) if self.discrete else xyz

    def embed(self, xyz):
        """Coordinates (n, points, 3) to (n, H). A row without depth (NaN) gets none."""
        width = self.config["hidden_size"]
        if "mlp" in self.kind:
            p = "model.world_position_embedding.mlp."
            w = self.weights
            y = F.linear(xyz[:, 0].to(self.dtype), w[p + "0.weight"], w[p + "0.bias"])
            y = F.relu(F.layer_norm(y, y.shape[-1:], w[p + "1.weight"], w[p + "1.bias"]))
            out = F.linear(y, w[p + "3.weight"], w[p + "3.bias"])
        else:
            out = sin3d(xyz, width).to(self.dtype)
        return torch.where(xyz.isnan().any(-1).any(-1)[:, None], torch.zeros((), dtype=self.dtype), out)

    def of_place(self, xyz):
        """One place in metres (n, 3), as if it were every point of a token."""
        return self.embed(self.coordinates(xyz)[:, None].expand(-1, self.points, -1))


# ------------------------------------------------------------------------------------- the decoder


class ThreeAxes(nn.Module):
    """Rotary tables for positions (3, L): of the 128 channels, 32, 16, 16, 32, 16, 16 turn by x, y, z, x, y, z."""

    def __init__(self, head, theta):
        super().__init__()
        self.frequency = theta ** (-torch.arange(0, head, 2).float() / head)
        self.axis = torch.repeat_interleave(torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([32, 16, 16, 32, 16, 16]))
        self.positions = None

    def forward(self, x, position_ids=None, **_):
        angle = self.positions.float()[..., None] * self.frequency
        angle = torch.cat([angle, angle], -1)
        angle = angle[self.axis, :, torch.arange(self.axis.numel())].T[None]
        return angle.cos().to(x.dtype), angle.sin().to(x.dtype)


def decoder(config, weights, dtype, three_axes=False):
    qwen = Qwen2Config(
        vocab_size=config["vocab_size"],
        hidden_size=config["hidden_size"],
        intermediate_size=config["intermediate_size"],
        num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        num_key_value_heads=config["num_key_value_heads"],
        rms_norm_eps=config["rms_norm_eps"],
        max_position_embeddings=config["max_position_embeddings"],
        rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]},
        tie_word_embeddings=False,
        use_sliding_window=False,
        attn_implementation="eager",
    )
    model = Qwen2ForCausalLM(qwen).eval()
    names = model.state_dict().keys()
    model.load_state_dict({k: weights[k] for k in names}, strict=True)
    model = model.to(dtype)
    if three_axes:
        model.model.rotary_emb = ThreeAxes(config["hidden_size"] // config["num_attention_heads"], config["rope_theta"])
    return model


def hidden_states(model, embeddings, positions):
    if positions.dim() == 2:
        model.model.rotary_emb.positions = positions
        positions = torch.arange(embeddings.shape[0])
    return model.model(inputs_embeds=embeddings[None], position_ids=positions[None], use_cache=False).last_hidden_state[
        0
    ]


def greedy(model, embeddings, positions, steps):
    """Ids and, of each, the lead of its logit over the next one. Nothing is kept between the steps."""
    ids, leads = [], []
    for _ in range(steps):
        logits = model.lm_head(hidden_states(model, embeddings, positions)[-1])
        best = logits.topk(2)
        ids.append(int(best.indices[0]))
        leads.append(float(best.values[0] - best.values[1]))
        embeddings = torch.cat([embeddings, model.model.embed_tokens(best.indices[:1])])
        new = torch.full((3, 1) if positions.dim() == 2 else (1,), embeddings.shape[0] - 1)
        positions = torch.cat([positions, new], -1)
    return ids, leads


# ------------------------------------------------------------------------------------- the whole


def assemble(config, weights, inputs, ids, labels, geometry="fixed", objects=None, dtype=torch.float32):
    """inputs: semantic (V, 27, 27, C), generative (V, 14, 14, Cg) or None, world (V, 14, 14[, n], 3), and for
    grounding boxes (N, 6), cells14 (N, V, 27, 27), cells27 (N, V, 14, 14); box_input (1, 3) for the coord token.
    objects: None, `released` (by object_feature_type) or `fused`."""
    place = Positions(config, weights, geometry, dtype)
    out = {}
    if "semantic" not in inputs:  # text alone, and no visual modules in the checkpoint
        text = weights["model.embed_tokens.weight"][ids]
        return {"embeddings": text, "labels": labels, "positions": torch.arange(text.shape[0])}
    semantic = inputs["semantic"].to(dtype)
    frames = semantic.shape[0]
    encoded = projector(
        weights, "model.mm_projector.", config.get("mm_projector_type", "linear"), semantic.flatten(1, 2)
    )
    tokens = pool(encoded)
    generative = None
    if config.get("use_generative_feature"):
        generative = projector(
            weights,
            "model.generative_projector.",
            config.get("generative_projector_type", "mlp2x_gelu"),
            inputs["generative"].to(dtype).flatten(1, 2),
        )
    if generative is not None and config.get("use_feat_fusion"):
        context = None
        if config["feature_fusion_method"] in ("instruction_token_gated", "context_gated"):
            context = out["context"] = instruction(weights, config, ids, labels)
        tokens = fuse(weights, config, tokens, generative, context)
        generative = None

    if objects:
        if objects == "fused" or config["object_feature_type"].startswith("patch27"):
            source, chosen = tokens, inputs["cells27"] >= 182
        else:
            source, chosen = encoded, inputs["cells14"] >= 98
        chosen = chosen.flatten(1).to(dtype)
        feature = chosen @ source.flatten(0, 1) / chosen.sum(1, keepdim=True).clamp(min=1)
        if place.embeds:
            feature = feature + place.of_place(inputs["boxes"].to(place.type)[:, :3])
        out["objects"] = feature

    coordinates = None
    if place.kind:
        world = inputs["world"]
        world = world if world.dim() == 5 else world.unsqueeze(3)
        assert world.shape[3] == place.points
        coordinates = place.coordinates(world).flatten(0, 2)  # (V * 196, points, 3)
    if place.embeds:
        shift = place.embed(coordinates).unflatten(0, (frames, -1))
        tokens = tokens + shift
        if generative is not None and "gen" in place.kind:
            generative = generative + shift

    newline = weights["model.image_newline"]

    def rows_with_newlines(x):
        x = x.unflatten(1, (SIDE, SIDE))
        return torch.cat([x, newline.expand(frames, SIDE, 1, -1)], 2).flatten(0, 2)

    where = config["mm_newline_position"]
    if where == "grid":
        visual = rows_with_newlines(tokens)
    elif where == "frame":
        visual = torch.cat([tokens, newline.expand(frames, 1, -1)], 1).flatten(0, 1)
    elif where == "one_token":
        visual = torch.cat([tokens.flatten(0, 1), newline[None]])
    else:
        assert where == "no_token"
        visual = tokens.flatten(0, 1)
    if generative is not None:
        visual = torch.cat([visual, rows_with_newlines(generative)])

    text = weights["model.embed_tokens.weight"][ids.clamp(min=0)]
    is_coord = torch.isin(ids, torch.tensor(config.get("coord_token_ids", []), dtype=ids.dtype))
    if place.embeds and is_coord.any():
        text = text + is_coord[:, None] * place.of_place(inputs["box_input"])
    given = labels if labels is not None else torch.full_like(ids, IGNORED)
    if (ids == IMAGE).any():
        at = int((ids == IMAGE).nonzero()[0])
        text = torch.cat([text[:at], visual, text[at + 1 :]])
        given = torch.cat([given[:at], torch.full((visual.shape[0],), IGNORED), given[at + 1 :]])
        out["image_start"], out["image_length"] = at, visual.shape[0]
    positions = torch.arange(text.shape[0])
    if place.mrope:
        assert place.discrete and where == "grid" and generative is None
        positions = positions.expand(3, -1).clone()
        block = torch.zeros(frames, SIDE, SIDE + 1, 3)
        block[:, :, :SIDE] = coordinates.view(frames, SIDE, SIDE, 3).float()
        positions[:, at : at + visual.shape[0]] = block.nan_to_num(0).view(-1, 3).long().T
    limit = config.get("tokenizer_model_max_length", 32768)
    out |= {"embeddings": text[:limit], "labels": given[:limit], "positions": positions[..., :limit]}
    return out


def ground(config, weights, features, query):
    """Scores (N, or N + 1 of infonce) of object features (N, H) for the hidden state (H) of the ground token."""

    def head(name, x):
        def part(i):
            return weights[f"{name}.{i}.weight"], weights[f"{name}.{i}.bias"]

        x = F.linear(x, *part(0))
        if config["ground_head_type"] == "score":
            x = F.relu(F.layer_norm(x, x.shape[-1:], *part(1)))
        else:
            x = F.layer_norm(F.relu(x), x.shape[-1:], *part(2))
        return F.linear(x, *part(3))

    if config["ground_head_type"] == "mlp":
        return features @ head("ground_head", query)
    if config["ground_head_type"] == "score":
        return head("ground_head_score", head("ground_head_obj", features) * head("ground_head_query", query))[:, 0]
    features = torch.cat([features, weights["ground_head_zero_target"][None]])
    return F.cosine_similarity(head("ground_head_obj", features), head("ground_head_query", query)[None])


def ground_loss(config, scores, positives):
    if config["ground_head_type"] == "infonce":
        scaled = scores / config.get("ground_head_temperature", 0.07)
        rows = positives or [scores.shape[0] - 1]
        return torch.logsumexp(scaled, 0) - torch.logsumexp(scaled[rows], 0)
    target, weight = torch.zeros_like(scores), torch.ones_like(scores)
    if positives:
        target[positives] = 1
        weight[positives] = (scores.shape[0] - len(positives)) / len(positives)
    return (F.binary_cross_entropy_with_logits(scores, target, reduction="none") * weight).mean()


def language_loss(logits, labels):
    return F.cross_entropy(logits[:-1], labels[1:], ignore_index=IGNORED)
