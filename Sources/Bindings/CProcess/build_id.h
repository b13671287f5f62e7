// Identifies this build of the program: the build ID that the linker leaves in it, which depends on everything that
// was linked and on nothing else.
#pragma once
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

/// The first bytes of the build ID; 0 if the linker left none.
static inline uint64_t swiftdp_build_id(void) {
  const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  const unsigned long count = getauxval(AT_PHNUM);
  uintptr_t base = 0;
  for (unsigned long i = 0; i < count; i++) {
    if (headers[i].p_type == PT_PHDR) base = (uintptr_t)headers - headers[i].p_vaddr;
  }
  for (unsigned long i = 0; i < count; i++) {
    if (headers[i].p_type != PT_NOTE) continue;
    const char *note = (const char *)(base + headers[i].p_vaddr);
    const char *end = note + headers[i].p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)note;
      const char *name = note + sizeof *head;
      const char *content = name + (head->n_namesz + 3) / 4 * 4;
      uint64_t id = 0;
      if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
        memcpy(&id, content, head->n_descsz < sizeof id ? head->n_descsz : sizeof id);
        return id;
      }
      note = content + (head->n_descsz + 3) / 4 * 4;
    }
  }
  return 0;
}
