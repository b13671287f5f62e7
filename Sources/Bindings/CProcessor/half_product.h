// Products of small bfloat16 matrices with fp32 sums, by the dot products of AVX512-BF16: C = A B.
//
// Both operands hold their inner dimension in pairs of neighbours, 32 bits each; an odd one ends with a zero. B lies in
// panels of 32 columns, [panel][pair][32]. A pair of A lies anywhere: pairs of a row, or rows of pairs. Each element of C is one
// chain of sums in the order of the pairs, whatever the sizes and the tiles: the instruction adds the two products of a
// pair one after the other, without denormal numbers.
//
// Callers ask first whether the processor has these instructions.
#pragma once
#include <stdint.h>

/// Rows and columns of a tile: sixteen sums in registers hide the latency of the dot products.
#define SWIFTDP_HALF_ROWS 8
#define SWIFTDP_HALF_COLUMNS 32

#if defined(__x86_64__)
#include <immintrin.h>

#define SWIFTDP_HALF __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))) static inline
#define SWIFTDP_HALF_INLINE SWIFTDP_HALF __attribute__((always_inline))

/// The lanes below `count`, which may be negative or more than sixteen.
SWIFTDP_HALF_INLINE __mmask16 swiftdp_lanes_below(long count) {
  return count >= 16 ? 0xFFFF : count <= 0 ? 0 : (__mmask16)((1u << count) - 1);
}

/// One tile of C: `rows` of eight are stored, and `columns` of 16 · `vectors`, a number that is known where it is inlined.
SWIFTDP_HALF_INLINE void swiftdp_half_tile(
    const int vectors, const uint32_t *a, long a_row, long a_pair, const uint32_t *b, long pairs, float factor,
    const float *factors, int adding, float *c, long c_stride, long rows, long columns) {
  __m512 sums[SWIFTDP_HALF_ROWS][2];
#pragma clang loop unroll(full)
  for (int r = 0; r < SWIFTDP_HALF_ROWS; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      sums[r][v] = _mm512_setzero_ps();
      // C comes from memory while the sums are made.
      __builtin_prefetch(c + r * c_stride + 16 * v, 1);
    }
  for (long p = 0; p < pairs; p++) {
    __m512bh bs[2];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      bs[v] = (__m512bh)_mm512_loadu_si512(b + p * SWIFTDP_HALF_COLUMNS + 16 * v);
#pragma clang loop unroll(full)
    for (int r = 0; r < SWIFTDP_HALF_ROWS; r++) {
      const __m512bh pair = (__m512bh)_mm512_set1_epi32((int)a[r * a_row + p * a_pair]);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], pair, bs[v]);
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < SWIFTDP_HALF_ROWS; r++) {
    if (r >= rows) break;
    const __m512 scale = _mm512_set1_ps(factors ? factors[r] : factor);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const __mmask16 mask = swiftdp_lanes_below(columns - 16 * v);
      float *place = c + r * c_stride + 16 * v;
      const __m512 old = adding ? _mm512_maskz_loadu_ps(mask, place) : _mm512_setzero_ps();
      _mm512_mask_storeu_ps(place, mask, _mm512_fmadd_ps(scale, sums[r][v], old));
    }
  }
}

/// C [rows, columns] = factor · A B, or C += factor · A B.
/// - `a`: pairs of A, `a_row` apart from row to row and `a_pair` from pair to pair. As many rows as fill whole tiles are
///   read.
/// - `b`: panels of B, `b_panel` pairs apart.
/// - `factors`: one for each row in the place of `factor`, or null.
SWIFTDP_HALF void swiftdp_half_product(
    long rows, long columns, long pairs, const uint32_t *a, long a_row, long a_pair, const uint32_t *b, long b_panel,
    float factor, const float *factors, int adding, float *c, long c_stride) {
  for (long column = 0; column < columns; column += SWIFTDP_HALF_COLUMNS, b += b_panel) {
    const long width = columns - column;
    for (long r = 0; r < rows; r += SWIFTDP_HALF_ROWS) {
      const float *own = factors ? factors + r : 0;
      float *place = c + r * c_stride + column;
      if (width > 16)
        swiftdp_half_tile(
            2, a + r * a_row, a_row, a_pair, b, pairs, factor, own, adding, place, c_stride, rows - r, width);
      else
        swiftdp_half_tile(
            1, a + r * a_row, a_row, a_pair, b, pairs, factor, own, adding, place, c_stride, rows - r, width);
    }
  }
}

/// y [padded_rows, y_stride] = x [rows, width], rounded to the nearest; what is beyond x is zero. `y_stride` is even.
SWIFTDP_HALF void swiftdp_half_rows(
    const float *x, long x_stride, long rows, long width, uint16_t *y, long y_stride, long padded_rows) {
  for (long r = 0; r < padded_rows; r++)
    for (long i = 0; i < y_stride; i += 16) {
      const __mmask16 from = r < rows ? swiftdp_lanes_below(width - i) : 0;
      const __m512 lanes = _mm512_maskz_loadu_ps(from, x + r * x_stride + i);
      _mm256_mask_storeu_epi16(
          y + r * y_stride + i, swiftdp_lanes_below(y_stride - i), (__m256i)_mm512_cvtneps_pbh(lanes));
    }
}

/// Sixteen pairs of neighbours of two rows of 16 halves each, which lie one behind the other.
SWIFTDP_HALF_INLINE __m512i swiftdp_half_interleave(__m512i rows) {
  const __m512i places = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(places, rows);
}

/// Sixteen pairs of neighbours of two rows of floats.
SWIFTDP_HALF_INLINE __m512i swiftdp_half_pairs(__m512 first, __m512 second) {
  return swiftdp_half_interleave((__m512i)_mm512_cvtne2ps_pbh(second, first));
}

/// Panels of x [rows, width], whose rows are the inner dimension: y [panel][pairs][32].
SWIFTDP_HALF void swiftdp_half_panels(
    const float *x, long x_stride, long rows, long width, uint32_t *y, long pairs) {
  for (long column = 0; column < width; column += SWIFTDP_HALF_COLUMNS)
    for (long p = 0; p < pairs; p++)
      for (long i = column; i < column + SWIFTDP_HALF_COLUMNS; i += 16, y += 16) {
        const __mmask16 mask = swiftdp_lanes_below(width - i);
        const float *from = x + 2 * p * x_stride + i;
        const __m512 first = _mm512_maskz_loadu_ps(2 * p < rows ? mask : 0, from);
        const __m512 second = _mm512_maskz_loadu_ps(2 * p + 1 < rows ? mask : 0, from + x_stride);
        _mm512_storeu_si512(y, swiftdp_half_pairs(first, second));
      }
}

/// Sixteen rows of sixteen words become columns.
SWIFTDP_HALF_INLINE void swiftdp_turn(__m512i rows[16]) {
  __m512i next[16];
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 2) {
    next[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    next[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  // Column 4 · lane + i % 4 of rows i / 4 · 4 and on.
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(next[i], next[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(next[i], next[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(next[i + 1], next[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(next[i + 1], next[i + 3]);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    const __m512i low = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x44);
    const __m512i high = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xEE);
    const __m512i low2 = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x44);
    const __m512i high2 = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xEE);
    next[i] = _mm512_shuffle_i32x4(low, low2, 0x88);
    next[i + 4] = _mm512_shuffle_i32x4(low, low2, 0xDD);
    next[i + 8] = _mm512_shuffle_i32x4(high, high2, 0x88);
    next[i + 12] = _mm512_shuffle_i32x4(high, high2, 0xDD);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i++) rows[i] = next[i];
}

/// Panels of xᵀ, with x [rows, width]: its columns are the inner dimension. y [panel][pairs][32].
SWIFTDP_HALF void swiftdp_half_turned_panels(
    const float *x, long x_stride, long rows, long width, uint32_t *y, long pairs) {
  for (long row = 0; row < rows; row += SWIFTDP_HALF_COLUMNS, y += pairs * SWIFTDP_HALF_COLUMNS)
    for (long half = 0; half < SWIFTDP_HALF_COLUMNS; half += 16)
      for (long p = 0; p < pairs; p += 16) {
        __m512i words[16];
#pragma clang loop unroll(full)
        for (int r = 0; r < 16; r++) {
          const int is_there = row + half + r < rows;
          const float *from = x + (row + half + r) * x_stride + 2 * p;
          const __m512 first = _mm512_maskz_loadu_ps(is_there ? swiftdp_lanes_below(width - 2 * p) : 0, from);
          const __m512 second =
              _mm512_maskz_loadu_ps(is_there ? swiftdp_lanes_below(width - 2 * p - 16) : 0, from + 16);
          words[r] = (__m512i)_mm512_cvtne2ps_pbh(second, first);
        }
        swiftdp_turn(words);
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++)
          if (p + i < pairs) _mm512_storeu_si512(y + (p + i) * SWIFTDP_HALF_COLUMNS + half, words[i]);
      }
}
#endif
