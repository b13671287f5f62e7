// Which instruction sets the compiler was allowed to use, and which of them processor and operating system offer.
//
// These are the sets of x86-64 that a compiler may choose by itself, or that libraries ask for. Sets for operating
// systems, random numbers and cache control are left out. Leaves and bits: Intel's and AMD's manuals, CPUID.
#pragma once
#include <stdint.h>

/// Registers that the operating system must save (XCR0): none, AVX's, AVX-512's, AMX's.
#define SWIFTDP_NO_STATE 0u
#define SWIFTDP_AVX_STATE 0x6u
#define SWIFTDP_AVX512_STATE 0xE6u
#define SWIFTDP_AMX_STATE 0x60000u

/// Each set: its name here, the compiler's macro, its name for people, leaf, subleaf, register (a to d) and bit of
/// CPUID, and the state it needs.
#define SWIFTDP_INSTRUCTION_SETS(SET) \
  SET(sse3, __SSE3__, "SSE3", 1, 0, c, 0, NO) \
  SET(pclmul, __PCLMUL__, "PCLMULQDQ", 1, 0, c, 1, NO) \
  SET(ssse3, __SSSE3__, "SSSE3", 1, 0, c, 9, NO) \
  SET(fma, __FMA__, "FMA", 1, 0, c, 12, AVX) \
  SET(cx16, __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16, "CMPXCHG16B", 1, 0, c, 13, NO) \
  SET(sse41, __SSE4_1__, "SSE4.1", 1, 0, c, 19, NO) \
  SET(sse42, __SSE4_2__, "SSE4.2", 1, 0, c, 20, NO) \
  SET(movbe, __MOVBE__, "MOVBE", 1, 0, c, 22, NO) \
  SET(popcnt, __POPCNT__, "POPCNT", 1, 0, c, 23, NO) \
  SET(aes, __AES__, "AES", 1, 0, c, 25, NO) \
  SET(avx, __AVX__, "AVX", 1, 0, c, 28, AVX) \
  SET(f16c, __F16C__, "F16C", 1, 0, c, 29, AVX) \
  SET(bmi1, __BMI__, "BMI1", 7, 0, b, 3, NO) \
  SET(avx2, __AVX2__, "AVX2", 7, 0, b, 5, AVX) \
  SET(bmi2, __BMI2__, "BMI2", 7, 0, b, 8, NO) \
  SET(avx512f, __AVX512F__, "AVX-512 F", 7, 0, b, 16, AVX512) \
  SET(avx512dq, __AVX512DQ__, "AVX-512 DQ", 7, 0, b, 17, AVX512) \
  SET(adx, __ADX__, "ADX", 7, 0, b, 19, NO) \
  SET(avx512ifma, __AVX512IFMA__, "AVX-512 IFMA", 7, 0, b, 21, AVX512) \
  SET(avx512cd, __AVX512CD__, "AVX-512 CD", 7, 0, b, 28, AVX512) \
  SET(sha, __SHA__, "SHA", 7, 0, b, 29, NO) \
  SET(avx512bw, __AVX512BW__, "AVX-512 BW", 7, 0, b, 30, AVX512) \
  SET(avx512vl, __AVX512VL__, "AVX-512 VL", 7, 0, b, 31, AVX512) \
  SET(avx512vbmi, __AVX512VBMI__, "AVX-512 VBMI", 7, 0, c, 1, AVX512) \
  SET(avx512vbmi2, __AVX512VBMI2__, "AVX-512 VBMI2", 7, 0, c, 6, AVX512) \
  SET(gfni, __GFNI__, "GFNI", 7, 0, c, 8, NO) \
  SET(vaes, __VAES__, "VAES", 7, 0, c, 9, AVX) \
  SET(vpclmul, __VPCLMULQDQ__, "VPCLMULQDQ", 7, 0, c, 10, AVX) \
  SET(avx512vnni, __AVX512VNNI__, "AVX-512 VNNI", 7, 0, c, 11, AVX512) \
  SET(avx512bitalg, __AVX512BITALG__, "AVX-512 BITALG", 7, 0, c, 12, AVX512) \
  SET(avx512vpopcntdq, __AVX512VPOPCNTDQ__, "AVX-512 VPOPCNTDQ", 7, 0, c, 14, AVX512) \
  SET(avx512vp2intersect, __AVX512VP2INTERSECT__, "AVX-512 VP2INTERSECT", 7, 0, d, 8, AVX512) \
  SET(amx_bf16, __AMX_BF16__, "AMX BF16", 7, 0, d, 22, AMX) \
  SET(avx512fp16, __AVX512FP16__, "AVX-512 FP16", 7, 0, d, 23, AVX512) \
  SET(amx_tile, __AMX_TILE__, "AMX TILE", 7, 0, d, 24, AMX) \
  SET(amx_int8, __AMX_INT8__, "AMX INT8", 7, 0, d, 25, AMX) \
  SET(avxvnni, __AVXVNNI__, "AVX-VNNI", 7, 1, a, 4, AVX) \
  SET(avx512bf16, __AVX512BF16__, "AVX-512 BF16", 7, 1, a, 5, AVX512) \
  SET(avxifma, __AVXIFMA__, "AVX-IFMA", 7, 1, a, 23, AVX) \
  SET(avxvnniint8, __AVXVNNIINT8__, "AVX-VNNI-INT8", 7, 1, d, 4, AVX) \
  SET(avxneconvert, __AVXNECONVERT__, "AVX-NE-CONVERT", 7, 1, d, 5, AVX) \
  SET(lahf, __LAHF_SAHF__, "LAHF-SAHF", 0x80000001u, 0, c, 0, NO) \
  SET(lzcnt, __LZCNT__, "LZCNT", 0x80000001u, 0, c, 5, NO) \
  SET(sse4a, __SSE4A__, "SSE4a", 0x80000001u, 0, c, 6, NO) \
  SET(xop, __XOP__, "XOP", 0x80000001u, 0, c, 11, AVX) \
  SET(fma4, __FMA4__, "FMA4", 0x80000001u, 0, c, 16, AVX) \
  SET(tbm, __TBM__, "TBM", 0x80000001u, 0, c, 21, NO)

/// The bit of each set in the words below.
enum {
#define SWIFTDP_PLACE(id, macro, name, leaf, sub, reg, bit, state) swiftdp_set_##id,
  SWIFTDP_INSTRUCTION_SETS(SWIFTDP_PLACE)
#undef SWIFTDP_PLACE
  swiftdp_set_count
};
_Static_assert(swiftdp_set_count <= 64, "a bit for each set");

// A macro that is defined expands to 1; one that is not expands to its own name.
#define SWIFTDP_TEXT(macro) #macro
#define SWIFTDP_IS_DEFINED(macro) (SWIFTDP_TEXT(macro)[0] == '1')

/// The sets that the calling module is compiled for, one bit each.
static inline uint64_t swiftdp_built_sets(void) {
  return 0
#define SWIFTDP_BUILT(id, macro, name, leaf, sub, reg, bit, state) \
  | (uint64_t)SWIFTDP_IS_DEFINED(macro) << swiftdp_set_##id
      SWIFTDP_INSTRUCTION_SETS(SWIFTDP_BUILT)
#undef SWIFTDP_BUILT
      ;
}

static inline const char *swiftdp_set_name(int place) {
  switch (place) {
#define SWIFTDP_NAME(id, macro, name, leaf, sub, reg, bit, state) \
  case swiftdp_set_##id: return name;
    SWIFTDP_INSTRUCTION_SETS(SWIFTDP_NAME)
#undef SWIFTDP_NAME
  default: return "";
  }
}

#if defined(__x86_64__)
#include <cpuid.h>

/// XCR0: which registers the operating system saves; 0 if it saves none of those that a program has to ask about.
static inline uint64_t swiftdp_kept_state(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  // OSXSAVE: without it XGETBV does not exist.
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return 0;
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static inline int swiftdp_offers(
    uint64_t kept, unsigned leaf, unsigned sub, char reg, int bit, uint64_t state) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(leaf, sub, &a, &b, &c, &d)) return 0;
  const unsigned word = reg == 'a' ? a : reg == 'b' ? b : reg == 'c' ? c : d;
  return (word >> bit & 1) && (kept & state) == state;
}

/// The sets that can be used here, one bit each.
static inline uint64_t swiftdp_offered_sets(void) {
  const uint64_t kept = swiftdp_kept_state();
  return 0
#define SWIFTDP_OFFERED(id, macro, name, leaf, sub, reg, bit, state) \
  | (uint64_t)swiftdp_offers(kept, leaf, sub, #reg[0], bit, SWIFTDP_##state##_STATE) << swiftdp_set_##id
      SWIFTDP_INSTRUCTION_SETS(SWIFTDP_OFFERED)
#undef SWIFTDP_OFFERED
      ;
}
#else
static inline uint64_t swiftdp_offered_sets(void) { return 0; }
#endif
