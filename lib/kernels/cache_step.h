// A decoder's step on a CUDA device: one token of each of several sequences, whose keys and values
// lie where a table in the device's memory says. What is launched depends on the sizes of the
// table, not on what stands in it: so a CUDA graph of these launches serves every token.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "kernels/row_attention.h"

namespace vega::kernels {

struct DeviceTable {
  at::Tensor words;              // (R, table_words(most runs)) int64: CacheTable, decoder_entry.h
  std::int64_t most_tokens = 0;  // no row says that it sees more
  bool packed = false;           // is_packed() of all runs of all rows
};

std::int64_t table_words(std::int64_t runs);
// Whether the kernels may read these runs, of elements of so many bytes, 16 bytes at a time.
bool is_packed(const KeyRuns& runs, std::int64_t element_bytes);
// Fills a row of the table, on the host, with the first `tokens` tokens of the runs. words:
// table_words of that many runs or more. Throws InputError (fewer words, fewer tokens).
void fill_table_row(const KeyRuns& runs, std::int64_t tokens, std::span<std::int64_t> words);

// Turns q (R, heads, hd), in place, and k (R, kv heads, hd) as rope_ does, and writes k and v to
// the places of the sequences' last tokens in `layer`. A row that sees nothing is passed over. cos,
// sin (R, hd/2). Of one type, float32|bfloat16, contiguous, on the table's device. Throws
// InputError. Oracle: tests/ref/decoder_ref.h.
void cache_append_(at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& cos,
                   const at::Tensor& sin, const DeviceTable& table, std::int64_t layer);

// softmax(q k^T / sqrt(hd)) v of each row's tokens: q (R, heads, hd), hd at most 256, to (R, heads
// * hd); zeros for a row that sees nothing. float32 throughout, rounded once; of a group's heads up
// to eight share the reads. A row's bits depend on its own values alone: not on the other rows, nor
// on the runs or the sizes of the table. Throws InputError.  Oracle: tests/ref/decoder_ref.h.
at::Tensor cache_attention(const at::Tensor& q, std::int64_t kv_heads, const DeviceTable& table,
                           std::int64_t layer);

}  // namespace vega::kernels
