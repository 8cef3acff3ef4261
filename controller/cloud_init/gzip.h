// Bytes as gzip writes them. Pure; the only place here that knows zlib. Internal to this room.
#pragma once

#include "base/bytes.h"

namespace zk::cloud_init {

/// As small as it gets, and without a time: equal bytes give equal bytes.
Bytes gzip(ByteView bytes);

}  // namespace zk::cloud_init
