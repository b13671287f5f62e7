#pragma once

/// How many times memory was asked for so far, by any thread.
long swiftdp_allocations(void);
