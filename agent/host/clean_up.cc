#include "agent_host/clean_up.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <set>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "agent_host/apache_release.h"
#include "agent_host/posix.h"
#include "base/numbers.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOld = ".old-";  // as NodeExecutor names what it puts aside
constexpr std::string_view kStaged = ".zkprov-new";

/// By which it is sorted and judged; nothing for what is gone or is no directory (a file) of its own.
struct LeftOver {
    std::string name;
    timespec changed{};
};

std::vector<LeftOver> left_overs_of(const std::string& directory, bool directories) {
    std::vector<LeftOver> entries;
    std::error_code code;
    for (fs::directory_iterator at(directory, code), end; !code && at != end; at.increment(code)) {
        struct stat status {};
        if (::lstat(at->path().c_str(), &status) != 0) continue;
        const bool fits = directories ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode);
        if (fits) entries.push_back({at->path().filename().string(), status.st_mtim});
    }
    const auto newer = [](const LeftOver& one, const LeftOver& other) {
        return std::pair(one.changed.tv_sec, one.changed.tv_nsec) >
               std::pair(other.changed.tv_sec, other.changed.tv_nsec);
    };
    std::sort(entries.begin(), entries.end(), newer);
    return entries;
}

bool is_old(const LeftOver& entry) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec - entry.changed.tv_sec > std::chrono::seconds(kLeftoverAge).count();
}

/// Names in `releases` from which some process was started.
std::set<std::string> running_in(const std::string& releases) {
    std::set<std::string> names;
    std::error_code code;
    const std::string place = fs::canonical(releases, code).string() + "/";
    if (code) return names;
    for (fs::directory_iterator at("/proc", code), end; !code && at != end; at.increment(code)) {
        if (!parse_number(at->path().filename().string())) continue;
        // Apache's server is a java somewhere, started in the directory of its release.
        for (const char* const link : {"exe", "cwd"}) {
            std::error_code gone;
            const std::string path = fs::read_symlink(at->path() / link, gone).string();
            if (gone || !path.starts_with(place)) continue;
            names.insert(path.substr(place.size(), path.find('/', place.size()) - place.size()));
        }
    }
    return names;
}

/// Nothing: it is no directory, or a link to one.
std::optional<std::set<std::string>> names_in(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return std::nullopt;
    std::set<std::string> names;
    std::error_code code;
    for (fs::directory_iterator at(path, code), end; !code && at != end; at.increment(code)) {
        names.insert(at->path().filename().string());
    }
    if (code) return std::nullopt;
    return names;
}

/// A directory with a server's program and nothing else, or with what a tarball held, as NodeExecutor makes them.
bool is_release(const std::string& path) {
    if (is_begun_apache_release(path)) return true;
    return names_in(path) == std::set<std::string>{"bin"} &&
           names_in(path + "/bin") == std::set<std::string>{"zkserver"};
}
/// What a staging that was cut short may have left.
bool is_begun_release(const std::string& path) {
    if (is_begun_apache_release(path)) return true;
    const auto names = names_in(path);
    const auto programs = names_in(path + "/bin");
    return names && (names->empty() || (*names == std::set<std::string>{"bin"} && programs &&
                                        (programs->empty() || is_release(path))));
}

void note_removed(const std::string& path, std::vector<std::string>& removed) {
    if (remove_release(path)) removed.push_back(path);
}

void remove_releases(const agent_api::NodeSpec& spec,
                     const StateDir& state,
                     const std::string& before,
                     std::vector<std::string>& removed) {
    const std::string releases = spec.install_dir + "/releases";
    std::set<std::string> kept = running_in(releases);
    kept.insert(spec.release.version);
    std::error_code code;
    kept.insert(fs::read_symlink(spec.install_dir + "/current", code).filename().string());
    std::string previous = fs::path(before).filename().string();
    const auto entries = left_overs_of(releases, true);
    const auto is_plain = [](const LeftOver& entry) {
        return entry.name.find(kOld) == std::string::npos && !entry.name.ends_with(kStaged);
    };
    if (previous.empty() || previous == spec.release.version) {
        // This apply brought no other release: the newest of the others was the one before.
        for (const LeftOver& entry : entries) {
            if (!is_plain(entry) || entry.name == spec.release.version) continue;
            if (!is_release(releases + "/" + entry.name)) continue;
            previous = entry.name;
            break;
        }
    }
    kept.insert(previous);
    // The way back to the other flavor's server.
    if (const auto other = state.load_before(); other.has_value() && *other) {
        kept.insert((*other)->release.version);
    }
    for (const LeftOver& entry : entries) {
        if (kept.contains(entry.name)) continue;
        const std::string path = releases + "/" + entry.name;
        const bool staged = entry.name.ends_with(kStaged);
        if (staged ? is_old(entry) && is_begun_release(path) : is_release(path)) {
            note_removed(path, removed);
        }
    }
}

/// Whoever receives a blob holds its file.
bool is_held(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    return !file.is_open() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

void remove_blobs(const StateDir& state, std::vector<std::string>& removed) {
    for (const LeftOver& entry : left_overs_of(state.blob_dir(), false)) {
        const std::string path = state.blob_dir() + "/" + entry.name;
        if (!is_old(entry) || is_held(path)) continue;
        if (::unlink(path.c_str()) == 0) removed.push_back(path);
    }
}

/// What was staged beside a file and neither put in place nor taken back.
void remove_staged(const agent_api::NodeSpec& spec, std::vector<std::string>& removed) {
    std::vector<std::string> targets;
    for (const agent_api::FileSpec& file : spec.files) targets.push_back(file.path);
    targets.push_back(spec.resident_agent_path());
    for (const std::string& target : targets) {
        const std::string path = target + std::string(kStaged);
        struct stat status {};
        if (::lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        if (!is_old({path, status.st_mtim})) continue;
        if (::unlink(path.c_str()) == 0) removed.push_back(path);
    }
}

}  // namespace

std::vector<std::string> releases_in(const std::string& install_dir) {
    std::vector<std::string> releases;
    for (const LeftOver& entry : left_overs_of(install_dir + "/releases", true)) {
        const std::string path = install_dir + "/releases/" + entry.name;
        if (is_begun_release(path)) releases.push_back(path);
    }
    std::sort(releases.begin(), releases.end());
    return releases;
}

bool remove_release(const std::string& path) {
    if (is_begun_apache_release(path)) return remove_tree(path);
    ::unlink((path + "/bin/zkserver").c_str());
    ::rmdir((path + "/bin").c_str());
    return ::rmdir(path.c_str()) == 0;
}

std::vector<std::string> clean_up(const agent_api::NodeSpec& spec,
                                  const StateDir& state,
                                  const std::string& before) {
    std::vector<std::string> removed;
    remove_releases(spec, state, before, removed);
    remove_blobs(state, removed);
    remove_staged(spec, removed);
    return removed;
}

}  // namespace zk::agent_host
