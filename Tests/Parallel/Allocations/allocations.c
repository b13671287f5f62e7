// Counts what a process allocates on the heap, from outside of it: a library that is loaded before all others
// (LD_PRELOAD). What MPI allocates inside the calls of a step, and OpenBLAS for small products, is their own
// business and is not counted. In C, since Swift lets nobody define malloc.
#define _GNU_SOURCE
#include "allocations.h"
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static atomic_long allocations;
/// Above zero inside of MPI.
static atomic_int pauses;

/// Where OpenBLAS lies, once it is there.
static atomic_uintptr_t blas_start, blas_end;

static int find_blas(struct dl_phdr_info *library, size_t size, void *unused) {
  (void)size, (void)unused;
  if (!strstr(library->dlpi_name, "libopenblas")) return 0;
  for (int index = 0; index < library->dlpi_phnum; index++) {
    const ElfW(Phdr) *part = &library->dlpi_phdr[index];
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
    atomic_store(&blas_start, library->dlpi_addr + part->p_vaddr);
    atomic_store(&blas_end, library->dlpi_addr + part->p_vaddr + part->p_memsz);
  }
  return 1;
}

long swiftdp_allocations(void) {
  if (atomic_load(&blas_end) == 0) dl_iterate_phdr(find_blas, NULL);
  return atomic_load(&allocations);
}

static void count_for(void *caller) {
  uintptr_t address = (uintptr_t)caller;
  if (atomic_load(&pauses) != 0) return;
  if (address >= atomic_load(&blas_start) && address < atomic_load(&blas_end)) return;
  atomic_fetch_add(&allocations, 1);
}

/// Who called the function that says this.
#define note() count_for(__builtin_return_address(0))

// glibc's own names of what is hidden here: looking functions up would allocate.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
  note();
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  note();
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
  note();
  return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  note();
  *memory = __libc_memalign(alignment, size);
  return *memory == NULL ? ENOMEM : 0;
}

// MPI's functions, by the names under which they are there to be wrapped.
typedef void *Handle;
int PMPI_Alltoallv(
    const void *sent, const int *send_counts, const int *send_starts, Handle send_type, void *received,
    const int *counts, const int *starts, Handle type, Handle communicator);
int PMPI_Allgatherv(
    const void *sent, int count, Handle send_type, void *received, const int *counts, const int *starts,
    Handle type, Handle communicator);

int MPI_Alltoallv(
    const void *sent, const int *send_counts, const int *send_starts, Handle send_type, void *received,
    const int *counts, const int *starts, Handle type, Handle communicator) {
  atomic_fetch_add(&pauses, 1);
  int code =
      PMPI_Alltoallv(sent, send_counts, send_starts, send_type, received, counts, starts, type, communicator);
  atomic_fetch_sub(&pauses, 1);
  return code;
}

int MPI_Allgatherv(
    const void *sent, int count, Handle send_type, void *received, const int *counts, const int *starts,
    Handle type, Handle communicator) {
  atomic_fetch_add(&pauses, 1);
  int code = PMPI_Allgatherv(sent, count, send_type, received, counts, starts, type, communicator);
  atomic_fetch_sub(&pauses, 1);
  return code;
}
