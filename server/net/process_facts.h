// What the operating system says of this process and of its files, for four-letter words.
// Shell. Reads /proc and two directories: cheap, but not free, so only words that need it ask.
#pragma once

#include <string>

#include "admin/four_letter.h"

namespace zk::net {

/// `data_dir` and `log_dir` are dataDir and dataLogDir; what cannot be read stays absent.
admin::ProcessFacts process_facts(const std::string& data_dir, const std::string& log_dir);

}  // namespace zk::net
