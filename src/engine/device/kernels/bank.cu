// Weights of members: (members, length), each a frozen value or one of the member's trained weights.

// Grid: values by blocks, members.
extern "C" __global__ void bank(Arguments arguments) {
    // (members, k).
    const float* trained = READ(float, 0);
    const long long trained_member = NUMBER(1);
    // (length); the largest number marks a value that is frozen.
    const float* frozen = READ(float, 2);
    const unsigned int* genes = READ(unsigned int, 3);
    const long long length = NUMBER(4);
    float* out = WRITE(float, 5);
    const long long place = (long long)blockIdx.x * blockDim.x + threadIdx.x, member = blockIdx.y;
    if (place >= length) return;
    const unsigned int gene = genes[place];
    out[member * length + place] = gene == 0xffffffffu ? frozen[place] : trained[member * trained_member + gene];
}
