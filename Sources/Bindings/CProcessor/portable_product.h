// C = op(A) op(B) in fp32 with the same bits on every processor that fuses a product with a sum.
//
// Each element of C is summed in blocks of 256 products: a block is one chain of fused multiply-adds from zero, in the
// order of the inner dimension, and is added to what the element holds. Nothing else decides the bits: neither the
// width of vectors, nor the size of tiles and caches, nor the number of threads.
//
// Blocks of B and panels of A are packed as in Goto & van de Geijn 2008 (doi:10.1145/1356052.1356053).
#pragma once
#include "row_product.h"

/// Products of a chain: a part of the definition. Changing it changes the bits of every portable run.
#define SWIFTDP_CHAIN_DEPTH 256
/// Columns of B that are packed at once: a block fills half of a second-level cache of 1 MB.
#define SWIFTDP_BLOCK_COLUMNS 512

/// The tile that fills the registers: rows, and columns in vectors of sixteen.
#if defined(__AVX512F__)
#define SWIFTDP_TILE_ROWS 12
#define SWIFTDP_TILE_VECTORS 2
#else
#define SWIFTDP_TILE_ROWS 6
#define SWIFTDP_TILE_VECTORS 1
#endif
#define SWIFTDP_TILE_COLUMNS (16 * SWIFTDP_TILE_VECTORS)

/// Floats that a product packs its operands in.
static const long swiftdp_product_room = SWIFTDP_CHAIN_DEPTH * (SWIFTDP_TILE_ROWS + SWIFTDP_BLOCK_COLUMNS);

/// Packs `width` columns of x [depth, ≥ width] as [depth, panel]; what is beyond them is zero.
SWIFTDP_INLINE void swiftdp_pack_rows(
    const float *x, long stride, long width, long depth, const int panel, float factor, float *y) {
  for (long i = 0; i < depth; i++, x += stride, y += panel) {
    if (width == panel) {
      SWIFTDP_UNROLL for (int c = 0; c < panel; c++) y[c] = factor * x[c];
    } else {
      for (long c = 0; c < panel; c++) y[c] = c < width ? factor * x[c] : 0;
    }
  }
}

/// Packs `width` rows of x [≥ width, depth] as [depth, panel]; what is beyond them is zero.
SWIFTDP_INLINE void swiftdp_pack_columns(
    const float *x, long stride, long width, long depth, const int panel, float factor, float *y) {
  long r = 0;
  // Four rows at a time, turned in registers.
  for (; r + 4 <= width; r += 4) {
    const float *from = x + r * stride;
    long i = 0;
    for (; i + 4 <= depth; i += 4) {
      swiftdp_four a, b, c, d;
      memcpy(&a, from + i, 16);
      memcpy(&b, from + stride + i, 16);
      memcpy(&c, from + 2 * stride + i, 16);
      memcpy(&d, from + 3 * stride + i, 16);
      const swiftdp_four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
      const swiftdp_four ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
      const swiftdp_four turned[4] = {
        factor * __builtin_shufflevector(ab, cd, 0, 1, 4, 5), factor * __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
        factor * __builtin_shufflevector(ef, gh, 0, 1, 4, 5), factor * __builtin_shufflevector(ef, gh, 2, 3, 6, 7),
      };
      SWIFTDP_UNROLL for (int k = 0; k < 4; k++) memcpy(y + (i + k) * panel + r, &turned[k], 16);
    }
    for (; i < depth; i++)
      for (int k = 0; k < 4; k++) y[i * panel + r + k] = factor * from[k * stride + i];
  }
  for (; r < width; r++)
    for (long i = 0; i < depth; i++) y[i * panel + r] = factor * x[r * stride + i];
  for (; r < panel; r++)
    for (long i = 0; i < depth; i++) y[i * panel + r] = 0;
}

/// C [rows, columns] = a b, or C += a b, with panels a [depth, TILE_ROWS] and b [depth, TILE_COLUMNS]. Numbers of rows
/// and vectors are known where it is inlined.
SWIFTDP_INLINE void swiftdp_product_tile(
    const int rows, const int vectors, const float *a, const float *b, long depth, int adding, float *c, long c_stride,
    long columns) {
  swiftdp_lanes sums[SWIFTDP_TILE_ROWS][SWIFTDP_TILE_VECTORS];
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (swiftdp_lanes){0};
  for (long i = 0; i < depth; i++, a += SWIFTDP_TILE_ROWS, b += SWIFTDP_TILE_COLUMNS) {
    swiftdp_lanes bs[SWIFTDP_TILE_VECTORS];
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) bs[v] = swiftdp_load(b + 16 * v);
    SWIFTDP_UNROLL for (int r = 0; r < rows; r++) {
      const swiftdp_lanes ar = a[r] - (swiftdp_lanes){0};
      SWIFTDP_UNROLL for (int v = 0; v < vectors; v++)
        sums[r][v] = __builtin_elementwise_fma(ar, bs[v], sums[r][v]);
    }
  }
  if (columns == 16 * vectors) {
    SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
      SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) {
        float *place = c + r * c_stride + 16 * v;
        const swiftdp_lanes y = adding ? swiftdp_load(place) + sums[r][v] : sums[r][v];
        memcpy(place, &y, 64);
      }
  } else {
    for (int r = 0; r < rows; r++)
      for (long k = 0; k < columns; k++) {
        float *place = c + r * c_stride + k;
        const float sum = sums[r][k / 16][k % 16];
        *place = adding ? *place + sum : sum;
      }
  }
}

/// The same for numbers of rows and columns that are known only now.
static inline void swiftdp_product_edge(
    long rows, const float *a, const float *b, long depth, int adding, float *c, long c_stride, long columns) {
#define SWIFTDP_ROWS(n) \
  case n: \
    if (SWIFTDP_TILE_VECTORS > 1 && columns <= 16) \
      return swiftdp_product_tile(n, 1, a, b, depth, adding, c, c_stride, columns); \
    return swiftdp_product_tile(n, SWIFTDP_TILE_VECTORS, a, b, depth, adding, c, c_stride, columns);
  switch (rows) {
    SWIFTDP_ROWS(1)
    SWIFTDP_ROWS(2)
    SWIFTDP_ROWS(3)
    SWIFTDP_ROWS(4)
    SWIFTDP_ROWS(5)
    SWIFTDP_ROWS(6)
#if SWIFTDP_TILE_ROWS > 6
    SWIFTDP_ROWS(7)
    SWIFTDP_ROWS(8)
    SWIFTDP_ROWS(9)
    SWIFTDP_ROWS(10)
    SWIFTDP_ROWS(11)
    SWIFTDP_ROWS(12)
#endif
  }
#undef SWIFTDP_ROWS
}

/// C [m, n] = factor · op(A) op(B), or C += factor · op(A) op(B), all row-major, on the calling thread.
/// - `a_turned`: A is stored as [k, m]; `b_turned`: B is stored as [n, k].
/// - `room`: `swiftdp_product_room` floats.
static inline void swiftdp_portable_product(
    int a_turned, int b_turned, long m, long n, long k, float factor, const float *a, long a_stride, const float *b,
    long b_stride, int adding, float *c, long c_stride, float *room) {
  float *a_panel = room, *b_block = room + SWIFTDP_CHAIN_DEPTH * SWIFTDP_TILE_ROWS;
  if (k == 0 && !adding)
    for (long r = 0; r < m; r++) memset(c + r * c_stride, 0, n * sizeof(float));
  for (long left = 0; left < n; left += SWIFTDP_BLOCK_COLUMNS) {
    const long width = n - left < SWIFTDP_BLOCK_COLUMNS ? n - left : SWIFTDP_BLOCK_COLUMNS;
    for (long start = 0; start < k; start += SWIFTDP_CHAIN_DEPTH) {
      const long depth = k - start < SWIFTDP_CHAIN_DEPTH ? k - start : SWIFTDP_CHAIN_DEPTH;
      for (long column = 0; column < width; column += SWIFTDP_TILE_COLUMNS) {
        const long columns = width - column < SWIFTDP_TILE_COLUMNS ? width - column : SWIFTDP_TILE_COLUMNS;
        float *to = b_block + column * depth;
        if (b_turned)
          swiftdp_pack_columns(
              b + (left + column) * b_stride + start, b_stride, columns, depth, SWIFTDP_TILE_COLUMNS, 1, to);
        else
          swiftdp_pack_rows(b + start * b_stride + left + column, b_stride, columns, depth, SWIFTDP_TILE_COLUMNS, 1, to);
      }
      for (long row = 0; row < m; row += SWIFTDP_TILE_ROWS) {
        const long rows = m - row < SWIFTDP_TILE_ROWS ? m - row : SWIFTDP_TILE_ROWS;
        if (a_turned)
          swiftdp_pack_rows(a + start * a_stride + row, a_stride, rows, depth, SWIFTDP_TILE_ROWS, factor, a_panel);
        else
          swiftdp_pack_columns(a + row * a_stride + start, a_stride, rows, depth, SWIFTDP_TILE_ROWS, factor, a_panel);
        for (long column = 0; column < width; column += SWIFTDP_TILE_COLUMNS) {
          const long columns = width - column < SWIFTDP_TILE_COLUMNS ? width - column : SWIFTDP_TILE_COLUMNS;
          float *place = c + row * c_stride + left + column;
          const float *from = b_block + column * depth;
          const int adds = adding || start > 0;
          if (rows == SWIFTDP_TILE_ROWS && columns == SWIFTDP_TILE_COLUMNS)
            swiftdp_product_tile(
                SWIFTDP_TILE_ROWS, SWIFTDP_TILE_VECTORS, a_panel, from, depth, adds, place, c_stride,
                SWIFTDP_TILE_COLUMNS);
          else
            swiftdp_product_edge(rows, a_panel, from, depth, adds, place, c_stride, columns);
        }
      }
    }
  }
}
