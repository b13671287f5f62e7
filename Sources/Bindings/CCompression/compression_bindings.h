// zlib, zstd and snappy of the system. The macros that start a stream of zlib are functions here, as Swift sees none.
#pragma once
#include <snappy-c.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/// Starts to read gzip, or zlib's own form, which some programs write in its place.
static inline int swiftdp_inflate_start(z_stream *stream) {
  memset(stream, 0, sizeof *stream);
  return inflateInit2(stream, MAX_WBITS + 32);
}

/// Starts to write gzip.
static inline int swiftdp_deflate_start(z_stream *stream, int level) {
  memset(stream, 0, sizeof *stream);
  return deflateInit2(stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
}
