// The file that holds a container's image, as `docker save` and scripts/image write it: read once, pushed as a blob.
// Shell (reads files).
#pragma once

#include "base/result.h"
#include "inventory/docker.h"
#include "phases/release.h"

namespace zk::phases {

/// Puts the archive in the place of the release's server; without one nothing is pushed. Errors name the file: it is
/// missing, too large, or no archive.
Result<> take_image_archive(const inventory::DockerSettings& settings, Release& release);

}  // namespace zk::phases
