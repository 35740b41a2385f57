// What all kernels begin with. They are compiled at run time, for the device at hand (NVRTC has no headers to include), and by
// the tests as C++ for the CPU, where capitals are variables instead of constants.

struct Arguments {
    unsigned long long v[32];
};

// The i-th argument as an array to read, an array to write, a number.
#define READ(type, i) ((const type*)arguments.v[i])
#define WRITE(type, i) ((type*)arguments.v[i])
#define NUMBER(i) ((long long)arguments.v[i])

enum { NO_ACTIVATION = 0, RELU = 1, LEAKY = 2, TANH = 3, GELU = 4 };

// Each keeps NaN.
__device__ inline float activated(float x, long long activation) {
    switch (activation) {
        case RELU: return x < 0.0f ? 0.0f : x;
        case LEAKY: return x > 0.0f ? x : 0.01f * x;
        case TANH: return tanhf(x);
        case GELU: return 0.5f * x * erfcf(-0.70710678f * x);
        default: return x;
    }
}

// The greater of two, or, where turned, the less; a NaN wins.
__device__ inline float extreme(float best, float x, bool turned) {
    bool wins = turned ? x < best : x > best;
    return wins || x != x ? x : best;
}

// Shared memory whose size the launch says.
#ifndef DYNAMIC_SHARED
#define DYNAMIC_SHARED extern __shared__ float4 shared_vectors[];
#endif
