// What stands at some taps of every window: (members, taps, batch * positions), read along positions.

// Grid: patches of an image by blocks, images, members. In an image numbers fit into 32 bits, whose quotients are cheap.
extern "C" __global__ void patches(Arguments arguments) {
    // (members, batch, channels, height, width) by strides; rows stand one behind another.
    const float* x = READ(float, 0);
    const long long x_member = NUMBER(1), x_image = NUMBER(2), x_channel = NUMBER(3);
    const int height = NUMBER(4), width = NUMBER(5);
    // (taps, 3): channel, row and column; or nothing: all of the window, in the order of weights.
    const unsigned int* taps = READ(unsigned int, 6);
    const unsigned int count = NUMBER(7), batch = NUMBER(8), out_height = NUMBER(9), out_width = NUMBER(10);
    const unsigned int stride = NUMBER(11), padding = NUMBER(12), window_height = NUMBER(13), window_width = NUMBER(14);
    float* out = WRITE(float, 15);

    const unsigned int place = blockIdx.x * blockDim.x + threadIdx.x, positions = out_height * out_width;
    if (place >= count * positions) return;
    const unsigned int tap = place / positions, position = place % positions;
    const unsigned int channel = taps ? taps[3 * tap] : tap / (window_height * window_width);
    const unsigned int tap_row = taps ? taps[3 * tap + 1] : tap / window_width % window_height;
    const unsigned int tap_column = taps ? taps[3 * tap + 2] : tap % window_width;
    const int row = (int)(position / out_width * stride + tap_row) - (int)padding;
    const int column = (int)(position % out_width * stride + tap_column) - (int)padding;
    const bool inside = row >= 0 && row < height && column >= 0 && column < width;
    const long long member = blockIdx.z;
    const float* of_channel = x + member * x_member + channel * x_channel;
    for (unsigned int image = blockIdx.y; image < batch; image += gridDim.y)
        out[((member * count + tap) * batch + image) * positions + position] =
            inside ? of_channel[image * x_image + row * width + column] : 0.0f;
}
