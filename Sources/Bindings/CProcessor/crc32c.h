// The processor's own instruction for CRC-32C, eight bytes at a time. The register is not inverted here: the caller
// inverts it before and after.
#pragma once
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

static inline int swiftdp_has_crc32c(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) && (c >> 20 & 1);
}
__attribute__((target("sse4.2"))) static inline uint32_t swiftdp_crc32c(
    uint32_t crc, const void *bytes, long count) {
  const char *place = (const char *)bytes;
  uint64_t wide = crc;
  for (; count >= 8; count -= 8, place += 8) {
    uint64_t word;
    memcpy(&word, place, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = (uint32_t)wide;
  for (; count > 0; count--, place++) crc = __builtin_ia32_crc32qi(crc, (unsigned char)*place);
  return crc;
}
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static inline int swiftdp_has_crc32c(void) { return 1; }
static inline uint32_t swiftdp_crc32c(uint32_t crc, const void *bytes, long count) {
  const char *place = (const char *)bytes;
  for (; count >= 8; count -= 8, place += 8) {
    uint64_t word;
    memcpy(&word, place, 8);
    crc = __crc32cd(crc, word);
  }
  for (; count > 0; count--, place++) crc = __crc32cb(crc, (unsigned char)*place);
  return crc;
}
#else
static inline int swiftdp_has_crc32c(void) { return 0; }
static inline uint32_t swiftdp_crc32c(uint32_t crc, const void *bytes, long count) { return crc; }
#endif
