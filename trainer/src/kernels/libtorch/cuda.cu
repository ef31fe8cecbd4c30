// What a card spends passes over memory on when it is done by LibTorch's single operations, each in one pass.
// Compiled while running, for one width of a row. Halves are the upper 16 bits of an f32, rounded to even.

#define LANES 32
#define WARPS 8
#define THREADS (LANES * WARPS)
// Values of a row that a lane holds: 4 neighbours of every 128.
#define PARTS ((WIDTH + 127) / 128)

typedef unsigned short half16;

__device__ float4 loaded(const float *from) { return *(const float4 *)from; }

__device__ float4 loaded(const half16 *from) {
    ushort4 h = *(const ushort4 *)from;
    return make_float4(__uint_as_float(h.x << 16), __uint_as_float(h.y << 16), __uint_as_float(h.z << 16),
                       __uint_as_float(h.w << 16));
}

__device__ half16 rounded(float value) {
    unsigned bits = __float_as_uint(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0; // not a number
    return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

__device__ void store(float *to, float4 v) { *(float4 *)to = v; }

__device__ void store(half16 *to, float4 v) {
    *(ushort4 *)to = make_ushort4(rounded(v.x), rounded(v.y), rounded(v.z), rounded(v.w));
}

template <typename Number> __device__ Number of_warp(Number value) {
    for (int step = LANES / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffff, value, step);
    return value;
}

__device__ float total(float4 v) { return (v.x + v.y) + (v.z + v.w); }

__device__ float4 times(float4 a, float4 b) { return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w); }

__device__ float4 plus(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

// (v − shift)·scale
__device__ float4 moved(float4 v, float shift, float scale) {
    return make_float4((v.x - shift) * scale, (v.y - shift) * scale, (v.z - shift) * scale, (v.w - shift) * scale);
}

// LayerNorm, a warp a row; `know` says that means and scales are there already.
template <typename Out>
__device__ void norm(const float *rows, const float *weight, const float *bias, Out *normed, float *means,
                     float *scales, float epsilon, int know, int count) {
    int row = blockIdx.x * WARPS + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    if (row >= count) return;
    const float *values = rows + (long)row * WIDTH;
    float4 held[PARTS];
    float sum = 0;
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
        int at = part * 128 + lane * 4;
        held[part] = at < WIDTH ? loaded(values + at) : make_float4(0, 0, 0, 0);
        sum += total(held[part]);
    }
    float mean, scale;
    if (know) {
        mean = means[row], scale = scales[row];
    } else {
        mean = of_warp(sum) / WIDTH;
        float squares = 0;
#pragma unroll
        for (int part = 0; part < PARTS; part++) {
            float4 away = moved(held[part], mean, 1);
            if (part * 128 + lane * 4 < WIDTH) squares += total(times(away, away));
        }
        scale = rsqrtf(of_warp(squares) / WIDTH + epsilon);
        if (lane == 0) means[row] = mean, scales[row] = scale;
    }
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
        int at = part * 128 + lane * 4;
        if (at < WIDTH)
            store(normed + (long)row * WIDTH + at,
                  plus(times(moved(held[part], mean, scale), loaded(weight + at)), loaded(bias + at)));
    }
}

// LayerNorm's backward pass: with h = (x − mean)·scale and g = gradient·weight, onto + scale·(g − mean(g) −
// h·mean(g·h)). Each block adds up the gradients of weight and bias over its rows: sums [blocks, 2, WIDTH].
template <typename In>
__device__ void norm_backward(const In *gradient, const float *rows, const float *weight, const float *means,
                              const float *scales, const float *onto, float *result, float *sums, int count) {
    int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
    float4 zero = make_float4(0, 0, 0, 0);
    float4 of_weight[PARTS], of_bias[PARTS];
#pragma unroll
    for (int part = 0; part < PARTS; part++) of_weight[part] = of_bias[part] = zero;
    for (int row = blockIdx.x * WARPS + warp; row < count; row += gridDim.x * WARPS) {
        long start = (long)row * WIDTH;
        float mean = means[row], scale = scales[row], plain = 0, along = 0;
        float4 h[PARTS], g[PARTS];
#pragma unroll
        for (int part = 0; part < PARTS; part++) {
            int at = part * 128 + lane * 4;
            h[part] = g[part] = zero;
            if (at < WIDTH) {
                float4 down = loaded(gradient + start + at);
                h[part] = moved(loaded(rows + start + at), mean, scale);
                g[part] = times(down, loaded(weight + at));
                of_weight[part] = plus(of_weight[part], times(down, h[part]));
                of_bias[part] = plus(of_bias[part], down);
                plain += total(g[part]);
                along += total(times(g[part], h[part]));
            }
        }
        plain = of_warp(plain) / WIDTH, along = of_warp(along) / WIDTH;
#pragma unroll
        for (int part = 0; part < PARTS; part++) {
            int at = part * 128 + lane * 4;
            if (at < WIDTH) {
                float4 past = onto ? loaded(onto + start + at) : zero;
                past.x += scale * (g[part].x - plain - h[part].x * along);
                past.y += scale * (g[part].y - plain - h[part].y * along);
                past.z += scale * (g[part].z - plain - h[part].z * along);
                past.w += scale * (g[part].w - plain - h[part].w * along);
                store(result + start + at, past);
            }
        }
    }
    __shared__ float4 shared[WARPS * LANES];
#pragma unroll
    for (int which = 0; which < 2; which++)
        for (int part = 0; part < PARTS; part++) {
            __syncthreads();
            shared[threadIdx.x] = which ? of_bias[part] : of_weight[part];
            __syncthreads();
            int at = part * 128 + lane * 4;
            if (warp == 0 && at < WIDTH) {
                float4 sum = shared[lane];
                for (int other = 1; other < WARPS; other++) sum = plus(sum, shared[other * LANES + lane]);
                store(sums + ((long)blockIdx.x * 2 + which) * WIDTH + at, sum);
            }
        }
}

// The loss of predicted cubes of WIDTH values, a block a cube: its gradient, and each cube's sum of squared errors.
// Sums of levels and of their squares are whole numbers and so exact.
template <typename Out>
__device__ void masked_loss(const float *predicted, const unsigned char *cubes, const float *weights, Out *gradient,
                         float *losses, int normalised, float share) {
    const int pixels = WIDTH / 3;
    long start = (long)blockIdx.x * WIDTH;
    __shared__ unsigned char levels[WIDTH];
    __shared__ unsigned sum[3], squares[3];
    __shared__ float offset[3], divisor[3], parts[WARPS];
    if (threadIdx.x < 3) sum[threadIdx.x] = squares[threadIdx.x] = 0;
    __syncthreads();
    for (int at = threadIdx.x; at < WIDTH; at += THREADS) levels[at] = cubes[start + at];
    __syncthreads();
    for (int colour = 0; colour < 3; colour++) {
        unsigned own = 0, own_squares = 0;
        for (int at = threadIdx.x; at < pixels; at += THREADS) {
            unsigned level = levels[colour * pixels + at];
            own += level, own_squares += level * level;
        }
        own = of_warp(own), own_squares = of_warp(own_squares);
        if (threadIdx.x % LANES == 0) atomicAdd(&sum[colour], own), atomicAdd(&squares[colour], own_squares);
    }
    __syncthreads();
    if (threadIdx.x < 3) {
        unsigned long long n = pixels, s = sum[threadIdx.x], q = squares[threadIdx.x];
        double spread = (double)(n * q - s * s) / (double)n;
        double deviation = sqrt(spread / (double)(n - 1)) + 255e-6;
        offset[threadIdx.x] = normalised ? (float)s : 0;
        divisor[threadIdx.x] = normalised ? (float)((double)n * deviation) : 255;
    }
    __syncthreads();
    float stretch = normalised ? pixels : 1, weight = weights ? weights[blockIdx.x] : 1;
    float factor = 2 * share * weight, loss = 0;
    for (int at = threadIdx.x * 4; at < WIDTH; at += THREADS * 4) {
        float4 made = loaded(predicted + start + at);
        float error[4] = {made.x, made.y, made.z, made.w};
#pragma unroll
        for (int value = 0; value < 4; value++) {
            int colour = (at + value) % 3, pixel = (at + value) / 3;
            float level = levels[colour * pixels + pixel];
            error[value] -= (level * stretch - offset[colour]) / divisor[colour];
            loss += error[value] * error[value];
        }
        store(gradient + start + at,
              make_float4(factor * error[0], factor * error[1], factor * error[2], factor * error[3]));
    }
    loss = of_warp(loss);
    if (threadIdx.x % LANES == 0) parts[threadIdx.x / LANES] = loss;
    __syncthreads();
    if (threadIdx.x == 0) {
        float all = 0;
        for (int warp = 0; warp < WARPS; warp++) all += parts[warp];
        losses[blockIdx.x] = all * weight;
    }
}

// The sum of each column of rows [count, columns], for the rows of one row of blocks: sums [gridDim.y, columns].
template <typename In> __device__ void column_sums(const In *rows, float *sums, int count, int columns) {
    int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES, at = blockIdx.x * 128 + lane * 4;
    float4 sum = make_float4(0, 0, 0, 0);
    if (at < columns) {
#pragma unroll 8
        for (int row = blockIdx.y * WARPS + warp; row < count; row += gridDim.y * WARPS)
            sum = plus(sum, loaded(rows + (long)row * columns + at));
    }
    __shared__ float4 shared[THREADS];
    shared[threadIdx.x] = sum;
    __syncthreads();
    if (warp == 0 && at < columns) {
        for (int other = 1; other < WARPS; other++) sum = plus(sum, shared[other * LANES + lane]);
        store(sums + (long)blockIdx.y * columns + at, sum);
    }
}

extern "C" {

__global__ void column_sums_f32(const float *rows, float *sums, int count, int columns) {
    column_sums(rows, sums, count, columns);
}

__global__ void column_sums_bf16(const half16 *rows, float *sums, int count, int columns) {
    column_sums(rows, sums, count, columns);
}

// values · factor, in place.
__global__ void scaled_f32(float *values, const float *factor, long count) {
    for (long at = blockIdx.x * (long)THREADS + threadIdx.x; at < count; at += (long)gridDim.x * THREADS)
        values[at] *= *factor;
}

__global__ void scaled_bf16(half16 *values, const float *factor, long count) {
    for (long at = blockIdx.x * (long)THREADS + threadIdx.x; at < count; at += (long)gridDim.x * THREADS)
        values[at] = rounded(__uint_as_float((unsigned)values[at] << 16) * *factor);
}

// onto + product, four values a thread.
__global__ void added_bf16(const float *onto, const half16 *product, float *result, long count) {
    for (long at = 4 * (blockIdx.x * (long)THREADS + threadIdx.x); at < count; at += 4 * (long)gridDim.x * THREADS)
        store(result + at, plus(loaded(onto + at), loaded(product + at)));
}

// A stretch of a tensor that a block works on: where its elements are, and how many.
struct Stretch {
    float *values;
    long count;
};

// The sum of squares of each stretch.
__global__ void squares_f32(const Stretch *stretches, float *sums) {
    Stretch own = stretches[blockIdx.x];
    float sum = 0;
#pragma unroll 8
    for (long at = threadIdx.x; at < own.count; at += THREADS) sum += own.values[at] * own.values[at];
    __shared__ float shared[WARPS];
    sum = of_warp(sum);
    if (threadIdx.x % LANES == 0) shared[threadIdx.x / LANES] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        float all = 0;
        for (int warp = 0; warp < WARPS; warp++) all += shared[warp];
        sums[blockIdx.x] = all;
    }
}

// The same stretch of a value, its gradient and its moments, and the numbers of its tensor: `keep` is 1 − rate·decay,
// `slope` rate/(1 − β₁ᵗ).
struct Learning {
    float *value, *gradient, *first, *second;
    long count;
    float keep, slope;
};

// AdamW in one pass; `root` is 1/√(1 − β₂ᵗ).
__global__ void adamw_f32(const Learning *stretches, float beta1, float beta2, float root, float epsilon) {
    Learning own = stretches[blockIdx.x];
#pragma unroll 4
    for (long at = threadIdx.x; at < own.count; at += THREADS) {
        float g = own.gradient[at];
        float m = beta1 * own.first[at] + (1 - beta1) * g, v = beta2 * own.second[at] + (1 - beta2) * g * g;
        own.first[at] = m, own.second[at] = v;
        own.value[at] = own.value[at] * own.keep - own.slope * m / (sqrtf(v) * root + epsilon);
    }
}

__global__ void norm_f32(const float *rows, const float *weight, const float *bias, float *normed, float *means,
                         float *scales, float epsilon, int know, int count) {
    norm(rows, weight, bias, normed, means, scales, epsilon, know, count);
}

__global__ void norm_bf16(const float *rows, const float *weight, const float *bias, half16 *normed, float *means,
                          float *scales, float epsilon, int know, int count) {
    norm(rows, weight, bias, normed, means, scales, epsilon, know, count);
}

__global__ void __launch_bounds__(THREADS)
norm_backward_f32(const float *gradient, const float *rows, const float *weight, const float *means,
                  const float *scales, const float *onto, float *result, float *sums, int count) {
    norm_backward(gradient, rows, weight, means, scales, onto, result, sums, count);
}

__global__ void __launch_bounds__(THREADS)
norm_backward_bf16(const half16 *gradient, const float *rows, const float *weight, const float *means,
                   const float *scales, const float *onto, float *result, float *sums, int count) {
    norm_backward(gradient, rows, weight, means, scales, onto, result, sums, count);
}

__global__ void masked_loss_f32(const float *predicted, const unsigned char *cubes, const float *weights, float *gradient,
                             float *losses, int normalised, float share) {
    masked_loss(predicted, cubes, weights, gradient, losses, normalised, share);
}

__global__ void masked_loss_bf16(const float *predicted, const unsigned char *cubes, const float *weights,
                              half16 *gradient, float *losses, int normalised, float share) {
    masked_loss(predicted, cubes, weights, gradient, losses, normalised, share);
}

}
