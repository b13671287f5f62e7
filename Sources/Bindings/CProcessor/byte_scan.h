// Finds rows of bytes whose products with some vectors are large: sums of whole numbers, so that every path has the same
// ones.
//
// Rows lie in blocks of sixteen, [blocks, groups, 16, 4]: four neighbouring numbers of each row stand side by side, as
// the instructions that multiply bytes (VNNI) read them.
#pragma once
#include "row_product.h"
#include <stdint.h>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define SWIFTDP_BYTE_ROWS 16
#define SWIFTDP_BYTE_GROUP 4
static const long swiftdp_byte_rows = SWIFTDP_BYTE_ROWS;
static const long swiftdp_byte_group = SWIFTDP_BYTE_GROUP;

/// How many vectors and blocks fill the registers, and blocks for one vector alone.
#if defined(__AVX512VNNI__)
#define SWIFTDP_BYTE_VECTORS 8
#define SWIFTDP_BYTE_BLOCKS 2
#define SWIFTDP_BYTE_ALONE 8
#else
#define SWIFTDP_BYTE_VECTORS 2
#define SWIFTDP_BYTE_BLOCKS 1
#define SWIFTDP_BYTE_ALONE 1
#endif

/// Sixteen rows' sums with one vector.
#if defined(__AVX512VNNI__)
typedef __m512i swiftdp_byte_sums;

SWIFTDP_INLINE swiftdp_byte_sums swiftdp_add_bytes(swiftdp_byte_sums sums, const uint8_t *codes, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, 4);
  return _mm512_dpbusd_epi32(sums, _mm512_loadu_si512(codes), _mm512_set1_epi32(four));
}
SWIFTDP_INLINE void swiftdp_store_sums(swiftdp_byte_sums sums, int32_t *y) { _mm512_storeu_si512(y, sums); }
SWIFTDP_INLINE uint32_t swiftdp_reaching(swiftdp_byte_sums sums, int32_t least) {
  return _mm512_cmpge_epi32_mask(sums, _mm512_set1_epi32(least));
}
#elif defined(__AVX2__)
/// Two sums of every row, of two numbers of each group.
typedef struct {
  __m256i pairs[4];
} swiftdp_byte_sums;

SWIFTDP_INLINE swiftdp_byte_sums swiftdp_add_bytes(swiftdp_byte_sums sums, const uint8_t *codes, const int8_t *x) {
  int32_t four;
  memcpy(&four, x, 4);
  const __m256i wide = _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four)));
  SWIFTDP_UNROLL for (int p = 0; p < 4; p++) {
    const __m256i rows = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(codes + 16 * p)));
    sums.pairs[p] = _mm256_add_epi32(sums.pairs[p], _mm256_madd_epi16(rows, wide));
  }
  return sums;
}
SWIFTDP_INLINE void swiftdp_store_sums(swiftdp_byte_sums sums, int32_t *y) {
  int32_t pairs[32];
  memcpy(pairs, &sums, sizeof pairs);
  for (int r = 0; r < 16; r++) y[r] = pairs[2 * r] + pairs[2 * r + 1];
}
#else
typedef struct {
  int32_t rows[16];
} swiftdp_byte_sums;

SWIFTDP_INLINE swiftdp_byte_sums swiftdp_add_bytes(swiftdp_byte_sums sums, const uint8_t *codes, const int8_t *x) {
  for (int r = 0; r < 16; r++)
    for (int c = 0; c < 4; c++) sums.rows[r] += codes[4 * r + c] * x[c];
  return sums;
}
SWIFTDP_INLINE void swiftdp_store_sums(swiftdp_byte_sums sums, int32_t *y) { memcpy(y, sums.rows, sizeof sums.rows); }
#endif

#if !defined(__AVX512VNNI__)
SWIFTDP_INLINE uint32_t swiftdp_reaching(swiftdp_byte_sums sums, int32_t least) {
  int32_t y[16];
  swiftdp_store_sums(sums, y);
  uint32_t rows = 0;
  for (int r = 0; r < 16; r++) rows |= (uint32_t)(y[r] >= least) << r;
  return rows;
}
#endif

/// Rows of one block that one vector has found, a bit each.
typedef struct {
  int32_t vector;
  int32_t block;
  uint32_t rows;
} swiftdp_byte_hits;

/// Some vectors and blocks, whose numbers are known where it is inlined.
/// - Returns: the end of what was found.
SWIFTDP_INLINE swiftdp_byte_hits *swiftdp_byte_tile(
    const int vectors, const int blocks, const uint8_t *codes, long groups, const int8_t *x, const int32_t *which,
    const int32_t *least, int32_t vector, int32_t block, swiftdp_byte_hits *found) {
  const long width = SWIFTDP_BYTE_GROUP * groups, size = SWIFTDP_BYTE_ROWS * width;
  const int8_t *own[SWIFTDP_BYTE_VECTORS];
  SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) own[v] = x + which[vector + v] * width;
  swiftdp_byte_sums sums[SWIFTDP_BYTE_VECTORS][SWIFTDP_BYTE_ALONE];
  memset(sums, 0, sizeof sums);
  codes += block * size;
  for (long g = 0; g < groups; g++)
    SWIFTDP_UNROLL for (int b = 0; b < blocks; b++)
      SWIFTDP_UNROLL for (int v = 0; v < vectors; v++)
        sums[v][b] = swiftdp_add_bytes(sums[v][b], codes + b * size + 64 * g, own[v] + 4 * g);
  SWIFTDP_UNROLL for (int b = 0; b < blocks; b++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) {
      const uint32_t rows = swiftdp_reaching(sums[v][b], least[vector + v]);
      if (rows) *found++ = (swiftdp_byte_hits){vector + v, block + b, rows};
    }
  return found;
}

/// All vectors on some blocks.
SWIFTDP_INLINE swiftdp_byte_hits *swiftdp_byte_rows_of(
    const int blocks, const uint8_t *codes, long groups, const int8_t *x, const int32_t *which, const int32_t *least,
    long vectors, int32_t block, swiftdp_byte_hits *found) {
  int32_t v = 0;
  for (; v + SWIFTDP_BYTE_VECTORS <= vectors; v += SWIFTDP_BYTE_VECTORS)
    found = swiftdp_byte_tile(SWIFTDP_BYTE_VECTORS, blocks, codes, groups, x, which, least, v, block, found);
#if SWIFTDP_BYTE_VECTORS > 4
  for (; v + 4 <= vectors; v += 4)
    found = swiftdp_byte_tile(4, blocks, codes, groups, x, which, least, v, block, found);
#endif
  for (; v < vectors; v++)
    found = swiftdp_byte_tile(1, blocks, codes, groups, x, which, least, v, block, found);
  return found;
}

/// Looks for rows whose sums reach what a vector asks for.
/// - `codes`: [blocks, groups, 16, 4]
/// - `x`: vectors of 4 · groups numbers, of which `which` [vectors] are asked about; `least` [vectors]
/// - `found`: room for vectors · blocks, in the order of the blocks, or of groups of them.
/// - Returns: how many there are.
static inline long swiftdp_find_bytes(
    const uint8_t *codes, long blocks, long groups, const int8_t *x, const int32_t *which, const int32_t *least,
    long vectors, swiftdp_byte_hits *found) {
  swiftdp_byte_hits *end = found;
  int32_t b = 0;
  if (vectors == 1)
    for (; b + SWIFTDP_BYTE_ALONE <= blocks; b += SWIFTDP_BYTE_ALONE)
      end = swiftdp_byte_tile(1, SWIFTDP_BYTE_ALONE, codes, groups, x, which, least, 0, b, end);
  for (; b + SWIFTDP_BYTE_BLOCKS <= blocks; b += SWIFTDP_BYTE_BLOCKS)
    end = swiftdp_byte_rows_of(SWIFTDP_BYTE_BLOCKS, codes, groups, x, which, least, vectors, b, end);
  for (; b < blocks; b++)
    end = swiftdp_byte_rows_of(1, codes, groups, x, which, least, vectors, b, end);
  return end - found;
}

/// The sums of all rows with one vector, [16 · blocks].
static inline void swiftdp_sum_bytes(const uint8_t *codes, long blocks, long groups, const int8_t *x, int32_t *sums) {
  for (long b = 0; b < blocks; b++, codes += 64 * groups) {
    swiftdp_byte_sums own;
    memset(&own, 0, sizeof own);
    for (long g = 0; g < groups; g++) own = swiftdp_add_bytes(own, codes + 64 * g, x + 4 * g);
    swiftdp_store_sums(own, sums + 16 * b);
  }
}

typedef int32_t swiftdp_numbers __attribute__((vector_size(64)));

/// How many numbers are so large at least.
static inline long swiftdp_count_reaching(const int32_t *x, long count, int32_t least) {
  swiftdp_numbers counts = {0};
  long i = 0, sum = 0;
  for (; i + 16 <= count; i += 16) {
    swiftdp_numbers some;
    memcpy(&some, x + i, 64);
    // A lane that holds is -1.
    counts -= some >= least;
  }
  for (; i < count; i++) sum += x[i] >= least;
  for (int lane = 0; lane < 16; lane++) sum += counts[lane];
  return sum;
}
