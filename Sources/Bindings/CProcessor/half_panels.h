// Panels of matrices that are bfloat16 already, for the products of `half_product.h`.
#pragma once
#include "half_product.h"

#if defined(__x86_64__)

/// Panels of x [rows, width], whose rows are the inner dimension: y [panel][pairs][32]. What is beyond x is zero.
SWIFTDP_HALF void swiftdp_half_pack(
    const uint16_t *x, long x_stride, long rows, long width, uint32_t *y, long pairs) {
  for (long column = 0; column < width; column += SWIFTDP_HALF_COLUMNS)
    for (long p = 0; p < pairs; p++)
      for (long i = column; i < column + SWIFTDP_HALF_COLUMNS; i += 16, y += 16) {
        const __mmask16 mask = swiftdp_lanes_below(width - i);
        const uint16_t *from = x + 2 * p * x_stride + i;
        const __m256i first = _mm256_maskz_loadu_epi16(mask, from);
        const __m256i second = _mm256_maskz_loadu_epi16(2 * p + 1 < rows ? mask : 0, from + x_stride);
        const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
        _mm512_storeu_si512(y, swiftdp_half_interleave(both));
      }
}

/// Panels of xᵀ, with x [rows, width]: its columns are the inner dimension. y [panel][pairs][32].
SWIFTDP_HALF void swiftdp_half_turn(
    const uint16_t *x, long x_stride, long rows, long width, uint32_t *y, long pairs) {
  for (long row = 0; row < rows; row += SWIFTDP_HALF_COLUMNS, y += pairs * SWIFTDP_HALF_COLUMNS)
    for (long half = 0; half < SWIFTDP_HALF_COLUMNS; half += 16)
      for (long p = 0; p < pairs; p += 16) {
        const long left = width - 2 * p;
        const __mmask32 mask = left >= 32 ? ~0u : (1u << left) - 1;
        __m512i words[16];
#pragma clang loop unroll(full)
        for (int r = 0; r < 16; r++) {
          const long from = row + half + r;
          words[r] = _mm512_maskz_loadu_epi16(from < rows ? mask : 0, x + from * x_stride + 2 * p);
        }
        swiftdp_turn(words);
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++)
          if (p + i < pairs) _mm512_storeu_si512(y + (p + i) * SWIFTDP_HALF_COLUMNS + half, words[i]);
      }
}
#endif
