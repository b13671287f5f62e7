// Products of a few rows at a time whose every element is summed in one order, whatever the number of rows.
//
// Dots: both matrices hold their inner dimension in rows. Sixteen partial sums take every sixteenth product each, and
// are added as a tree, once for every 1,024 products.
// Chains: the second matrix holds it in columns. Each element is one sum in the order of the inner dimension, which
// may stop and go on from the same place.
//
// W may lie in fp32, or in fewer bits where one row is multiplied: it is then widened in registers, to the same numbers
// as everywhere else. One row is as fast as memory if the rows of W that come next are asked for. A row of W in int8 is
// a factor times codes, and only codes are multiplied: the caller multiplies x by the factors before chains, and dots
// multiply their results.
#pragma once
#include "row_weights.h"
#include <limits.h>

/// How many rows and outputs fill the registers: sums of dots, and sums of chains in vectors of sixteen columns. Up to
/// so many bytes may lie between rows of which chains of one row read sixteen side by side, and not eight; and so many
/// times as many rows ahead they ask for those that come in int8, which are short.
#if defined(__AVX512F__)
#define SWIFTDP_DOT_ROWS 4
#define SWIFTDP_DOT_OUTPUTS 6
#define SWIFTDP_CHAIN_ROWS 8
#define SWIFTDP_CHAIN_VECTORS 3
#define SWIFTDP_SWEEP_BYTES LONG_MAX
#define SWIFTDP_SWEEP_AHEAD 2
#else
#define SWIFTDP_DOT_ROWS 2
#define SWIFTDP_DOT_OUTPUTS 2
#define SWIFTDP_CHAIN_ROWS 4
#define SWIFTDP_CHAIN_VECTORS 1
#define SWIFTDP_SWEEP_BYTES 2048
#define SWIFTDP_SWEEP_AHEAD 1
#endif

/// How many rows of W, far apart, dots of one row read side by side: memory answers several streams faster than one.
#define SWIFTDP_DOT_STREAMS 6

static const long swiftdp_dot_outputs = SWIFTDP_DOT_OUTPUTS;
static const long swiftdp_dot_streams = SWIFTDP_DOT_STREAMS;
static const long swiftdp_chain_columns = 16 * SWIFTDP_CHAIN_VECTORS;

/// One tile of dots: y = factor · factors · x Wᵀ, or y += that. Numbers of rows and outputs are known where it is
/// inlined. With `fetches`, what lies `ahead` numbers further on is fetched on the way.
/// - `w_stride`, `apart`: between two rows of W that the tile reads, and between their outputs and factors.
SWIFTDP_INLINE void swiftdp_dot_tile(
    const int rows, const int outputs, const int fetches, long ahead, const int kind, const float *x, long x_stride,
    const void *w, const float *factors, long w_stride, long apart, long count, float factor, int adding, float *y,
    long y_stride) {
  swiftdp_lanes sums[SWIFTDP_DOT_ROWS][SWIFTDP_DOT_STREAMS];
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int o = 0; o < outputs; o++) sums[r][o] = (swiftdp_lanes){0};
  long i = 0;
  for (; i + 16 <= count; i += 16) {
    swiftdp_lanes xs[SWIFTDP_DOT_ROWS];
    SWIFTDP_UNROLL for (int r = 0; r < rows; r++) xs[r] = swiftdp_load(x + r * x_stride + i);
    SWIFTDP_UNROLL for (int o = 0; o < outputs; o++) {
      const swiftdp_lanes wo = swiftdp_load_weights(kind, swiftdp_weight(kind, w, o * w_stride + i));
      if (fetches) __builtin_prefetch(swiftdp_weight(kind, w, o * w_stride + ahead + i), 0, 2);
      SWIFTDP_UNROLL for (int r = 0; r < rows; r++) sums[r][o] += xs[r] * wo;
    }
  }
  if (i < count) {
    SWIFTDP_UNROLL for (int o = 0; o < outputs; o++) {
      const swiftdp_lanes wo = swiftdp_load_weights_part(
          kind, swiftdp_weight(kind, w, o * w_stride + i), count - i);
      SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
        sums[r][o] += swiftdp_load_part(x + r * x_stride + i, count - i) * wo;
    }
  }
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int o = 0; o < outputs; o++) {
      float *place = y + r * y_stride + o * apart;
      const float total = swiftdp_total(sums[r][o]), sum = factor * (factors ? factors[o * apart] * total : total);
      *place = adding ? *place + sum : sum;
    }
}

/// The outputs of some rows for one or for `SWIFTDP_DOT_OUTPUTS` rows of W.
SWIFTDP_INLINE void swiftdp_dot_rows(
    const int outputs, const float *x, long x_stride, long rows, const float *w, const float *factors, long w_stride,
    long count, float factor, int adding, float *y, long y_stride) {
  long r = 0;
  if (SWIFTDP_DOT_ROWS <= rows) {
    swiftdp_dot_tile(
        SWIFTDP_DOT_ROWS, outputs, 1, outputs * w_stride, SWIFTDP_FLOAT32, x, x_stride, w, factors, w_stride, 1, count,
        factor, adding, y, y_stride);
    r = SWIFTDP_DOT_ROWS;
  }
  for (; r + SWIFTDP_DOT_ROWS <= rows; r += SWIFTDP_DOT_ROWS)
    swiftdp_dot_tile(
        SWIFTDP_DOT_ROWS, outputs, 0, 0, SWIFTDP_FLOAT32, x + r * x_stride, x_stride, w, factors, w_stride, 1, count,
        factor, adding, y + r * y_stride, y_stride);
  for (; r < rows; r++)
    swiftdp_dot_tile(
        1, outputs, 0, 0, SWIFTDP_FLOAT32, x + r * x_stride, x_stride, w, factors, w_stride, 1, count, factor, adding,
        y + r * y_stride, y_stride);
}

/// Dots of one row.
SWIFTDP_INLINE void swiftdp_row_dots(
    const int kind, const float *x, const void *w, const float *factors, long w_stride, long outputs, long count,
    float factor, int adding, float *y) {
  const long apart = outputs / SWIFTDP_DOT_STREAMS;
  for (long start = 0; start < count || start == 0; start += 1024) {
    const long depth = count - start < 1024 ? count - start : 1024;
    const int adds = adding || start > 0;
    for (long o = 0; o < apart; o++)
      swiftdp_dot_tile(
          1, SWIFTDP_DOT_STREAMS, 1, w_stride, kind, x + start, 0, swiftdp_weight(kind, w, o * w_stride + start),
          factors ? factors + o : 0, apart * w_stride, apart, depth, factor, adds, y + o, 0);
    for (long o = SWIFTDP_DOT_STREAMS * apart; o < outputs; o++)
      swiftdp_dot_tile(
          1, 1, 1, w_stride, kind, x + start, 0, swiftdp_weight(kind, w, o * w_stride + start),
          factors ? factors + o : 0, 0, 0, depth, factor, adds, y + o, 0);
  }
}

/// y [rows, outputs] = factor · x Wᵀ, or y += factor · x Wᵀ, with x [rows, count] and W [outputs, count].
/// - `factors`: another factor of each output; null for 1.
static inline void swiftdp_dots(
    const float *x, long x_stride, long rows, const float *w, const float *factors, long w_stride, long outputs,
    long count, float factor, int adding, float *y, long y_stride) {
  if (rows == 1) return swiftdp_row_dots(SWIFTDP_FLOAT32, x, w, factors, w_stride, outputs, count, factor, adding, y);
  // The second-level cache holds as many rows beside those of W, and the first-level cache as long a part of a tile.
  for (long first = 0; first < rows; first += 64) {
    const long part = rows - first < 64 ? rows - first : 64;
    for (long start = 0; start < count || start == 0; start += 1024) {
      const long depth = count - start < 1024 ? count - start : 1024;
      const float *from = x + first * x_stride + start;
      float *to = y + first * y_stride;
      const int adds = adding || start > 0;
      long o = 0;
      for (; o + SWIFTDP_DOT_OUTPUTS <= outputs; o += SWIFTDP_DOT_OUTPUTS)
        swiftdp_dot_rows(
            SWIFTDP_DOT_OUTPUTS, from, x_stride, part, w + o * w_stride + start, factors ? factors + o : 0, w_stride,
            depth, factor, adds, to + o, y_stride);
      for (; o < outputs; o++)
        swiftdp_dot_rows(
            1, from, x_stride, part, w + o * w_stride + start, factors ? factors + o : 0, w_stride, depth, factor, adds,
            to + o, y_stride);
    }
  }
}

/// The same for one row and a W of fewer bits.
static inline void swiftdp_narrow_dots(
    int kind, const float *x, const void *w, const float *factors, long w_stride, long outputs, long count, float factor,
    int adding, float *y) {
  if (kind == SWIFTDP_BFLOAT16)
    swiftdp_row_dots(SWIFTDP_BFLOAT16, x, w, factors, w_stride, outputs, count, factor, adding, y);
  else swiftdp_row_dots(SWIFTDP_INT8, x, w, factors, w_stride, outputs, count, factor, adding, y);
}

/// One tile of chains: y [rows, 16 · vectors] = x W, or going on from what y holds. Numbers of rows and vectors are
/// known where it is inlined.
/// - `fetches`: W is read for the first time; its rows lie far apart, which the processor does not foresee.
/// - `panel`: receives the tile's columns of W side by side, [count, 16 · vectors]; null for none.
SWIFTDP_INLINE void swiftdp_chain_tile(
    const int rows, const int vectors, const int fetches, const float *x, long x_stride, const float *w,
    long w_stride, long count, int going_on, float *y, long y_stride, float *panel) {
  swiftdp_lanes sums[SWIFTDP_CHAIN_ROWS][8];
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++)
      sums[r][v] = going_on ? swiftdp_load(y + r * y_stride + 16 * v) : (swiftdp_lanes){0};
  for (long i = 0; i < count; i++) {
    swiftdp_lanes ws[8];
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) {
      ws[v] = swiftdp_load(w + i * w_stride + 16 * v);
      if (fetches) __builtin_prefetch(w + (i + 16) * w_stride + 16 * v);
      if (panel) memcpy(panel + (i * vectors + v) * 16, &ws[v], 64);
    }
    SWIFTDP_UNROLL for (int r = 0; r < rows; r++) {
      const float xi = x[r * x_stride + i];
      SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] += xi * ws[v];
    }
  }
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++)
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) memcpy(y + r * y_stride + 16 * v, &sums[r][v], 64);
}

/// The rest of a row, fewer than sixteen columns.
SWIFTDP_INLINE void swiftdp_chain_rest(
    const int kind, const float *x, const void *w, long w_stride, long count, long columns, int going_on, float *y) {
  swiftdp_lanes sums = going_on ? swiftdp_load_part(y, columns) : (swiftdp_lanes){0};
  for (long i = 0; i < count; i++)
    sums += x[i] * swiftdp_load_weights_part(kind, swiftdp_weight(kind, w, i * w_stride), columns);
  for (long c = 0; c < columns; c++) y[c] = sums[c];
}

/// Goes on with `16 · vectors` sums of one row over some rows of W. Numbers of rows and vectors are known where it is
/// inlined.
SWIFTDP_INLINE void swiftdp_sweep_tile(
    const int kind, const int rows, const int vectors, const float *x, const void *w, long w_stride, int going_on,
    float *y) {
  swiftdp_lanes sums[2];
  SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) sums[v] = going_on ? swiftdp_load(y + 16 * v) : (swiftdp_lanes){0};
  const int ahead = kind == SWIFTDP_INT8 ? SWIFTDP_SWEEP_AHEAD * rows : rows;
  SWIFTDP_UNROLL for (int r = 0; r < rows; r++) {
    const float xr = x[r];
    SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) {
      const swiftdp_lanes ws = swiftdp_load_weights(kind, swiftdp_weight(kind, w, r * w_stride + 16 * v));
      __builtin_prefetch(swiftdp_weight(kind, w, (ahead + r) * w_stride + 16 * v), 0, 2);
      sums[v] += xr * ws;
    }
  }
  SWIFTDP_UNROLL for (int v = 0; v < vectors; v++) memcpy(y + 16 * v, &sums[v], 64);
}

/// Chains of one row. W is read along its rows, `depth` at a time, as memory likes it.
SWIFTDP_INLINE void swiftdp_sweep_rows(
    const int depth, const int kind, const float *x, const void *w, long w_stride, long columns, long count,
    int going_on, float *y) {
  const long whole = columns / 16 * 16;
  for (long i = 0; i < count; i += depth) {
    const void *from = swiftdp_weight(kind, w, i * w_stride);
    const int goes_on = going_on || i > 0;
    long c = 0;
    if (i + depth <= count) {
      for (; c + 32 <= columns; c += 32)
        swiftdp_sweep_tile(kind, depth, 2, x + i, swiftdp_weight(kind, from, c), w_stride, goes_on, y + c);
      if (c < whole)
        swiftdp_sweep_tile(kind, depth, 1, x + i, swiftdp_weight(kind, from, c), w_stride, goes_on, y + c);
    } else {
      for (long r = 0; i + r < count; r++)
        for (c = 0; c < whole; c += 16)
          swiftdp_sweep_tile(
              kind, 1, 1, x + i + r, swiftdp_weight(kind, from, r * w_stride + c), w_stride, goes_on || r > 0, y + c);
    }
  }
  if (whole < columns)
    swiftdp_chain_rest(
        kind, x, swiftdp_weight(kind, w, whole), w_stride, count, columns - whole, going_on, y + whole);
}

/// As many rows at a time as the processor reads side by side: fewer where they lie far apart.
SWIFTDP_INLINE void swiftdp_sweep(
    const int kind, const float *x, const void *w, long w_stride, long columns, long count, int going_on, float *y) {
  const char *next = (const char *)swiftdp_weight(kind, w, w_stride);
  if (next - (const char *)w <= SWIFTDP_SWEEP_BYTES)
    swiftdp_sweep_rows(16, kind, x, w, w_stride, columns, count, going_on, y);
  else swiftdp_sweep_rows(8, kind, x, w, w_stride, columns, count, going_on, y);
}

/// `16 · vectors` columns of all rows. The first rows leave W in `panel`, if there is one, for the others.
SWIFTDP_INLINE void swiftdp_chain_rows(
    const int vectors, const float *x, long x_stride, long rows, const float *w, long w_stride, long count, int going_on,
    float *y, long y_stride, float *panel) {
  long r = 0;
  if (panel && rows > SWIFTDP_CHAIN_ROWS) {
    swiftdp_chain_tile(
        SWIFTDP_CHAIN_ROWS, vectors, 1, x, x_stride, w, w_stride, count, going_on, y, y_stride, panel);
    r = SWIFTDP_CHAIN_ROWS;
    w = panel;
    w_stride = 16 * vectors;
  }
  for (; r + SWIFTDP_CHAIN_ROWS <= rows; r += SWIFTDP_CHAIN_ROWS)
    swiftdp_chain_tile(
        SWIFTDP_CHAIN_ROWS, vectors, 0, x + r * x_stride, x_stride, w, w_stride, count, going_on, y + r * y_stride,
        y_stride, 0);
  for (; r + 2 <= rows; r += 2)
    swiftdp_chain_tile(
        2, vectors, 0, x + r * x_stride, x_stride, w, w_stride, count, going_on, y + r * y_stride, y_stride, 0);
  if (r < rows)
    swiftdp_chain_tile(
        1, vectors, 0, x + r * x_stride, x_stride, w, w_stride, count, going_on, y + r * y_stride, y_stride, 0);
}

/// y [rows, columns] = x W, or going on from what y holds, with x [rows, count] and W [count, columns].
/// - `panel`: room for [count, 48] numbers where W is wide, or null.
static inline void swiftdp_chains(
    const float *x, long x_stride, long rows, const float *w, long w_stride, long columns, long count, int going_on,
    float *y, long y_stride, float *panel) {
  if (rows == 1 && count > 0)
    return swiftdp_sweep(SWIFTDP_FLOAT32, x, w, w_stride, columns, count, going_on, y);
  long c = 0;
  if (rows == 2)
    for (; c + 128 <= columns; c += 128)
      for (long r = 0; r < rows; r++)
        swiftdp_chain_tile(
            1, 8, 1, x + r * x_stride, x_stride, w + c, w_stride, count, going_on, y + r * y_stride + c, y_stride, 0);
  for (; c + swiftdp_chain_columns <= columns; c += swiftdp_chain_columns)
    swiftdp_chain_rows(
        SWIFTDP_CHAIN_VECTORS, x, x_stride, rows, w + c, w_stride, count, going_on, y + c, y_stride, panel);
  for (; c + 16 <= columns; c += 16)
    swiftdp_chain_rows(1, x, x_stride, rows, w + c, w_stride, count, going_on, y + c, y_stride, panel);
  if (c < columns)
    for (long r = 0; r < rows; r++)
      swiftdp_chain_rest(
          SWIFTDP_FLOAT32, x + r * x_stride, w + c, w_stride, count, columns - c, going_on, y + r * y_stride + c);
}

/// The same for one row and a W of fewer bits.
static inline void swiftdp_narrow_chains(
    int kind, const float *x, const void *w, long w_stride, long columns, long count, int going_on, float *y) {
  if (kind == SWIFTDP_BFLOAT16) swiftdp_sweep(SWIFTDP_BFLOAT16, x, w, w_stride, columns, count, going_on, y);
  else swiftdp_sweep(SWIFTDP_INT8, x, w, w_stride, columns, count, going_on, y);
}
