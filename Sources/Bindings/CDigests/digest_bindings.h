// Digests of the system's OpenSSL.
#pragma once
#include <openssl/evp.h>
