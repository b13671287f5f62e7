// Network devices whose frames a program reads and writes (TAP), in network namespaces: what Swift's Glibc lacks.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

int setns(int, int);
int ppoll(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

/// Moves the calling thread to a network namespace, such as /run/netns/NAME.
/// - Returns: 0, or -1 with errno.
static inline int swiftdp_enter_network(const char *path) {
  const int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0) return -1;
  const int result = setns(space, 0x40000000 /* CLONE_NEWNET */);
  close(space);
  return result;
}

/// Closes what the caller had open, so that it does not wait for a program that goes on behind it.
static inline void swiftdp_close_inherited(void) { closefrom(3); }

enum { swiftdp_tap_header = 10 };

/// A new TAP device in the calling thread's namespace; it goes with its last descriptor.
/// - Returns: a descriptor that yields and takes one Ethernet frame a call, after swiftdp_tap_header bytes which say
///   how the device is to divide it further (up to 64 KB), and that does not block; or -1 with errno.
static inline int swiftdp_tap(const char *name, const unsigned char address[6]) {
  const int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (tap < 0) return -1;
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  // Neither end computes checksums, nor divides a stream into frames: a frame may have many of them.
  if (ioctl(tap, TUNSETIFF, &request) == 0 && ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) == 0) {
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, address, 6);
    if (ioctl(tap, SIOCSIFHWADDR, &request) == 0) return tap;
  }
  const int reason = errno;
  close(tap);
  errno = reason;
  return -1;
}

/// Lets this thread run as soon as it has something to do, as a switch would: before all programs, and with timers
/// that end when they are due instead of up to 50 µs later. What is not permitted is left out.
static inline void swiftdp_be_prompt(void) {
  const struct sched_param first = {.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &first);
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
}

/// Waits until a descriptor can be read or so many nanoseconds have passed; for ever if they are negative.
static inline int swiftdp_wait(struct pollfd *descriptors, int count, long nanoseconds) {
  const struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return ppoll(descriptors, (nfds_t)count, nanoseconds < 0 ? NULL : &limit, NULL);
}
