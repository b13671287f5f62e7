// What this processor can do, asked of CPUID; zero everywhere else than on x86-64.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

static inline unsigned swiftdp_leaf7(int sub, int which) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid_count(7, (unsigned)sub, &a, &b, &c, &d)) return 0;
  return which == 0 ? a : which == 1 ? b : which == 2 ? c : d;
}
/// AVX-512 F, DQ, CD, BW and VL: what OpenBLAS's SkylakeX kernels need.
static inline int swiftdp_has_avx512(void) {
  const unsigned need = (1u << 16) | (1u << 17) | (1u << 28) | (1u << 30) | (1u << 31);
  return (swiftdp_leaf7(0, 1) & need) == need;
}
static inline int swiftdp_has_avx512_bf16(void) { return (swiftdp_leaf7(1, 0) >> 5) & 1; }
static inline int swiftdp_has_amx_bf16(void) { return (swiftdp_leaf7(0, 3) >> 22) & 1; }
static inline int swiftdp_has_avx2(void) { return (swiftdp_leaf7(0, 1) >> 5) & 1; }
// What the compiler was allowed to use, to compare with what the processor has.
#else
static inline int swiftdp_has_avx512(void) { return 0; }
static inline int swiftdp_has_avx512_bf16(void) { return 0; }
static inline int swiftdp_has_amx_bf16(void) { return 0; }
static inline int swiftdp_has_avx2(void) { return 0; }
#endif

#if defined(__AVX512F__)
static inline int swiftdp_built_for_avx512(void) { return 1; }
#else
static inline int swiftdp_built_for_avx512(void) { return 0; }
#endif
#if defined(__AVX2__)
static inline int swiftdp_built_for_avx2(void) { return 1; }
#else
static inline int swiftdp_built_for_avx2(void) { return 0; }
#endif

/// Tells the core that this is a waiting loop.
static inline void swiftdp_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#include <stdint.h>
/// Counters in memory that processes share.
static inline int64_t swiftdp_load_acquire(const int64_t *counter) {
  return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}
static inline void swiftdp_store_release(int64_t *counter, int64_t value) {
  __atomic_store_n(counter, value, __ATOMIC_RELEASE);
}

/// Whether this caller is the one that changed 0 to 1.
static inline int swiftdp_claim(int64_t *flag) {
  int64_t expected = 0;
  return __atomic_compare_exchange_n(flag, &expected, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
/// A descriptor that becomes readable when a process ends; -1 where the system has no such thing (Linux 5.3).
static inline int swiftdp_watch_process(int pid) {
#if defined(SYS_pidfd_open)
  return (int)syscall(SYS_pidfd_open, pid, 0);
#else
  return -1;
#endif
}
/// How many cores this process may run on; 0 where the system does not say.
static inline int swiftdp_allowed_cores(void) {
  unsigned long mask[128] = {0};
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  int count = 0;
  for (long i = 0; i < bytes / (long)sizeof mask[0]; i++) count += __builtin_popcountl(mask[i]);
  return count;
}
#else
static inline int swiftdp_allowed_cores(void) { return 0; }
static inline int swiftdp_watch_process(int pid) { return -1; }
#endif
