// Losses of logits in f64: of each image by one thread, then their means in a fixed order.

#define MOST_CLASS_THREADS 128

enum { NLL = 0, ERROR_SHARE = 1, MARGIN = 2 };

// Grid: images by blocks, members. (members, batch) of f64; NaN where a logit is no finite number.
extern "C" __global__ void image_losses(Arguments arguments) {
    // (members, batch, classes).
    const float* logits = READ(float, 0);
    const unsigned int* labels = READ(unsigned int, 1);
    const long long batch = NUMBER(2), classes = NUMBER(3), loss = NUMBER(4);
    double* out = WRITE(double, 5);
    const long long image = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (image >= batch) return;
    const float* row = logits + (blockIdx.y * batch + image) * classes;
    const long long label = labels[image];
    bool finite = true;
    long long best = 0, rival = label == 0 && classes > 1 ? 1 : 0;
    for (long long c = 0; c < classes; c++) {
        finite = finite && row[c] - row[c] == 0.0f;
        if (row[c] > row[best]) best = c;
        if (c != label && row[c] > row[rival]) rival = c;
    }
    double found = 0.0;
    if (!finite) {
        found = row[0] - row[0];
        for (long long c = 0; c < classes; c++) found += (double)(row[c] - row[c]);
    } else if (loss == NLL) {
        const double greatest = row[best];
        double sum = 0.0;
        for (long long c = 0; c < classes; c++) sum += exp((double)row[c] - greatest);
        found = greatest + log(sum) - (double)row[label];
    } else if (loss == ERROR_SHARE) {
        found = best == label ? 0.0 : 1.0;
    } else {
        const double lead = 1.0 + (double)row[rival] - (double)row[label];
        found = lead > 0.0 ? lead : 0.0;
    }
    out[blockIdx.y * batch + image] = found;
}

// Grid: 1 or 1 + classes, members. The mean over all images, or over those of a class; NaN where any image has none.
extern "C" __global__ void mean_losses(Arguments arguments) {
    const double* losses = READ(double, 0);
    const unsigned int* labels = READ(unsigned int, 1);
    const long long batch = NUMBER(2);
    float* out = WRITE(float, 3);
    __shared__ double sums[MOST_CLASS_THREADS], counts[MOST_CLASS_THREADS];
    double sum = 0.0, count = 0.0;
    for (long long i = threadIdx.x; i < batch; i += blockDim.x) {
        const double loss = losses[blockIdx.y * batch + i];
        const bool counts_here = blockIdx.x == 0 || labels[i] == blockIdx.x - 1;
        // An image without a loss spoils the means of all classes.
        if (counts_here || loss != loss) sum += loss;
        if (counts_here) count += 1.0;
    }
    sums[threadIdx.x] = sum;
    counts[threadIdx.x] = count;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            sums[threadIdx.x] += sums[threadIdx.x + half];
            counts[threadIdx.x] += counts[threadIdx.x + half];
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) out[(long long)blockIdx.y * gridDim.x + blockIdx.x] = (float)(sums[0] / counts[0]);
}
