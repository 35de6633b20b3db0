"""qwen2.safetensors and qwen2.json, from transformers' Qwen2ForCausalLM and Qwen2_5_VLTextModel.

Tiny decoders with the head widths and head counts of real ones. Their weights are drawn by a law of
this file (`tensor`) from weights.py's counter-based numbers; tests/unit/models/qwen2/qwen2_samples.h draws
the same. Stored: logits of a prompt, greedy continuations (also with a repetition penalty, over ids
and over embeddings), tables of cosines and sines, what top-k and top-p leave.
"""

import json
import math
import os

import torch
from safetensors.torch import save_file
from transformers import (Qwen2Config, Qwen2ForCausalLM, TemperatureLogitsWarper, TopKLogitsWarper,
                          TopPLogitsWarper)
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (Qwen2_5_VLRotaryEmbedding,
                                                                Qwen2_5_VLTextModel)

import weights as W

HERE = os.path.dirname(os.path.abspath(__file__))
# hidden, layers, heads, kv heads, head dim, mlp, vocab, theta, tied
SHAPES = {
    "half_b": (64, 2, 14, 2, 64, 96, 512, 1e6, True),
    "seven_b": (64, 2, 28, 4, 128, 160, 512, 1e6, False),
    "odd": (60, 3, 6, 6, 10, 44, 131, 1e4, False),
    "three": (128, 2, 8, 2, 16, 96, 512, 1e6, False),
}
SECTIONS = [2, 3, 3]  # of "three"
PROMPT, NEW, PENALTY = 37, 64, 1.3


def tensor(case, name, shape):
    """Uniform with the mean and deviation of its kind."""
    mean, std = 0.0, 1 / math.sqrt(shape[-1])
    if "norm" in name:
        mean, std = 1.0, 0.25
    elif name.endswith(".bias"):
        std = 0.5
    elif "q_proj" in name or "k_proj" in name:
        std *= 1.5  # attention that looks somewhere
    elif "embed_tokens" in name:
        std = 0.15 if SHAPES[case][8] else 1.0  # tied: else every token would answer with itself
    elif name == "lm_head.weight":
        std *= 2
    half = std * math.sqrt(3.0)
    u = W.uniforms(W.words("golden.qwen2.%s.%s" % (case, name), math.prod(shape), 42))
    values = (mean + (2.0 * u - 1.0) * half).astype("float32")
    return torch.from_numpy(values.reshape(shape))


def fill(case, model, prefix=""):
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(tensor(case, prefix + name, tuple(value.shape)))
    return model.eval().requires_grad_(False)


def sizes(case):
    h, layers, heads, kv, dim, mlp, vocab, theta, tied = SHAPES[case]
    return dict(hidden_size=h, num_hidden_layers=layers, num_attention_heads=heads,
                num_key_value_heads=kv, head_dim=dim, intermediate_size=mlp, vocab_size=vocab,
                rms_norm_eps=1e-6, tie_word_embeddings=tied, max_position_embeddings=32768,
                use_sliding_window=False)


def numbers(name, count, below):
    return [int(w) % below for w in W.words("golden.qwen2." + name, count, 42)]


def margins(model, ids, new):
    """Smallest distance of the two largest logits over a greedy continuation."""
    logits = model(torch.tensor([ids + new[:-1]])).logits[0, len(ids) - 1:]
    top = logits.topk(2).values
    return float((top[:, 0] - top[:, 1]).min())


def generate(model, ids, as_embeddings, penalty):
    given = torch.tensor([ids])
    inputs = {"inputs_embeds": model.model.embed_tokens(given)} if as_embeddings else {"input_ids": given}
    mask = torch.ones_like(given)
    out = model.generate(**inputs, attention_mask=mask, do_sample=False, max_new_tokens=NEW, min_new_tokens=NEW,
                         repetition_penalty=penalty, pad_token_id=0, eos_token_id=None)[0].tolist()
    return out if as_embeddings else out[len(ids):]


def text_case(case, out, notes):
    theta = SHAPES[case][7]
    config = Qwen2Config(**sizes(case), rope_parameters={"rope_type": "default", "rope_theta": theta})
    model = fill(case, Qwen2ForCausalLM(config))
    for attempt in range(100):  # a prompt whose answer hangs on no close call
        ids = numbers("%s.prompt.%d" % (case, attempt), PROMPT, SHAPES[case][6])
        greedy = generate(model, ids, False, 1.0)
        margin = margins(model, ids, greedy)
        if margin > 2e-3:
            break
    logits = model(torch.tensor([ids])).logits[0]
    print("%s: |logits| up to %.2f, margin %.1e, attempt %d, %d different tokens" %
          (case, float(logits.abs().max()), margin, attempt, len(set(greedy))))
    out[case + ".some"] = logits[:, ::11].contiguous()
    out[case + ".last"] = logits[-1].contiguous()
    notes[case] = {
        "config": json.loads(config.to_json_string(use_diff=True)), "prompt": ids, "greedy": greedy,
        "penalised_ids": generate(model, ids, False, PENALTY),
        "penalised_embeddings": generate(model, ids, True, PENALTY),
    }
    assert greedy == generate(model, ids, True, 1.0)


def three_case(out, notes):
    case = "three"
    config = Qwen2_5_VLTextConfig(**sizes(case), rope_parameters={
        "rope_type": "default", "mrope_section": SECTIONS, "rope_theta": SHAPES[case][7]})
    model = fill(case, Qwen2_5_VLTextModel(config), "model.")
    head = tensor(case, "lm_head.weight", (SHAPES[case][6], SHAPES[case][0]))
    ids = numbers("three.prompt", PROMPT, SHAPES[case][6])
    positions = torch.tensor([numbers("three.positions.%d" % n, PROMPT, 40) for n in range(3)])
    hidden = model(inputs_embeds=model.embed_tokens(torch.tensor([ids])),
                   position_ids=positions[:, None], use_cache=False).last_hidden_state[0]
    logits = hidden @ head.T
    print("three: |logits| up to %.2f" % float(logits.abs().max()))
    out["three.some"] = logits[:, ::11].contiguous()
    notes[case] = {"config": json.loads(config.to_json_string(use_diff=True)), "prompt": ids,
                   "positions": positions.tolist()}


def tables(out):
    """Cosines and sines of far positions, sections of Qwen2.5-VL and of S 5.6."""
    positions = torch.tensor([[0, 1, 77, 6799, 32767], [0, 5, 13, 6800, 31000], [0, 9, 14, 3000, 2]])
    for name, sections in (("vl", [16, 24, 24]), ("vega", [32, 16, 16])):
        config = Qwen2_5_VLTextConfig(hidden_size=128, num_attention_heads=1, num_key_value_heads=1,
                                      rope_parameters={"rope_type": "default", "mrope_section": sections,
                                                       "rope_theta": 1e6})
        cos, sin = Qwen2_5_VLRotaryEmbedding(config)(torch.zeros(1), positions[:, None])
        if cos.dim() == 4:  # (3, 1, L, 128), not chosen yet
            cos, sin = (torch.cat([m[i % 3] for i, m in enumerate(t.split(sections * 2, dim=-1))], dim=-1)
                        for t in (cos, sin))
        out["rope.%s.cos" % name] = cos[0, :, :64].contiguous()
        out["rope.%s.sin" % name] = sin[0, :, :64].contiguous()


def warpers(notes):
    logits = torch.from_numpy((8 * W.uniforms(W.words("golden.qwen2.warp", 60, 42)) - 4).astype("float32"))
    rows = []
    for temperature, top_k, top_p in ((1.0, 0, 0.9), (0.7, 20, 0.8), (1.5, 5, 1.0), (0.3, 0, 0.5), (1.0, 1, 0.2),
                                      (2.0, 40, 0.95)):
        scores = TemperatureLogitsWarper(temperature)(None, logits[None].double())
        if top_k:
            scores = TopKLogitsWarper(top_k)(None, scores)
        if top_p < 1:
            scores = TopPLogitsWarper(top_p)(None, scores)
        shares = torch.softmax(scores[0], 0)
        kept = [int(i) for i in torch.argsort(-shares, stable=True) if shares[i] > 0]
        rows.append({"temperature": temperature, "top_k": top_k, "top_p": top_p, "kept": kept,
                     "shares": [round(float(shares[i]), 9) for i in kept]})
    notes["warp"] = {"logits": logits.tolist(), "cases": rows}


def main():
    torch.set_num_threads(1)
    out, notes = {}, {"sections": SECTIONS, "penalty": PENALTY}
    for case in ("half_b", "seven_b", "odd"):
        text_case(case, out, notes)
    three_case(out, notes)
    tables(out)
    warpers(notes)
    save_file(out, os.path.join(HERE, "qwen2.safetensors"))
    with open(os.path.join(HERE, "qwen2.json"), "w") as file:
        lines = [json.dumps(key) + ": " + json.dumps(value) for key, value in notes.items()]
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
