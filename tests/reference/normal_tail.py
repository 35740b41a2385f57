"""Writes the constants of src/engine/cpu/function.rs for the tail of the normal distribution (standard library only).

Phi(-a) = exp(-a^2 / 2) t P(t) with t = 1 / (1 + 3/8 a) for 0 <= a <= 14: P is interpolated at the ten Chebyshev nodes of t in
float64 and rounded once to f32. The greatest relative error, before rounding, goes to the standard error stream.
"""
import math, struct, sys

C, LAST, N = 0.375, 14.0, 10


def tail(t):
    a = (1 / t - 1) / C
    return math.exp(a * a / 2) * math.erfc(a / math.sqrt(2)) / 2 / t


low = 1 / (1 + C * LAST)
nodes = [(low + 1) / 2 + (1 - low) / 2 * math.cos(math.pi * (2 * i + 1) / (2 * N)) for i in range(N)]
d = [tail(t) for t in nodes]
# Newton's divided differences, then expanded to powers of t.
for level in range(1, N):
    for i in range(N - 1, level - 1, -1):
        d[i] = (d[i] - d[i - 1]) / (nodes[i] - nodes[i - level])
power = [0.0] * N
for i in range(N - 1, -1, -1):
    power = [(power[m - 1] if m else 0.0) - nodes[i] * power[m] for m in range(N)]
    power[0] += d[i]
single = lambda x: struct.unpack("<f", struct.pack("<f", x))[0]
shortest = lambda x: next(f"{x:.{n}g}" for n in range(1, 10) if single(float(f"{x:.{n}g}")) == single(x))
print(", ".join(shortest(p) for p in reversed(power)))
points = [low + (1 - low) * i / 100000 for i in range(100001)]
value = lambda t: sum(p * t**m for m, p in enumerate(power))
print("relative error", max(abs(value(t) / tail(t) - 1) for t in points), file=sys.stderr)
