// A copy of a node's data before another server takes them over: what may still be written to is copied, what is only read
// from now on is shared by hard links. Shell. Blocking. Kept until a person removes it.
//
// Snapshots and logs get their names once and are then written once, with these exceptions, which is why the newest two of
// each are copied: the newest log is appended to; a leader may have a server cut off transactions that were never
// committed, and those lie in the newest log or just before it; Apache's server writes a snapshot anew, in the same file,
// where it takes one at the same transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent_api/node_facts.h"
#include "agent_api/node_spec.h"
#include "base/result.h"

namespace zk::agent_host {

struct CopySize {
    std::uint64_t copied = 0;  ///< bytes on the disk that the copy takes up anew
    std::uint64_t linked = 0;
};
/// Of a copy that would be made now. What cannot be looked at counts as nothing.
CopySize copy_size(const std::string& data_dir, const std::string& log_dir);

struct DataCopy {
    std::vector<std::string>
        directories;  ///< where it is: of data_dir and, where that is another one, of log_dir
    CopySize size;
};
/// Makes it and checks it: every file of it whole, and a server would start with it; to Apache's server also that it takes
/// all of them. REQUIRES: nobody writes the data. Beside data_dir and log_dir, or inside where that is a file system of its
/// own: "<data_dir>.before-apache-<time>". A copy that fails leaves nothing behind. Errors: no room; damage, which the
/// words name with the way out.
Result<DataCopy> copy_data(const std::string& data_dir,
                           const std::string& log_dir,
                           agent_api::Flavor for_flavor);

/// Reads all data, of a server that may be running, and asks that server which configuration it has.
agent_api::DataSurvey survey_data(const agent_api::FactsRequest& request);

}  // namespace zk::agent_host
