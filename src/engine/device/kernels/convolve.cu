// Convolution, its channels' statistics for each image, and pooling, for members side by side.
//
// A block computes FILTERS_A_BLOCK filters of one member on IMAGES images, or on a band of BAND rows of cells of one image. A
// cell is CELL x CELL outputs: the pooling window where pooling follows. A thread computes FILTERS filters of one cell. The
// block walks over the input channels, CHANNELS_AT_ONCE at a time, with their pixels and weights in shared memory. Every output
// is one sum in one order, whatever else is computed.
//
// Constants: CHANNELS HEIGHT WIDTH (input), FILTERS_ALL OUT_HEIGHT OUT_WIDTH, WINDOW_HEIGHT WINDOW_WIDTH STRIDE PADDING, CELL,
// CELLS_X, FILTERS TILES (FILTERS * TILES = FILTERS_A_BLOCK; TILES 1, 2 or 4), IMAGES BAND BANDS, CHANNELS_AT_ONCE, POOLED STATISTICS (0 or 1),
// ACTIVATION, THREADS.

#define FILTERS_A_BLOCK (FILTERS * TILES)
// Four more, so that weights written along their taps fall into several banks.
#define WEIGHT_PITCH (FILTERS_A_BLOCK + 4)
#define TILE_HEIGHT ((BAND * CELL - 1) * STRIDE + WINDOW_HEIGHT)
#define TILE_WIDTH ((CELLS_X * CELL - 1) * STRIDE + WINDOW_WIDTH)
#define TAPS (WINDOW_HEIGHT * WINDOW_WIDTH)
#define CELLS (IMAGES * BAND * CELLS_X)
// Threads that share filters stand side by side: they read the same weights at once.
#define ITEMS_A_WARP (32 / TILES)
#define REACH ((CELL - 1) * STRIDE + WINDOW_WIDTH)

extern "C" __global__ void __launch_bounds__(THREADS) convolve(Arguments arguments) {
    // (members, batch, channels, height, width) by strides; rows stand one behind another.
    const float* x = READ(float, 0);
    const long long x_member = NUMBER(1), x_image = NUMBER(2), x_channel = NUMBER(3);
    // (members, filters, channels, taps).
    const float* weight = READ(float, 4);
    const long long weight_member = NUMBER(5);
    // (members, filters), or nothing.
    const float* bias = READ(float, 6);
    const long long bias_member = NUMBER(7);
    // (batch, filters, out) by strides, or nothing.
    const float* seed = READ(float, 8);
    const long long seed_image = NUMBER(9), seed_filter = NUMBER(10);
    // (members, batch, last filters, out) by strides, or nothing.
    const float* varied = READ(float, 11);
    const long long varied_member = NUMBER(12), varied_image = NUMBER(13), varied_filter = NUMBER(14);
    const int first_varied = (int)NUMBER(15);
    // (members, filters): its sign says which extreme of a window survives the batch-norm. Or nothing: the greatest.
    const float* scale = READ(float, 16);
    const long long scale_member = NUMBER(17);
    const int batch = (int)NUMBER(18);
    // (members, batch, filters, out or pooled).
    float* out = WRITE(float, 19);
    // (members, filters, batch, bands).
    float* mean = WRITE(float, 20);
    float* squares = WRITE(float, 21);

    DYNAMIC_SHARED
    float* shared = (float*)shared_vectors;
    float* weights = shared;
    float* pixels = shared + CHANNELS_AT_ONCE * TAPS * WEIGHT_PITCH;

    const int threads = blockDim.x, thread = threadIdx.x;
    const int tile = thread % 32 / ITEMS_A_WARP, item = thread / 32 * ITEMS_A_WARP + thread % ITEMS_A_WARP;
    const int cell_x = item % CELLS_X, cell_y = item / CELLS_X % BAND, image_here = item / (CELLS_X * BAND);
    const int band = blockIdx.x % BANDS, first_image = (int)(blockIdx.x / BANDS) * IMAGES;
    const int first_filter = blockIdx.y * FILTERS_A_BLOCK;
    const long long member = blockIdx.z;
    const int image = first_image + image_here;
    const bool works = item < CELLS && image < batch;
    const int first_row = band * BAND * CELL * STRIDE - PADDING;

    float sums[FILTERS][CELL][CELL];
#pragma unroll
    for (int f = 0; f < FILTERS; f++)
#pragma unroll
        for (int i = 0; i < CELL; i++)
#pragma unroll
            for (int j = 0; j < CELL; j++) sums[f][i][j] = 0.0f;

    for (int begin = 0; begin < CHANNELS; begin += CHANNELS_AT_ONCE) {
        const int channels = CHANNELS - begin < CHANNELS_AT_ONCE ? CHANNELS - begin : CHANNELS_AT_ONCE;
        __syncthreads();
        for (int i = thread; i < channels * TAPS * FILTERS_A_BLOCK; i += threads) {
            const int row = i % (channels * TAPS), f = i / (channels * TAPS), filter = first_filter + f;
            const long long place = ((long long)filter * CHANNELS + begin) * TAPS + row;
            weights[row * WEIGHT_PITCH + f] = filter < FILTERS_ALL ? weight[member * weight_member + place] : 0.0f;
        }
        for (int i = thread; i < IMAGES * channels * TILE_HEIGHT * TILE_WIDTH; i += threads) {
            const int column = i % TILE_WIDTH - PADDING, row = first_row + i / TILE_WIDTH % TILE_HEIGHT;
            const int channel = i / (TILE_WIDTH * TILE_HEIGHT) % channels, of = i / (TILE_WIDTH * TILE_HEIGHT * channels);
            const bool inside =
                row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH && first_image + of < batch;
            const long long place = member * x_member + (first_image + of) * x_image + (begin + channel) * x_channel;
            pixels[((of * CHANNELS_AT_ONCE + channel) * TILE_HEIGHT + i / TILE_WIDTH % TILE_HEIGHT) * TILE_WIDTH + i % TILE_WIDTH] =
                inside ? x[place + row * WIDTH + column] : 0.0f;
        }
        __syncthreads();
        if (!works) continue;
        for (int channel = 0; channel < channels; channel++) {
            const float* corner = pixels +
                ((image_here * CHANNELS_AT_ONCE + channel) * TILE_HEIGHT + cell_y * CELL * STRIDE) * TILE_WIDTH +
                cell_x * CELL * STRIDE;
            const float* taps = weights + channel * TAPS * WEIGHT_PITCH + tile * FILTERS;
#pragma unroll
            for (int row = 0; row < WINDOW_HEIGHT; row++) {
                float line[CELL][REACH];
#pragma unroll
                for (int i = 0; i < CELL; i++)
#pragma unroll
                    for (int j = 0; j < REACH; j++) line[i][j] = corner[(i * STRIDE + row) * TILE_WIDTH + j];
#pragma unroll
                for (int column = 0; column < WINDOW_WIDTH; column++) {
                    const float* of_tap = taps + (row * WINDOW_WIDTH + column) * WEIGHT_PITCH;
                    float factors[FILTERS];
                    if (FILTERS % 4 == 0) {
#pragma unroll
                        for (int f = 0; f < FILTERS / 4; f++) {
                            const float4 four = ((const float4*)of_tap)[f];
                            factors[4 * f] = four.x;
                            factors[4 * f + 1] = four.y;
                            factors[4 * f + 2] = four.z;
                            factors[4 * f + 3] = four.w;
                        }
                    } else {
#pragma unroll
                        for (int f = 0; f < FILTERS; f++) factors[f] = of_tap[f];
                    }
#pragma unroll
                    for (int f = 0; f < FILTERS; f++)
#pragma unroll
                        for (int i = 0; i < CELL; i++)
#pragma unroll
                            for (int j = 0; j < CELL; j++)
                                sums[f][i][j] = fmaf(factors[f], line[i][j * STRIDE + column], sums[f][i][j]);
                }
            }
        }
    }

    const int top = (band * BAND + cell_y) * CELL, left = cell_x * CELL;
    const bool in_band = works && band * BAND + cell_y < (OUT_HEIGHT + CELL - 1) / CELL;
#pragma unroll
    for (int f = 0; f < FILTERS; f++) {
        const int filter = first_filter + tile * FILTERS + f;
        if (!in_band || filter >= FILTERS_ALL) continue;
        const float begun = bias ? bias[member * bias_member + filter] : 0.0f;
#pragma unroll
        for (int i = 0; i < CELL; i++)
#pragma unroll
            for (int j = 0; j < CELL; j++) {
                if (top + i >= OUT_HEIGHT || left + j >= OUT_WIDTH) continue;
                const long long place = (long long)(top + i) * OUT_WIDTH + left + j;
                float sum = sums[f][i][j] + begun;
                if (seed) sum += seed[image * seed_image + filter * seed_filter + place];
                if (varied && filter >= first_varied)
                    sum += varied[member * varied_member + image * varied_image + (filter - first_varied) * varied_filter + place];
                sums[f][i][j] = sum;
            }
    }

    if (STATISTICS) {
        // Each thread's part of a sum, then the sum of each image and filter by one thread, in the order of the cells.
        const int of_image = BAND * CELLS_X;
        const int rows_left = OUT_HEIGHT - band * BAND * CELL;
        const int rows = rows_left < BAND * CELL ? rows_left : BAND * CELL;
        const float count = (float)(rows * OUT_WIDTH);
        float* parts = shared;
        float* means = shared + FILTERS * threads;
        for (int round = 0; round < 2; round++) {
            __syncthreads();
#pragma unroll
            for (int f = 0; f < FILTERS; f++) {
                float part = 0.0f;
                const float centre = round == 0 || !works ? 0.0f : means[(image_here * TILES + tile) * FILTERS + f];
#pragma unroll
                for (int i = 0; i < CELL; i++)
#pragma unroll
                    for (int j = 0; j < CELL; j++) {
                        if (!in_band || top + i >= OUT_HEIGHT || left + j >= OUT_WIDTH) continue;
                        const float distance = sums[f][i][j] - centre;
                        part += round == 0 ? distance : distance * distance;
                    }
                parts[f * threads + thread] = part;
            }
            __syncthreads();
            for (int i = thread; i < IMAGES * FILTERS_A_BLOCK; i += threads) {
                const int f = i % FILTERS, of_tile = i / FILTERS % TILES, of = i / FILTERS_A_BLOCK;
                const float* of_filter = parts + f * threads + of_tile * ITEMS_A_WARP;
                float four[4] = {0.0f, 0.0f, 0.0f, 0.0f};
                for (int cell = 0; cell < of_image; cell++) {
                    const int place = of * of_image + cell;
                    four[cell % 4] += of_filter[place / ITEMS_A_WARP * 32 + place % ITEMS_A_WARP];
                }
                const float sum = (four[0] + four[1]) + (four[2] + four[3]);
                if (round == 0) means[i] = sum / count;
                const int filter = first_filter + of_tile * FILTERS + f;
                if (first_image + of >= batch || filter >= FILTERS_ALL) continue;
                const long long place = ((member * FILTERS_ALL + filter) * batch + first_image + of) * BANDS + band;
                if (round == 0) mean[place] = sum / count;
                else squares[place] = sum;
            }
        }
    }

    if (!in_band) return;
    const int pooled_height = OUT_HEIGHT / CELL, pooled_width = OUT_WIDTH / CELL;
#pragma unroll
    for (int f = 0; f < FILTERS; f++) {
        const int filter = first_filter + tile * FILTERS + f;
        if (filter >= FILTERS_ALL) continue;
        const long long of_filter = (member * batch + image) * FILTERS_ALL + filter;
        if (POOLED) {
            if (top / CELL >= pooled_height || cell_x >= pooled_width) continue;
            const bool turned = scale && scale[member * scale_member + filter] < 0.0f;
            float best = sums[f][0][0];
#pragma unroll
            for (int i = 0; i < CELL; i++)
#pragma unroll
                for (int j = 0; j < CELL; j++) best = extreme(best, sums[f][i][j], turned);
            out[(of_filter * pooled_height + top / CELL) * pooled_width + cell_x] = activated(best, ACTIVATION);
        } else {
#pragma unroll
            for (int i = 0; i < CELL; i++)
#pragma unroll
                for (int j = 0; j < CELL; j++) {
                    if (top + i >= OUT_HEIGHT || left + j >= OUT_WIDTH) continue;
                    out[(of_filter * OUT_HEIGHT + top + i) * OUT_WIDTH + left + j] = activated(sums[f][i][j], ACTIVATION);
                }
        }
    }
}
