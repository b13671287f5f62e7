// What the compiler's vector code was built for, waiting loops, memory that processes share, and the cores that a process
// may run on.
#pragma once

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

/// Whether this caller changed 0 to 1.
static inline int swiftdp_claim(int64_t *flag) {
  int64_t expected = 0;
  return __atomic_compare_exchange_n(flag, &expected, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

#if defined(__linux__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
/// Names the calling thread, for debuggers.
static inline void swiftdp_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
/// A descriptor that becomes readable when a process ends; -1 if the system does not have this (before Linux 5.3).
static inline int swiftdp_watch_process(int pid) {
#if defined(SYS_pidfd_open)
  return (int)syscall(SYS_pidfd_open, pid, 0);
#else
  return -1;
#endif
}
/// The cores that a process may run on, one bit each; 0 is the calling thread.
/// - Returns: how many of the bytes are set; negative if the system does not say.
static inline long swiftdp_get_affinity(int pid, uint64_t *bits, long bytes) {
  return syscall(SYS_sched_getaffinity, pid, bytes, bits);
}
/// Restricts the calling thread, and those that it starts from now on, to these cores.
/// - Returns: 0, or -1 with errno.
static inline int swiftdp_set_affinity(const uint64_t *bits, long bytes) {
  return (int)syscall(SYS_sched_setaffinity, 0, bytes, bits);
}
#else
static inline void swiftdp_name_thread(const char *name) {}
static inline long swiftdp_get_affinity(int pid, uint64_t *bits, long bytes) { return -1; }
static inline int swiftdp_set_affinity(const uint64_t *bits, long bytes) { return -1; }
static inline int swiftdp_watch_process(int pid) { return -1; }
#endif
