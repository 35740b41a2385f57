"""Writes src/rng/normal_table.rs: cubic pieces of the inverse normal CDF, as the bits of f32 (standard library only).

Piece 8*e + j covers the tail probabilities p = 2^(e-33) * (1 + (j + x)/8), x in [0, 1); its value is the upper-tail
quantile -Phi^-1(p), interpolated at the four Chebyshev nodes of the piece in float64 and rounded once to f32.
"""
import math, struct
from statistics import NormalDist

inverse = NormalDist().inv_cdf
rows = []
for e in range(32):
    for j in range(8):
        nodes = [0.5 + 0.5 * math.cos(math.pi * (2 * i + 1) / 8) for i in range(4)]
        f = [-inverse(2.0 ** (e - 33) * (1 + (j + x) / 8)) for x in nodes]
        # Newton's divided differences, then expanded to powers of x.
        d = f[:]
        for level in range(1, 4):
            for i in range(3, level - 1, -1):
                d[i] = (d[i] - d[i - 1]) / (nodes[i] - nodes[i - level])
        power = [0.0] * 4
        for i in range(3, -1, -1):
            power = [(power[m - 1] if m else 0.0) - nodes[i] * power[m] for m in range(4)]
            power[0] += d[i]
        rows.append(power)
rows.append([0.0] * 4)
bits = lambda x: struct.unpack("<I", struct.pack("<f", x))[0]
print("//! Made by `tests/reference/normal_table.py`: cubic pieces of the inverse normal CDF, as the bits of f32.")
print()
print("/// Coefficients of 1, x, x^2, x^3; eight pieces per octave of the tail probability, 32 octaves, and p = 1/2.")
print("#[rustfmt::skip]")
print("pub(super) const NORMAL_TABLE: [[u32; 4]; 257] = [")
for r in rows:
    print("    [" + ", ".join(f"0x{bits(c):08x}" for c in r) + "],")
print("];")
