// The kernels as C++ for the CPU: a block's threads are fibers that take turns at __syncthreads, blocks follow one another.
// What a GPU does in this order or another, it does here, so indices, bounds and sums are proved; speed is not.

#include <cmath>
#include <csetjmp>
#include <cstring>
#include <ucontext.h>
#include <vector>

struct dim3 {
    unsigned int x, y, z;
};

struct alignas(16) float4 {
    float x, y, z, w;
};

static dim3 threadIdx, blockIdx, blockDim, gridDim;

// What a block shares: no kernel uses more than 48 KiB, and what lies behind must stay as it was.
static const size_t SHARED = 48 * 1024 / sizeof(float4);
static const size_t GUARD = 64;
alignas(16) float4 shared_vectors[SHARED + GUARD];

static void yield_thread();

#define __global__
#define __device__
#define __launch_bounds__(threads)
#define __shared__ static
#define __syncthreads yield_thread
#define DYNAMIC_SHARED

// Constants of the GPU's build.
#define CONSTANTS(each)                                                                                                    \
    each(CHANNELS) each(HEIGHT) each(WIDTH) each(FILTERS_ALL) each(OUT_HEIGHT) each(OUT_WIDTH) each(WINDOW_HEIGHT)         \
    each(WINDOW_WIDTH) each(STRIDE) each(PADDING) each(CELL) each(CELLS_X) each(FILTERS) each(TILES) each(IMAGES)          \
    each(BAND) each(BANDS) each(CHANNELS_AT_ONCE) each(POOLED) each(STATISTICS) each(ACTIVATION) each(THREADS)
#define DECLARE(name) static int name;
CONSTANTS(DECLARE)

extern "C" int define(const char* name, long long value) {
#define SET(constant)                      \
    if (std::strcmp(name, #constant) == 0) { \
        constant = (int)value;               \
        return 1;                            \
    }
    CONSTANTS(SET)
    return 0;
}

#include "all.cu"

typedef void (*Kernel)(Arguments);

// A fiber lives for ever: it waits for a kernel, runs it, and waits for the next. It is entered once by its context; from then on
// jumps take turns, which need no call of the system.
struct Fiber {
    ucontext_t context;
    jmp_buf here;
    bool begun, ended;
    std::vector<char> stack;
};

static std::vector<Fiber*> fibers;
static ucontext_t scheduler;
static jmp_buf scheduled;
static unsigned int running;
static Kernel kernel;
static Arguments given;

static void yield_thread() {
    if (_setjmp(fibers[running]->here) == 0) _longjmp(scheduled, 1);
}

static void run_threads() {
    for (;;) {
        kernel(given);
        fibers[running]->ended = true;
        yield_thread();
    }
}

static void resume(unsigned int thread) {
    Fiber* fiber = fibers[thread];
    running = thread;
    threadIdx = {thread, 0, 0};
    if (_setjmp(scheduled) != 0) return;
    if (fiber->begun) _longjmp(fiber->here, 1);
    fiber->begun = true;
    swapcontext(&scheduler, &fiber->context);
}

// Runs a kernel; 1 where it wrote behind the shared memory that it asked for.
extern "C" int run(Kernel which, const unsigned int* grid, unsigned int threads, unsigned int shared_bytes, Arguments arguments) {
    kernel = which;
    given = arguments;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {threads, 1, 1};
    while (fibers.size() < threads) {
        Fiber* fiber = new Fiber();
        fiber->stack.resize(256 * 1024);
        getcontext(&fiber->context);
        fiber->context.uc_stack.ss_sp = fiber->stack.data();
        fiber->context.uc_stack.ss_size = fiber->stack.size();
        makecontext(&fiber->context, run_threads, 0);
        fibers.push_back(fiber);
    }
    const size_t vectors = (shared_bytes + sizeof(float4) - 1) / sizeof(float4);
    if (vectors > SHARED) return 1;
    for (unsigned int z = 0; z < grid[2]; z++)
        for (unsigned int y = 0; y < grid[1]; y++)
            for (unsigned int x = 0; x < grid[0]; x++) {
                blockIdx = {x, y, z};
                // What was not written is NaN, and so is seen.
                std::memset(shared_vectors, 0xff, (vectors + GUARD) * sizeof(float4));
                for (unsigned int t = 0; t < threads; t++) fibers[t]->ended = false;
                for (bool left = true; left;) {
                    left = false;
                    for (unsigned int t = 0; t < threads; t++) {
                        if (fibers[t]->ended) continue;
                        resume(t);
                        left = left || !fibers[t]->ended;
                    }
                }
                const unsigned char* behind = (const unsigned char*)(shared_vectors + vectors);
                for (size_t i = 0; i < GUARD * sizeof(float4); i++)
                    if (behind[i] != 0xff) return 1;
            }
    return 0;
}
