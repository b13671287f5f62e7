// Computes with every header that swiftdp's kernels take from C, and prints a hash of all results. It must be the same
// wherever products are fused with sums: built for AVX-512, for AVX2, and for Arm (`launch/test --processors`).
#include <stdio.h>
#include <stdlib.h>
#include "bfloat16.h"
#include "crc32c.h"
#include "instruction_sets.h"
#include "nf4.h"
#include "portable_product.h"
#include "processor.h"
#include "row_product.h"
#include "row_weights.h"
#include "thin_product.h"

static uint64_t hash = 14695981039346656037u;

static void mix(const void *bytes, long count) {
  for (long i = 0; i < count; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static float *numbers(long count) {
  static uint64_t state = 1;
  float *x = malloc((count + 64) * sizeof(float));
  for (long i = 0; i < count; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x[i] = (float)(int32_t)(state >> 32) / 2147483648.0f;
  }
  return x;
}

int main(void) {
  const long sizes[][3] = {{1, 1, 1}, {13, 33, 257}, {12, 32, 256}, {25, 31, 513}, {40, 700, 50}, {2, 5, 1000},
                          {50, 1100, 8}, {1100, 24, 300}};
  float *room = malloc(swiftdp_product_room * sizeof(float));
  for (unsigned long s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
    const long m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
    for (int form = 0; form < 3; form++)
      for (int adding = 0; adding < 2; adding++) {
        float *a = numbers(m * k), *b = numbers(k * n), *c = numbers(m * n);
        swiftdp_portable_product(
            form == 1, form == 2, m, n, k, adding ? 0.3f : 1, a, form == 1 ? m : k, b, form == 2 ? k : n, adding, c, n,
            room);
        mix(c, m * n * sizeof(float));
        float *thin = numbers(m * n);
        if (swiftdp_is_thin(form == 1, form == 2, m, n, k))
          swiftdp_thin_product(
              form == 1, form == 2, m, n, k, a, form == 1 ? m : k, b, form == 2 ? k : n, adding, thin, n, room);
        mix(thin, m * n * sizeof(float));
        free(thin);
        if (form == 2) swiftdp_dots(a, k, m, b, 0, k, n, k, 1, adding, c, n);
        if (form == 0) swiftdp_chains(a, k, m, b, n, n, k, adding, c, n, 0);
        mix(c, m * n * sizeof(float));
        free(a), free(b), free(c);
      }
  }
  float *x = numbers(1000), *y = numbers(1000);
  uint16_t halves[1000];
  swiftdp_narrow(x, halves, 1000);
  mix(halves, sizeof halves);
  swiftdp_widen(halves, y, 1000);
  uint16_t rests[1000];
  swiftdp_split(x, 0.3f, halves, rests, 1000);
  mix(halves, sizeof halves), mix(rests, sizeof rests);
  swiftdp_round(x, 1000);
  mix(x, 4000), mix(y, 4000);
  uint8_t codes[500];
  for (int i = 0; i < 500; i++) codes[i] = (uint8_t)(halves[2 * i] >> 3);
  swiftdp_widen_nf4(codes, 1, 998, x, 0.7f, y);
  mix(y, 3992);
  for (int first = 0; first < 2; first++) {
    swiftdp_narrow_nf4(codes, first, 997, x, 0.7f, halves);
    mix(halves, 997 * sizeof *halves);
  }
  swiftdp_widen_int8((const int8_t *)codes, 500, 3.3f, 1.0f / 127, y);
  mix(y, 2000);
  float factors[64], sums[64] = {0};
  for (int i = 0; i < 64; i++) factors[i] = 1 + x[i];
  swiftdp_narrow_dots(SWIFTDP_BFLOAT16, x, halves, 0, 30, 31, 30, 1, 1, sums);
  swiftdp_narrow_dots(SWIFTDP_INT8, x, codes, factors, 20, 23, 20, 1.0f / 127, 1, sums);
  swiftdp_narrow_chains(SWIFTDP_BFLOAT16, x, halves, 37, 37, 25, 1, sums);
  swiftdp_narrow_chains(SWIFTDP_INT8, x, codes, 23, 23, 19, 1, sums);
  mix(sums, sizeof sums);
  printf("%016llx\n", (unsigned long long)hash);
  swiftdp_pause();
  return swiftdp_built_sets() == 0 && swiftdp_offered_sets() != 0 ? 2 : 0;
}
