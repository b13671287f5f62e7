// fp32 products of which one side is thin: at most 32 rows, columns, or numbers of the inner dimension, as in low-rank
// adapters. A library packs the wide operand and fills a part of its registers; here the wide one is read once, along
// its rows, and the thin one stays in the cache.
//
// The bits are those of `portable_product.h`: chains of 256 fused multiply-adds from zero, each added to what the
// element holds. Nothing else decides them.
#pragma once
#include "portable_product.h"

/// The most rows, columns or inner numbers of a thin side.
#define SWIFTDP_THIN 32
/// Columns of a wide side that are taken at once: a page of each row.
#define SWIFTDP_THIN_SWEEP 1024
/// Rows of a wide operand that are read side by side.
#define SWIFTDP_THIN_ROWS 8

/// What fills the registers: vectors of eight columns of C, rows and vectors of sixteen of a wide C, and rows of a C
/// that is thin.
#if defined(__AVX512F__)
#define SWIFTDP_THIN_EIGHTS 2
#define SWIFTDP_THIN_TALL 8
#define SWIFTDP_THIN_WIDE 2
#define SWIFTDP_THIN_GROUP 8
#else
#define SWIFTDP_THIN_EIGHTS 1
#define SWIFTDP_THIN_TALL 4
#define SWIFTDP_THIN_WIDE 1
#define SWIFTDP_THIN_GROUP 4
#endif

/// Floats that a thin product packs in: sums of a sweep, and a block of what they are multiplied with.
static const long swiftdp_thin_room = SWIFTDP_THIN * (SWIFTDP_THIN_SWEEP + SWIFTDP_CHAIN_DEPTH);

SWIFTDP_INLINE swiftdp_lanes swiftdp_fuse(float x, swiftdp_lanes y, swiftdp_lanes sum) {
  return __builtin_elementwise_fma(x - (swiftdp_lanes){0}, y, sum);
}

/// C [rows, columns] = x p, or C += x p, with p [depth, 8 · vectors]. Rows and vectors are known where it is inlined.
SWIFTDP_INLINE void swiftdp_thin_columns_tile(
    const int rows, const int vectors, const float *x, long x_stride, const float *p, long p_stride, long depth,
    int adding, float *c, long c_stride, long columns) {
  swiftdp_eight sums[SWIFTDP_THIN_ROWS][SWIFTDP_THIN_EIGHTS];
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (swiftdp_eight){0};
  for (long i = 0; i < depth; i++) {
    swiftdp_eight ps[SWIFTDP_THIN_EIGHTS];
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) memcpy(&ps[v], p + i * p_stride + 8 * v, 32);
    SWIFTDP_UNROLL for (int r = 0; r < rows; r++) {
      const swiftdp_eight xr = x[r * x_stride + i] - (swiftdp_eight){0};
      SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = __builtin_elementwise_fma(xr, ps[v], sums[r][v]);
    }
  }
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    for (long k = 0; k < columns; k++) {
      float *place = c + r * c_stride + k;
      const float sum = sums[r][k / 8][k % 8];
      *place = adding ? *place + sum : sum;
    }
}

/// Some rows of C, for one chain.
SWIFTDP_INLINE void swiftdp_thin_columns_rows(
    const int rows, const float *x, long x_stride, const float *p, long p_stride, long depth, int adding, float *c,
    long c_stride, long n) {
  long column = 0;
  if (SWIFTDP_THIN_EIGHTS > 1)
    for (; column + 8 < n; column += 8 * SWIFTDP_THIN_EIGHTS)
      swiftdp_thin_columns_tile(
          rows, SWIFTDP_THIN_EIGHTS, x, x_stride, p + column, p_stride, depth, adding, c + column, c_stride,
          n - column < 8 * SWIFTDP_THIN_EIGHTS ? n - column : 8 * SWIFTDP_THIN_EIGHTS);
  for (; column < n; column += 8)
    swiftdp_thin_columns_tile(
        rows, 1, x, x_stride, p + column, p_stride, depth, adding, c + column, c_stride,
        n - column < 8 ? n - column : 8);
}

/// C [m, n] = A op(B), or C += A op(B), of n ≤ `SWIFTDP_THIN` columns. A part of B is packed, [inner, 8 · vectors].
SWIFTDP_INLINE void swiftdp_thin_columns(
    int b_turned, long m, long n, long k, const float *a, long a_stride, const float *b, long b_stride, int adding,
    float *c, long c_stride, float *room) {
  const long wide = (n + 15) / 16 * 16, most = swiftdp_thin_room / wide / SWIFTDP_CHAIN_DEPTH * SWIFTDP_CHAIN_DEPTH;
  for (long first = 0; first < k; first += most) {
    const long part = k - first < most ? k - first : most;
    if (b_turned)
      for (long column = 0; column < n; column++)
        for (long i = 0; i < part; i++) room[i * wide + column] = b[column * b_stride + first + i];
    else
      for (long i = 0; i < part; i++) memcpy(room + i * wide, b + (first + i) * b_stride, n * sizeof(float));
    for (long r = 0; r < m;) {
      const long rows = m - r < SWIFTDP_THIN_ROWS ? 1 : SWIFTDP_THIN_ROWS;
      for (long start = 0; start < part; start += SWIFTDP_CHAIN_DEPTH) {
        const long depth = part - start < SWIFTDP_CHAIN_DEPTH ? part - start : SWIFTDP_CHAIN_DEPTH;
        const float *x = a + r * a_stride + first + start;
        const int adds = adding || first + start > 0;
        if (rows > 1)
          swiftdp_thin_columns_rows(
              SWIFTDP_THIN_ROWS, x, a_stride, room + start * wide, wide, depth, adds, c + r * c_stride, c_stride, n);
        else
          swiftdp_thin_columns_rows(
              1, x, a_stride, room + start * wide, wide, depth, adds, c + r * c_stride, c_stride, n);
      }
      r += rows;
    }
  }
}

/// C [rows, 16 · vectors] = a p, or C += a p, with a [rows, depth] and p [depth, 16 · vectors].
SWIFTDP_INLINE void swiftdp_thin_inner_tile(
    const int rows, const int vectors, const float *a, long a_stride, const float *p, long p_stride, long depth,
    int adding, float *c, long c_stride) {
  swiftdp_lanes sums[SWIFTDP_THIN_TALL][SWIFTDP_THIN_WIDE];
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (swiftdp_lanes){0};
  for (long i = 0; i < depth; i++) {
    swiftdp_lanes ps[SWIFTDP_THIN_WIDE];
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) ps[v] = swiftdp_load(p + i * p_stride + 16 * v);
    SWIFTDP_UNROLL for (int r = 0; r < rows; r++) {
      const float ar = a[r * a_stride + i];
      SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = swiftdp_fuse(ar, ps[v], sums[r][v]);
    }
  }
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) {
      float *place = c + r * c_stride + 16 * v;
      const swiftdp_lanes y = adding ? swiftdp_load(place) + sums[r][v] : sums[r][v];
      memcpy(place, &y, 64);
    }
}

/// Some rows of C. Panels of p lie one behind the other.
SWIFTDP_INLINE void swiftdp_thin_inner_rows(
    const int rows, const float *a, long a_stride, const float *p, long k, long n, int adding, float *c,
    long c_stride) {
  const int panel = 16 * SWIFTDP_THIN_WIDE;
  long column = 0;
  for (; column + panel <= n; column += panel, p += panel * k)
    swiftdp_thin_inner_tile(rows, SWIFTDP_THIN_WIDE, a, a_stride, p, panel, k, adding, c + column, c_stride);
  for (; column + 16 <= n; column += 16, p += 16)
    swiftdp_thin_inner_tile(rows, 1, a, a_stride, p, panel, k, adding, c + column, c_stride);
  for (; column < n; column++, p++)
    for (int r = 0; r < rows; r++) {
      float sum = 0, *place = c + r * c_stride + column;
      for (long i = 0; i < k; i++) sum = __builtin_fmaf(a[r * a_stride + i], p[i * panel], sum);
      *place = adding ? *place + sum : sum;
    }
}

/// C [m, n] = A op(B), or C += A op(B), with k ≤ `SWIFTDP_THIN`. B is packed in panels of as many columns as a tile has.
SWIFTDP_INLINE void swiftdp_thin_inner(
    int b_turned, long m, long n, long k, const float *a, long a_stride, const float *b, long b_stride, int adding,
    float *c, long c_stride, float *room) {
  const int panel = 16 * SWIFTDP_THIN_WIDE;
  for (long left = 0; left < n; left += SWIFTDP_THIN_SWEEP) {
    const long width = n - left < SWIFTDP_THIN_SWEEP ? n - left : SWIFTDP_THIN_SWEEP;
    for (long column = 0; column < width; column += panel) {
      const long columns = width - column < panel ? width - column : panel;
      const float *from = b_turned ? b + (left + column) * b_stride : b + left + column;
      if (b_turned) swiftdp_pack_columns(from, b_stride, columns, k, panel, 1, room + column * k);
      else swiftdp_pack_rows(from, b_stride, columns, k, panel, 1, room + column * k);
    }
    float *place = c + left;
    long r = 0;
    for (; r + SWIFTDP_THIN_TALL <= m; r += SWIFTDP_THIN_TALL)
      swiftdp_thin_inner_rows(
          SWIFTDP_THIN_TALL, a + r * a_stride, a_stride, room, k, width, adding, place + r * c_stride, c_stride);
    for (; r < m; r++)
      swiftdp_thin_inner_rows(1, a + r * a_stride, a_stride, room, k, width, adding, place + r * c_stride, c_stride);
  }
}

/// Goes on with sums [group, 16] over `rows` rows of x, with u [rows, ≥ group].
SWIFTDP_INLINE void swiftdp_thin_sums_tile(
    const int rows, const float *u, const float *x, long x_stride, int going_on, float *sums) {
  swiftdp_lanes lanes[SWIFTDP_THIN_GROUP];
  SWIFTDP_UNROLL for (int g = 0; g < SWIFTDP_THIN_GROUP; g++)
    lanes[g] = going_on ? swiftdp_load(sums + 16 * g) : (swiftdp_lanes){0};
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++) {
    const swiftdp_lanes xr = swiftdp_load(x + r * x_stride);
    SWIFTDP_UNROLL for (int g = 0; g < SWIFTDP_THIN_GROUP; g++)
      lanes[g] = swiftdp_fuse(u[r * SWIFTDP_THIN + g], xr, lanes[g]);
  }
  SWIFTDP_UNROLL for (int g = 0; g < SWIFTDP_THIN_GROUP; g++) memcpy(sums + 16 * g, &lanes[g], 64);
}

/// Goes on with sums over some rows of x. They lie in strips of sixteen columns, [strip][thin][16]: rows of them that
/// are a page apart would push each other out of the cache.
SWIFTDP_INLINE void swiftdp_thin_sums_rows(
    const int rows, const float *u, const float *x, long x_stride, long thin, long width, int going_on, float *sums) {
  long column = 0;
  for (; column + 16 <= width; column += 16)
    for (long g = 0; g < thin; g += SWIFTDP_THIN_GROUP)
      swiftdp_thin_sums_tile(
          rows, u + g, x + column, x_stride, going_on, sums + column * SWIFTDP_THIN + 16 * g);
  for (long g = 0; column < width && g < thin; g++)
    for (long i = 0; column + i < width; i++) {
      float *place = sums + column * SWIFTDP_THIN + 16 * g + i, sum = going_on ? *place : 0;
      for (int r = 0; r < rows; r++) sum = __builtin_fmaf(u[r * SWIFTDP_THIN + g], x[r * x_stride + column + i], sum);
      *place = sum;
    }
}

/// C [thin, wide] = op(U) X, or C += op(U) X, with X [k, wide] and thin ≤ `SWIFTDP_THIN`.
/// - `u_turned`: U is stored as [k, thin]; `c_turned`: C is stored as [wide, thin].
SWIFTDP_INLINE void swiftdp_thin_sums(
    int u_turned, int c_turned, long thin, long wide, long k, const float *u, long u_stride, const float *x,
    long x_stride, int adding, float *c, long c_stride, float *room) {
  float *sums = room, *block = room + SWIFTDP_THIN * SWIFTDP_THIN_SWEEP;
  for (long start = 0; start < k; start += SWIFTDP_CHAIN_DEPTH) {
    const long depth = k - start < SWIFTDP_CHAIN_DEPTH ? k - start : SWIFTDP_CHAIN_DEPTH;
    const int adds = adding || start > 0;
    memset(block, 0, SWIFTDP_CHAIN_DEPTH * SWIFTDP_THIN * sizeof(float));
    for (long i = 0; i < depth; i++)
      for (long g = 0; g < thin; g++)
        block[i * SWIFTDP_THIN + g] = u_turned ? u[(start + i) * u_stride + g] : u[g * u_stride + start + i];
    for (long left = 0; left < wide; left += SWIFTDP_THIN_SWEEP) {
      const long width = wide - left < SWIFTDP_THIN_SWEEP ? wide - left : SWIFTDP_THIN_SWEEP;
      const float *from = x + start * x_stride + left;
      long i = 0;
      for (; i + SWIFTDP_THIN_ROWS <= depth; i += SWIFTDP_THIN_ROWS)
        swiftdp_thin_sums_rows(
            SWIFTDP_THIN_ROWS, block + i * SWIFTDP_THIN, from + i * x_stride, x_stride, thin, width, i > 0, sums);
      for (; i < depth; i++)
        swiftdp_thin_sums_rows(1, block + i * SWIFTDP_THIN, from + i * x_stride, x_stride, thin, width, i > 0, sums);
      for (long g = 0; g < thin; g++)
        for (long column = 0; column < width; column++) {
          float *place = c_turned ? c + (left + column) * c_stride + g : c + g * c_stride + left + column;
          const float sum = sums[column / 16 * 16 * SWIFTDP_THIN + 16 * g + column % 16];
          *place = adds ? *place + sum : sum;
        }
    }
  }
}

/// Whether `swiftdp_thin_product` has a way for such a product, whose inner dimension has some numbers.
static inline int swiftdp_is_thin(int a_turned, int b_turned, long m, long n, long k) {
  if (k == 0 || (a_turned && b_turned)) return 0;
  return a_turned ? m <= SWIFTDP_THIN || n <= SWIFTDP_THIN : n <= SWIFTDP_THIN || k <= SWIFTDP_THIN;
}

/// C [m, n] = op(A) op(B), or C += op(A) op(B), as `swiftdp_portable_product`, where `swiftdp_is_thin`.
/// - `room`: `swiftdp_thin_room` floats.
static inline void swiftdp_thin_product(
    int a_turned, int b_turned, long m, long n, long k, const float *a, long a_stride, const float *b, long b_stride,
    int adding, float *c, long c_stride, float *room) {
  if (a_turned && n <= SWIFTDP_THIN)
    swiftdp_thin_sums(1, 1, n, m, k, b, b_stride, a, a_stride, adding, c, c_stride, room);
  else if (a_turned) swiftdp_thin_sums(1, 0, m, n, k, a, a_stride, b, b_stride, adding, c, c_stride, room);
  else if (n <= SWIFTDP_THIN)
    swiftdp_thin_columns(b_turned, m, n, k, a, a_stride, b, b_stride, adding, c, c_stride, room);
  else swiftdp_thin_inner(b_turned, m, n, k, a, a_stride, b, b_stride, adding, c, c_stride, room);
}
