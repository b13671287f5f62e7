// Widens NF4: two numbers per byte, the first one in the upper half. Each is an index into a table of sixteen values.
#pragma once
#include <stdint.h>
#include <string.h>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

/// y[i] = scale · table[code of element first + i].
static inline void swiftdp_widen_nf4(
    const uint8_t *codes, long first, long count, const float *table, float scale, float *y) {
  long i = 0;
  if (first % 2 == 1 && count > 0) y[i++] = scale * table[codes[first / 2] & 15];
  const uint8_t *pairs = codes + (first + i) / 2;
#ifdef __AVX512F__
  const __m512 values = _mm512_mul_ps(_mm512_loadu_ps(table), _mm512_set1_ps(scale));
  for (; i + 16 <= count; i += 16, pairs += 8) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)pairs);
    const __m128i upper = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    const __m128i lower = _mm_and_si128(bytes, _mm_set1_epi8(15));
    const __m512i places = _mm512_cvtepu8_epi32(_mm_unpacklo_epi8(upper, lower));
    _mm512_storeu_ps(y + i, _mm512_permutexvar_ps(places, values));
  }
#endif
  for (; i + 2 <= count; i += 2, pairs++) {
    y[i] = scale * table[*pairs >> 4];
    y[i + 1] = scale * table[*pairs & 15];
  }
  if (i < count) y[i] = scale * table[*pairs >> 4];
}

/// y[i] = scale · x[i].
static inline void swiftdp_widen_int8(const int8_t *x, long count, float scale, float *y) {
  for (long i = 0; i < count; i++) y[i] = scale * (float)x[i];
}
