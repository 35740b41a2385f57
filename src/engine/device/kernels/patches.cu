// What stands at some taps of every window: (members, taps, batch * positions), read along positions.

extern "C" __global__ void patches(Arguments arguments) {
    // (members, batch, channels, height, width) by strides; rows stand one behind another.
    const float* x = READ(float, 0);
    const long long x_member = NUMBER(1), x_image = NUMBER(2), x_channel = NUMBER(3), height = NUMBER(4), width = NUMBER(5);
    // (taps, 3): channel, row and column.
    const unsigned int* taps = READ(unsigned int, 6);
    const long long count = NUMBER(7), batch = NUMBER(8), out_height = NUMBER(9), out_width = NUMBER(10);
    const long long stride = NUMBER(11), padding = NUMBER(12), all = NUMBER(13);
    float* out = WRITE(float, 14);

    const long long place = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= all) return;
    const long long out_column = place % out_width, out_row = place / out_width % out_height;
    const long long image = place / (out_width * out_height) % batch;
    const long long tap = place / (out_width * out_height * batch) % count, member = place / (out_width * out_height * batch * count);
    const long long row = out_row * stride + taps[3 * tap + 1] - padding, column = out_column * stride + taps[3 * tap + 2] - padding;
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    const float* of_channel = x + member * x_member + image * x_image + taps[3 * tap] * x_channel;
    out[place] = inside ? of_channel[row * width + column] : 0.0f;
}
