// The release of Apache's server that an inventory names: read once, checked before any host is asked.
// Shell (reads files).
#pragma once

#include <string>

#include "base/result.h"
#include "inventory/apache.h"
#include "phases/release.h"

namespace zk::phases {

/// The digest in the text of a .sha512 file: of sha512sum ("<digest>  <file>"), of gpg --print-md ("<file>: ABCD ..."), or
/// alone. Empty: it holds none.
std::string sha512_in(const std::string& text);

/// Puts the tarball in the place of our own server's program. It is verified against settings.sha512, and against the file
/// <tarball>.sha512 where there is one. Errors: Errc::invalid with one message that names the file and the way out.
Result<> take_apache_release(const inventory::ApacheSettings& settings, Release& release);

}  // namespace zk::phases
