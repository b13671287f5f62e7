// Conversion between fp32 and bfloat16, sixteen numbers at a time: Swift's own conversions of SIMD types are scalar.
#pragma once
#include <stdint.h>
#include <string.h>

typedef uint32_t swiftdp_words __attribute__((vector_size(64)));
typedef uint16_t swiftdp_halves __attribute__((vector_size(32)));

/// Rounds to the nearest, ties to even. NaN stays NaN with its sign, and overflow becomes infinity.
static inline uint16_t swiftdp_bfloat16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  // Rounding could carry a NaN's payload into the sign, and truncating could leave an infinity.
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// Runs forwards, so that `y` may be the memory of `x`.
static inline void swiftdp_narrow(const float *x, uint16_t *y, long count) {
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    swiftdp_words bits;
    memcpy(&bits, x + i, 64);
    swiftdp_words rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
    swiftdp_words quiet = bits >> 16 | 0x40u;
    swiftdp_words isNaN = (swiftdp_words)((bits & 0x7FFFFFFFu) > 0x7F800000u);
    swiftdp_halves halves = __builtin_convertvector((quiet & isNaN) | (rounded & ~isNaN), swiftdp_halves);
    memcpy(y + i, &halves, 32);
  }
  for (; i < count; i++) y[i] = swiftdp_bfloat16(x[i]);
}

static inline void swiftdp_widen(const uint16_t *x, float *y, long count) {
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    swiftdp_halves halves;
    memcpy(&halves, x + i, 32);
    swiftdp_words bits = __builtin_convertvector(halves, swiftdp_words) << 16;
    memcpy(y + i, &bits, 64);
  }
  for (; i < count; i++) {
    uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(y + i, &bits, 4);
  }
}

/// Rounds in place, and stays fp32.
static inline void swiftdp_round(float *x, long count) {
  uint16_t halves[256];
  for (long i = 0; i < count; i += 256) {
    const long part = count - i < 256 ? count - i : 256;
    swiftdp_narrow(x + i, halves, part);
    swiftdp_widen(halves, x + i, part);
  }
}

/// factor · x as the sum of two: the nearest number, and the nearest to what is left of it. What both miss is at most 2^-18
/// of the number, unless what is left is below 2^-126, where products take it for 0. Beside an infinity NaN is left.
static inline void swiftdp_split(const float *x, float factor, uint16_t *high, uint16_t *low, long count) {
  float whole[256], rest[256];
  for (long i = 0; i < count; i += 256) {
    const long part = count - i < 256 ? count - i : 256;
    for (long j = 0; j < part; j++) whole[j] = factor * x[i + j];
    swiftdp_narrow(whole, high + i, part);
    swiftdp_widen(high + i, rest, part);
    for (long j = 0; j < part; j++) rest[j] = whole[j] - rest[j];
    swiftdp_narrow(rest, low + i, part);
  }
}
