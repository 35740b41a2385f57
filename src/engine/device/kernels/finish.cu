// What follows an operation: max pooling, batch-norm and activation in one pass. A normalised extreme is the extreme of what is
// normalised: the greatest, or, where the factor is negative, the least.

// Grid: values of an image by blocks, images, members. In an image numbers fit into 32 bits, whose quotients are cheap.
extern "C" __global__ void finish(Arguments arguments) {
    // (members, batch, channels, rows, columns) by strides; rows stand one behind another.
    const float* x = READ(float, 0);
    const long long x_member = NUMBER(1), x_image = NUMBER(2), x_channel = NUMBER(3);
    const unsigned int columns = NUMBER(4), batch = NUMBER(5), channels = NUMBER(6), height = NUMBER(7), width = NUMBER(8);
    const unsigned int window = NUMBER(9), stride = NUMBER(10), activation = NUMBER(11);
    // (members, channels) each, or nothing.
    const float* scale = READ(float, 12);
    const float* shift = READ(float, 13);
    const float* mean = READ(float, 14);
    const float* inverse = READ(float, 15);
    const long long scale_member = NUMBER(16), shift_member = NUMBER(17), moments_member = NUMBER(18);
    float* out = WRITE(float, 19);

    const unsigned int place = blockIdx.x * blockDim.x + threadIdx.x, values = channels * height * width;
    if (place >= values) return;
    const unsigned int column = place % width, rest = place / width, row = rest % height, channel = rest / height;
    const long long member = blockIdx.z;
    const float factor = scale ? scale[member * scale_member + channel] : 1.0f;
    float centre = 0.0f, slope = 1.0f, begun = 0.0f;
    if (scale) {
        centre = mean[member * moments_member + channel];
        slope = factor * inverse[member * moments_member + channel];
        begun = shift[member * shift_member + channel];
    }
    const long long corner = member * x_member + channel * x_channel + row * stride * columns + column * stride;
    for (unsigned int image = blockIdx.y; image < batch; image += gridDim.y) {
        const float* first = x + corner + image * x_image;
        float best = first[0];
        for (unsigned int i = 0; i < window; i++)
            for (unsigned int j = 0; j < window; j++) best = extreme(best, first[i * columns + j], factor < 0.0f);
        if (scale) best = (best - centre) * slope + begun;
        out[(member * batch + image) * values + place] = activated(best, activation);
    }
}
