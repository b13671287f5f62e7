// Starts a program that ends with its parent: what Swift's Glibc lacks or forbids (fork, prctl).
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

/// Processes whose parent is gone become children of this process, instead of going on unseen.
static inline int swiftdp_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

/// Starts a program in a process group of its own, with no signal blocked and nothing on its standard input. It gets
/// `farewell` once the thread that called this is gone, for whatever reason. The caller has one thread. After fork,
/// only what POSIX allows runs here.
/// - Returns: its process number, or -1 with errno, also if the program cannot be run.
static inline pid_t swiftdp_start(char *const *words, int farewell) {
  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) return -1;
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, farewell, 0, 0, 0);
    // The parent may already be gone when this process asks for the signal.
    if (getppid() != parent) _exit(127);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing >= 0) dup2(nothing, STDIN_FILENO);
    if (nothing > STDIN_FILENO) close(nothing);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(words[0], words);
    const int reason = errno;
    const ssize_t written = write(failure[1], &reason, sizeof reason);
    _exit(written > 0 ? 127 : 126);
  }
  close(failure[1]);
  int reason = child < 0 ? errno : 0;
  // The pipe closes when the program runs; otherwise it brings the error number.
  while (child > 0 && read(failure[0], &reason, sizeof reason) < 0 && errno == EINTR) {}
  close(failure[0]);
  if (reason == 0) return child;
  errno = reason;
  return -1;
}
