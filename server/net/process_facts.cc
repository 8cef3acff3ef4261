#include "net/process_facts.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <sys/resource.h>
#include <system_error>

namespace zk::net {
namespace {

namespace fs = std::filesystem;

std::optional<std::int64_t> bytes_in(const std::string& directory) {
    std::error_code failed;
    std::int64_t bytes = 0;
    for (fs::directory_iterator entry(directory + "/version-2", failed);
         !failed && entry != fs::directory_iterator();
         entry.increment(failed)) {
        std::error_code vanished;  // a file may be purged meanwhile
        const std::uintmax_t size = entry->file_size(vanished);
        if (!vanished) bytes += static_cast<std::int64_t>(size);
    }
    if (failed) return std::nullopt;
    return bytes;
}

std::optional<std::int64_t> open_file_count() {
    std::error_code failed;
    std::int64_t count = 0;
    for (fs::directory_iterator entry("/proc/self/fd", failed);
         !failed && entry != fs::directory_iterator();
         entry.increment(failed)) {
        ++count;
    }
    if (failed) return std::nullopt;
    return count - 1;  // the one that reads the directory
}

}  // namespace

admin::ProcessFacts process_facts(const std::string& data_dir, const std::string& log_dir) {
    admin::ProcessFacts facts;
    facts.data_bytes = bytes_in(data_dir);
    facts.log_bytes = bytes_in(log_dir);
    facts.open_files = open_file_count();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        facts.open_files_max = static_cast<std::int64_t>(limit.rlim_cur);
    return facts;
}

int raise_open_files_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    return static_cast<int>(
        std::min<rlim_t>(limit.rlim_cur, static_cast<rlim_t>(std::numeric_limits<int>::max())));
}

}  // namespace zk::net
