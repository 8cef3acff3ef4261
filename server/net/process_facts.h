// What the operating system says of this process and of its files, for four-letter words.
// Shell. Reads /proc and two directories: cheap, but not free, so only words that need it ask.
#pragma once

#include <string>

#include "admin/facts.h"

namespace zk::net {

/// `data_dir` and `log_dir` are dataDir and dataLogDir; what cannot be read stays absent.
admin::ProcessFacts process_facts(const std::string& data_dir, const std::string& log_dir);

/// What `envi` tells, with Apache's keys; of Java's there is nothing to tell (<NA>).
admin::Environment environment_facts(const std::string& version);

/// The newest file of that kind in `data_dir`.
admin::SnapshotFacts newest_snapshot(const std::string& data_dir);

/// Lets this process open as many files as the system allows it without more rights (the soft limit
/// is often 1024); gives the limit, 0 where it cannot be known.
int raise_open_files_limit();

}  // namespace zk::net
