// What follows an operation: max pooling, batch-norm and activation in one pass. A normalised extreme is the extreme of what is
// normalised: the greatest, or, where the factor is negative, the least.

// One thread for each output (members, batch, channels, height, width).
extern "C" __global__ void finish(Arguments arguments) {
    // (members, batch, channels, rows, columns) by strides; rows stand one behind another.
    const float* x = READ(float, 0);
    const long long x_member = NUMBER(1), x_image = NUMBER(2), x_channel = NUMBER(3), columns = NUMBER(4);
    const long long batch = NUMBER(5), channels = NUMBER(6), height = NUMBER(7), width = NUMBER(8), all = NUMBER(9);
    const long long window = NUMBER(10), stride = NUMBER(11), activation = NUMBER(12);
    // (members, channels) each, or nothing.
    const float* scale = READ(float, 13);
    const float* shift = READ(float, 14);
    const float* mean = READ(float, 15);
    const float* inverse = READ(float, 16);
    const long long scale_member = NUMBER(17), shift_member = NUMBER(18), moments_member = NUMBER(19);
    float* out = WRITE(float, 20);

    const long long place = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= all) return;
    const long long column = place % width, row = place / width % height, channel = place / (width * height) % channels;
    const long long image = place / (width * height * channels) % batch, member = place / (width * height * channels * batch);
    const float* corner =
        x + member * x_member + image * x_image + channel * x_channel + row * stride * columns + column * stride;
    const float factor = scale ? scale[member * scale_member + channel] : 1.0f;
    float best = corner[0];
    for (long long i = 0; i < window; i++)
        for (long long j = 0; j < window; j++) best = extreme(best, corner[i * columns + j], factor < 0.0f);
    if (scale) {
        const float std = inverse[member * moments_member + channel];
        best = (best - mean[member * moments_member + channel]) * (factor * std) + shift[member * shift_member + channel];
    }
    out[place] = activated(best, activation);
}
