// Groups of operators that a network's time is counted by (core/profile.h).
#pragma once

#include <ATen/core/Tensor.h>

namespace vega {
namespace op_groups {

// Of the VAE. A convolution's bias is part of the group that reads its result on a GPU.
inline constexpr const char* kConvolutions = "VAE convolutions";
inline constexpr const char* kRmsSilu = "VAE adds, norms and SiLU";
inline constexpr const char* kPadding = "VAE padding and layout";
inline constexpr const char* kVaeAttention = "VAE attention";

// Of transformers.
inline constexpr const char* kEmbedding = "patch embedding";
inline constexpr const char* kProjections = "qkv, out, cross products";
inline constexpr const char* kRotation = "norm and rotation of q, k";
inline constexpr const char* kAttention = "self-attention";
inline constexpr const char* kLayerNorm = "residual add, layer norm";
inline constexpr const char* kCrossGate = "cross gate, layer norm";
inline constexpr const char* kFeedForward = "feed-forward with GELU";
inline constexpr const char* kFp8Rows = "rows to 8 bits";
inline constexpr const char* kPooling = "averages of the tap";

// Around networks.
inline constexpr const char* kUpload = "frames to the device";
inline constexpr const char* kNoise = "noise added";
inline constexpr const char* kDownload = "features to the host";

}  // namespace op_groups

// kernels::linear_bf16, as an operator of the group.
at::Tensor product(const char* group, const at::Tensor& x, const at::Tensor& weight,
                   const at::Tensor& bias);

}  // namespace vega
