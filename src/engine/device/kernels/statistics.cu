// Statistics of channels: of each image in f32, of the batch from these in f64, in a fixed order.

#define MOST_THREADS 128

// The sum of what all threads hold, by halves; all threads get it.
template <typename T> __device__ inline T sum_of_threads(T value, T* room) {
    const int thread = threadIdx.x;
    __syncthreads();
    room[thread] = value;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (thread < half) room[thread] += room[thread + half];
        __syncthreads();
    }
    return room[0];
}

// Grid: batch, channels, members. Mean and squared distances from it of one image's channel.
extern "C" __global__ void moments(Arguments arguments) {
    const float* x = READ(float, 0);
    const long long x_member = NUMBER(1), x_image = NUMBER(2), x_channel = NUMBER(3), pixels = NUMBER(4);
    float* mean = WRITE(float, 5);
    float* squares = WRITE(float, 6);
    __shared__ float room[MOST_THREADS];
    const float* first = x + blockIdx.z * x_member + blockIdx.x * x_image + blockIdx.y * x_channel;
    float part = 0.0f;
    for (long long i = threadIdx.x; i < pixels; i += blockDim.x) part += first[i];
    const float average = sum_of_threads(part, room) / (float)pixels;
    part = 0.0f;
    for (long long i = threadIdx.x; i < pixels; i += blockDim.x) part += (first[i] - average) * (first[i] - average);
    const float sum = sum_of_threads(part, room);
    const long long place = ((long long)blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    if (threadIdx.x == 0) {
        mean[place] = average;
        squares[place] = sum;
    }
}

// Grid: channels, members. From means and squared distances (members, channels, batch, bands) those of the batch. Bands have
// `band` rows, the last what is left of `height`.
extern "C" __global__ void join(Arguments arguments) {
    const float* mean = READ(float, 0);
    const float* squares = READ(float, 1);
    const long long batch = NUMBER(2), bands = NUMBER(3), band = NUMBER(4), height = NUMBER(5), width = NUMBER(6);
    const double epsilon = 1e-5;
    float* of_mean = WRITE(float, 7);
    float* of_variance = WRITE(float, 8);
    float* of_inverse = WRITE(float, 9);
    __shared__ double room[MOST_THREADS];
    const long long channel = (long long)blockIdx.y * gridDim.x + blockIdx.x, parts = batch * bands;
    const float* means = mean + channel * parts;
    const double all = (double)(batch * height * width);
    double part = 0.0;
    for (long long i = threadIdx.x; i < parts; i += blockDim.x) {
        const long long left = height - i % bands * band;
        part += (double)((left < band ? left : band) * width) * (double)means[i];
    }
    const double average = sum_of_threads(part, room) / all;
    part = 0.0;
    for (long long i = threadIdx.x; i < parts; i += blockDim.x) {
        const long long left = height - i % bands * band;
        const double distance = (double)means[i] - average;
        part += (double)squares[channel * parts + i] + (double)((left < band ? left : band) * width) * distance * distance;
    }
    const float variance = (float)(sum_of_threads(part, room) / all);
    if (threadIdx.x == 0) {
        of_mean[channel] = (float)average;
        of_variance[channel] = variance;
        of_inverse[channel] = (float)(1.0 / sqrt((double)variance + epsilon));
    }
}
