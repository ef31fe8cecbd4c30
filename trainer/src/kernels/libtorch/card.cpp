// What LibTorch has for cards and its Rust bindings leave out: attention that also returns what its backward pass
// needs, LayerNorm's backward pass, and pinned memory. Tensors come and go as the bindings hold them: pointers
// to at::Tensor, new ones owned by the caller. Each function returns what went wrong, or null.

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <tuple>

#include <ATen/core/Tensor.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention.h>
#include <ATen/ops/_scaled_dot_product_efficient_attention_backward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/native_layer_norm_backward.h>

namespace {

using at::Tensor;

constexpr double no_dropout = 0.0;
constexpr bool not_causal = false;

// Flash attention and cuDNN's multiply halves only; in f32 the other fused kernel does it.
bool in_halves(const Tensor &queries) { return queries.scalar_type() != at::kFloat; }

// cuDNN's logarithms are [B, H, N, 1], the others' [B, H, N].
bool from_cudnn(const Tensor &logarithms) { return logarithms.dim() == 4; }

// Whether cuDNN once refused; it is not asked again.
std::atomic<bool> no_cudnn{false};

// The state of a random generator that no dropout asks.
Tensor no_state(const Tensor &like) { return at::empty({2}, like.options().dtype(at::kLong)); }

template <typename Work> const char *caught(Work work) {
    thread_local std::string why;
    try {
        work();
        return nullptr;
    } catch (const std::exception &wrong) {
        why = wrong.what();
        return why.c_str();
    }
}

} // namespace

extern "C" {

// q, k, v [B, H, N, W] to what is gathered, of the same shape, and the logarithms of the sums.
const char *tubelet_attention_forward(const Tensor *queries, const Tensor *keys, const Tensor *values,
                                      bool prefer_cudnn, Tensor **gathered, Tensor **logarithms) {
    return caught([&] {
        if (in_halves(*queries) && prefer_cudnn && !no_cudnn) {
            try {
                auto found = at::_scaled_dot_product_cudnn_attention(*queries, *keys, *values, std::nullopt, true);
                if (from_cudnn(std::get<1>(found))) {
                    *gathered = new Tensor(std::get<0>(found));
                    *logarithms = new Tensor(std::get<1>(found));
                    return;
                }
            } catch (const std::exception &) {
            }
            no_cudnn = true;
        }
        if (in_halves(*queries)) {
            auto found = at::_scaled_dot_product_flash_attention(*queries, *keys, *values, no_dropout, not_causal);
            *gathered = new Tensor(std::get<0>(found));
            *logarithms = new Tensor(std::get<1>(found));
        } else {
            auto found = at::_scaled_dot_product_efficient_attention(*queries, *keys, *values, std::nullopt, true);
            *gathered = new Tensor(std::get<0>(found));
            *logarithms = new Tensor(std::get<1>(found));
        }
    });
}

// From the gradient of what was gathered, those of q, k and v.
const char *tubelet_attention_backward(const Tensor *gradient, const Tensor *queries, const Tensor *keys,
                                       const Tensor *values, const Tensor *gathered, const Tensor *logarithms,
                                       Tensor **of_queries, Tensor **of_keys, Tensor **of_values) {
    return caught([&] {
        if (from_cudnn(*logarithms)) {
            auto state = no_state(*queries);
            auto found = at::_scaled_dot_product_cudnn_attention_backward(
                *gradient, *queries, *keys, *values, *gathered, *logarithms, state.select(0, 0), state.select(0, 1),
                Tensor(), Tensor(), Tensor(), queries->size(2), keys->size(2), no_dropout, not_causal);
            *of_queries = new Tensor(std::get<0>(found));
            *of_keys = new Tensor(std::get<1>(found));
            *of_values = new Tensor(std::get<2>(found));
        } else if (in_halves(*queries)) {
            auto found = at::_scaled_dot_product_flash_attention_backward(
                *gradient, *queries, *keys, *values, *gathered, *logarithms, Tensor(), Tensor(), queries->size(2),
                keys->size(2), no_dropout, not_causal, no_state(*queries), no_state(*queries));
            *of_queries = new Tensor(std::get<0>(found));
            *of_keys = new Tensor(std::get<1>(found));
            *of_values = new Tensor(std::get<2>(found));
        } else {
            auto state = no_state(*queries);
            auto found = at::_scaled_dot_product_efficient_attention_backward(
                *gradient, *queries, *keys, *values, Tensor(), *gathered, *logarithms, state.select(0, 0),
                state.select(0, 1), no_dropout, {true, true, true, false}, not_causal);
            *of_queries = new Tensor(std::get<0>(found));
            *of_keys = new Tensor(std::get<1>(found));
            *of_values = new Tensor(std::get<2>(found));
        }
    });
}

// From the gradient of normed rows [R, D], those of the rows, the weight and the bias.
const char *tubelet_norm_backward(const Tensor *gradient, const Tensor *rows, const Tensor *means,
                                  const Tensor *scales, const Tensor *weight, Tensor **of_rows, Tensor **of_weight,
                                  Tensor **of_bias) {
    return caught([&] {
        auto found = at::native_layer_norm_backward(*gradient, *rows, weight->sizes(), *means, *scales, *weight,
                                                    *weight, {true, true, true});
        *of_rows = new Tensor(std::get<0>(found));
        *of_weight = new Tensor(std::get<1>(found));
        *of_bias = new Tensor(std::get<2>(found));
    });
}

// The same numbers in pinned memory, which LibTorch keeps for the next ones.
const char *tubelet_pinned(const Tensor *numbers, Tensor **pinned) {
    return caught([&] { *pinned = new Tensor(numbers->pin_memory()); });
}

} // extern "C"
