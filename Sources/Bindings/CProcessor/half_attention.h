// What lies between the products of attention: softmax and its slopes, computed in fp32 and rounded to bfloat16 for the
// products that read them (`half_product.h`).
//
// Rows are those of queries and columns those of keys. Columns begin at a multiple of 32 among the keys of the sequence, so
// that the order of every sum follows from where a key stands.
#pragma once
#include "half_product.h"

/// What is known of a query in backward.
typedef struct {
  /// The keys that it sees.
  int32_t first, end;
  /// Its log-sum-exp, and rowsum(dO ∘ O).
  float log_sum, along;
} swiftdp_half_query;

#if defined(__x86_64__)

/// e to the power of x, within 3e-7 of itself for x ≤ 0; 0 where fp32 has only denormal numbers or none.
SWIFTDP_HALF_INLINE __m512 swiftdp_half_exponential(__m512 x) {
  // x · log2 e = n + f with |f| ≤ 1/2. The bound keeps −∞ from becoming −∞ + ∞; NaN stays.
  const __m512 y = _mm512_mul_ps(_mm512_max_ps(_mm512_set1_ps(-1000), x), _mm512_set1_ps(1.44269504f));
  const __m512 n = _mm512_roundscale_ps(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(y, n);
  // 2^f: the polynomial of the least relative error that is 1 at 0.
  __m512 p = _mm512_set1_ps(1.32647273e-3f);
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(9.67151299e-3f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.55073358e-2f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.40222424e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93147004e-1f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
  return _mm512_scalef_ps(p, n);
}

/// The lanes of sixteen columns that lie in `first..<end`.
SWIFTDP_HALF_INLINE __mmask16 swiftdp_lanes_within(long column, long first, long end) {
  return swiftdp_lanes_below(end - column) & ~swiftdp_lanes_below(first - column);
}

/// Turns the scores of a row into e^(score − largest), rounded, without their sum's inverse.
/// - `first`, `end`: the columns that the query sees; at least one.
/// - `start`, `stop`: the columns that are written, multiples of 16; zero where the query does not see.
/// - `factors`: what each number is multiplied by after it was summed (dropout), or null.
/// - `largest`, `sum`: of the row, in fp32.
SWIFTDP_HALF void swiftdp_half_softmax(
    const float *scores, long first, long end, long start, long stop, const float *factors, uint16_t *rounded,
    float *largest, float *sum) {
  const __m512 low = _mm512_set1_ps(-__builtin_inff());
  const long from = first & ~15l;
  __m512 tops[4] = {low, low, low, low};
  for (long c = from; c < end; c += 64)
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      const __m512 x = _mm512_mask_loadu_ps(low, swiftdp_lanes_within(c + 16 * i, first, end), scores + c + 16 * i);
      tops[i] = _mm512_max_ps(x, tops[i]);
    }
  const __m512 top = _mm512_max_ps(_mm512_max_ps(tops[0], tops[1]), _mm512_max_ps(tops[2], tops[3]));
  *largest = _mm512_reduce_max_ps(top);
  const __m512 peak = _mm512_set1_ps(*largest);
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  const __m256i zero = _mm256_setzero_si256();
  for (long c = start; c < from; c += 16) _mm256_storeu_si256((__m256i *)(rounded + c), zero);
  for (long c = from; c < stop; c += 32)
#pragma clang loop unroll(full)
    for (int i = 0; i < 2; i++) {
      const long column = c + 16 * i;
      if (column >= stop) break;
      const __mmask16 mask = swiftdp_lanes_within(column, first, end);
      const __m512 x = _mm512_maskz_loadu_ps(mask, scores + column);
      __m512 e = _mm512_maskz_mov_ps(mask, swiftdp_half_exponential(_mm512_sub_ps(x, peak)));
      sums[i] = _mm512_add_ps(sums[i], e);
      if (factors) e = _mm512_mul_ps(e, _mm512_maskz_loadu_ps(mask, factors + column));
      _mm256_storeu_si256((__m256i *)(rounded + column), (__m256i)_mm512_cvtneps_pbh(e));
    }
  *sum = _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]));
}

/// P and dS of sixteen keys of a query. dS takes the place of dP if `keeps`.
SWIFTDP_HALF_INLINE void swiftdp_half_slope(
    const swiftdp_half_query *query, long key, long column, const float *scores, float *slopes, const float *factors,
    float cap, int keeps, __m512 *p, __m512 *ds) {
  const __mmask16 mask = swiftdp_lanes_within(key + column, query->first, query->end);
  const __m512 s = _mm512_maskz_loadu_ps(mask, scores + column);
  const __m512 e =
      _mm512_maskz_mov_ps(mask, swiftdp_half_exponential(_mm512_sub_ps(s, _mm512_set1_ps(query->log_sum))));
  __m512 d = _mm512_maskz_loadu_ps(mask, slopes + column);
  *p = e;
  if (factors) {
    const __m512 f = _mm512_maskz_loadu_ps(mask, factors + column);
    d = _mm512_mul_ps(d, f);
    *p = _mm512_mul_ps(e, f);
  }
  d = _mm512_mul_ps(e, _mm512_sub_ps(d, _mm512_set1_ps(query->along)));
  if (cap > 0) {
    const __m512 capped = _mm512_mul_ps(s, _mm512_set1_ps(1 / cap));
    d = _mm512_mul_ps(d, _mm512_fnmadd_ps(capped, capped, _mm512_set1_ps(1)));
  }
  *ds = _mm512_maskz_mov_ps(mask, d);
  if (keeps) _mm512_storeu_ps(slopes + column, *ds);
}

/// P and dS of two queries, from their scores and dP, zero where a query does not see.
/// - `key`: that of the first column. Rows of scores, dP and factors are `stride` apart.
/// - `count`: columns, a multiple of 16.
/// - `factors`: of dropout, or null. P is rounded behind it.
/// - `cap`: that of the scores (1 − (S / cap)² is a factor of dS), or 0.
/// - `keeps`: whether dS is written over dP in fp32.
/// - `p_pairs`, `ds_pairs`: [count], the pairs of both queries. So many numbers `before` and `behind` become zeros, multiples of
///   16.
/// - `ds_rows`: their rows of dS, `ds_stride` apart.
SWIFTDP_HALF void swiftdp_half_slopes(
    const swiftdp_half_query *queries, long key, long count, const float *scores, float *slopes, const float *factors,
    long stride, float cap, int keeps, uint32_t *p_pairs, uint32_t *ds_pairs, long before, long behind,
    uint16_t *ds_rows, long ds_stride) {
  for (long i = 0; i < before + behind; i += 16) {
    const long c = i < before ? i - before : count + i - before;
    _mm512_storeu_si512(p_pairs + c, _mm512_setzero_si512());
    _mm512_storeu_si512(ds_pairs + c, _mm512_setzero_si512());
  }
  for (long c = 0; c < count; c += 16) {
    __m512 p[2], ds[2];
#pragma clang loop unroll(full)
    for (int i = 0; i < 2; i++) {
      swiftdp_half_slope(
          queries + i, key, c, scores + i * stride, slopes + i * stride, factors ? factors + i * stride : 0, cap, keeps,
          &p[i], &ds[i]);
      _mm256_storeu_si256((__m256i *)(ds_rows + i * ds_stride + c), (__m256i)_mm512_cvtneps_pbh(ds[i]));
    }
    _mm512_storeu_si512(p_pairs + c, swiftdp_half_pairs(p[0], p[1]));
    _mm512_storeu_si512(ds_pairs + c, swiftdp_half_pairs(ds[0], ds[1]));
  }
}
#endif
