// Widens NF4 (two numbers a byte, the first one in the upper half, each the place of a value in a table of sixteen)
// and bytes with one scale. All paths round alike.
#pragma once
#include "bfloat16.h"
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

/// y[i] = scale · table[code of element first + i].
static inline void swiftdp_widen_nf4(
    const uint8_t *codes, long first, long count, const float *table, float scale, float *y) {
  long i = 0;
  if (first % 2 == 1 && count > 0) y[i++] = scale * table[codes[first / 2] & 15];
  const uint8_t *pairs = codes + (first + i) / 2;
#if defined(__AVX512F__)
  const __m512 values = _mm512_mul_ps(_mm512_loadu_ps(table), _mm512_set1_ps(scale));
#elif defined(__AVX2__)
  const __m256 low = _mm256_mul_ps(_mm256_loadu_ps(table), _mm256_set1_ps(scale));
  const __m256 high = _mm256_mul_ps(_mm256_loadu_ps(table + 8), _mm256_set1_ps(scale));
#endif
#if defined(__AVX2__) || defined(__AVX512F__)
  for (; i + 16 <= count; i += 16, pairs += 8) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)pairs);
    const __m128i upper = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    const __m128i lower = _mm_and_si128(bytes, _mm_set1_epi8(15));
    const __m128i places = _mm_unpacklo_epi8(upper, lower);
#if defined(__AVX512F__)
    _mm512_storeu_ps(y + i, _mm512_permutexvar_ps(_mm512_cvtepu8_epi32(places), values));
#else
    for (int half = 0; half < 2; half++) {
      const __m256i wide = _mm256_cvtepu8_epi32(half ? _mm_srli_si128(places, 8) : places);
      // The fourth bit, moved to the sign, chooses the half of the table.
      const __m256 isHigh = _mm256_castsi256_ps(_mm256_slli_epi32(wide, 28));
      const __m256 chosen = _mm256_blendv_ps(
          _mm256_permutevar8x32_ps(low, wide), _mm256_permutevar8x32_ps(high, wide), isHigh);
      _mm256_storeu_ps(y + i + 8 * half, chosen);
    }
#endif
  }
#endif
  for (; i + 2 <= count; i += 2, pairs++) {
    y[i] = scale * table[*pairs >> 4];
    y[i + 1] = scale * table[*pairs & 15];
  }
  if (i < count) y[i] = scale * table[*pairs >> 4];
}

/// The same numbers, rounded to bfloat16: one table of sixteen for each call.
static inline void swiftdp_narrow_nf4(
    const uint8_t *codes, long first, long count, const float *table, float scale, uint16_t *y) {
  float values[16];
  uint16_t halves[16];
  for (int code = 0; code < 16; code++) values[code] = scale * table[code];
  swiftdp_narrow(values, halves, 16);
  long i = 0;
  if (first % 2 == 1 && count > 0) y[i++] = halves[codes[first / 2] & 15];
  const uint8_t *pairs = codes + (first + i) / 2;
#if defined(__AVX512BW__)
  const __m512i all = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)halves));
  for (; i + 32 <= count; i += 32, pairs += 16) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)pairs);
    const __m128i upper = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    const __m128i lower = _mm_and_si128(bytes, _mm_set1_epi8(15));
    const __m256i places = _mm256_set_m128i(_mm_unpackhi_epi8(upper, lower), _mm_unpacklo_epi8(upper, lower));
    _mm512_storeu_si512(y + i, _mm512_permutexvar_epi16(_mm512_cvtepu8_epi16(places), all));
  }
#elif defined(__AVX2__)
  // Two tables, of the lower and of the upper bytes.
  const __m128i bytesOfHalf = _mm_set_epi8(15, 13, 11, 9, 7, 5, 3, 1, 14, 12, 10, 8, 6, 4, 2, 0);
  const __m128i front = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)halves), bytesOfHalf);
  const __m128i back = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(halves + 8)), bytesOfHalf);
  const __m128i low = _mm_unpacklo_epi64(front, back), high = _mm_unpackhi_epi64(front, back);
  for (; i + 16 <= count; i += 16, pairs += 8) {
    const __m128i bytes = _mm_loadl_epi64((const __m128i *)pairs);
    const __m128i upper = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    const __m128i places = _mm_unpacklo_epi8(upper, _mm_and_si128(bytes, _mm_set1_epi8(15)));
    const __m128i lows = _mm_shuffle_epi8(low, places), highs = _mm_shuffle_epi8(high, places);
    _mm_storeu_si128((__m128i *)(y + i), _mm_unpacklo_epi8(lows, highs));
    _mm_storeu_si128((__m128i *)(y + i + 8), _mm_unpackhi_epi8(lows, highs));
  }
#endif
  for (; i + 2 <= count; i += 2, pairs++) {
    y[i] = halves[*pairs >> 4];
    y[i + 1] = halves[*pairs & 15];
  }
  if (i < count) y[i] = halves[*pairs >> 4];
}

/// y[i] = (x[i] · largest) · factor, rounded twice.
static inline void swiftdp_widen_int8(
    const int8_t *x, long count, float largest, float factor, float *y) {
  typedef int8_t bytes16 __attribute__((vector_size(16)));
  typedef float floats16 __attribute__((vector_size(64)));
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    bytes16 bytes;
    memcpy(&bytes, x + i, 16);
    floats16 wide = __builtin_convertvector(bytes, floats16) * largest * factor;
    memcpy(y + i, &wide, 64);
  }
  for (; i < count; i++) y[i] = (float)x[i] * largest * factor;
}
