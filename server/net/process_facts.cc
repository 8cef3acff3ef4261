#include "net/process_facts.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <system_error>

#include "disk/posix_disk.h"
#include "storage/recovery.h"
#include "storage/snapshot_file.h"

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

/// /proc/self/stat, behind the program's name in brackets: fields 14, 15, 22, 23 and 24 of proc(5).
void read_own_stat(admin::ProcessFacts& facts) {
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    std::int64_t user = 0, system = 0, began = 0, bytes = 0, pages = 0;
    for (int i = 3; i < 14; ++i) fields >> skipped;
    fields >> user >> system;
    for (int i = 16; i < 22; ++i) fields >> skipped;
    fields >> began >> bytes >> pages;
    if (!fields) return;
    const auto per_second = static_cast<double>(::sysconf(_SC_CLK_TCK));
    facts.cpu_seconds = static_cast<double>(user + system) / per_second;
    facts.virtual_bytes = bytes;
    facts.resident_bytes = pages * ::sysconf(_SC_PAGESIZE);
    std::ifstream uptime("/proc/uptime");
    double up = 0;
    if (uptime >> up) {
        const double booted = static_cast<double>(std::time(nullptr)) - up;
        facts.started_seconds = booted + static_cast<double>(began) / per_second;
    }
}

/// Who runs this process. Read by hand: a static program has no getpwuid.
std::pair<std::string, std::string> user_and_home() {
    const std::string id = std::to_string(::geteuid());
    std::ifstream file("/etc/passwd");
    for (std::string line; std::getline(file, line);) {
        std::vector<std::string> fields(1);
        for (const char c : line) {
            if (c == ':')
                fields.emplace_back();
            else
                fields.back().push_back(c);
        }
        if (fields.size() > 5 && fields[2] == id) return {fields[0], fields[5]};
    }
    return {id, ""};
}

/// Of this process, in memory.
std::int64_t resident_pages() {
    std::ifstream file("/proc/self/statm");
    std::int64_t size = 0, resident = 0;
    file >> size >> resident;
    return resident;
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
    read_own_stat(facts);
    return facts;
}

admin::Environment environment_facts(const std::string& version) {
    utsname system{};
    const bool known = ::uname(&system) == 0;
    const auto or_na = [](const char* text) {
        return text == nullptr || *text == 0 ? std::string("<NA>") : std::string(text);
    };
    const auto [user, home] = user_and_home();
    std::error_code failed;
    const std::string directory = fs::current_path(failed).string();
    const std::string machine = known ? system.machine : "";
    const auto megabytes = [](std::int64_t bytes) { return std::to_string(bytes >> 20) + "MB"; };
    const std::int64_t page = ::sysconf(_SC_PAGESIZE);
    const std::string none = "<NA>";
    return {{"zookeeper.version", version},
            {"host.name", or_na(known ? system.nodename : nullptr)},
            {"java.version", none},
            {"java.vendor", none},
            {"java.home", none},
            {"java.class.path", none},
            {"java.library.path", none},
            {"java.io.tmpdir", "/tmp"},
            {"java.compiler", none},
            {"os.name", or_na(known ? system.sysname : nullptr)},
            {"os.arch", machine == "x86_64" ? "amd64" : or_na(machine.c_str())},
            {"os.version", or_na(known ? system.release : nullptr)},
            {"user.name", or_na(user.c_str())},
            {"user.home", or_na(home.c_str())},
            {"user.dir", or_na(directory.c_str())},
            {"os.memory.free", megabytes(::sysconf(_SC_AVPHYS_PAGES) * page)},
            {"os.memory.max", megabytes(::sysconf(_SC_PHYS_PAGES) * page)},
            {"os.memory.total", megabytes(resident_pages() * page)}};
}

admin::SnapshotFacts newest_snapshot(const std::string& data_dir) {
    disk::PosixDisk disk;
    const std::string directory = storage::Paths{data_dir, data_dir}.snapshots();
    const auto files = storage::list_snapshots(disk, directory);
    if (!files.has_value()) return {};
    for (const storage::SnapshotName& file : *files) {
        struct stat status {};  // it may be purged meanwhile
        if (::stat((directory + "/" + file.name).c_str(), &status) == 0)
            return {.zxid = file.zxid, .modified_s = status.st_mtime};
    }
    return {};
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
