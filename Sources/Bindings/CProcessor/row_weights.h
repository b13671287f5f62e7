// Sixteen numbers at a time, and weights in fp32, bfloat16 or codes of int8 that are widened in registers.
#pragma once
#include <stdint.h>
#include <string.h>

typedef float swiftdp_lanes __attribute__((vector_size(64)));
typedef float swiftdp_eight __attribute__((vector_size(32)));
typedef float swiftdp_four __attribute__((vector_size(16)));

#define SWIFTDP_INLINE static inline __attribute__((always_inline))
#define SWIFTDP_UNROLL _Pragma("clang loop unroll(full)")

SWIFTDP_INLINE swiftdp_lanes swiftdp_load(const float *x) {
  swiftdp_lanes lanes;
  memcpy(&lanes, x, 64);
  return lanes;
}

/// What a weight is kept in. The codes of int8 are multiplied as whole numbers; what they are multiples of is the
/// caller's.
enum { SWIFTDP_FLOAT32, SWIFTDP_BFLOAT16, SWIFTDP_INT8 };

/// The place of a number of a weight.
SWIFTDP_INLINE const void *swiftdp_weight(const int kind, const void *w, long i) {
  return (const char *)w + i * (kind == SWIFTDP_FLOAT32 ? 4 : kind == SWIFTDP_BFLOAT16 ? 2 : 1);
}

/// Sixteen numbers of a weight.
SWIFTDP_INLINE swiftdp_lanes swiftdp_load_weights(const int kind, const void *w) {
  typedef uint16_t halves16 __attribute__((vector_size(32)));
  typedef uint32_t words16 __attribute__((vector_size(64)));
  typedef int8_t bytes16 __attribute__((vector_size(16)));
  if (kind == SWIFTDP_BFLOAT16) {
    halves16 halves;
    memcpy(&halves, w, 32);
    return (swiftdp_lanes)(__builtin_convertvector(halves, words16) << 16);
  }
  if (kind == SWIFTDP_INT8) {
    bytes16 bytes;
    memcpy(&bytes, w, 16);
    return __builtin_convertvector(bytes, swiftdp_lanes);
  }
  return swiftdp_load((const float *)w);
}

/// The first `count` of sixteen numbers of a weight; the others are zero.
SWIFTDP_INLINE swiftdp_lanes swiftdp_load_weights_part(const int kind, const void *w, long count) {
  char bytes[64] = {0};
  memcpy(bytes, w, (const char *)swiftdp_weight(kind, w, count) - (const char *)w);
  return swiftdp_load_weights(kind, bytes);
}

/// Asks for memory that is read soon.
static inline void swiftdp_fetch(const void *bytes, long count) {
  for (long i = 0; i < count + 63; i += 64) __builtin_prefetch((const char *)bytes + i);
}

/// The first `count` of sixteen numbers; the others are zero.
SWIFTDP_INLINE swiftdp_lanes swiftdp_load_part(const float *x, long count) {
  swiftdp_lanes lanes = {0};
  for (long i = 0; i < count; i++) lanes[i] = x[i];
  return lanes;
}

/// The sum of all lanes as a tree.
SWIFTDP_INLINE float swiftdp_total(swiftdp_lanes v) {
  swiftdp_eight a = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7)
    + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  swiftdp_four b = __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
  swiftdp_four c = b + __builtin_shufflevector(b, b, 2, 3, 2, 3);
  return c[0] + c[1];
}
