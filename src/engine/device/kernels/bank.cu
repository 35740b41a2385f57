// Weights of members: (members, length), each a frozen value or one of the member's trained weights.

extern "C" __global__ void bank(Arguments arguments) {
    // (members, k).
    const float* trained = READ(float, 0);
    const long long trained_member = NUMBER(1);
    // (length); the largest number marks a value that is frozen.
    const float* frozen = READ(float, 2);
    const unsigned int* genes = READ(unsigned int, 3);
    const long long length = NUMBER(4), all = NUMBER(5);
    float* out = WRITE(float, 6);
    const long long place = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (place >= all) return;
    const unsigned int gene = genes[place % length];
    out[place] = gene == 0xffffffffu ? frozen[place % length] : trained[place / length * trained_member + gene];
}
